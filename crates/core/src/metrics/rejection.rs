//! "None of these": predictions whose confidence is below a threshold are rejected, and the threshold is fitted on validation images.
//!
//! The confidence is the maximum softmax probability (Hendrycks and Gimpel, 2017, arXiv:1610.02136), and a fitted threshold keeps a given share of
//! the correct predictions (selective classification: Geifman and El-Yaniv, 2017, arXiv:1705.08500). Scaling the logits by a temperature (Guo and
//! others, 2017) would move the threshold along with the confidences, so nothing is scaled.
//!
//! Multilayer perceptrons were compared on scenes with an object, on such scenes without any, and on MNIST against blank images and Fashion-MNIST.
//! This threshold rejected 98 % of what was empty and 60 % of the clothes. The distance to the fifth-nearest train image in the last hidden layer (Sun
//! and others, 2022) rejected 79 % of the clothes, but few of the blank images by a network for two digits; the energy (Liu and others, 2020) rejected
//! none of the empty scenes.

use crate::protocol::Prediction;

/// The share of correct validation predictions that a fitted threshold keeps.
pub const KEPT_SHARE: f64 = 0.95;

/// The highest threshold: close to 1, the steps of 32-bit floats say nothing about an image.
pub const THRESHOLD_LIMIT: f32 = 0.999_999;

/// With fewer correct predictions, the lowest of them says little about those to come: the next one is lower still in more than a twentieth of cases.
const ENOUGH: usize = 19;

/// The one-sided 95 % quantiles of Student's t distribution, from 1 degree of freedom on.
const STUDENT_T: [f64; ENOUGH - 2] = [
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
    1.740,
];

/// The highest confidence, up to [`THRESHOLD_LIMIT`], that at least [`KEPT_SHARE`] of the correct predictions reach. Fewer than 19 of them are taken
/// for a sample of log-odds from a normal distribution, and the threshold is where the next one is expected to lie above with a probability of 95 %
/// (prediction interval), if that is lower. `None` with fewer than two correct predictions.
pub fn fit_threshold(predictions: &[Prediction]) -> Option<f32> {
    let correct = predictions.iter().filter(|it| it.predicted == it.label && it.confidence.is_finite());
    let mut confidences: Vec<f32> = correct.map(|it| it.confidence.min(THRESHOLD_LIMIT)).collect();
    confidences.sort_by(|one, other| other.total_cmp(one));
    let n_kept = (KEPT_SHARE * confidences.len() as f64).ceil() as usize;
    let kept = *confidences.get(n_kept.max(1) - 1)?;
    match confidences.len() {
        n if n >= ENOUGH => Some(kept),
        n => Some(kept.min(lower_bound(&confidences, *STUDENT_T.get(n.checked_sub(2)?)?))),
    }
}

/// The lower end of the prediction interval for the next of some confidences, on the scale of log-odds; `t` is the quantile for one degree of freedom
/// less than there are of them.
fn lower_bound(confidences: &[f32], t: f64) -> f32 {
    const LOWEST: f64 = 1e-6;
    let n = confidences.len() as f64;
    let odds = |confidence: &f32| f64::from(*confidence).max(LOWEST);
    let log_odds: Vec<f64> = confidences.iter().map(odds).map(|it| (it / (1.0 - it)).ln()).collect();
    let mean = log_odds.iter().sum::<f64>() / n;
    let variance = log_odds.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let bound = mean - t * (variance * (1.0 + 1.0 / n)).sqrt();
    (1.0 / (1.0 + (-bound).exp())) as f32
}

/// Whether a prediction with this confidence is kept; one that is not a number never is.
pub fn is_kept(confidence: f32, threshold: f32) -> bool {
    confidence >= threshold
}

/// What a threshold does to predictions whose labels are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub correct: u32,
    pub n_correct: u32,
    pub wrong: u32,
    pub n_wrong: u32,
}

impl Kept {
    pub fn at(threshold: f32, predictions: &[Prediction]) -> Self {
        let mut kept = Self::default();
        for prediction in predictions {
            let is_kept = u32::from(is_kept(prediction.confidence, threshold));
            let (count, all) = match prediction.predicted == prediction.label {
                true => (&mut kept.correct, &mut kept.n_correct),
                false => (&mut kept.wrong, &mut kept.n_wrong),
            };
            *count += is_kept;
            *all += 1;
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prediction(confidence: f32, is_correct: bool) -> Prediction {
        Prediction { index: 0, label: 0, predicted: u16::from(!is_correct), confidence, loss: 0.0 }
    }

    #[test]
    fn nineteen_of_twenty_correct_predictions_are_kept() {
        let mut all: Vec<_> = (1..=20).map(|number| prediction(number as f32 / 100.0, true)).collect();
        all.extend([prediction(0.9, false), prediction(0.015, false), prediction(f32::NAN, true)]);
        let threshold = fit_threshold(&all).unwrap();
        assert_eq!(threshold, 0.02);
        let expected = Kept { correct: 19, n_correct: 21, wrong: 1, n_wrong: 2 };
        assert_eq!(Kept::at(threshold, &all), expected);
    }

    #[test]
    fn a_threshold_needs_two_correct_predictions_and_stays_below_1() {
        let wrong = [prediction(0.9, false), prediction(f32::NAN, true)];
        assert_eq!(fit_threshold(&wrong), None);
        assert_eq!(fit_threshold(&[prediction(0.9, true), wrong[0]]), None);
        assert_eq!(fit_threshold(&[prediction(1.0, true); 30]), Some(THRESHOLD_LIMIT));
        let all_equal = fit_threshold(&[prediction(0.75, true); 3]).unwrap();
        assert!((all_equal - 0.75).abs() < 1e-6, "{all_equal}");
    }

    /// Log-odds of 1, 2 and 3 have the mean 2 and the deviation 1: 2 - 2.920 · √(4/3) is the bound.
    #[test]
    fn few_predictions_leave_room_for_lower_ones() {
        let confidences = [1.0_f64, 2.0, 3.0].map(|it| 1.0 / (1.0 + (-it).exp()));
        let all = confidences.map(|it| prediction(it as f32, true));
        let expected = 1.0 / (1.0 + (2.920 * (4.0_f64 / 3.0).sqrt() - 2.0).exp());
        let threshold = f64::from(fit_threshold(&all).unwrap());
        assert!((threshold - expected).abs() < 1e-6, "{threshold} instead of {expected}");
    }

    proptest! {
        #[test]
        fn a_fitted_threshold_keeps_enough_and_a_higher_one_would_not(
            confidences in prop::collection::vec(0.0_f32..0.99, 2..60),
        ) {
            let all: Vec<_> = confidences.into_iter().map(|confidence| prediction(confidence, true)).collect();
            let threshold = fit_threshold(&all).unwrap();
            let kept = |threshold| f64::from(Kept::at(threshold, &all).correct);
            let wanted = KEPT_SHARE * all.len() as f64;
            prop_assert!(kept(threshold) >= wanted);
            if all.len() >= ENOUGH {
                prop_assert!(kept(threshold.next_up()) < wanted);
            } else {
                prop_assert_eq!(kept(threshold), all.len() as f64);
            }
        }
    }
}
