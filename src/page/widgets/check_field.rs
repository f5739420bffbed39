//! A labeled checkbox with a sentence that explains it.

use leptos::prelude::*;

use crate::page::text::i18n::TextKey;
use crate::page::widgets::hint::FieldHint;

#[component]
pub fn CheckField(
    /// Unique on the page; tests find the field by it.
    id: &'static str,
    #[prop(into)] label: Signal<String>,
    /// What checking the box does.
    #[prop(into)]
    hint: Signal<String>,
    /// The key of a text with the term that the hint explains.
    #[prop(optional, into)]
    term: Option<Signal<TextKey>>,
    #[prop(into)] value: Signal<bool>,
    #[prop(into)] on_change: Callback<(bool,)>,
) -> impl IntoView {
    let hint_id = format!("{id}-why");
    view! {
        <div class="field">
            <label class="check">
                <input
                    id=id
                    type="checkbox"
                    aria-describedby=hint_id.clone()
                    prop:checked=move || value.get()
                    on:change:target=move |event| { on_change.try_run((event.target().checked(),)); }
                />
                <span>{label}</span>
            </label>
            <FieldHint id=hint_id text=hint term />
        </div>
    }
}
