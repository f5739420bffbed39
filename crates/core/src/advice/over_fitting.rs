//! Overfitting: the validation loss rises while the training loss keeps falling.

use super::Advice;
use crate::protocol::EpochReport;

/// The minimum number of epochs after the best one, all worse than it: one or two bad epochs happen in healthy runs.
const EPOCHS: usize = 3;

/// Rises above the lowest validation loss, as a fraction of it and as an absolute minimum, so that noise in a tiny loss does not count.
/// Every later epoch must exceed the first rise, the latest one the second.
const RISES: [(f32, f32); 2] = [(0.05, 0.01), (0.1, 0.02)];

/// The training loss counts as still falling below this fraction of its value at the lowest validation loss.
const FALL: f32 = 0.97;

pub fn over_fitting(epochs: &[EpochReport]) -> Option<Advice> {
    // Each epoch with its validation loss.
    let epochs: Vec<(&EpochReport, f32)> =
        epochs.iter().filter_map(|epoch| Some((epoch, epoch.validation_loss?))).collect();
    let (newest, loss) = *epochs.last()?;
    let (lowest, lowest_loss) = *epochs.iter().min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let later: Vec<_> = epochs.into_iter().filter(|(epoch, _)| epoch.epoch > lowest.epoch).collect();
    let (first_later, _) = later.first()?;
    let limits = RISES.map(|(fraction, min)| lowest_loss + (fraction * lowest_loss).max(min));
    let is_worse = later.iter().all(|(_, loss)| *loss > limits[0]) && loss > limits[1];
    let still_learns = newest.train_loss < FALL * lowest.train_loss;
    (later.len() >= EPOCHS && is_worse && still_learns).then_some(Advice::OverFitting {
        since_epoch: first_later.epoch,
        lowest_loss,
        loss,
        train_loss_then: lowest.train_loss,
        train_loss: newest.train_loss,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::tests::epochs;

    fn check(losses: &[(f32, f32)], expected_since: Option<u32>) {
        let found = over_fitting(&epochs(losses));
        let since = found.map(|advice| match advice {
            Advice::OverFitting { since_epoch, .. } => since_epoch,
            other => panic!("{other:?}"),
        });
        assert_eq!(since, expected_since, "{losses:?}");
    }

    #[test]
    fn a_validation_loss_that_rises_while_the_train_loss_falls_is_overfitting() {
        // A small train split, memorized.
        let losses = [(1.1, 0.9), (0.7, 0.62), (0.5, 0.55), (0.32, 0.6), (0.2, 0.68), (0.1, 0.8)];
        check(&losses, Some(3));
        let Some(Advice::OverFitting { lowest_loss, loss, train_loss_then, train_loss, .. }) =
            over_fitting(&epochs(&losses))
        else {
            panic!("it is over-fitting")
        };
        assert_eq!((lowest_loss, loss, train_loss_then, train_loss), (0.55, 0.8, 0.5, 0.1));
    }

    #[test]
    fn healthy_epochs_are_not() {
        check(&[], None);
        check(&[(1.0, 0.8), (0.6, 0.5), (0.5, 0.45), (0.45, 0.41)], None);
        // MNIST with Adam: the validation loss fluctuates around its minimum.
        check(&[(0.3, 0.09), (0.08, 0.06), (0.05, 0.052), (0.03, 0.055), (0.02, 0.05), (0.015, 0.056)], None);
        // A spike, followed by a new minimum.
        check(&[(0.9, 0.7), (0.6, 0.5), (0.5, 0.95), (0.45, 0.48), (0.4, 0.44)], None);
        // Two bad epochs are not enough evidence.
        check(&[(0.9, 0.7), (0.6, 0.5), (0.5, 0.6), (0.45, 0.6)], None);
    }

    #[test]
    fn a_run_that_gets_worse_on_both_is_not_overfitting() {
        check(&[(0.9, 0.7), (0.6, 0.5), (0.9, 0.9), (1.5, 1.5), (2.0, 2.0)], None);
    }

    #[test]
    fn without_validation_images_nothing_is_reported() {
        check(&[(0.9, f32::NAN), (0.6, f32::NAN), (0.3, f32::NAN), (0.1, f32::NAN), (0.1, f32::NAN)], None);
    }
}
