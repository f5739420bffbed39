//! Which trials continue at a rung.

use proptest::prelude::*;

use super::*;
use crate::protocol::FailureKind;
use crate::search::trial::TrialEpoch;

fn trial(accuracies: &[f32]) -> Trial {
    let mut trial = Trial::new(vec![]);
    trial.epochs =
        accuracies.iter().map(|&accuracy| TrialEpoch { step: 1, loss: Some(1.0 - accuracy), accuracy }).collect();
    trial
}

fn check(own: &[f32], others: &[Trial], expected: bool) {
    for metric in [Metric::ValidationAccuracy, Metric::ValidationLoss] {
        let halving = Halving { factor: 2, first_epochs: 1 };
        assert_eq!(halving.continues(&trial(own), others.iter(), 8, metric), expected, "{own:?} {metric:?}");
    }
}

#[test]
fn rungs_grow_by_the_factor_and_stay_below_the_end() {
    let rungs = |factor, first_epochs, epochs| Halving { factor, first_epochs }.rungs(epochs).collect::<Vec<_>>();
    assert_eq!(rungs(3, 1, 27), [1, 3, 9]);
    assert_eq!(rungs(3, 1, 28), [1, 3, 9, 27]);
    assert_eq!(rungs(2, 3, 20), [3, 6, 12]);
    assert_eq!(rungs(3, 5, 5), [0_u32; 0]);
    assert_eq!(rungs(10, u32::MAX / 2, u32::MAX).len(), 1);
}

#[test]
fn the_first_ones_continue_and_then_the_best_half() {
    check(&[0.1], &[], true);
    // Two trials at the rung: the better one is the top half.
    check(&[0.1], &[trial(&[0.2])], false);
    check(&[0.2], &[trial(&[0.1])], true);
    // Three trials: one continues.
    check(&[0.2], &[trial(&[0.1]), trial(&[0.3])], false);
    // Four trials: two continue.
    check(&[0.2], &[trial(&[0.1]), trial(&[0.3]), trial(&[0.0])], true);
    // An equal metric is not better.
    check(&[0.2], &[trial(&[0.2])], true);
}

#[test]
fn only_rungs_prune_and_only_trials_that_reached_them_count() {
    check(&[0.1, 0.1, 0.1], &[trial(&[0.9; 8]), trial(&[0.8; 8])], true);
    // The others' first epochs do not count at the second rung.
    check(&[0.1, 0.2], &[trial(&[0.9]), trial(&[0.8])], true);
    check(&[0.1, 0.2], &[trial(&[0.3, 0.4, 0.5])], false);
    // A trial that continued counts with its metric at this rung.
    check(&[0.3], &[trial(&[0.2, 0.9])], true);
    // A trial counts with its best epoch so far, as a run keeps its best checkpoint.
    check(&[0.5, 0.1], &[trial(&[0.1, 0.4])], true);
}

#[test]
fn a_trial_that_failed_on_its_way_is_the_worst() {
    let mut failed = trial(&[]);
    failed.state = TrialState::Failed(FailureKind::LossNotFinite);
    check(&[0.1], &[failed.clone(), trial(&[0.2])], false);
    // Two failed trials make four in all: the second best continues.
    check(&[0.1], &[failed.clone(), failed.clone(), trial(&[0.2])], true);
    // A trial that failed before the first rung does not count at the second.
    check(&[0.1, 0.1], &[failed.clone(), trial(&[0.2, 0.2])], false);
    let mut unknown = trial(&[0.1]);
    unknown.epochs[0] = TrialEpoch { step: 1, loss: None, accuracy: f32::NAN };
    let halving = Halving { factor: 2, first_epochs: 1 };
    assert!(!halving.continues(&unknown, [trial(&[0.1])].iter(), 8, Metric::ValidationLoss), "no figure is the worst");
}

proptest! {
    #[test]
    fn the_best_always_continues_and_a_better_figure_never_hurts(
        figures in prop::collection::vec(0_u8..100, 1..30), own in 0_u8..100, better in 0_u8..100, factor in 2_u32..6,
    ) {
        let halving = Halving { factor, first_epochs: 1 };
        let others: Vec<Trial> = figures.iter().map(|figure| trial(&[f32::from(*figure)])).collect();
        let continues = |own: u8| halving.continues(&trial(&[f32::from(own)]), others.iter(), 9, Metric::ValidationAccuracy);
        prop_assert!(continues(100));
        prop_assert!(!continues(own) || continues(own.max(better)));
        // At most the top 1/η of the trials at the rung continue, apart from ties.
        let n_better = figures.iter().filter(|figure| **figure > own).count();
        let n_there = figures.len() + 1;
        if n_there >= factor as usize {
            prop_assert_eq!(continues(own), n_better < n_there / factor as usize);
        }
    }
}
