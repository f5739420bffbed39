//! Label errors: images whose labels are probably wrong, by confident learning (Northcutt, Jiang, Chuang: "Confident Learning: Estimating
//! Uncertainty in Dataset Labels", 2021, <https://arxiv.org/abs/1911.00068>).
//!
//! The probabilities are out of fold: each image was predicted by a network that was not trained on it. An image counts for the class with the
//! highest probability among those whose probability is at least the mean self-confidence of that class: the mean probability of the class over
//! the images with its label. So a class that the network is never sure of is not held to the standard of one that it always recognizes. Images
//! that count for another class than their label's are the off-diagonal part of the confident joint: the label errors.
//!
//! One thing differs from the paper: no class asks for more than [`HIGHEST_THRESHOLD`]. Where a network is sure of all images, half of those with a
//! wrong label would lie below the mean by a hair.

use serde::{Deserialize, Serialize};

/// Maximum number of images times classes whose probabilities are held at once: 128 MiB.
pub const PROBABILITIES_LIMIT: usize = 32 << 20;

/// A network that is surer than this is sure; how much more says nothing about a label.
pub const HIGHEST_THRESHOLD: f64 = 0.9;

/// An image whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelError {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    /// The class that it counts for.
    pub suggested: u16,
    /// Probability of the suggested class, 0 to 1.
    pub probability: f32,
    /// Probability of its label, 0 to 1.
    pub label_probability: f32,
}

impl LabelError {
    /// Probability of the label less that of the suggested class, -1 to 1: the lower, the more probably is the label wrong.
    pub fn margin(&self) -> f32 {
        self.label_probability - self.probability
    }
}

/// Out-of-fold predictions of some images.
#[derive(Clone, Copy, Debug)]
pub struct Predicted<'a> {
    /// Indices in the dataset.
    pub images: &'a [u32],
    /// The label of each image.
    pub labels: &'a [u16],
    pub n_classes: usize,
    /// `[images, classes]`: each row sums to 1.
    pub probabilities: &'a [f32],
}

impl<'a> Predicted<'a> {
    /// The fraction of the images whose label has the highest probability, 0 to 1.
    pub fn accuracy(&self) -> f32 {
        let n_correct = self.rows().filter(|(_, label, row)| argmax(row) == Some(usize::from(*label))).count();
        n_correct as f32 / self.images.len().max(1) as f32
    }

    /// The label errors among these images and others, which are held to the thresholds of these: test images take no part in them. In ascending
    /// order of their margin; images with a probability that is not finite are none.
    pub fn label_errors(&self, others: Option<Predicted<'a>>) -> Vec<LabelError> {
        let thresholds = self.thresholds();
        let rows = self.rows().chain(others.iter().flat_map(Predicted::rows));
        let mut errors: Vec<LabelError> = rows.filter_map(|row| label_error(row, &thresholds)).collect();
        errors.sort_by(|one, other| one.margin().total_cmp(&other.margin()).then(one.index.cmp(&other.index)));
        errors
    }

    /// The mean self-confidence of each class, at most [`HIGHEST_THRESHOLD`]; infinite for a class without images, which no image counts for.
    fn thresholds(&self) -> Vec<f64> {
        let mut sums = vec![(0.0, 0_u32); self.n_classes];
        for (_, label, row) in self.rows() {
            let label = usize::from(label);
            if let Some(((sum, count), probability)) = sums.get_mut(label).zip(row.get(label)) {
                *sum += f64::from(*probability);
                *count += 1;
            }
        }
        let threshold = |sum: f64, count: u32| (sum / f64::from(count)).min(HIGHEST_THRESHOLD);
        sums.into_iter().map(|(sum, count)| if count == 0 { f64::INFINITY } else { threshold(sum, count) }).collect()
    }

    /// Index, label and probabilities of the images whose probabilities are all finite.
    fn rows(&self) -> impl Iterator<Item = (u32, u16, &'a [f32])> {
        let rows = self.probabilities.chunks_exact(self.n_classes.max(1));
        let rows = self.images.iter().zip(self.labels).zip(rows).map(|((index, label), row)| (*index, *label, row));
        rows.filter(|(_, _, row)| row.iter().all(|probability| probability.is_finite()))
    }
}

fn label_error((index, label, row): (u32, u16, &[f32]), thresholds: &[f64]) -> Option<LabelError> {
    // An image that is predicted as its label is no error, even where its probability is below the threshold.
    if argmax(row) == Some(usize::from(label)) {
        return None;
    }
    let confident = row.iter().zip(thresholds).zip(0_u16..);
    let confident = confident.filter(|((probability, threshold), _)| f64::from(**probability) >= **threshold);
    let highest = confident.max_by(|((one, _), _), ((other, _), _)| one.total_cmp(other));
    let ((probability, _), suggested) = highest.filter(|(_, class)| *class != label)?;
    let label_probability = row.get(usize::from(label)).copied()?;
    Some(LabelError { index, label, suggested, probability: *probability, label_probability })
}

fn argmax(row: &[f32]) -> Option<usize> {
    row.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    /// The label errors of images numbered from 0.
    fn errors(n_classes: usize, rows: &[(u16, &[f32])]) -> Vec<LabelError> {
        let images: Vec<u32> = (0..rows.len() as u32).collect();
        let labels: Vec<u16> = rows.iter().map(|(label, _)| *label).collect();
        let probabilities: Vec<f32> = rows.iter().flat_map(|(_, row)| row.to_vec()).collect();
        Predicted { images: &images, labels: &labels, n_classes, probabilities: &probabilities }.label_errors(None)
    }

    fn check(rows: &[(u16, &[f32])], expected: &[u32]) {
        let found: Vec<u32> = errors(2, rows).iter().map(|error| error.index).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_planted_wrong_label_is_found_with_the_likelier_class() {
        let rows: [(u16, &[f32]); 5] =
            [(0, &[0.9, 0.1]), (0, &[0.8, 0.2]), (0, &[0.05, 0.95]), (1, &[0.1, 0.9]), (1, &[0.2, 0.8])];
        let expected = LabelError { index: 2, label: 0, suggested: 1, probability: 0.95, label_probability: 0.05 };
        assert_eq!(errors(2, &rows), [expected]);
    }

    #[test]
    fn the_lowest_margin_comes_first() {
        let clear: [(u16, &[f32]); 4] = [(0, &[0.9, 0.1]), (0, &[0.9, 0.1]), (1, &[0.2, 0.8]), (1, &[0.2, 0.8])];
        let wrong: [(u16, &[f32]); 3] = [(0, &[0.2, 0.8]), (0, &[0.0, 1.0]), (1, &[0.9, 0.1])];
        check(&[&clear[..], &wrong[..]].concat(), &[5, 6, 4]);
    }

    /// One image of the rare class in ten is clearly the frequent class; of the others the network is unsure, as it is of all images of that class.
    #[test]
    fn a_rare_class_that_is_seldom_recognized_is_not_all_wrong() {
        let mut rows: Vec<(u16, &[f32])> = vec![(0, &[0.96, 0.04]); 200];
        rows.extend(vec![(1_u16, &[0.55_f32, 0.45][..]); 9]);
        rows.push((1, &[0.99, 0.01]));
        check(&rows, &[209]);
    }

    #[test]
    fn what_is_not_finite_and_what_there_is_none_of_is_left_out() {
        check(&[], &[]);
        check(&[(0, &[f32::NAN, 0.1]), (0, &[0.9, 0.1]), (1, &[f32::INFINITY, 0.0])], &[]);
        // There is no image with the label 1 to learn its threshold from.
        check(&[(0, &[0.1, 0.9]), (0, &[0.9, 0.1])], &[]);
        let predicted = Predicted { images: &[], labels: &[], n_classes: 2, probabilities: &[] };
        assert_eq!(predicted.accuracy(), 0.0);
    }

    #[test]
    fn other_images_are_held_to_the_thresholds_of_these() {
        let (images, labels) = ([0, 1, 2, 3], [0, 0, 1, 1]);
        let probabilities = [0.9, 0.1, 0.7, 0.3, 0.2, 0.8, 0.4, 0.6];
        let predicted = Predicted { images: &images, labels: &labels, n_classes: 2, probabilities: &probabilities };
        // The threshold of the second class is 0.7.
        let others =
            Predicted { images: &[8, 9], labels: &[0, 0], n_classes: 2, probabilities: &[0.31, 0.69, 0.29, 0.71] };
        let found: Vec<u32> = predicted.label_errors(Some(others)).iter().map(|error| error.index).collect();
        assert_eq!(found, [9]);
        assert!(predicted.label_errors(None).is_empty());
    }

    #[test]
    fn the_accuracy_is_that_of_the_labels() {
        let predicted = Predicted {
            images: &[4, 5, 6, 7],
            labels: &[0, 0, 1, 1],
            n_classes: 2,
            probabilities: &[0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6],
        };
        assert_eq!(predicted.accuracy(), 0.75);
    }

    /// Labels of which some are flipped, and probabilities around a likely true class.
    fn noisy(seed: u64, n_images: u32, n_classes: u16, sureness: f32) -> (Vec<u16>, Vec<u16>, Vec<f32>) {
        let mut random = Random::new(seed);
        let truth: Vec<u16> = (0..n_images).map(|_| random.below(n_classes.into()) as u16).collect();
        let flip = |truth: &u16| match random.below(10) {
            0 => (truth + 1 + random.below(u32::from(n_classes) - 1) as u16) % n_classes,
            _ => *truth,
        };
        let labels = truth.iter().map(flip).collect();
        let other = (1.0 - sureness) / f32::from(n_classes - 1);
        let row = |truth: &u16| {
            let truth = *truth;
            (0..n_classes).map(move |class| if class == truth { sureness } else { other })
        };
        let probabilities = truth.iter().flat_map(row).collect();
        (truth, labels, probabilities)
    }

    proptest! {
        #[test]
        fn the_wrong_labels_of_a_network_that_is_never_wrong_are_found(seed: u64, n_classes in 2_u16..12, sureness in 0.9_f32..1.0) {
            let (truth, labels, probabilities) = noisy(seed, 300, n_classes, sureness);
            let images: Vec<u32> = (0..300).collect();
            let predicted = Predicted { images: &images, labels: &labels, n_classes: n_classes.into(), probabilities: &probabilities };
            let mut found: Vec<(u32, u16)> =
                predicted.label_errors(None).iter().map(|error| (error.index, error.suggested)).collect();
            found.sort_unstable();
            let wrong = truth.iter().zip(&labels).zip(0..).filter(|((truth, label), _)| truth != label);
            let wrong: Vec<(u32, u16)> = wrong.map(|((truth, _), index)| (index, *truth)).collect();
            prop_assert_eq!(found, wrong);
        }

        #[test]
        fn an_error_is_never_suggested_its_label_and_they_come_in_order(
            seed: u64,
            values in prop::collection::vec(0.0_f32..1.0, 3..240),
        ) {
            let n_images = values.len() / 3;
            let mut random = Random::new(seed);
            let labels: Vec<u16> = (0..n_images).map(|_| random.below(3) as u16).collect();
            let images: Vec<u32> = (10..10 + n_images as u32).collect();
            let predicted = Predicted { images: &images, labels: &labels, n_classes: 3, probabilities: &values[..3 * n_images] };
            let errors = predicted.label_errors(None);
            prop_assert!(errors.iter().all(|error| error.label != error.suggested && images.contains(&error.index)));
            prop_assert!(errors.windows(2).all(|pair| pair[0].margin() <= pair[1].margin()));
        }
    }
}
