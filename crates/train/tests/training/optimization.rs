//! What changes the weights in a run: accumulation, clipping, averaging, schedules, early stopping, changed rates, range tests.

use std::cell::RefCell;
use std::rc::Rc;

use kindling_core::config::{
    AugmentConfig, ClassWeights, Decay, EarlyStopping, Layer, LossConfig, Metric, OptimizerConfig, RunConfig,
    ScheduleConfig,
};
use kindling_core::protocol::{
    Adjustment, Ending, EpochReport, FailureKind, RatePoint, RunUpdate, SplitName, ValueChange,
};
use kindling_core::random::Random;
use kindling_train::device::DeviceDataset;
use kindling_train::evaluation::evaluate;
use kindling_train::module::Network;
use kindling_train::training::optimizer::Rates;
use kindling_train::training::step::{StepSettings, Trainer};
use kindling_train::training::{Control, find_rate};

use crate::support::{Recorder, bands, block_on};
use crate::{Outcome, config, device};

#[test]
fn two_half_batches_make_one_batch() {
    let whole = steps(&sgd(), &[(0..20, true)]);
    let halves = steps(&sgd(), &[(0..10, false), (10..20, true)]);
    check_close(&whole, &halves);
    // Nothing of the first update is left over in the second.
    let twice = steps(&sgd(), &[(0..20, true), (20..40, true)]);
    let halves = steps(&sgd(), &[(0..10, false), (10..20, true), (20..30, false), (30..40, true)]);
    check_close(&twice, &halves);
}

#[test]
fn clipping_limits_how_far_the_weights_move() {
    let start = steps(&sgd(), &[]);
    let distance = |end: &[f32]| start.iter().zip(end).map(|(one, other)| (one - other).powi(2)).sum::<f32>().sqrt();
    let free = distance(&steps(&sgd(), &[(0..20, true)]));
    let clipped = |max_norm| distance(&steps(&RunConfig { clip_norm: Some(max_norm), ..sgd() }, &[(0..20, true)]));
    // The learning rate is 0.1.
    assert!(free > 0.01, "{free}");
    assert!((clipped(0.05) - 0.005).abs() < 1e-5, "{}", clipped(0.05));
    assert!((clipped(1e3) - free).abs() < 1e-6);
    // The mean of two batches is clipped, not each.
    let halves = steps(&RunConfig { clip_norm: Some(0.05), ..sgd() }, &[(0..10, false), (10..20, true)]);
    assert!((distance(&halves) - 0.005).abs() < 1e-5);
}

#[test]
fn an_epoch_leaves_no_batch_without_its_update() {
    // 15 steps: updates after 7, 14 and 15.
    let run = Outcome::of(&RunConfig { batches_per_update: 7, epochs: 1, ..plain() });
    let one_by_one = Outcome::of(&RunConfig { epochs: 1, ..plain() });
    assert_eq!(run.losses[0], one_by_one.losses[0]);
    assert_ne!(run.losses[1], one_by_one.losses[1]);
    // The same batches from the same weights, updated after each group.
    let data = data();
    let plan = kindling_train::training::plan::Plan::new(&plain(), data.counts()).unwrap();
    let order = plan.order(data.part(SplitName::Train), plain().seed, 0);
    let mut trainer = trainer(&plain(), &data, plain().seed);
    let losses: Vec<f32> = order
        .chunks(20)
        .enumerate()
        .map(|(step, images)| {
            let settings = StepSettings { is_update: [6, 13, 14].contains(&step), ..settings(plain().learning_rate) };
            let outcome = trainer.step(data.batch(data.select(images.to_vec())), settings);
            outcome.loss_terms.into_data().iter::<f32>().sum()
        })
        .collect();
    check_close(&losses, &run.losses);
}

#[test]
fn the_average_is_what_is_evaluated_kept_and_asked() {
    let raw = Outcome::of(&config());
    let averaged = Outcome::of(&RunConfig { ema_decay: Some(0.9), ..config() });
    assert_eq!(raw.losses, averaged.losses, "the weights go their way as without an average");
    let of_last = |outcome: &Outcome| outcome.epochs().last().unwrap().validation_loss.unwrap();
    assert_ne!(of_last(&raw), of_last(&averaged));
    check_published(&averaged);
    assert!(!raw.result.unwrap().is_averaged);
    assert!(averaged.result.unwrap().is_averaged);
    // An average with decay 0 is the weights.
    let unaveraged = Outcome::of(&RunConfig { ema_decay: Some(0.0), ..config() });
    assert_eq!(raw.updates.len(), unaveraged.updates.len());
    assert!((of_last(&Outcome::of(&config())) - of_last(&unaveraged)).abs() < 1e-6);
}

#[test]
fn a_run_that_gets_no_better_ends_early_with_its_best_weights() {
    let stopping = EarlyStopping { metric: Metric::ValidationLoss, patience: 2, least_improvement: 0.0 };
    // At this rate, the loss fluctuates.
    let rough = RunConfig { learning_rate: 0.06, epochs: 40, early_stopping: Some(stopping), ..config() };
    let run = Outcome::of(&rough);
    let epochs = run.epochs();
    let loss = |report: &EpochReport| report.validation_loss.unwrap();
    let lowest = epochs.iter().min_by(|one, other| loss(one).total_cmp(&loss(other))).unwrap();
    assert_eq!(epochs.len(), lowest.epoch as usize + 1 + 2, "{epochs:?}");
    check_published(&run);
    let report = run.result.unwrap();
    assert_eq!((report.ending, report.steps), (Ending::EarlyStopped, epochs.len() as u32 * 15));
    assert_eq!(report.best.unwrap().epoch, lowest.epoch);
    // In the last epoch, there is nothing left to stop.
    let whole = RunConfig { epochs: epochs.len() as u32, ..rough };
    assert_eq!(Outcome::of(&whole).result.unwrap().ending, Ending::Completed);
}

#[test]
fn the_rate_follows_the_schedule_and_the_plateau() {
    let rates = |schedule| {
        let run = Outcome::of(&RunConfig { schedule, epochs: 4, ..plain() });
        // A second passes at each `yield_now`, so every step is reported.
        let rate = |update: &RunUpdate| match update {
            RunUpdate::Progress(progress) => Some((progress.step, progress.learning_rate)),
            _ => None,
        };
        run.updates.iter().filter_map(rate).collect::<Vec<_>>()
    };
    let base = plain().learning_rate;
    assert!(rates(ScheduleConfig::Constant).iter().all(|(_, rate)| *rate == base));
    let halved = rates(ScheduleConfig::Exponential { factor: 0.5 });
    assert_eq!((halved[14], halved[15], halved[59]), ((15, base), (16, base * 0.5), (60, base * 0.125)));
    let cycle = rates(ScheduleConfig::ONE_CYCLE);
    assert!((cycle[0].1 * 25.0 / base - 1.0).abs() < 1e-9 && cycle[17].1 == base, "{cycle:?}");
    // No loss is a billion times lower, so from the second epoch on there is no improvement.
    let threshold = 1.0 - 1e-9;
    let plateau = ScheduleConfig::Plateau { factor: 0.1, patience: 0, threshold, cooldown: 0, least_rate: 0.0 };
    let plateau = rates(plateau);
    assert_eq!((plateau[29], plateau[30]), ((30, base), (31, base * 0.1)));
    assert!((plateau[45].1 / base - 0.01).abs() < 1e-9);
}

#[test]
fn rates_change_within_a_step_and_the_run_says_so() {
    let control = Rc::new(Control::default());
    let at_yield = control.clone();
    let run = Outcome::with(&RunConfig { epochs: 1, ..plain() }, &control, move |breath| {
        if breath == 7 {
            at_yield.adjust(ValueChange { learning_rate: Some(0.5), ..ValueChange::default() });
            at_yield.adjust(ValueChange { weight_decay: Some(0.25), ..ValueChange::default() });
        }
    });
    let adjusted = Adjustment { step: 7, learning_rate: 0.5, weight_decay: 0.25, augment: None };
    assert_eq!(run.updates.iter().filter(|update| **update == RunUpdate::Adjusted(adjusted)).count(), 1);
    let rate_of = |wanted| {
        run.updates.iter().find_map(|update| match update {
            RunUpdate::Progress(progress) if progress.step == wanted => Some(progress.learning_rate),
            _ => None,
        })
    };
    assert_eq!((rate_of(7), rate_of(8)), (Some(plain().learning_rate), Some(0.5)));
    let plain = Outcome::of(&RunConfig { epochs: 1, ..plain() });
    assert_eq!(run.losses[..8], plain.losses[..8]);
    assert_ne!(run.losses[8], plain.losses[8]);
}

#[test]
fn values_out_of_range_are_a_warning_and_change_nothing() {
    let config = RunConfig { max_steps: Some(3), ..plain() };
    let unchanged = Outcome::of(&config).losses;
    let flip = |flip| Some(AugmentConfig { flip, ..AugmentConfig::default() });
    for change in [
        ValueChange { learning_rate: Some(-1.0), augment: flip(1.0), ..ValueChange::default() },
        ValueChange { learning_rate: Some(0.5), augment: flip(1.5), ..ValueChange::default() },
        ValueChange { augment: flip(f64::NAN), ..ValueChange::default() },
    ] {
        let control = Control::default();
        control.adjust(change);
        let (host, data) = (Recorder::new(1_000.0, |_| {}), data());
        let published = kindling_train::training::Published::default();
        block_on(kindling_train::training::train(&host, &control, &data, &config, &published)).unwrap();
        assert_eq!(host.warnings.borrow().iter().map(|it| it.kind).collect::<Vec<_>>(), [FailureKind::BadConfig]);
        assert!(!host.updates.borrow().iter().any(|update| matches!(update, RunUpdate::Adjusted(_))));
        assert!(host.progress().iter().all(|progress| progress.learning_rate == plain().learning_rate));
        assert_eq!(host.losses(), unchanged, "{change:?}");
    }
}

#[test]
fn every_optimizer_and_loss_learns_the_separable_set() {
    let rates = [0.05, 0.01, 0.01, 0.003, 0.03, 0.002, 0.02];
    for (optimizer, learning_rate) in OptimizerConfig::ALL.into_iter().zip(rates) {
        check_learns(RunConfig { optimizer, learning_rate, ..config() });
    }
    let class_weights = ClassWeights::Balanced;
    check_learns(RunConfig { loss: LossConfig::CrossEntropy { label_smoothing: 0.1, class_weights }, ..config() });
    check_learns(RunConfig { loss: LossConfig::MeanSquaredError, ..config() });
}

#[test]
fn a_range_test_proposes_a_rate_that_learns() {
    let received = RefCell::new(Vec::<RatePoint>::new());
    let fraction = RefCell::new(0.0);
    let progress = |done: f32, points: &[RatePoint]| {
        assert!(done > *fraction.borrow());
        fraction.replace(done);
        received.borrow_mut().extend_from_slice(points);
    };
    let host = Recorder::new(40.0, |_| {});
    let test = block_on(find_rate(&host, &Control::default(), &data(), &config(), progress)).unwrap();
    assert_eq!(*received.borrow(), test.points);
    assert!(test.points.len() > 50 && test.points.windows(2).all(|pair| pair[0].learning_rate < pair[1].learning_rate));
    // A separable set tolerates a wide range of rates.
    let proposed = test.proposed.unwrap();
    assert!((1e-4..1.0).contains(&proposed), "{proposed}");
    check_learns(RunConfig { learning_rate: proposed, epochs: 6, ..config() });
}

#[test]
fn a_range_test_can_be_stopped() {
    let control = Rc::new(Control::default());
    let at_yield = control.clone();
    let host = Recorder::new(1.0, move |breath| {
        if breath == 5 {
            at_yield.stop()
        }
    });
    let failure = block_on(find_rate(&host, &control, &data(), &config(), |_, _| {})).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Canceled);
}

#[test]
fn extras_out_of_range_are_refused() {
    let loss = |label_smoothing, class_weights| LossConfig::CrossEntropy { label_smoothing, class_weights };
    let stopping = EarlyStopping::default();
    let configs = [
        RunConfig { loss: loss(1.0, ClassWeights::None), ..config() },
        RunConfig { loss: loss(0.0, ClassWeights::Given(vec![1.0; 2])), ..config() },
        RunConfig { loss: LossConfig::BinaryCrossEntropy, ..config() },
        RunConfig { optimizer: OptimizerConfig::Sgd { momentum: 0.0, nesterov: true }, ..config() },
        RunConfig { optimizer: OptimizerConfig::ADAM_W, decay: Decay::L2, ..config() },
        RunConfig { schedule: ScheduleConfig::Step { epochs: 0, factor: 0.1 }, ..config() },
        RunConfig { schedule: ScheduleConfig::Exponential { factor: 1.5 }, ..config() },
        RunConfig { clip_norm: Some(0.0), ..config() },
        RunConfig { batches_per_update: 0, ..config() },
        RunConfig { ema_decay: Some(1.0), ..config() },
        RunConfig { early_stopping: Some(EarlyStopping { patience: 0, ..stopping }), ..config() },
        RunConfig { augment: AugmentConfig { flip: 1.5, ..AugmentConfig::default() }, ..config() },
    ];
    for config in configs {
        assert_eq!(Outcome::of(&config).result.unwrap_err().kind, FailureKind::BadConfig, "{config:?}");
    }
    let (dataset, mut split) = bands();
    split.validation.clear();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let unwatched = Outcome::on(data, &RunConfig { early_stopping: Some(stopping), ..config() });
    assert_eq!(unwatched.result.unwrap_err().kind, FailureKind::BadConfig);
}

/// Without dropout and batch norm, so that batches can be split, and without weight decay.
fn plain() -> RunConfig {
    let mut config = RunConfig { weight_decay: 0.0, ..config() };
    config.network.layers.retain(|layer| !matches!(layer, Layer::BatchNorm | Layer::Dropout { .. }));
    config
}

fn sgd() -> RunConfig {
    RunConfig { optimizer: OptimizerConfig::SGD, learning_rate: 0.1, ..plain() }
}

fn data() -> DeviceDataset {
    let (dataset, split) = bands();
    DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap()
}

fn settings(learning_rate: f64) -> StepSettings {
    StepSettings { rates: Rates { learning_rate, weight_decay: 0.0 }, is_update: true }
}

/// The trainer with which a run of this seed starts.
fn trainer(config: &RunConfig, data: &DeviceDataset, seed: u32) -> Trainer {
    let mut random = kindling_train::training::plan::random(seed, kindling_train::training::plan::Purpose::Weights);
    let network = Network::new(&config.network, data.shape(), data.n_classes(), &mut random, &device()).unwrap();
    Trainer::new(network, config, &data.train_class_counts(), Random::new(0)).unwrap()
}

/// All weights after steps on these images, each with or without an update.
fn steps(config: &RunConfig, batches: &[(std::ops::Range<u32>, bool)]) -> Vec<f32> {
    let data = data();
    let mut trainer = trainer(config, &data, 1);
    for (images, is_update) in batches {
        let batch = data.batch(data.select(images.clone()));
        trainer.step(batch, StepSettings { is_update: *is_update, ..settings(config.learning_rate) });
    }
    block_on(trainer.network().weights()).unwrap().into_iter().flat_map(|tensor| tensor.values).collect()
}

fn check_close(one: &[f32], other: &[f32]) {
    assert_eq!(one.len(), other.len());
    let max = one.iter().zip(other).fold(0.0_f32, |max, (one, other)| max.max((one - other).abs()));
    assert!(max < 1e-5, "{max}");
}

fn check_learns(config: RunConfig) {
    let report = Outcome::of(&config).result.unwrap();
    assert!(report.best.unwrap().validation_accuracy.unwrap() >= 0.9, "{config:?}: {report:?}");
}

/// Checks that predictions are made with the network whose validation the report states.
fn check_published(run: &Outcome) {
    let best = run.result.as_ref().unwrap().best.unwrap();
    let network = run.published.get().unwrap();
    let host = Recorder::new(1.0, |_| {});
    let evaluation = block_on(evaluate(&network, &run.data, SplitName::Validation, &host, |_| {})).unwrap();
    assert!((evaluation.loss - best.validation_loss.unwrap()).abs() < 1e-6, "{best:?} {}", evaluation.loss);
}
