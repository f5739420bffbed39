//! What the visitor shows the network: a drawing, a file, the webcam, or many files at once, one tab each.

use leptos::prelude::*;

use super::batch::{Batch, BatchInput};
use super::classifier::Classifier;
use crate::page::reactive::{memo, watch};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::camera::CameraView;
use crate::page::widgets::draw_pad::DrawPad;
use crate::page::widgets::image_upload::ImageUpload;
use kindling_core::dataset::Framing;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    #[default]
    Draw,
    Upload,
    Webcam,
    Many,
}

impl Input {
    const ALL: [Self; 4] = [Self::Draw, Self::Upload, Self::Webcam, Self::Many];

    fn id(self) -> &'static str {
        match self {
            Self::Draw => "use-draw",
            Self::Upload => "use-upload",
            Self::Webcam => "use-webcam",
            Self::Many => "use-many",
        }
    }

    /// The tab that a key moves to from this one; None for other keys.
    fn after_key(self, key: &str) -> Option<Self> {
        let place = Self::ALL.iter().position(|input| *input == self)?;
        let last = Self::ALL.len() - 1;
        let to = match key {
            "ArrowRight" => (place + 1) % Self::ALL.len(),
            "ArrowLeft" => place.checked_sub(1).unwrap_or(last),
            "Home" => 0,
            "End" => last,
            _ => return None,
        };
        Self::ALL.get(to).copied()
    }
}

/// The tabs with the chosen input, whose images go to the classifier.
#[component]
pub fn InputPanel(input: RwSignal<Input>, classifier: Classifier, batch: Batch) -> impl IntoView {
    let store = use_store();
    let is_cropped = memo(move |_| {
        store.dataset.with(|dataset| {
            dataset.current.as_ref().is_none_or(|current| current.style.framing() == Framing::CenterCrop)
        })
    });
    let choose = move |chosen: Input| {
        if input.get_untracked() != chosen {
            classifier.offer(None);
            classifier.set_live(chosen == Input::Webcam);
            input.set(chosen);
        }
    };
    view! {
        <div class="use-input">
            <InputTabs input choose />
            <div role="tabpanel" id="use-panel" aria-labelledby=move || input.get().id()>
                {move || match input.get() {
                    Input::Draw => view! { <DrawPad on_change=move |image| classifier.offer(image) /> }.into_any(),
                    Input::Upload => view! {
                        <ImageUpload
                            on_image=move |image| match image {
                                Ok(image) => classifier.offer(Some(image)),
                                Err(failure) => classifier.fail(failure),
                            }
                            is_cropped
                        />
                    }.into_any(),
                    Input::Webcam => view! {
                        <CameraView
                            wants_image=move |()| classifier.wants_frame()
                            on_image=move |image| classifier.offer(image)
                            is_cropped
                        />
                    }.into_any(),
                    Input::Many => view! { <BatchInput batch views=classifier.views /> }.into_any(),
                }}
            </div>
        </div>
    }
}

#[component]
fn InputTabs(input: RwSignal<Input>, choose: impl Fn(Input) + Copy + Send + Sync + 'static) -> impl IntoView {
    let tab = move |this: Input| {
        let is_chosen = move || input.get() == this;
        let name = move || match this {
            Input::Draw => tr!(use_place.draw),
            Input::Upload => tr!(use_place.upload),
            Input::Webcam => tr!(use_place.webcam),
            Input::Many => tr!(use_place.many),
        };
        let button = NodeRef::<leptos::html::Button>::new();
        // Keyboard focus follows the arrow keys from tab to tab.
        watch(
            move || input.get(),
            move |now, before| {
                if *now == this
                    && before.is_some()
                    && let Some(button) = button.get_untracked()
                {
                    button.focus().ok();
                }
            },
            false,
        );
        view! {
            <button
                type="button"
                node_ref=button
                id=this.id()
                class="tab"
                role="tab"
                aria-selected=move || is_chosen().to_string()
                aria-controls="use-panel"
                tabindex=move || if is_chosen() { "0" } else { "-1" }
                on:click=move |_| choose(this)
                on:keydown=move |event| if let Some(next) = this.after_key(&event.key()) {
                    event.prevent_default();
                    choose(next);
                }
            >
                {name}
            </button>
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=move_tr!(use_place.input)>
            {Input::ALL.map(tab).collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn arrow_keys_go_around_the_tabs() {
        assert_eq!(Input::Draw.after_key("ArrowRight"), Some(Input::Upload));
        assert_eq!(Input::Many.after_key("ArrowRight"), Some(Input::Draw));
        assert_eq!(Input::Draw.after_key("ArrowLeft"), Some(Input::Many));
        assert_eq!(Input::Upload.after_key("Home"), Some(Input::Draw));
        assert_eq!(Input::Upload.after_key("End"), Some(Input::Many));
        assert_eq!(Input::Upload.after_key("Enter"), None);
    }
}
