//! Whole searches, from the first to the last trial, with simulated runs.

use proptest::prelude::*;

use super::*;
use crate::config::{InitConfig, Metric, NetworkConfig};
use crate::search::importance::importance;
use crate::search::{Budget, Field, Halving, Values};

fn plan(method: Method, budget: Budget) -> SearchPlan {
    let network = NetworkConfig { init: InitConfig::He, ..NetworkConfig::new("Small", vec![]) };
    let range = |path: &str, least, most| Field {
        path: path.into(),
        values: Values::Range { least, most, is_log: true, is_whole: false },
    };
    SearchPlan {
        base: RunConfig { max_steps: Some(7), ..RunConfig::new("mnist", network) },
        fields: vec![range("learningRate", 1e-4, 1.0), range("weightDecay", 1e-5, 1e-2)],
        method,
        n_trials: 27,
        epochs: 9,
        metric: Metric::ValidationAccuracy,
        budget,
        seed: 3,
    }
}

fn report(epoch: u32, accuracy: f32) -> EpochReport {
    EpochReport {
        epoch,
        step: (epoch + 1) * 10,
        train_loss: 0.5,
        train_accuracy: 0.5,
        validation_loss: Some(1.0 - accuracy),
        validation_accuracy: Some(accuracy),
        is_best: true,
        elapsed_ms: f64::from(epoch + 1) * 1_000.0,
    }
}

/// Learning rates near 0.01 are best, above 0.15 they fail; weight decay has no effect.
fn run_trial(search: &mut Search, config: &RunConfig) {
    if config.learning_rate > 0.15 {
        return search.failed(FailureKind::LossNotFinite);
    }
    let quality = 1.0 - (config.learning_rate / 0.01).log10().abs() as f32 / 3.0;
    for epoch in 0..config.epochs {
        if search.epoch(&report(epoch, quality * (0.6 + 0.04 * epoch as f32))) == Verdict::Stop {
            return search.finished(Ending::Stopped);
        }
    }
    search.finished(Ending::Completed);
}

fn run_all(search: &mut Search) {
    while let Some(place) = search.begin_next() {
        let config = search.trial_config(place).unwrap();
        run_trial(search, &config);
    }
}

fn count(search: &Search, state: TrialState) -> usize {
    search.trials().iter().filter(|trial| trial.state == state).count()
}

#[test]
fn halving_finds_as_good_a_trial_for_less() {
    let mut random = Search::new(plan(Method::Random, Budget::default())).unwrap();
    run_all(&mut random);
    let mut halving = Search::new(plan(Method::Halving(Halving::default()), Budget::default())).unwrap();
    run_all(&mut halving);
    assert_eq!((random.phase(), halving.phase()), (Phase::AllTried, Phase::AllTried));
    assert_eq!(random.best(), halving.best(), "both draw the same trials");
    assert!(halving.spent().0 * 2 < random.spent().0, "{:?} and {:?}", halving.spent(), random.spent());
    assert!(count(&halving, TrialState::Cut) > 9, "{halving:?}");
    assert!(halving.trials().iter().all(|it| it.state != TrialState::Cut || [1, 3].contains(&it.n_epochs())));
    let n_failed = halving.trials().iter().filter(|trial| matches!(trial.state, TrialState::Failed(_))).count();
    assert!(n_failed > 0 && n_failed < 8, "{n_failed}");
    let explained = importance(&random);
    assert!(explained[0].unwrap() > 0.5 && explained[1].unwrap() < 0.3, "{explained:?}");
}

#[test]
fn the_winner_has_the_best_trials_settings_and_the_full_length() {
    let mut search = Search::new(plan(Method::Halving(Halving::default()), Budget::default())).unwrap();
    assert_eq!(search.best(), None);
    run_all(&mut search);
    let best = search.best().unwrap();
    let (trial, full) = (search.trial_config(best).unwrap(), search.full_config(best).unwrap());
    assert_eq!(search.trials()[best].picks[0], Some(full.learning_rate));
    assert_eq!((trial.epochs, trial.max_steps), (9, None));
    assert_eq!((full.epochs, full.max_steps), (5, Some(7)));
    assert_eq!(RunConfig { epochs: 5, max_steps: Some(7), ..trial }, full);
}

#[test]
fn the_budget_ends_the_search() {
    let budget = Budget { steps: Some(255), minutes: None };
    let mut search = Search::new(plan(Method::Random, budget)).unwrap();
    run_all(&mut search);
    assert_eq!(search.phase(), Phase::BudgetSpent);
    assert_eq!(search.spent().0, 260, "to the end of the epoch in which it was spent");
    assert_eq!((count(&search, TrialState::Done), count(&search, TrialState::Ended)), (2, 1));
    assert_eq!(search.fraction(), 1.0);
    let budget = Budget { steps: None, minutes: Some(0.1) };
    let mut search = Search::new(plan(Method::Random, budget)).unwrap();
    run_all(&mut search);
    assert_eq!((search.phase(), search.spent().1), (Phase::BudgetSpent, 6_000.0));
}

#[test]
fn a_paused_queue_begins_nothing_and_an_interrupted_trial_begins_anew() {
    let mut search = Search::new(plan(Method::Random, Budget::default())).unwrap();
    let first = search.begin_next().unwrap();
    assert_eq!(search.begin_next(), None, "one at a time");
    search.epoch(&report(0, 0.5));
    search.pause();
    assert_eq!(search.phase(), Phase::Paused);
    search.interrupt();
    assert_eq!(search.trials()[first].state, TrialState::Waiting);
    assert_eq!(search.trials()[first].n_epochs(), 0);
    assert_eq!(search.spent(), (10, 1_000.0), "what was done was paid for");
    assert_eq!(search.begin_next(), None);
    search.resume();
    assert_eq!(search.begin_next(), Some(first));
    search.epoch(&report(0, 0.5));
    search.stop();
    search.finished(Ending::Stopped);
    assert_eq!((search.phase(), search.trials()[first].state), (Phase::Stopped, TrialState::Ended));
    assert_eq!((search.begin_next(), search.best()), (None, Some(first)));
    search.resume();
    assert!(search.is_over(), "what is over stays over");
}

#[test]
fn a_stored_search_waits_to_be_resumed() {
    let mut search = Search::new(plan(Method::Halving(Halving::default()), Budget::default())).unwrap();
    let first = search.begin_next().unwrap();
    search.epoch(&report(0, 0.5));
    let text = serde_json::to_string(&search).unwrap();
    let restored = serde_json::from_str::<Search>(&text).unwrap().restored();
    assert_eq!((restored.phase(), restored.trials()[first].state), (Phase::Paused, TrialState::Waiting));
    assert_eq!(restored.plan(), search.plan());
    search.finished(Ending::Completed);
    run_all(&mut search);
    let text = serde_json::to_string(&search).unwrap();
    assert_eq!(
        serde_json::from_str::<Search>(&text).unwrap().restored(),
        search,
        "one that is over comes back as it was"
    );
}

#[test]
fn the_time_left_follows_the_trials_before() {
    let mut search = Search::new(plan(Method::Random, Budget::default())).unwrap();
    assert_eq!(search.remaining_ms(), None);
    search.begin_next();
    for epoch in 0..9 {
        search.epoch(&report(epoch, 0.5));
    }
    search.finished(Ending::Completed);
    let n_left = search.trials().len() as f64 - 1.0;
    assert_eq!(search.remaining_ms(), Some(n_left * 9_000.0));
}

#[test]
fn plans_out_of_range_are_refused() {
    let halving = |factor, first_epochs| Method::Halving(Halving { factor, first_epochs });
    let check = |plan: SearchPlan, detail: &str| {
        let error = Search::new(plan).expect_err(detail);
        assert!(error.to_string().contains(detail), "{error}");
    };
    check(SearchPlan { n_trials: 0, ..plan(Method::Random, Budget::default()) }, "trials must be from 1 to 200");
    check(SearchPlan { epochs: 101, ..plan(Method::Random, Budget::default()) }, "epochs of a trial");
    check(plan(halving(1, 1), Budget::default()), "1 in must be from 2 to 10");
    check(plan(halving(3, 0), Budget::default()), "before the first cut");
    check(plan(Method::Grid { n_points: 1 }, Budget::default()), "points of a grid");
    check(plan(Method::Random, Budget { steps: Some(0), minutes: None }), "budget");
    check(plan(Method::Random, Budget { steps: None, minutes: Some(f64::NAN) }), "budget");
}

proptest! {
    #[test]
    fn whatever_happens_no_trial_is_lost(happenings in prop::collection::vec(0_u8..8, 0..200)) {
        let mut search = Search::new(plan(Method::Halving(Halving::default()), Budget::default())).unwrap();
        let n_trials = search.trials().len();
        for happening in happenings {
            let before = search.spent();
            match happening {
                0 | 1 => { search.begin_next(); }
                2 => {
                    let n_epochs = search.running().map_or(0, |place| search.trials()[place].n_epochs());
                    search.epoch(&report(n_epochs, 0.5));
                }
                3 => search.finished(Ending::Completed),
                4 => search.failed(FailureKind::LossNotFinite),
                5 => search.interrupt(),
                6 => search.pause(),
                _ => search.resume(),
            }
            prop_assert!(search.spent().0 >= before.0 && search.spent().1 >= before.1);
            prop_assert_eq!(search.trials().len(), n_trials);
            prop_assert!(search.trials().iter().filter(|trial| trial.state == TrialState::Running).count() <= 1);
        }
        search.resume();
        search.interrupt();
        run_all(&mut search);
        prop_assert_eq!(search.phase(), Phase::AllTried);
        prop_assert_eq!(search.n_over(), n_trials);
    }
}
