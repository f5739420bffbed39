//! The control of the threshold for "none of these", with what it does to the validation images.

use leptos::prelude::*;

use super::rejection::{Fit, Rejection};
use crate::page::reactive::memo;
use crate::page::text::format::{count, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::TermName;
use crate::page::widgets::show::Show;
use kindling_core::metrics::rejection::{KEPT_SHARE, Kept};

/// The end of the scale, in nines: 0.999999.
const NINES: f64 = 6.0;

#[component]
pub fn ThresholdField(rejection: Rejection) -> impl IntoView {
    let threshold = memo(move |_| rejection.threshold_or_round());
    let effect = move || match rejection.fit.get() {
        Fit::None => None,
        Fit::Underway(fraction) => Some(tr!(use_place.threshold_fitting, share = percent(f64::from(fraction)))),
        Fit::Impossible => Some(tr!(use_place.threshold_unfitted)),
        Fit::Done { validation, .. } => {
            let Kept { correct, n_correct, wrong, n_wrong } = Kept::at(threshold.get(), &validation);
            let [correct, n_correct, rejected, n_wrong] = [correct, n_correct, n_wrong - wrong, n_wrong].map(count);
            Some(tr!(
                use_place.threshold_effect,
                correct = correct,
                all = n_correct,
                rejected = rejected,
                wrong = n_wrong
            ))
        }
    };
    let is_moved = move || rejection.chosen.with(Option::is_some);
    view! {
        <div class="field threshold">
            <label for="use-threshold"><TermName label=key_tr!(use_place.threshold) /></label>
            <div class="threshold-scale">
                <input
                    id="use-threshold"
                    type="range"
                    min="0"
                    max=NINES
                    step="0.02"
                    aria-describedby="use-threshold-why"
                    aria-valuetext=move || shown(threshold.get())
                    prop:value=move || nines(threshold.get()).to_string()
                    on:input:target=move |event| if let Ok(nines) = event.target().value().parse() {
                        rejection.chosen.set(Some(of_nines(nines)));
                    }
                />
                <output for="use-threshold">{move || shown(threshold.get())}</output>
                <Show when=is_moved>
                    <button type="button" class="button is-small" on:click=move |_| rejection.chosen.set(None)>
                        {move_tr!(use_place.threshold_fitted)}
                    </button>
                </Show>
            </div>
            <p class="hint" id="use-threshold-why">
                {move || tr!(use_place.threshold_why, share = percent(KEPT_SHARE))}" "
                <span class="threshold-effect">{effect}</span>
            </p>
        </div>
    }
}

/// How many nines a probability begins with: 1 for 0.9, 2 for 0.99. Networks are sure of most images, so that a scale of probabilities would have all
/// thresholds at its end.
fn nines(probability: f32) -> f64 {
    -(1.0 - f64::from(probability)).max(10.0_f64.powf(-NINES)).log10()
}

fn of_nines(nines: f64) -> f32 {
    (1.0 - 10.0_f64.powf(-nines.clamp(0.0, NINES))) as f32
}

/// `93%`, `99.2%`, `99.98%`: with as many decimals as tell it from 100 %.
pub fn shown(probability: f32) -> String {
    let decimals = (nines(probability) - 1.0).clamp(0.0, 4.0).floor() as usize;
    format!("{:.decimals$}%", f64::from(probability) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_goes_by_nines_there_and_back() {
        for probability in [0.0_f32, 0.5, 0.8, 0.93, 0.999, 0.999_9] {
            assert!((of_nines(nines(probability)) - probability).abs() < 1e-6, "{probability}");
        }
        assert!((nines(1.0) - NINES).abs() < 1e-9);
        assert!(of_nines(f64::INFINITY) < 1.0);
    }

    #[test]
    fn a_threshold_is_told_from_certainty() {
        let check = |probability, expected: &str| assert_eq!(shown(probability), expected);
        check(0.0, "0%");
        check(0.924, "92%");
        check(0.992, "99.2%");
        check(0.999_8, "99.98%");
        check(0.999_999, "99.9999%");
    }
}
