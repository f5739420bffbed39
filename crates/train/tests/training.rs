//! The training loop: what it emits, how it responds to its control, and what it leaves behind. On flex; only `device` depends on that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::rc::Rc;

use burn::tensor::Device;
use kindling_core::config::{Activation, Layer, NetworkConfig, OptimizerConfig, Padding, RunConfig};
use kindling_core::protocol::{
    Bulk, Ending, EpochReport, Failure, FailureKind, RunReport, RunUpdate, SplitCounts, SplitName,
};
use kindling_kernels::threads::share_all_work;
use kindling_train::device::DeviceDataset;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::evaluation::{ViewSet, evaluate};
use kindling_train::training::{Control, Published, train, warm_up};

mod support;
use support::{Recorder, bands, block_on};

#[path = "training/views.rs"]
mod views;

#[path = "training/optimization.rs"]
mod optimization;

#[path = "training/adversarial.rs"]
mod adversarial;

#[path = "training/objective.rs"]
mod objective;

#[path = "training/resume.rs"]
mod resume;

#[path = "training/frozen.rs"]
mod frozen;

#[path = "training/out_of_fold.rs"]
mod out_of_fold;

#[path = "training/augmentation.rs"]
mod augmentation;

#[path = "training/distillation.rs"]
mod distillation;

#[path = "training/sparsity.rs"]
mod sparsity;

#[path = "training/monitor.rs"]
mod monitor;

/// Every test begins with it. Some want even small work shared among threads, which cuts sums differently, so all have it from the beginning.
fn device() -> Device {
    share_all_work();
    Device::flex()
}

#[test]
fn it_learns_a_separable_set() {
    let run = Outcome::of(&config());
    let report = run.result.unwrap();
    assert_eq!(report.ending, Ending::Completed);
    assert_eq!(report.steps, 3 * 15);
    let best = report.best.unwrap();
    assert!(best.validation_accuracy.unwrap() >= 0.95, "{best:?}");
    let losses = run.losses;
    assert_eq!(losses.len(), 3 * 15);
    // An untrained network guesses: ln 3 = 1.10.
    assert!((0.9..1.4).contains(&losses[0]) && losses[44] < 0.3, "{losses:?}");
}

#[test]
fn the_updates_come_in_order_and_add_up() {
    let run = Outcome::of(&config());
    assert!(matches!(run.updates[0], RunUpdate::Preparing(_)));
    let RunUpdate::Started { steps_per_epoch, total_steps, parameters } = run.updates[1] else { panic!() };
    // Convolution 4 * (9 + 1), batch norm 8, hidden layer 144 * 16 + 16, classifier 17 * 3.
    assert_eq!((steps_per_epoch, total_steps, parameters), (15, 45, 40 + 8 + 2_320 + 51));
    assert!(
        run.updates.iter().any(|update| matches!(update, RunUpdate::Samples(predictions) if predictions.len() == 2))
    );

    let epochs: Vec<EpochReport> = run.epochs();
    assert_eq!(epochs.iter().map(|report| report.step).collect::<Vec<_>>(), [15, 30, 45]);
    for (epoch, losses) in epochs.iter().zip(run.losses.chunks(15)) {
        let mean = losses.iter().sum::<f32>() / 15.0;
        assert!((epoch.train_loss - mean).abs() < 1e-5, "{epoch:?} {mean}");
    }
}

#[test]
fn equal_seeds_repeat_and_other_seeds_differ() {
    let first = Outcome::of(&config());
    let second = Outcome::of(&config());
    let other = Outcome::of(&RunConfig { seed: 2, ..config() });
    assert_eq!(first.losses, second.losses);
    assert_ne!(first.losses, other.losses);
}

#[test]
fn dropout_repeats_too() {
    let mut config = config();
    config.network.layers[6] = Layer::Dropout { rate: 0.5 };
    let first = Outcome::of(&config);
    assert_eq!(first.losses, Outcome::of(&config).losses);
    assert_ne!(first.losses, Outcome::of(&self::config()).losses);
    let host = Recorder::new(1.0, |_| {});
    let network = first.published.get().unwrap();
    let evaluations =
        [(); 2].map(|()| block_on(evaluate(&network, &first.data, SplitName::Test, &host, |_| {})).unwrap());
    assert_eq!(evaluations[0], evaluations[1], "an evaluation drops nothing");
}

#[test]
fn the_order_of_the_images_changes_with_the_epoch() {
    let plan =
        kindling_train::training::plan::Plan::new(&config(), SplitCounts { train: 300, ..SplitCounts::default() })
            .unwrap();
    let train: Vec<u32> = (0..300).collect();
    let [first, again, second] = [0, 0, 1].map(|epoch| plan.order(&train, 1, epoch));
    assert_eq!(first, again);
    assert_ne!(first, second);
    let mut sorted = second;
    sorted.sort_unstable();
    assert_eq!(sorted, train);
}

#[test]
fn pausing_changes_nothing() {
    let plain = Outcome::of(&config());
    let control = Rc::new(Control::default());
    let paused_at = control.clone();
    // The run yields after steps and within validations, so these pauses cover both.
    let paused = Outcome::with(&config(), &control, move |n_yields| {
        if n_yields % 4 == 0 {
            paused_at.pause();
        }
    });
    assert_eq!(plain.losses, paused.losses);
    assert_eq!(plain.result, paused.result, "pauses do not count as elapsed time");
    let n_pauses = paused.updates.iter().filter(|update| matches!(update, RunUpdate::Paused { .. })).count();
    let n_resumes = paused.updates.iter().filter(|update| matches!(update, RunUpdate::Resumed)).count();
    assert!(n_pauses >= 10, "{n_pauses}");
    assert_eq!(n_pauses, n_resumes);
}

#[test]
fn a_pause_acts_within_one_step_and_a_single_step_trains_one_batch() {
    let control = Rc::new(Control::default());
    let at_yield = control.clone();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let published = Published::default();
    let config = config();
    let host = Recorder::new(1.0, move |n_yields| {
        if n_yields == 7 {
            at_yield.pause();
        }
    });
    let mut run = std::pin::pin!(train(&host, &control, &data, &config, &published));
    let mut poll_until_paused = || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let n_before = host.updates.borrow().len();
        for _ in 0..10 {
            assert!(run.as_mut().poll(&mut context).is_pending());
        }
        host.updates.borrow()[n_before..].iter().rev().find_map(|update| match update {
            RunUpdate::Paused { step } => Some(*step),
            _ => None,
        })
    };
    assert_eq!(poll_until_paused(), Some(7));
    assert_eq!(host.losses().len(), 7, "a pause reports the losses so far");
    assert_eq!(poll_until_paused(), None, "it stays paused");
    for step in [8, 9] {
        control.step();
        assert_eq!(poll_until_paused(), Some(step));
        assert_eq!(host.losses().len(), step as usize);
    }
}

#[test]
fn stopping_acts_within_one_step_and_keeps_the_last_network() {
    let control = Rc::new(Control::default());
    let at_yield = control.clone();
    let run = Outcome::with(&config(), &control, move |n_yields| {
        if n_yields == 7 {
            at_yield.stop();
        }
    });
    let report = run.result.unwrap();
    assert_eq!((report.ending, report.steps, report.best), (Ending::Stopped, 7, None));
    assert_eq!(run.losses.len(), 7);
    assert!(run.published.get().is_some());
}

#[test]
fn stopping_ends_a_pause_too() {
    let control = Rc::new(Control::default());
    control.pause();
    let at_yield = control.clone();
    let run = Outcome::with(&config(), &control, move |_| at_yield.stop());
    assert_eq!(run.result.unwrap().ending, Ending::Stopped);
}

#[test]
fn a_step_limit_ends_the_run() {
    let run = Outcome::of(&RunConfig { max_steps: Some(20), ..config() });
    let report = run.result.unwrap();
    assert_eq!((report.ending, report.steps), (Ending::StepLimit, 20));
    assert_eq!(report.best.unwrap().epoch, 0);
    // At the end of the last epoch, the limit has no effect.
    assert_eq!(Outcome::of(&RunConfig { max_steps: Some(45), ..config() }).result.unwrap().ending, Ending::Completed);
    assert_eq!(Outcome::of(&RunConfig { max_steps: Some(30), ..config() }).result.unwrap().ending, Ending::StepLimit);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let optimizer = OptimizerConfig::SGD;
    let run = Outcome::of(&RunConfig { learning_rate: 1e9, weight_decay: 0.0, optimizer, ..config() });
    let failure = run.result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::LossNotFinite);
    assert!(failure.detail.contains("step"), "{failure}");
    assert!(run.losses.iter().all(|loss| loss.is_finite()));
}

#[test]
fn the_best_network_is_the_one_published() {
    // A rate at which the accuracy fluctuates.
    let config = RunConfig { learning_rate: 0.06, epochs: 8, ..config() };
    let run = Outcome::of(&config);
    let epochs = run.epochs();
    let best = run.result.unwrap().best.unwrap();
    assert_ne!(best.epoch, 7, "the last epoch is not the best: else this test shows nothing");
    let better = |report: &EpochReport| (report.validation_accuracy, report.validation_loss.map(|loss| -loss));
    assert!(epochs.iter().all(|report| better(report) <= better(&best)), "{epochs:?}");
    assert_eq!(epochs.iter().rfind(|report| report.is_best), Some(&best));

    let host = Recorder::new(1.0, |_| {});
    let network = run.published.get().unwrap();
    let evaluation = block_on(evaluate(&network, &run.data, SplitName::Validation, &host, |_| {})).unwrap();
    assert_eq!(Some(evaluation.accuracy), best.validation_accuracy);
    assert!((evaluation.loss - best.validation_loss.unwrap()).abs() < 1e-6);
}

#[test]
fn an_evaluation_lists_every_image_once_whatever_the_batch() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let host = Recorder::new(1.0, |_| {});
    let fractions = std::cell::RefCell::new(Vec::new());
    // 300 images are a full batch and a padded one.
    let progress = |fraction| fractions.borrow_mut().push(fraction);
    let evaluation = block_on(evaluate(&network, &run.data, SplitName::Train, &host, progress)).unwrap();
    let indices: Vec<u32> = evaluation.predictions.iter().map(|prediction| prediction.index).collect();
    assert_eq!(indices, (0..300).collect::<Vec<_>>());
    assert_eq!(fractions.borrow().last(), Some(&1.0));
    assert!(evaluation.predictions.iter().all(|prediction| u32::from(prediction.label) == prediction.index % 3));

    // A single image has the same prediction as in a batch.
    let (dataset, _) = bands();
    for prediction in &evaluation.predictions[..5] {
        let image = Bulk::from(dataset.image(prediction.index).unwrap().to_vec());
        let classification = block_on(classify_prepared(&network, image, ViewSet::One)).unwrap();
        assert_eq!(classification.classes[0].class, prediction.predicted);
        assert!((classification.classes[0].probability - prediction.confidence).abs() < 1e-5);
        let of_label = classification.classes.iter().find(|class| class.class == prediction.label).unwrap();
        assert!((-of_label.probability.ln() - prediction.loss).abs() < 1e-4);
        assert!((classification.classes.iter().map(|class| class.probability).sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn an_empty_split_and_a_wrong_image_are_failures() {
    let (dataset, mut split) = bands();
    split.test.clear();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let host = Recorder::new(1.0, |_| {});
    let failure = block_on(evaluate(&network, &data, SplitName::Test, &host, |_| {})).unwrap_err();
    assert_eq!(failure.kind, FailureKind::TooFewImages);
    let failure = block_on(classify_prepared(&network, Bulk::from(vec![0; 7]), ViewSet::One)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadImage);
}

#[test]
fn without_validation_images_the_last_network_is_kept() {
    let (dataset, mut split) = bands();
    split.validation.clear();
    let run = Outcome::on(DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap(), &config());
    let best = run.result.unwrap().best.unwrap();
    assert_eq!(best.epoch, 2);
    assert_eq!((best.validation_loss, best.validation_accuracy), (None, None));
}

#[test]
fn a_batch_larger_than_the_train_split_is_made_smaller() {
    let run = Outcome::of(&RunConfig { batch_size: 4_096, epochs: 2, ..config() });
    assert_eq!(run.result.unwrap().steps, 2);
}

#[test]
fn images_larger_than_a_buffer_are_refused() {
    let (dataset, split) = bands();
    let failure = DeviceDataset::new(&dataset, split, &device(), 1_000).unwrap_err();
    assert_eq!(failure.kind, FailureKind::OutOfMemory);
}

#[test]
fn values_out_of_range_are_refused() {
    let sgd = |momentum| OptimizerConfig::Sgd { momentum, nesterov: false };
    let configs = [
        RunConfig { batch_size: 0, ..config() },
        RunConfig { batch_size: 4_097, ..config() },
        RunConfig { epochs: 0, ..config() },
        RunConfig { max_steps: Some(0), ..config() },
        RunConfig { learning_rate: 0.0, ..config() },
        RunConfig { learning_rate: f64::NAN, ..config() },
        RunConfig { weight_decay: -0.1, ..config() },
        RunConfig { optimizer: sgd(1.0), ..config() },
        RunConfig { optimizer: sgd(f64::NAN), ..config() },
        RunConfig { optimizer: OptimizerConfig::Adam { beta1: 0.9, beta2: 1.0, epsilon: 1e-8 }, ..config() },
        RunConfig { optimizer: OptimizerConfig::Adam { beta1: 0.9, beta2: 0.999, epsilon: 0.0 }, ..config() },
    ];
    for config in configs {
        assert_eq!(Outcome::of(&config).result.unwrap_err().kind, FailureKind::BadConfig, "{config:?}");
    }
    let mut bad_network = config();
    bad_network.network.layers.remove(4);
    assert_eq!(Outcome::of(&bad_network).result.unwrap_err().kind, FailureKind::BadNetwork);
}

#[test]
fn reads_are_at_most_ten_a_second_and_none_is_lost() {
    // 30 ms per step: a read every fourth or fifth.
    let run = Outcome::paced(&config(), &Control::default(), 30.0, |_| {});
    let moments: Vec<f64> = run.progress_ms.clone();
    let n_close = moments.windows(2).filter(|pair| pair[1] - pair[0] < 90.0).count();
    // The last step and the ends of epochs read at once.
    assert!(n_close <= 6, "{moments:?}");
    assert!(run.losses.len() == 45 && moments.len() < 25, "{moments:?}");
}

#[test]
fn a_warm_up_is_reported_and_trains_nothing() {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap().with_samples(vec![300, 301]);
    let host = Recorder::new(1.0, |_| {});
    assert_eq!(block_on(warm_up(&host, &Control::default(), &data, &config())), Ok(true));
    assert_eq!(host.updates.borrow().len(), 1);
    assert_eq!(Outcome::on(data, &config()).losses, Outcome::of(&config()).losses);

    let stopped = Control::default();
    stopped.stop();
    assert_eq!(block_on(warm_up(&host, &stopped, &Outcome::of(&config()).data, &config())), Ok(false));
    assert_eq!(host.updates.borrow().len(), 2);
}

/// Three epochs of fifteen steps.
fn config() -> RunConfig {
    let layers = vec![
        Layer::Conv { filters: 4, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 1, bias: true },
        Layer::BatchNorm,
        Layer::Activation(Activation::Relu),
        Layer::MaxPool { size: 2, stride: 2 },
        Layer::Flatten,
        Layer::Linear { units: 16, bias: true },
        Layer::Dropout { rate: 0.1 },
        Layer::Activation(Activation::Relu),
        Layer::Classifier { bias: true },
    ];
    RunConfig {
        seed: 1,
        learning_rate: 0.01,
        weight_decay: 0.01,
        batch_size: 20,
        epochs: 3,
        ..RunConfig::new("bands", NetworkConfig::new("small", layers))
    }
}

/// A run, and everything that it left.
struct Outcome {
    result: Result<RunReport, Failure>,
    updates: Vec<RunUpdate>,
    losses: Vec<f32>,
    /// When each progress was reported, in the run's own time.
    progress_ms: Vec<f64>,
    published: Published,
    data: DeviceDataset,
}

impl Outcome {
    fn of(config: &RunConfig) -> Self {
        Self::with(config, &Control::default(), |_| {})
    }

    /// A second passes at each `yield_now`.
    fn with(config: &RunConfig, control: &Control, at_yield: impl Fn(u32)) -> Self {
        Self::paced(config, control, 1_000.0, at_yield)
    }

    fn on(data: DeviceDataset, config: &RunConfig) -> Self {
        Self::new(data, config, &Control::default(), Recorder::new(1_000.0, |_| {}))
    }

    fn paced(config: &RunConfig, control: &Control, ms_per_yield: f64, at_yield: impl Fn(u32)) -> Self {
        let (dataset, split) = bands();
        let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap().with_samples(vec![300, 301]);
        Self::new(data, config, control, Recorder::new(ms_per_yield, at_yield))
    }

    /// Resumes a pause as soon as the run sleeps in it.
    fn new(data: DeviceDataset, config: &RunConfig, control: &Control, host: Recorder<'_>) -> Self {
        let published = Published::default();
        let result = {
            let mut run = std::pin::pin!(train(&host, control, &data, config, &published));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            loop {
                if let std::task::Poll::Ready(result) = run.as_mut().poll(&mut context) {
                    break result;
                }
                let is_asleep = matches!(host.updates.borrow().last(), Some(RunUpdate::Paused { .. }));
                if is_asleep {
                    host.pass(5_000.0);
                    control.resume();
                }
            }
        };
        let (losses, progress) = (host.losses(), host.progress());
        let progress_ms = progress.iter().map(|progress| progress.elapsed_ms).collect();
        let updates = host.updates.take();
        Self { result, updates, losses, progress_ms, published, data }
    }

    fn epochs(&self) -> Vec<EpochReport> {
        let of_epoch = |update: &RunUpdate| match update {
            RunUpdate::Epoch(report) => Some(*report),
            _ => None,
        };
        self.updates.iter().filter_map(of_epoch).collect()
    }
}
