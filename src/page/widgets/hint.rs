//! The sentence below a control or a heading, and links to the glossary.

use leptos::prelude::*;

use crate::page::text::i18n::{TextKey, move_tr, text_of};

/// The glossary's address. With `/` and the key of a text, it leads to the term that the text uses.
pub const GLOSSARY: &str = "#glossary";

/// The hint of a field, which may have a term.
#[component]
pub fn FieldHint(
    /// Unique on the page: the field names the sentence as its description.
    id: String,
    text: Signal<String>,
    /// The key of a text with the term that the sentence explains.
    term: Option<Signal<TextKey>>,
) -> impl IntoView {
    view! {
        <p class="hint">
            <span id=id>{text}</span>
            {term.map(|term| view! { " "<TermLink term /> })}
        </p>
    }
}

/// A sentence that explains a term.
#[component]
pub fn Hint(
    /// Unique on the page, for a control that the sentence describes.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(into)] text: Signal<String>,
    /// The key of a text with the term.
    #[prop(into)]
    term: Signal<TextKey>,
) -> impl IntoView {
    view! { <p class="hint"><span id=id>{text}</span>" "<TermLink term /></p> }
}

/// A [`Hint`] whose own key leads to its term.
#[component]
pub fn Why(#[prop(optional, into)] id: Option<String>, #[prop(into)] text: Signal<TextKey>) -> impl IntoView {
    view! { <p class="hint"><span id=id>{move || text_of(text.get())}</span>" "<TermLink term=text /></p> }
}

/// The link from a sentence to the glossary.
#[component]
pub fn TermLink(#[prop(into)] term: Signal<TextKey>) -> impl IntoView {
    view! { <a class="term-link" href=move || address(term.get())>{move_tr!(glossary.link)}</a> }
}

/// A label that is itself the link to its term.
#[component]
pub fn TermName(#[prop(into)] label: Signal<TextKey>) -> impl IntoView {
    view! { <a class="term-name" href=move || address(label.get())>{move || text_of(label.get())}</a> }
}

fn address(key: TextKey) -> String {
    format!("{GLOSSARY}/{key}")
}
