//! The text box of a number, which takes what people type and refuses the rest aloud.
//!
//! A box of type `number` would drop a comma without a word where the browser's language has a point, and turn `0,001` into 1.

use leptos::prelude::*;
use web_sys::{HtmlInputElement, KeyboardEvent};

use crate::page::reactive::watch;
use crate::page::text::format::exact;
use crate::page::text::i18n::tr;
use crate::page::widgets::refusals::{Refusal, Refusals};
use crate::page::widgets::typed_number::{Typed, read};
use kindling_core::decimal;

/// Which numbers a field takes.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Minimum and maximum, inclusive.
    pub range: (f64, f64),
    pub is_whole: bool,
    /// Whether an empty field means 0 and 0 is shown as an empty field, for a limit or a strength that can be omitted.
    pub can_be_empty: bool,
}

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Problem {
    OutOfRange,
    Ambiguous { small: f64, large: f64 },
}

impl Accepted {
    /// The number that a text stands for.
    fn take(&self, text: &str) -> Result<f64, Problem> {
        if self.can_be_empty && text.trim().is_empty() {
            return Ok(0.0);
        }
        match read(text, self.is_whole) {
            Typed::Number(number) if self.fits(number) => Ok(number),
            Typed::Number(_) | Typed::Nothing => Err(Problem::OutOfRange),
            // Only one of the two may be possible here.
            Typed::Ambiguous { small, large } => match (self.fits(small), self.fits(large)) {
                (true, true) => Err(Problem::Ambiguous { small, large }),
                (true, false) => Ok(small),
                (false, true) => Ok(large),
                (false, false) => Err(Problem::OutOfRange),
            },
        }
    }

    fn fits(&self, number: f64) -> bool {
        let (min, max) = self.range;
        number >= min && number <= max && (!self.is_whole || number.fract() == 0.0)
    }

    fn text(&self, number: f64) -> String {
        if self.can_be_empty && number == 0.0 { String::new() } else { exact(number) }
    }

    /// A sentence about a problem; tracks the language.
    pub fn problem_text(&self, problem: Problem) -> String {
        let (least, most) = self.range;
        match problem {
            Problem::OutOfRange => tr!(train.out_of_range, least = exact(least), most = exact(most)),
            Problem::Ambiguous { small, large } => tr!(train.two_numbers, small = small, large = large),
        }
    }
}

/// The value changes when the visitor leaves the field or presses Enter, and only to a number that is accepted.
#[component]
pub fn NumberInput(
    /// Unique on the page.
    id: String,
    label: Signal<String>,
    value: Signal<f64>,
    accepted: Accepted,
    /// Set while the text is refused.
    problem: RwSignal<Option<Problem>>,
    #[prop(optional)] described_by: Option<String>,
    /// What an empty field shows.
    #[prop(optional_no_strip)]
    placeholder: Option<String>,
    on_change: Callback<(f64,)>,
) -> impl IntoView {
    let refusals = use_context::<Refusals>();
    let release = {
        let id = id.clone();
        move || refusals.into_iter().for_each(|refusals| refusals.remove(&id))
    };
    // A value that changes elsewhere, for example by undo, replaces the refused text.
    watch(
        move || value.get(),
        {
            let release = release.clone();
            move |_, _| {
                problem.set(None);
                release();
            }
        },
        false,
    );
    on_cleanup(release.clone());
    let take = {
        let id = id.clone();
        move |input: &HtmlInputElement| {
            let text = input.value();
            match accepted.take(&text) {
                Ok(number) => {
                    problem.set(None);
                    release();
                    // What is seen is what is used, also if the value stays the same.
                    input.set_value(&accepted.text(number));
                    // The callback may have been disposed together with the place of the field.
                    on_change.try_run((number,));
                }
                Err(reason) => {
                    problem.set(Some(reason));
                    refusals
                        .into_iter()
                        .for_each(|refusals| refusals.put(Refusal { id: id.clone(), label, text: text.clone() }));
                }
            }
        }
    };
    let press = {
        let take = take.clone();
        move |event: KeyboardEvent| {
            let by = match event.key().as_str() {
                "ArrowUp" => 1.0,
                "ArrowDown" => -1.0,
                _ => {
                    // Undo applies to the uncommitted text in the field, by the browser, before it applies to the page's state.
                    let is_typed = event_target_value(&event) != accepted.text(value.get_untracked());
                    if is_typed && (event.ctrl_key() || event.meta_key()) {
                        event.stop_propagation();
                    }
                    return;
                }
            };
            event.prevent_default();
            let next = stepped(value.get_untracked(), by, accepted.is_whole);
            if accepted.fits(next) {
                let input: HtmlInputElement = event_target(&event);
                input.set_value(&accepted.text(next));
                take(&input);
            }
        }
    };
    view! {
        <input
            id=id
            type="text"
            role="spinbutton"
            aria-valuenow=move || value.get().to_string()
            aria-valuemin=accepted.range.0.to_string()
            aria-valuemax=accepted.range.1.to_string()
            inputmode=if accepted.is_whole { "numeric" } else { "decimal" }
            autocomplete="off"
            spellcheck="false"
            translate="no"
            placeholder=placeholder
            aria-describedby=described_by
            aria-invalid=move || problem.get().is_some().to_string()
            prop:value=move || accepted.text(value.get())
            on:keydown=press
            on:change:target=move |event| take(&event.target())
        />
    }
}

/// The next number up or down: the next whole one, or the next in the first digit, so that 0.001 becomes 0.002 and 0.0009.
fn stepped(number: f64, by: f64, is_whole: bool) -> f64 {
    if is_whole {
        return number + by;
    }
    let unit = if number == 0.0 { 0.1 } else { 10_f64.powf(number.abs().log10().floor()) };
    // Towards zero, the digit before a power of ten is worth a tenth.
    let is_power = decimal::rounded(number.abs() / unit, 12) == 1.0;
    let unit = if is_power && number * by < 0.0 { unit / 10.0 } else { unit };
    decimal::rounded(number + by * unit, 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_go_to_the_next_number() {
        assert_eq!(stepped(128.0, 1.0, true), 129.0);
        assert_eq!(stepped(0.001, 1.0, false), 0.002);
        assert_eq!(stepped(0.001, -1.0, false), 0.0009);
        assert_eq!(stepped(0.0009, 1.0, false), 0.001);
        assert_eq!(stepped(0.25, -1.0, false), 0.15);
        assert_eq!(stepped(0.0, 1.0, false), 0.1);
        assert_eq!(stepped(-1.0, 1.0, false), -0.9);
    }

    #[test]
    fn only_numbers_in_range_are_taken() {
        let take = |text: &str, range, is_whole| Accepted { range, is_whole, can_be_empty: false }.take(text);
        assert_eq!(take("0,001", (1e-9, 100.0), false), Ok(0.001));
        assert_eq!(take("5,5", (1e-9, 100.0), false), Ok(5.5));
        assert_eq!(take("3", (1.0, 10.0), true), Ok(3.0));
        assert_eq!(take("2.5", (1.0, 10.0), true), Err(Problem::OutOfRange));
        assert_eq!(take("11", (1.0, 10.0), true), Err(Problem::OutOfRange));
        assert_eq!(take("-1", (0.0, 10.0), false), Err(Problem::OutOfRange));
        assert_eq!(take("", (0.0, 10.0), false), Err(Problem::OutOfRange));
    }

    #[test]
    fn the_range_may_tell_which_of_two_numbers_is_meant() {
        let take = |text: &str, range| Accepted { range, is_whole: false, can_be_empty: false }.take(text);
        assert_eq!(take("1,000", (1e-9, 100.0)), Ok(1.0));
        assert_eq!(take("1,000", (100.0, 5000.0)), Ok(1000.0));
        assert_eq!(take("1,000", (0.0, 5000.0)), Err(Problem::Ambiguous { small: 1.0, large: 1000.0 }));
    }

    #[test]
    fn an_empty_field_is_zero_where_that_is_said() {
        let accepted = Accepted { range: (0.0, 9.0), is_whole: true, can_be_empty: true };
        assert_eq!(accepted.take(" "), Ok(0.0));
        assert_eq!(accepted.text(0.0), "");
        assert_eq!(accepted.text(2.0), "2");
        assert_eq!(accepted.text(1e-8), "1e-8");
    }
}
