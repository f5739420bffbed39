//! A compact labeled number field, for many side by side.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::page::reactive::watch;
use crate::page::text::i18n::tr;
use crate::page::widgets::number_field::fitting;

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
    let is_wrong = RwSignal::new(false);
    // A value that changes elsewhere, for example by undo, replaces the invalid text.
    watch(move || value.get(), move |_, _| is_wrong.set(false), false);
    let take = move |number: f64| match fitting(number, range, is_whole) {
        Some(number) => {
            is_wrong.set(false);
            // The callback may have been disposed together with the place of the field.
            on_change.try_run((number,));
        }
        None => is_wrong.set(true),
    };
    // Undo applies to the uncommitted text in the field, by the browser, before it applies to the page's state.
    let keep = move |event: KeyboardEvent| {
        let is_typed = event_target_value(&event) != value.get_untracked().to_string();
        if is_typed && (event.ctrl_key() || event.meta_key()) {
            event.stop_propagation();
        }
    };
    let problem = move || is_wrong.get().then(|| tr!(train.out_of_range, least = range.0, most = range.1));
    view! {
        <span class="small-field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type="number"
                inputmode=if is_whole { "numeric" } else { "decimal" }
                step=if is_whole { "1" } else { "any" }
                min=range.0.to_string()
                max=range.1.to_string()
                aria-invalid=move || is_wrong.get().to_string()
                title=problem
                prop:value=move || value.get().to_string()
                on:keydown=keep
                on:change:target=move |event| take(event.target().value_as_number())
            />
            {move || problem().map(|text| view! { <span class="small-problem" role="alert">{text}</span> })}
        </span>
    }
}
