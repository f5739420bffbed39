//! What the tuner decides, shown by the news that two engines could tell.

use super::*;
use crate::page::state::{Curves, Run};
use kindling_core::config::{InitConfig, NetworkConfig};
use kindling_core::protocol::{FailureKind, RunId};

fn checkpoint(rate: f64, remaining_ms: f64) -> Box<Checkpoint> {
    let network = NetworkConfig { name: "Small".into(), layers: vec![], init: InitConfig::Pytorch };
    let mut run = Run::new(RunId(3), RunConfig::new("mnist", network));
    run.progress.images_per_second = rate;
    run.progress.remaining_ms = remaining_ms;
    Box::new(Checkpoint { run, curves: Curves::default(), step: 41, bytes: vec![1, 2].into() })
}

fn slow() -> Box<Checkpoint> {
    checkpoint(100.0, WORTH_MS)
}

fn losses() -> Vec<f32> {
    (0..PROOF_STEPS).map(|step| 2.0 / (step + 1) as f32).collect()
}

fn told(losses: Vec<f32>) -> News {
    News::Losses { losses, elapsed_ms: 0.0 }
}

/// A tuner whose run is about to move.
fn proved() -> Tuner {
    let mut tuner = Tuner::new(true);
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Tune(slow()));
    assert_eq!(tuner.hear_beside(BesideNews::Tuning { done: 1, total: 4 }), Next::Nothing);
    assert_eq!(tuner.state(None), TuningState::Tuning { done: 1, total: 4 });
    assert_eq!(tuner.hear(told(losses())), Next::Nothing);
    assert_eq!(tuner.hear_beside(BesideNews::Losses(losses())), Next::Prepare);
    tuner
}

fn settled(rate: f64) -> (Tuner, Next) {
    let mut tuner = proved();
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Move(slow()));
    assert_eq!(tuner.state(None), TuningState::OnTrial);
    let next = tuner.hear(News::Checkpoint(checkpoint(rate, WORTH_MS)));
    (tuner, next)
}

#[test]
fn a_run_stays_where_it_is_faster() {
    let (tuner, next) = settled(180.0);
    let config = slow().run.config;
    assert_eq!(next, Next::Nothing);
    assert!(tuner.is_tuned(&config));
    assert_eq!(tuner.state(Some(&config)), TuningState::Measured { ratio: 1.8 });
}

#[test]
fn a_run_that_is_slower_moves_back_and_is_not_tuned_for_again() {
    let (mut tuner, next) = settled(90.0);
    assert_eq!(next, Next::Move(checkpoint(90.0, WORTH_MS)));
    assert!(!tuner.is_tuned(&slow().run.config));
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Nothing);
}

#[test]
fn what_is_known_of_one_seed_holds_for_all_and_not_for_other_batches() {
    let (mut tuner, _) = settled(180.0);
    let config = slow().run.config;
    assert!(tuner.is_tuned(&RunConfig { seed: 5, epochs: 1, learning_rate: 0.5, ..(*config).clone() }));
    let other = RunConfig { batch_size: 7, ..(*config).clone() };
    assert!(!tuner.is_tuned(&other));
    let mut its = slow();
    its.run.config = Arc::new(other);
    assert_eq!(tuner.hear(News::Checkpoint(its.clone())), Next::Tune(its));
}

#[test]
fn short_runs_are_left_alone_and_so_are_all_where_it_is_off() {
    assert_eq!(Tuner::new(true).hear(News::Checkpoint(checkpoint(100.0, WORTH_MS - 1.0))), Next::Nothing);
    assert_eq!(Tuner::new(false).hear(News::Checkpoint(slow())), Next::Nothing);
}

#[test]
fn what_takes_too_long_is_ended_and_tried_again_only_for_longer_runs() {
    let mut tuner = Tuner::new(true);
    tuner.hear(News::Checkpoint(slow()));
    let late = |share: f64| News::Losses { losses: vec![1.0], elapsed_ms: share * WORTH_MS };
    assert_eq!(tuner.hear(late(0.99 * MOST_SHARE)), Next::Nothing);
    assert_eq!(tuner.hear(late(1.01 * MOST_SHARE)), Next::End);
    assert_eq!(tuner.state(Some(&slow().run.config)), TuningState::TookTooLong);
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Nothing);
    assert!(!tuner.is_tuned(&slow().run.config));
    // Except for a run that has far more time left.
    let longer = checkpoint(100.0, 2.1 * WORTH_MS);
    assert_eq!(tuner.hear(News::Checkpoint(longer.clone())), Next::Tune(longer));
}

#[test]
fn what_rounding_makes_of_later_steps_is_no_other_loss() {
    let scaled = |share: f32| {
        losses()
            .iter()
            .enumerate()
            .map(|(step, loss)| {
                let growth = 2f32.powi((step as i32 - 2).max(0));
                loss * (1.0 + share * growth)
            })
            .collect::<Vec<_>>()
    };
    for (share, is_right) in [(0.9e-3, true), (-0.9e-3, true), (1.1e-3, false)] {
        let mut tuner = Tuner::new(true);
        tuner.hear(News::Checkpoint(slow()));
        tuner.hear_beside(BesideNews::Losses(scaled(share)));
        assert_eq!(tuner.hear(told(losses())) == Next::Prepare, is_right, "{share}");
    }
}

#[test]
fn other_losses_end_it_for_good() {
    for wrong in [2.01, f32::NAN] {
        let mut tuner = Tuner::new(true);
        tuner.hear(News::Checkpoint(slow()));
        tuner.hear_beside(BesideNews::Losses([&[wrong], &losses()[1..]].concat()));
        assert!(matches!(tuner.hear(told(losses())), Next::Refuse(Refusal::Differs { .. })), "{wrong}");
        assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Nothing);
    }
}

#[test]
fn a_failure_of_the_other_engine_ends_it_for_good() {
    let mut tuner = proved();
    let failure = Failure::new(FailureKind::GpuError, "a shader was refused");
    assert_eq!(tuner.hear_beside(BesideNews::Failed(failure.clone())), Next::Refuse(Refusal::Failed(failure)));
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Nothing);
}

#[test]
fn a_run_moves_only_at_a_checkpoint_that_has_what_was_asked() {
    let mut tuner = proved();
    tuner.steered();
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Nothing);
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Move(slow()));
}

#[test]
fn changed_values_end_a_comparison_and_the_next_checkpoint_begins_another() {
    let mut tuner = Tuner::new(true);
    tuner.hear(News::Checkpoint(slow()));
    assert_eq!(tuner.adjusted(), Next::Rest);
    assert_eq!(tuner.hear(News::Checkpoint(slow())), Next::Tune(slow()));
    tuner.hear(told(losses()));
    assert_eq!(tuner.adjusted(), Next::Nothing);
    assert_eq!(tuner.hear_beside(BesideNews::Losses(losses())), Next::Prepare);
}

#[test]
fn a_run_that_ends_ends_the_tuning() {
    let mut tuner = Tuner::new(true);
    tuner.hear(News::Checkpoint(slow()));
    assert_eq!(tuner.hear(News::Ended), Next::Rest);
    assert!(!tuner.is_at_work());
}

#[test]
fn only_a_run_on_trial_can_be_rescued() {
    let mut tuner = proved();
    assert_eq!(tuner.rescue(), None);
    tuner.hear(News::Checkpoint(slow()));
    assert_eq!(tuner.rescue(), Some(slow()));
    assert!(!tuner.is_on());
}
