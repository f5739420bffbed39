//! Metrics of the predictions on a split: confusion matrix, precision, recall and F1 per class, highest-loss errors.

/// The threshold below which a prediction is "none of these".
pub mod rejection;

use crate::protocol::Prediction;

/// The confusion matrix: how often images of each class were predicted as each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    n_classes: usize,
    /// `n_classes * n_classes` counts: one row per label, one column per predicted class.
    counts: Vec<u32>,
}

/// Metrics of one class, with scikit-learn's definitions; a division by zero gives 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassMetrics {
    /// Fraction of the images predicted as this class that belong to it.
    pub precision: f32,
    /// Fraction of this class's images that were predicted as it.
    pub recall: f32,
    /// Harmonic mean of precision and recall.
    pub f1: f32,
    /// Number of images of this class.
    pub support: u32,
}

impl ConfusionMatrix {
    /// Counts predictions. Predictions with a label or class past `n_classes` are ignored.
    pub fn new(predictions: &[Prediction], n_classes: usize) -> Self {
        let mut matrix = Self { n_classes, counts: vec![0; n_classes * n_classes] };
        for prediction in predictions {
            let position = matrix.position(prediction.label.into(), prediction.predicted.into());
            if let Some(count) = position.and_then(|position| matrix.counts.get_mut(position)) {
                *count += 1;
            }
        }
        matrix
    }

    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Number of images of class `label` that were predicted as `predicted`; 0 past the last class.
    pub fn count(&self, label: usize, predicted: usize) -> u32 {
        self.position(label, predicted).and_then(|position| self.counts.get(position)).copied().unwrap_or(0)
    }

    /// Number of images of a class.
    pub fn support(&self, label: usize) -> u32 {
        (0..self.n_classes).map(|predicted| self.count(label, predicted)).sum()
    }

    /// Number of images predicted as a class.
    pub fn n_predicted(&self, predicted: usize) -> u32 {
        (0..self.n_classes).map(|label| self.count(label, predicted)).sum()
    }

    pub fn total(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Accuracy: the fraction of correct predictions; 0 without predictions.
    pub fn accuracy(&self) -> f32 {
        ratio((0..self.n_classes).map(|class| self.count(class, class)).sum(), self.total())
    }

    /// The 95 % confidence interval of the accuracy, by [`wilson_interval`]; `None` without predictions.
    pub fn accuracy_interval(&self) -> Option<(f64, f64)> {
        wilson_interval((0..self.n_classes).map(|class| self.count(class, class)).sum(), self.total())
    }

    /// Metrics of every class.
    pub fn class_metrics(&self) -> Vec<ClassMetrics> {
        (0..self.n_classes).map(|class| self.figures(class)).collect()
    }

    /// Macro average: the unweighted mean over the classes that occur among labels or predictions. `support` is the total number of images.
    pub fn macro_average(&self) -> ClassMetrics {
        let occurs = |class: &usize| self.support(*class) + self.n_predicted(*class) > 0;
        let figures: Vec<_> = (0..self.n_classes).filter(occurs).map(|class| self.figures(class)).collect();
        let mean =
            |figure: fn(&ClassMetrics) -> f32| figures.iter().map(figure).sum::<f32>() / figures.len().max(1) as f32;
        ClassMetrics {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
            support: self.total(),
        }
    }

    fn figures(&self, class: usize) -> ClassMetrics {
        let (correct, support, n_predicted) = (self.count(class, class), self.support(class), self.n_predicted(class));
        ClassMetrics {
            precision: ratio(correct, n_predicted),
            recall: ratio(correct, support),
            f1: ratio(2 * correct, support + n_predicted),
            support,
        }
    }

    fn position(&self, label: usize, predicted: usize) -> Option<usize> {
        (label < self.n_classes && predicted < self.n_classes).then(|| label * self.n_classes + predicted)
    }
}

/// How many images of a class two networks classify correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassChange {
    pub class: u16,
    pub n_images: u32,
    pub before: u32,
    pub after: u32,
}

/// The classes that occur, with the correct predictions of two networks for the same images.
pub fn class_changes(before: &[Prediction], after: &[Prediction], n_classes: usize) -> Vec<ClassChange> {
    let (before, after) = (ConfusionMatrix::new(before, n_classes), ConfusionMatrix::new(after, n_classes));
    let change = |class: usize| ClassChange {
        class: class as u16,
        n_images: after.support(class),
        before: before.count(class, class),
        after: after.count(class, class),
    };
    (0..n_classes).map(change).filter(|change| change.n_images > 0).collect()
}

/// The 95 % confidence interval of a fraction of which `n` independent draws had `n_hits`: Wilson, "Probable inference, the law of succession,
/// and statistical inference", 1927. Unlike the normal approximation it stays within 0 to 1 and holds for few draws. `None` without draws.
pub fn wilson_interval(n_hits: u32, n: u32) -> Option<(f64, f64)> {
    /// The quantile of the standard normal distribution below which 97.5 % lie.
    const Z: f64 = 1.959_963_984_540_054;
    if n == 0 {
        return None;
    }
    let n = f64::from(n);
    let fraction = f64::from(n_hits) / n;
    let center = fraction + Z * Z / (2.0 * n);
    let half = Z * (fraction * (1.0 - fraction) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    Some((((center - half) / scale).max(0.0), ((center + half) / scale).min(1.0)))
}

/// The incorrect predictions with the highest loss, highest first: where the network was most confidently wrong.
pub fn top_losses(predictions: &[Prediction], n_mistakes: usize) -> Vec<Prediction> {
    let mut mistakes: Vec<_> = predictions.iter().filter(|p| p.label != p.predicted).copied().collect();
    mistakes.sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.index.cmp(&b.index)));
    mistakes.truncate(n_mistakes);
    mistakes
}

fn ratio(part: u32, whole: u32) -> f32 {
    if whole == 0 { 0.0 } else { (f64::from(part) / f64::from(whole)) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(pairs: &[(u16, u16)]) -> Vec<Prediction> {
        let prediction = |(index, &(label, predicted)): (usize, &(u16, u16))| Prediction {
            index: index as u32,
            label,
            predicted,
            confidence: 0.5,
            loss: index as f32,
        };
        pairs.iter().enumerate().map(prediction).collect()
    }

    fn matrix(pairs: &[(u16, u16)], n_classes: usize) -> ConfusionMatrix {
        ConfusionMatrix::new(&predictions(pairs), n_classes)
    }

    #[test]
    fn changes_are_counted_by_class() {
        let prediction = |label, predicted| Prediction { index: 0, label, predicted, confidence: 1.0, loss: 0.0 };
        let before = [prediction(0, 0), prediction(0, 0), prediction(2, 0)];
        let after = [prediction(0, 0), prediction(0, 2), prediction(2, 2)];
        let change = |class, n_images, before, after| ClassChange { class, n_images, before, after };
        assert_eq!(class_changes(&before, &after, 3), [change(0, 2, 2, 1), change(2, 1, 0, 1)]);
    }

    /// Checked against `statsmodels.stats.proportion.proportion_confint(hits, n, method="wilson")`.
    #[test]
    fn intervals_are_wilsons() {
        for (n_hits, n, expected) in [
            (0, 10, (0.0, 0.277_533)),
            (10, 10, (0.722_467, 1.0)),
            (25, 30, (0.664_356, 0.926_635)),
            (9_923, 10_000, (0.990_388, 0.993_834)),
        ] {
            let (low, high) = wilson_interval(n_hits, n).unwrap();
            assert!(
                (low - expected.0).abs() < 1e-6 && (high - expected.1).abs() < 1e-6,
                "{n_hits} of {n}: {low} {high}"
            );
        }
        assert_eq!(wilson_interval(0, 0), None);
    }

    #[test]
    fn rows_are_labels_and_columns_are_predictions() {
        let matrix = matrix(&[(0, 0), (0, 1), (0, 1), (2, 0), (9, 0), (0, 9)], 3);
        assert_eq!(matrix.counts, [1, 2, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!((matrix.count(0, 1), matrix.count(1, 0), matrix.count(0, 3)), (2, 0, 0));
        assert_eq!((matrix.support(0), matrix.n_predicted(0), matrix.total()), (3, 2, 4));
        assert_eq!(matrix.accuracy(), 0.25);
    }

    /// Values of scikit-learn's `precision_recall_fscore_support` for the same labels, with `zero_division=0`.
    #[test]
    fn the_figures_are_those_of_scikit_learn() {
        let matrix = matrix(&[(0, 0), (1, 2), (2, 1), (0, 0), (1, 0), (2, 1)], 3);
        let class_0 = ClassMetrics { precision: 2.0 / 3.0, recall: 1.0, f1: 0.8, support: 2 };
        let class_1 = ClassMetrics { precision: 0.0, recall: 0.0, f1: 0.0, support: 2 };
        assert_eq!(matrix.class_metrics(), [class_0, class_1, class_1]);
        let average = matrix.macro_average();
        assert!((average.precision - 0.222_222).abs() < 1e-5);
        assert!((average.recall - 0.333_333).abs() < 1e-5);
        assert!((average.f1 - 0.266_667).abs() < 1e-5);
        assert_eq!(average.support, 6);
    }

    #[test]
    fn a_class_that_never_occurs_has_zeros_and_no_weight() {
        let matrix = matrix(&[(0, 0), (1, 1)], 3);
        assert_eq!(matrix.class_metrics()[2], ClassMetrics::default());
        assert_eq!(matrix.macro_average().f1, 1.0);
    }

    #[test]
    fn no_predictions_give_zeros() {
        assert_eq!(matrix(&[], 2).macro_average(), ClassMetrics::default());
        assert_eq!(matrix(&[], 0).accuracy(), 0.0);
    }

    #[test]
    fn the_worst_mistakes_are_wrong_and_sorted_by_loss() {
        let mut all = predictions(&[(0, 1), (1, 1), (1, 0), (2, 0), (0, 2)]);
        all[4].loss = f32::NAN;
        let indices = |n| top_losses(&all, n).iter().map(|mistake| mistake.index).collect::<Vec<_>>();
        assert_eq!(indices(3), [4, 3, 2]);
        assert_eq!(indices(9), [4, 3, 2, 0]);
    }
}
