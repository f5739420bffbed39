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

/// The highest confidence, up to [`THRESHOLD_LIMIT`], that at least `kept_share` (0 to 1) of the correct predictions reach. `None` without a correct
/// prediction.
pub fn fit_threshold(predictions: &[Prediction], kept_share: f64) -> Option<f32> {
    let correct = predictions.iter().filter(|it| it.predicted == it.label && it.confidence.is_finite());
    let mut confidences: Vec<f32> = correct.map(|it| it.confidence).collect();
    confidences.sort_by(|one, other| other.total_cmp(one));
    let n_kept = (kept_share * confidences.len() as f64).ceil() as usize;
    Some(confidences.get(n_kept.max(1) - 1)?.min(THRESHOLD_LIMIT))
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
        let threshold = fit_threshold(&all, KEPT_SHARE).unwrap();
        assert_eq!(threshold, 0.02);
        let expected = Kept { correct: 19, n_correct: 21, wrong: 1, n_wrong: 2 };
        assert_eq!(Kept::at(threshold, &all), expected);
    }

    #[test]
    fn a_threshold_needs_a_correct_prediction_and_stays_below_1() {
        assert_eq!(fit_threshold(&[prediction(0.9, false), prediction(f32::NAN, true)], KEPT_SHARE), None);
        assert_eq!(fit_threshold(&[prediction(1.0, true)], KEPT_SHARE), Some(THRESHOLD_LIMIT));
        assert_eq!(fit_threshold(&[prediction(0.5, true), prediction(0.7, true)], 0.0), Some(0.7));
        assert_eq!(fit_threshold(&[prediction(0.5, true), prediction(0.7, true)], 1.0), Some(0.5));
    }

    proptest! {
        #[test]
        fn a_fitted_threshold_keeps_enough_and_a_higher_one_would_not(
            confidences in prop::collection::vec(0.0_f32..0.99, 1..60),
            share in 0.01..=1.0_f64,
        ) {
            let all: Vec<_> = confidences.into_iter().map(|confidence| prediction(confidence, true)).collect();
            let threshold = fit_threshold(&all, share).unwrap();
            let kept = |threshold| f64::from(Kept::at(threshold, &all).correct);
            let wanted = share * all.len() as f64;
            prop_assert!(kept(threshold) >= wanted);
            prop_assert!(kept(threshold.next_up()) < wanted);
        }
    }
}
