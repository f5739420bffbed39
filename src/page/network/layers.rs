//! The network designer: the layers as a picture, as cards or as text.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::add_layer::AddLayer;
use super::cards::{Cards, Deck};
use super::init_field::InitField;
use super::inspector::Inspector;
use super::json_view::JsonView;
use super::picture::Picture;
use super::remedy_buttons::NetworkProblem;
use super::toolbar::Toolbar;
use super::totals::Totals;
use crate::page::network::designer::edit::Edit;
use crate::page::reactive::{memo, watch};
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::reason::network_reason;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Picture,
    Cards,
    Text,
}

#[component]
pub fn Designer() -> impl IntoView {
    let recipe = use_recipe();
    // A draft that has not been applied is what the visitor was working on.
    let has_draft = recipe.draft.with_untracked(Option::is_some);
    let view = RwSignal::new(if has_draft { View::Text } else { View::Picture });
    let deck = Deck::new(recipe);
    select_what_changes(recipe, deck);
    // Wherever the focus is: it is nowhere for a moment when a button that had it is disabled.
    let keys = window_event_listener(ev::keydown, move |event| undo_by_key(recipe, &event));
    on_cleanup(move || keys.remove());
    // A network without layers is not wrong, but not begun; what it needs is said where it is added.
    let status = move || {
        let survey = recipe.survey.read();
        match &survey.as_ref()?.error {
            None => Some(tr!(designer.fits)),
            Some(_) if deck.n_layers.get() == 0 => None,
            Some(error) => Some(network_reason(error)),
        }
    };
    // A layer's own error is shown with the layer.
    let is_about_all = memo(move |_| {
        recipe.survey.read().as_ref().is_some_and(|survey| survey.error.is_some() && survey.misfit().is_none())
    });
    let views = vec![
        Segment { value: View::Picture, id: "network-view-picture", name: || tr!(designer.as_picture) },
        Segment { value: View::Cards, id: "network-view-cards", name: || tr!(designer.as_cards) },
        Segment { value: View::Text, id: "network-view-text", name: || tr!(designer.as_text) },
    ];
    view! {
        <section class="panel designer" id="designer" aria-labelledby="layers-title">
            <div class="designer-tools">
                <h2 id="layers-title" class="visually-hidden">{move_tr!(network.layers)}</h2>
                <Name />
                <p class="network-status" id="network-status" role="status" class:is-wrong=move || !fits(recipe)>{status}</p>
                <Toolbar />
                <Segments
                    name="network-view"
                    legend=Signal::derive(move_tr!(designer.view))
                    is_legend_hidden=true
                    segments=views
                    value=Signal::derive(move || Some(view.get()))
                    on_change=move |chosen: View| view.set(chosen)
                />
            </div>
            <div class="designer-body" class:has-inspector=move || view.get() == View::Picture>
                <div class="designer-main">
                    {move || match view.get() {
                        View::Picture => view! { <Picture deck /> }.into_any(),
                        View::Cards => view! { <Cards deck /> }.into_any(),
                        View::Text => view! { <JsonView /> }.into_any(),
                    }}
                    <Show when=move || is_about_all.get() && view.get() != View::Text><NetworkProblem /></Show>
                </div>
                <Show when=move || view.get() == View::Picture><Inspector deck /></Show>
                <div class="designer-rest">
                    <div class="designer-forms">
                        <Show when=move || view.get() != View::Text><AddLayer /></Show>
                        <InitField />
                    </div>
                    <Totals />
                </div>
            </div>
        </section>
    }
}

/// Selects a layer that was added, and the first one that does not fit.
fn select_what_changes(recipe: Recipe, deck: Deck) {
    let layers =
        memo(move |_| recipe.network.read().as_ref().map(|network| network.layers.clone()).unwrap_or_default());
    let select = move |layers: &Vec<Layer>, before: Option<&Vec<Layer>>| {
        if let Some(at) = before.and_then(|before| added(before, layers)) {
            deck.selected.set(at);
        } else if deck.selected.get_untracked() >= layers.len() {
            deck.selected.set(layers.len().saturating_sub(1));
        }
    };
    watch(move || layers.get(), select, false);
    let misfit =
        memo(move |_| recipe.survey.read().as_ref().and_then(|survey| survey.misfit().map(|(layer, _)| layer)));
    watch(
        move || misfit.get(),
        move |misfit, _| {
            if let Some(layer) = *misfit {
                deck.selected.set(layer);
            }
        },
        true,
    );
}

/// The index of the layer that was added; None if that is not the difference.
fn added(before: &[Layer], after: &[Layer]) -> Option<usize> {
    let at = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let rest = (before.get(at..)?, after.get(at + 1..)?);
    (rest.0 == rest.1).then_some(at)
}

fn fits(recipe: Recipe) -> bool {
    recipe.survey.read().as_ref().is_none_or(|survey| survey.error.is_none())
}

/// The network's name, and whether the network differs from its preset.
#[component]
fn Name() -> impl IntoView {
    const LENGTH_LIMIT: usize = 80;
    let recipe = use_recipe();
    let name = move || recipe.network.read().as_ref().map(|network| network.name.clone()).unwrap_or_default();
    let is_edited = memo(move |_| recipe.is_edited());
    let rename = move |text: String| {
        let text = text.trim();
        if !text.is_empty() {
            recipe.edit(&Edit::Rename(text.to_owned()));
        }
    };
    view! {
        <div class="network-name">
            <label class="visually-hidden" for="network-name">{move_tr!(designer.name)}</label>
            <input
                id="network-name"
                type="text"
                maxlength=LENGTH_LIMIT
                autocomplete="off"
                prop:value=name
                on:change:target=move |event| rename(event.target().value())
            />
            <Show when=move || is_edited.get()>
                <span class="chip" id="network-edited">{move_tr!(designer.edited)}</span>
            </Show>
        </div>
    }
}

/// Ctrl or Cmd with Z, Shift+Z or Y; ignored in text fields, which have the browser's own undo.
fn undo_by_key(recipe: Recipe, event: &KeyboardEvent) {
    let is_text = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).is_some_and(|element| {
        element.tag_name() == "TEXTAREA" || element.get_attribute("type").as_deref() == Some("text")
    });
    if is_text || event.alt_key() || !(event.ctrl_key() || event.meta_key()) {
        return;
    }
    match (event.key().to_ascii_lowercase().as_str(), event.shift_key()) {
        ("z", false) => recipe.undo(),
        ("z", true) | ("y", false) => recipe.redo(),
        _ => return,
    }
    event.prevent_default();
}

#[cfg(test)]
mod tests {
    use super::added;
    use kindling_core::config::Layer::{BatchNorm, Flatten, Rows};

    #[test]
    fn a_layer_that_was_added_is_found() {
        assert_eq!(added(&[BatchNorm, Rows], &[BatchNorm, Flatten, Rows]), Some(1));
        assert_eq!(added(&[], &[Rows]), Some(0));
        // A copy stands behind its original.
        assert_eq!(added(&[Rows], &[Rows, Rows]), Some(1));
        assert_eq!(added(&[Rows], &[Rows]), None);
        assert_eq!(added(&[Rows, Flatten], &[Rows]), None);
        assert_eq!(added(&[BatchNorm, Rows], &[Rows, Flatten, Flatten]), None);
    }
}
