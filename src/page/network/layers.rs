//! The network designer: the layers as cards or as text.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::cards::Cards;
use super::init_field::InitField;
use super::json_view::JsonView;
use super::toolbar::Toolbar;
use super::totals::Totals;
use crate::page::network::designer::edit::Edit;
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::text::reason::network_reason;
use crate::page::widgets::hint::Hint;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Cards,
    Text,
}

#[component]
pub fn Designer() -> impl IntoView {
    let recipe = use_recipe();
    // A draft that has not been applied is what the visitor was working on.
    let has_draft = recipe.draft.with_untracked(Option::is_some);
    let view = RwSignal::new(if has_draft { View::Text } else { View::Cards });
    let status = move || {
        let survey = recipe.survey.read();
        match &survey.as_ref()?.error {
            None => Some(tr!(designer.fits)),
            Some(error) => Some(network_reason(error)),
        }
    };
    let views = vec![
        Segment { value: View::Cards, id: "network-view-cards", name: || tr!(designer.as_cards) },
        Segment { value: View::Text, id: "network-view-text", name: || tr!(designer.as_text) },
    ];
    view! {
        <section
            class="panel designer"
            id="designer"
            aria-labelledby="layers-title"
            on:keydown=move |event| undo_by_key(recipe, &event)
        >
            <div class="designer-head">
                <h2 id="layers-title">{move_tr!(network.layers)}</h2>
                <Name />
            </div>
            <div class="designer-tools">
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
            <p class="network-status" id="network-status" role="status" class:is-wrong=move || !fits(recipe)>{status}</p>
            {move || match view.get() {
                View::Cards => view! { <Cards /> }.into_any(),
                View::Text => view! { <JsonView /> }.into_any(),
            }}
            <Totals />
            <Hint text=Signal::derive(move_tr!(network.figures_why)) term=key_tr!(network.output) />
            <InitField />
        </section>
    }
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
