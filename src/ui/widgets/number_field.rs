//! A labeled number with a sentence that explains it, and one that says what is wrong with it.

use leptos::prelude::*;

use crate::ui::i18n::tr;
use crate::ui::reactive::watch;

/// The value changes when the visitor leaves the field or presses Enter, and only to one in range.
#[component]
pub fn NumberField(
    /// By which tests find the field; no other element on the page has it.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(into)] label: Signal<String>,
    /// What the number does.
    #[prop(into)]
    hint: Signal<String>,
    #[prop(into)] value: Signal<f64>,
    /// Least and greatest.
    range: (f64, f64),
    #[prop(optional)] is_whole: bool,
    /// Whether an empty field is a 0 and a 0 an empty field: the number is a limit or a strength that can be left out.
    #[prop(optional)]
    can_be_empty: bool,
    #[prop(into)] on_change: Callback<(f64,)>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("field-{}", next_id()));
    let hint_id = format!("{id}-why");
    let is_wrong = RwSignal::new(false);
    // A value from elsewhere, as by undo, is in the field now.
    watch(move || value.get(), move |_, _| is_wrong.set(false), false);
    let read = move |text: &str| match can_be_empty && text.trim().is_empty() {
        true => Some(0.0),
        false => parse(text, range, is_whole),
    };
    let take = move |text: String| match read(&text) {
        Some(number) => {
            is_wrong.set(false);
            // Nobody is there any more where the field goes with its place.
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
                aria-describedby=hint_id.clone()
                aria-invalid=move || is_wrong.get().to_string()
                prop:value=move || match value.get() {
                    0.0 if can_be_empty => String::new(),
                    value => value.to_string(),
                }
                on:change:target=move |event| take(event.target().value())
            />
            <p class="hint" id=hint_id>
                {move || if is_wrong.get() { tr!(train.out_of_range, least = range.0, most = range.1) } else { hint.get() }}
            </p>
        </div>
    }
}

pub(super) fn parse(text: &str, (least, most): (f64, f64), is_whole: bool) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    let fits = number >= least && number <= most && (!is_whole || number.fract() == 0.0);
    fits.then_some(number)
}

/// A number that no other field on the page has.
fn next_id() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_numbers_in_range_are_taken() {
        assert_eq!(parse(" 0.001 ", (1e-9, 100.0), false), Some(0.001));
        assert_eq!(parse("1e-3", (1e-9, 100.0), false), Some(0.001));
        assert_eq!(parse("2.5", (1.0, 10.0), true), None);
        assert_eq!(parse("11", (1.0, 10.0), true), None);
        assert_eq!(parse("NaN", (1.0, 10.0), false), None);
        assert_eq!(parse("", (1.0, 10.0), false), None);
    }
}
