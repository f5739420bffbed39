//! Class imbalance: some classes have many more train images than others.

use super::{Advice, Evidence};
use crate::config::{ClassWeights, LossConfig};

/// The minimum ratio of the largest to the smallest class that is reported.
const RATIO: u32 = 3;

pub fn unbalanced_classes(evidence: &Evidence) -> Option<Advice> {
    let is_weighted = match &evidence.config.loss {
        LossConfig::CrossEntropy { class_weights, .. } => *class_weights != ClassWeights::None,
        LossConfig::BinaryCrossEntropy | LossConfig::MeanSquaredError => false,
    };
    let counts = evidence.class_counts.iter().enumerate().map(|(class, count)| (*count, class as u16));
    // On ties, the first class.
    let (smallest_count, smallest) = counts.clone().min_by_key(|(count, _)| *count)?;
    let (largest_count, largest) = counts.rev().max_by_key(|(count, _)| *count)?;
    let is_unbalanced = largest_count > smallest_count.saturating_mul(RATIO);
    // Class weights compensate for few images, but not for none.
    (is_unbalanced && (!is_weighted || smallest_count == 0)).then_some(Advice::UnbalancedClasses {
        largest,
        largest_count,
        smallest,
        smallest_count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::tests::{config, evidence};
    use crate::config::RunConfig;

    fn check(class_counts: &[u32], class_weights: ClassWeights, expected: Option<(u16, u16)>) {
        let loss = LossConfig::CrossEntropy { label_smoothing: 0.0, class_weights };
        let config = RunConfig { loss, ..config() };
        let found = unbalanced_classes(&Evidence { class_counts, ..evidence(&config, &[]) });
        let found = found.map(|advice| match advice {
            Advice::UnbalancedClasses { largest, smallest, .. } => (largest, smallest),
            other => panic!("{other:?}"),
        });
        assert_eq!(found, expected, "{class_counts:?}");
    }

    #[test]
    fn many_times_more_images_of_one_class_are_reported_unless_they_are_weighted() {
        check(&[500, 100, 500, 90], ClassWeights::None, Some((0, 3)));
        check(&[500, 100, 500, 90], ClassWeights::Balanced, None);
        // MNIST's classes without the validation split.
        check(&[5331, 6068, 5362, 5518, 5258, 4879, 5326, 5639, 5266, 5354], ClassWeights::None, None);
        check(&[3, 1], ClassWeights::None, None);
        check(&[], ClassWeights::None, None);
    }

    #[test]
    fn a_class_without_images_is_reported_in_any_case() {
        check(&[10, 0, 12], ClassWeights::Balanced, Some((2, 1)));
        check(&[0, 0], ClassWeights::None, None);
    }
}
