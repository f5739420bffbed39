//! A labeled checkbox with a sentence that explains it.

use leptos::prelude::*;

#[component]
pub fn CheckField(
    /// Unique on the page; tests find the field by it.
    id: &'static str,
    #[prop(into)] label: Signal<String>,
    /// What checking the box does.
    #[prop(into)]
    hint: Signal<String>,
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
            <p class="hint" id=hint_id>{hint}</p>
        </div>
    }
}
