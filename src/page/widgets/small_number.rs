//! A compact labeled number field, for many side by side.

use leptos::prelude::*;

use crate::page::widgets::number_input::{Accepted, NumberInput};

/// The value changes when the visitor leaves the field or presses Enter, and only to a number in range.
#[component]
pub fn SmallNumber(
    /// Unique on the page.
    id: String,
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<f64>,
    /// Minimum and maximum, inclusive.
    range: (f64, f64),
    #[prop(optional)] is_whole: bool,
    #[prop(into)] on_change: Callback<(f64,)>,
) -> impl IntoView {
    let problem = RwSignal::new(None);
    let accepted = Accepted { range, is_whole, can_be_empty: false };
    view! {
        <span class="small-field">
            <label for=id.clone()>{label}</label>
            <NumberInput id label value accepted problem on_change />
            {move || problem.get().map(|problem| view! {
                <span class="small-problem" role="alert">{accepted.problem_text(problem)}</span>
            })}
        </span>
    }
}
