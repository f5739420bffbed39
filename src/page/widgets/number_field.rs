//! A labeled number field with a hint, or an error message if the number is invalid.

use leptos::prelude::*;

use crate::page::text::i18n::TextKey;
use crate::page::widgets::hint::FieldHint;
use crate::page::widgets::number_input::{Accepted, NumberInput};

/// The value changes when the visitor leaves the field or presses Enter, and only to a number in range.
#[component]
pub fn NumberField(
    /// Unique on the page; tests find the field by it.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(into)] label: Signal<String>,
    /// What the number does.
    #[prop(into)]
    hint: Signal<String>,
    /// The key of a text with the term that the hint explains.
    #[prop(optional, into)]
    term: Option<Signal<TextKey>>,
    #[prop(into)] value: Signal<f64>,
    /// Minimum and maximum, inclusive.
    range: (f64, f64),
    #[prop(optional)] is_whole: bool,
    /// Whether an empty field means 0 and 0 is shown as an empty field, for a limit or a strength that can be omitted.
    #[prop(optional)]
    can_be_empty: bool,
    /// What an empty field shows: the number that is taken instead.
    #[prop(optional, into)]
    placeholder: Option<String>,
    #[prop(into)] on_change: Callback<(f64,)>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("field-{}", next_id()));
    let hint_id = format!("{id}-why");
    let problem = RwSignal::new(None);
    let accepted = Accepted { range, is_whole, can_be_empty };
    let explanation = move || problem.get().map_or_else(|| hint.get(), |problem| accepted.problem_text(problem));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <NumberInput
                id
                label
                value
                accepted
                problem
                described_by=hint_id.clone()
                placeholder
                on_change
            />
            <FieldHint id=hint_id text=Signal::derive(explanation) term />
        </div>
    }
}

/// A number that is unique among the fields of the page.
fn next_id() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
