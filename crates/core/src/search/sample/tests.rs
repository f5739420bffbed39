//! Grids are complete, draws are seeded, and no two trials are equal.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::config::{InitConfig, Metric, NetworkConfig, OptimizerConfig, RunConfig};
use crate::search::{Budget, Halving};

fn plan(method: Method, fields: Vec<Field>) -> SearchPlan {
    let network = NetworkConfig { init: InitConfig::He, ..NetworkConfig::new("Small", vec![]) };
    SearchPlan {
        base: RunConfig::new("mnist", network),
        fields,
        method,
        n_trials: 20,
        epochs: 9,
        metric: Metric::ValidationAccuracy,
        budget: Budget::default(),
        seed: 1,
    }
}

fn rate() -> Field {
    let values = Values::Range { least: 1e-4, most: 1e-2, is_log: true, is_whole: false };
    Field { path: "learningRate".into(), values }
}

fn optimizer() -> Field {
    let kinds = vec![json!(OptimizerConfig::ADAM), json!(OptimizerConfig::SGD)];
    Field { path: "optimizer".into(), values: Values::Choices(kinds) }
}

fn momentum() -> Field {
    let values = Values::Range { least: 0.5, most: 0.9, is_log: false, is_whole: false };
    Field { path: "optimizer.momentum".into(), values }
}

fn picks(trials: &[Trial]) -> Vec<Vec<Option<f64>>> {
    trials.iter().map(|trial| trial.picks.clone()).collect()
}

#[test]
fn a_grid_has_every_combination_once() {
    let trials = draw_trials(&plan(Method::Grid { n_points: 3 }, vec![rate(), optimizer()])).unwrap();
    let found: BTreeSet<String> = trials.iter().map(|trial| format!("{:?}", trial.picks)).collect();
    let expected =
        [1e-4, 1e-3, 1e-2].iter().flat_map(|rate| [0.0, 1.0].map(|kind| format!("{:?}", [Some(*rate), Some(kind)])));
    assert_eq!(found, expected.collect());
    assert_eq!(trials.len(), 6);
}

#[test]
fn what_makes_no_difference_is_not_tried_twice() {
    // Three momenta of SGD, and one Adam, which has none.
    let trials = draw_trials(&plan(Method::Grid { n_points: 3 }, vec![optimizer(), momentum()])).unwrap();
    assert_eq!(trials.len(), 4);
    assert_eq!(trials.iter().filter(|trial| trial.picks == [Some(0.0), None]).count(), 1);
    // Two choices give two trials, however many are requested.
    let trials = draw_trials(&plan(Method::Random, vec![optimizer()])).unwrap();
    assert_eq!(trials.len(), 2);
}

#[test]
fn a_grid_that_is_too_large_is_refused() {
    let error = draw_trials(&plan(Method::Grid { n_points: 50 }, vec![rate(), optimizer(), momentum()])).unwrap_err();
    assert_eq!(error, SpaceError::TooManyPoints { n_points: 5_000, limit: TRIALS_LIMIT });
}

#[test]
fn draws_follow_their_seed() {
    let random = plan(Method::Random, vec![rate(), optimizer()]);
    let trials = draw_trials(&random).unwrap();
    assert_eq!(trials.len(), 20);
    assert_eq!(picks(&trials), picks(&draw_trials(&random).unwrap()));
    let halving = plan(Method::Halving(Halving::default()), vec![rate(), optimizer()]);
    assert_eq!(picks(&trials), picks(&draw_trials(&halving).unwrap()), "halving draws as random search does");
    let other = SearchPlan { seed: 2, ..random };
    assert_ne!(picks(&trials), picks(&draw_trials(&other).unwrap()));
}

#[test]
fn a_log_scale_draws_every_decade_equally_often() {
    let plan = SearchPlan { n_trials: 200, ..plan(Method::Random, vec![rate()]) };
    let trials = draw_trials(&plan).unwrap();
    let n_below = trials.iter().filter(|trial| trial.picks[0].is_some_and(|rate| rate < 1e-3)).count();
    // Half of 200; four standard deviations are 28.
    assert!((72..=128).contains(&n_below), "{n_below} of {}", trials.len());
}
