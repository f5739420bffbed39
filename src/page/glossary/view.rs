//! The dialog: a search field and the terms, place by place.

use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::MouseEvent;

use super::Opened;
use super::entries::{ENTRIES, Entry, find};
use super::texts::TermTexts;
use crate::page::place::Place;
use crate::page::reactive::effect;
use crate::page::text::i18n::{Language, language, move_tr, text_of};
use crate::page::widgets::icon::{Glyph, Icon};

#[component]
pub fn GlossaryDialog() -> impl IntoView {
    let Opened { term, place } = expect_context();
    let dialog = NodeRef::<Dialog>::new();
    let query = RwSignal::new(String::new());
    effect(move |_| {
        if let Some(dialog) = dialog.get() {
            // Fails if it is open already, which is what is wanted.
            dialog.show_modal().ok();
        }
    });
    effect(move |_| {
        if let Some(entry) = term.get().as_deref().and_then(find) {
            query.set(String::new());
            // The entry exists in the next frame.
            request_animation_frame(move || scroll_to(entry.id));
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    // The backdrop is part of the dialog; all else in it is inside its only child.
    let is_backdrop = move |event: &MouseEvent| {
        dialog.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()))
    };
    let closed = move |_| {
        if let Ok(history) = window().history() {
            // If the browser refuses, the address keeps the glossary's name, and nothing else happens.
            history.replace_state_with_url(&JsValue::NULL, "", Some(place.get_untracked().hash())).ok();
        }
        term.set(None);
    };
    view! {
        <dialog
            node_ref=dialog
            class="glossary"
            aria-labelledby="glossary-title"
            on:close=closed
            on:click=move |event| if is_backdrop(&event) { close() }
        >
            <div class="glossary-body">
                <header class="glossary-head">
                    <h2 id="glossary-title">{move_tr!(shell.glossary)}</h2>
                    <button type="button" class="button is-quiet" aria-label=move_tr!(shell.dismiss) on:click=move |_| close()>
                        <Glyph icon=Icon::Close />
                    </button>
                    <p class="hint">{move_tr!(glossary.lead)}</p>
                    <input
                        type="search"
                        id="glossary-search"
                        // The dialog gives it the focus, which an entry that was asked for takes over.
                        autofocus
                        autocomplete="off"
                        aria-label=move_tr!(glossary.search)
                        placeholder=move_tr!(glossary.search)
                        prop:value=query
                        on:input:target=move |event| query.set(event.target().value())
                    />
                </header>
                {move || view! { <Entries language=language().get() query term /> }}
            </div>
        </dialog>
    }
}

#[component]
fn Entries(language: Language, query: RwSignal<String>, term: RwSignal<Option<String>>) -> impl IntoView {
    let texts = TermTexts::new(language);
    // Chinese readers meet the English names in code and papers.
    let english = (language != Language::English).then(|| TermTexts::new(Language::English));
    let listed = ENTRIES.iter().map(|entry| {
        let (name, definition) = (texts.term(entry.id), texts.definition(entry.id));
        let english = english.as_ref().map(|texts| texts.term(entry.id)).filter(|english| *english != name);
        Listed { entry, name, english, definition }
    });
    let listed = StoredValue::new(listed.collect::<Vec<_>>());
    let sections = Place::ALL.map(|place| {
        let is_shown = move |listed: &Listed| listed.entry.place == place && listed.matches(&query.read());
        let items = move || {
            let of_place = |listed: &&Listed| listed.entry.place == place;
            listed.with_value(|all| all.iter().filter(of_place).map(|it| item(it.clone(), query, term)).collect_view())
        };
        view! {
            <section class:is-hidden=move || !listed.with_value(|all| all.iter().any(is_shown))>
                <h3>{move || place.name()}</h3>
                <dl>{items()}</dl>
            </section>
        }
    });
    let is_empty = move || listed.with_value(|all| !all.iter().any(|listed| listed.matches(&query.read())));
    view! {
        <div class="glossary-list">
            {sections.into_iter().collect_view()}
            <p role="status">{move || is_empty().then(move_tr!(glossary.none))}</p>
        </div>
    }
}

/// An entry with its texts.
#[derive(Clone)]
struct Listed {
    entry: &'static Entry,
    name: String,
    english: Option<String>,
    definition: String,
}

impl Listed {
    /// Whether the entry has all words of the query.
    fn matches(&self, query: &str) -> bool {
        let english = self.english.as_deref().unwrap_or_default();
        let text = format!("{} {english} {} {}", self.name, self.definition, self.entry.source).to_lowercase();
        query.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

fn item(listed: Listed, query: RwSignal<String>, term: RwSignal<Option<String>>) -> impl IntoView + use<> {
    let Listed { entry, name, english, definition } = listed.clone();
    let is_asked = move || term.read().as_deref().and_then(find).is_some_and(|asked| asked.id == entry.id);
    let formula = entry.formula.map(|formula| {
        view! { <dd class="glossary-fact"><span>{move_tr!(glossary.formula)}</span><code>{formula}</code></dd> }
    });
    let control = entry.control.map(|label| {
        view! {
            <dd class="glossary-fact">
                <span>{move_tr!(glossary.control)}</span>
                <a href=entry.place.hash()>{move || format!("{} › {}", entry.place.name(), text_of(label))}</a>
            </dd>
        }
    });
    view! {
        <div
            class="glossary-entry"
            id=element_id(entry.id)
            tabindex="-1"
            class:is-asked=is_asked
            class:is-hidden=move || !listed.matches(&query.read())
        >
            <dt>{name}{english.map(|english| view! { " "<span class="hint" lang="en">{english}</span> })}</dt>
            <dd>{definition}</dd>
            {formula}
            <dd class="glossary-fact"><span>{move_tr!(glossary.source)}</span>{entry.source}</dd>
            {control}
        </div>
    }
}

fn element_id(id: &str) -> String {
    format!("term-{id}")
}

/// Moves the keyboard focus to an entry, which scrolls it into view.
fn scroll_to(id: &str) {
    if let Some(entry) = document().get_element_by_id(&element_id(id)) {
        wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlElement>(entry).focus().ok();
    }
}
