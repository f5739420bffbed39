//! A labeled choice from a list, with a sentence that explains it.

use leptos::prelude::*;

use crate::page::text::i18n::TextKey;
use crate::page::widgets::hint::FieldHint;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The stable identifier of the choice.
    pub value: &'static str,
    /// The translated name.
    pub name: String,
}

#[component]
pub fn SelectField(
    /// Unique on the page; tests find the field by it.
    id: &'static str,
    #[prop(into)] label: Signal<String>,
    /// What the choice decides.
    #[prop(into)]
    hint: Signal<String>,
    /// The key of a text with the term that the hint explains.
    #[prop(optional, into)]
    term: Option<Signal<TextKey>>,
    #[prop(into)] choices: Signal<Vec<Choice>>,
    /// The chosen value.
    #[prop(into)]
    value: Signal<Option<&'static str>>,
    #[prop(into)] on_change: Callback<(String,)>,
) -> impl IntoView {
    let hint_id = format!("{id}-why");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select
                id=id
                aria-describedby=hint_id.clone()
                prop:value=move || value.get().unwrap_or_default()
                on:change:target=move |event| { on_change.try_run((event.target().value(),)); }
            >
                // `selected` marks the chosen option: the select's `value` is set before its options exist, which has no effect.
                {move || choices.get().into_iter().map(|choice| view! {
                    <option value=choice.value selected=value.get_untracked() == Some(choice.value)>{choice.name}</option>
                }).collect_view()}
            </select>
            <FieldHint id=hint_id text=hint term />
        </div>
    }
}
