//! A labeled number field with a hint, or an error message if the number is invalid.

use leptos::prelude::*;
use web_sys::HtmlInputElement;

use crate::page::reactive::watch;
use crate::page::text::i18n::tr;

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
    let is_wrong = RwSignal::new(false);
    // A value that changes elsewhere, for example by undo, replaces the invalid text.
    watch(move || value.get(), move |_, _| is_wrong.set(false), false);
    let read = move |input: &HtmlInputElement| match can_be_empty && input.value().is_empty() {
        true => Some(0.0),
        false => fitting(input.value_as_number(), range, is_whole),
    };
    let take = move |input: &HtmlInputElement| match read(input) {
        Some(number) => {
            is_wrong.set(false);
            // The callback may have been disposed together with the place of the field.
            on_change.try_run((number,));
        }
        None => is_wrong.set(true),
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type="number"
                inputmode=if is_whole { "numeric" } else { "decimal" }
                step=if is_whole { "1" } else { "any" }
                min=range.0.to_string()
                max=range.1.to_string()
                placeholder=placeholder
                aria-describedby=hint_id.clone()
                aria-invalid=move || is_wrong.get().to_string()
                prop:value=move || match value.get() {
                    0.0 if can_be_empty => String::new(),
                    value => value.to_string(),
                }
                on:change:target=move |event| take(&event.target())
            />
            <p class="hint" id=hint_id>
                {move || if is_wrong.get() { tr!(train.out_of_range, least = range.0, most = range.1) } else { hint.get() }}
            </p>
        </div>
    }
}

/// The number, if it is in range and whole where that is required. The browser parses invalid text as NaN, which is refused.
pub(super) fn fitting(number: f64, (min, max): (f64, f64), is_whole: bool) -> Option<f64> {
    let fits = number >= min && number <= max && (!is_whole || number.fract() == 0.0);
    fits.then_some(number)
}

/// A number that is unique among the fields of the page.
fn next_id() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn only_numbers_in_range_are_taken() {
        assert_eq!(fitting(0.001, (1e-9, 100.0), false), Some(0.001));
        assert_eq!(fitting(3.0, (1.0, 10.0), true), Some(3.0));
        assert_eq!(fitting(2.5, (1.0, 10.0), true), None);
        assert_eq!(fitting(11.0, (1.0, 10.0), true), None);
        assert_eq!(fitting(f64::NAN, (1.0, 10.0), false), None);
    }
}
