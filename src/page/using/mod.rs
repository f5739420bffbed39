//! The Use place: the visitor draws, uploads or holds something up to the webcam, and the network classifies it.

mod answer;
mod classifier;

use leptos::prelude::*;

use self::answer::AnswerPanel;
use self::classifier::Classifier;
use crate::page::parts::{Part, part};
use crate::page::reactive::{memo, watch};
use crate::page::store::use_store;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::camera::CameraView;
use crate::page::widgets::check_field::CheckField;
use crate::page::widgets::draw_pad::DrawPad;
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::image_input::is_falsified;
use crate::page::widgets::image_upload::ImageUpload;
use kindling_core::protocol::{InputKind, Views};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    #[default]
    Draw,
    Upload,
    Webcam,
}

impl Input {
    const ALL: [Self; 3] = [Self::Draw, Self::Upload, Self::Webcam];

    fn kind(self) -> InputKind {
        match self {
            Self::Draw => InputKind::Drawing,
            Self::Upload | Self::Webcam => InputKind::Photo,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Draw => "use-draw",
            Self::Upload => "use-upload",
            Self::Webcam => "use-webcam",
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

pub const PART: Part = part!(use_place::place, UsePlace);

#[component]
fn UsePlace() -> impl IntoView {
    let store = use_store();
    let classifier = Classifier::new(store);
    let input = RwSignal::new(Input::default());
    let choose = move |chosen: Input| {
        if input.get_untracked() != chosen {
            classifier.offer(None);
            input.set(chosen);
        }
    };
    // Predictions change with training, so the image is classified again after each epoch and when a run starts or ends.
    let learned = memo(move |_| {
        store.run.with(|run| (run.run().map(|run| (run.id, run.epochs.len())), run.is_active(), run.has_network()))
    });
    watch(move || learned.get(), move |_, _| classifier.refresh(), false);
    let choose_views = move |several: bool| {
        classifier.views.set(if several { Views::Several } else { Views::One });
        classifier.refresh();
    };
    // Another dataset means another network and another way to prepare images, so the image is dropped.
    let version = memo(move |_| store.dataset.with(|dataset| dataset.version));
    watch(move || version.get(), move |_, _| classifier.offer(None), false);

    view! {
        <section class="use-place" aria-labelledby="use-title">
            <header class="place-header">
                <h1 id="use-title">{move_tr!(use_place.title)}</h1>
                <p>{move_tr!(use_place.lead)}" "<TermLink term=key_tr!(use_place.lead) /></p>
            </header>
            {is_falsified().then(|| view! { <p class="failure" role="alert">{move_tr!(use_place.falsified)}</p> })}
            <div class="use-columns">
                <div class="panel use-input">
                    <InputTabs input choose />
                    <div role="tabpanel" id="use-panel" aria-labelledby=move || input.get().id()>
                        {move || match input.get() {
                            Input::Draw => view! { <DrawPad on_change=move |image| classifier.offer(image) /> }.into_any(),
                            Input::Upload => view! {
                                <ImageUpload on_image=move |image| match image {
                                    Ok(image) => classifier.offer(Some(image)),
                                    Err(failure) => classifier.fail(failure),
                                } />
                            }.into_any(),
                            Input::Webcam => view! {
                                <CameraView
                                    wants_image=move |()| !classifier.is_busy()
                                    on_image=move |image| classifier.offer(image)
                                />
                            }.into_any(),
                        }}
                    </div>
                    <CheckField
                        id="use-views"
                        label=Signal::derive(move_tr!(use_place.views))
                        hint=Signal::derive(move_tr!(use_place.views_why))
                        term=key_tr!(use_place.views)
                        value=Signal::derive(move || classifier.views.get() == Views::Several)
                        on_change=choose_views
                    />
                </div>
                <AnswerPanel outcome=classifier.outcome input />
            </div>
        </section>
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
        assert_eq!(Input::Webcam.after_key("ArrowRight"), Some(Input::Draw));
        assert_eq!(Input::Draw.after_key("ArrowLeft"), Some(Input::Webcam));
        assert_eq!(Input::Upload.after_key("Home"), Some(Input::Draw));
        assert_eq!(Input::Upload.after_key("End"), Some(Input::Webcam));
        assert_eq!(Input::Upload.after_key("Enter"), None);
    }
}
