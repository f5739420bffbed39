//! A run that resumes from a checkpoint equals the run that was never interrupted.

use kindling_core::config::schedule::Plateau;
use kindling_core::config::{
    AdversarialConfig, AttackMethod, AugmentConfig, Decay, EarlyStopping, Layer, Metric, NetworkConfig,
    OptimizerConfig, RunConfig, ScheduleConfig, SparsityConfig,
};
use kindling_core::protocol::{EpochReport, FailureKind, RunReport, RunUpdate, ValueChange};
use kindling_train::device::DeviceDataset;
use kindling_train::module::Network;
use kindling_train::training::checkpoint::Checkpoint;
use kindling_train::training::{Control, Published, resume, train};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::support::{Recorder, bands, block_on};
use crate::{config, device};

/// What a run reported, and where it ended.
struct Trained {
    report: RunReport,
    losses: Vec<f32>,
    epochs: Vec<EpochReport>,
    weights: Vec<Vec<u32>>,
    checkpoints: Vec<(u32, Vec<u8>)>,
}

/// Trains a run, from a checkpoint if one is given, with a checkpoint after every step.
fn trained(config: &RunConfig, checkpoint: Option<&[u8]>) -> Trained {
    trained_with(config, checkpoint, &[])
}

/// The same, with values changed after so many yields, which are steps in the first epoch.
fn trained_with(config: &RunConfig, checkpoint: Option<&[u8]>, changes: &[(u32, ValueChange)]) -> Trained {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let (control, published) = (Control::default(), Published::default());
    let adjust = |n_yields| {
        for (_, change) in changes.iter().filter(|(wanted, _)| *wanted == n_yields) {
            control.adjust(*change);
        }
    };
    let host = Recorder::new(1_000.0, adjust).with_checkpoints();
    let report = match checkpoint {
        None => block_on(train(&host, &control, &data, config, &published)),
        Some(bytes) => block_on(resume(&host, &control, &data, config, &published, bytes)),
    };
    let (mut epochs, mut checkpoints) = (Vec::new(), Vec::new());
    for update in host.updates.borrow().iter() {
        match update {
            RunUpdate::Epoch(report) => epochs.push(untimed(*report)),
            RunUpdate::Checkpoint { step, bytes } => checkpoints.push((*step, bytes.to_vec())),
            _ => {}
        }
    }
    let weights = bits(&published.get().unwrap());
    let report = report.unwrap();
    let report = RunReport { best: report.best.map(untimed), elapsed_ms: 0.0, ..report };
    Trained { report, losses: host.losses(), epochs, weights, checkpoints }
}

/// The clocks differ, because the yield after a checkpoint is not counted twice.
fn untimed(report: EpochReport) -> EpochReport {
    EpochReport { elapsed_ms: 0.0, ..report }
}

fn bits(network: &Network) -> Vec<Vec<u32>> {
    let weights = block_on(network.weights()).unwrap();
    weights.iter().map(|tensor| tensor.values.iter().map(|value| value.to_bits()).collect()).collect()
}

/// Interrupted after each of several steps, the run resumes to the same losses, reports and weights, bit for bit.
fn check(config: &RunConfig) {
    // In the first epoch, at its end and right after it, and in the last one.
    check_at(config, &trained(config, None), [2, 15, 16, 38]);
}

fn check_at(config: &RunConfig, whole: &Trained, steps: [u32; 4]) {
    for wanted in steps {
        let (step, bytes) = whole.checkpoints.iter().find(|(step, _)| *step >= wanted).unwrap();
        let rest = trained(config, Some(bytes));
        assert_eq!(rest.losses, whole.losses[*step as usize..], "{wanted} {config:?}");
        assert_eq!(rest.epochs, whole.epochs[whole.epochs.len() - rest.epochs.len()..], "{wanted} {config:?}");
        assert_eq!(rest.report, whole.report, "{wanted} {config:?}");
        assert_eq!(rest.weights, whole.weights, "{wanted} {config:?}");
    }
}

#[test]
fn every_optimizer_resumes_where_it_was() {
    for optimizer in OptimizerConfig::ALL {
        check(&RunConfig { optimizer, learning_rate: 0.002, ..config() });
    }
    let centered = OptimizerConfig::RmsProp { alpha: 0.99, epsilon: 1e-8, momentum: 0.9, centered: true };
    check(&RunConfig { optimizer: centered, decay: Decay::L2, ..config() });
}

#[test]
fn all_state_of_a_run_resumes() {
    let augment = AugmentConfig { shift: 0.1, noise: 0.05, mixup: 0.2, ..AugmentConfig::default() };
    let schedule = ScheduleConfig::Plateau { factor: 0.5, patience: 0, threshold: 0.5, cooldown: 0, least_rate: 0.0 };
    let early_stopping = Some(EarlyStopping { metric: Metric::ValidationLoss, patience: 2, least_improvement: 0.0 });
    check(&RunConfig { augment, schedule, early_stopping, ema_decay: Some(0.9), clip_norm: Some(1.0), ..config() });
    check(&RunConfig { schedule: ScheduleConfig::Cosine { warm_up_steps: 5, least_rate: 0.0 }, ..config() });
    check(&RunConfig { batches_per_update: 4, ..config() });
    let network = NetworkConfig { frozen: 4, ..config().network };
    check(&RunConfig { network, ema_decay: Some(0.9), ..config() });
    let sparsity = Some(SparsityConfig::default());
    check(&RunConfig { sparsity, ema_decay: Some(0.9), ..config() });
    check(&RunConfig { sparsity, batches_per_update: 4, ..config() });
    let method = AttackMethod::Pgd { steps: 2, step_size: 0.05 };
    let adversarial = Some(AdversarialConfig { method, ..AdversarialConfig::default() });
    check(&RunConfig { adversarial, ..config() });
}

#[test]
fn what_was_changed_while_it_ran_resumes() {
    let noisy = AugmentConfig { noise: 0.05, cutmix: 0.2, ..AugmentConfig::default() };
    let moved = AugmentConfig { shift: 0.2, ..AugmentConfig::default() };
    let none = AugmentConfig::default();
    let config = RunConfig { batches_per_update: 2, ..config() };
    let of = |augment| ValueChange { augment: Some(augment), ..ValueChange::default() };
    for (begun, first, last) in [(none, moved, noisy), (noisy, none, moved), (moved, noisy, none)] {
        let config = RunConfig { augment: begun, ..config.clone() };
        let slower = ValueChange { learning_rate: Some(0.001), ..of(last) };
        let whole = trained_with(&config, None, &[(3, of(first)), (9, slower)]);
        check_at(&config, &whole, [10, 15, 16, 38]);
        // Resumed between the changes, the run has the first without the second.
        let (step, bytes) = whole.checkpoints.iter().find(|(step, _)| *step >= 4).unwrap();
        let rest = trained(&config, Some(bytes));
        let n_before = 9 - *step as usize;
        assert_eq!(rest.losses[..n_before], whole.losses[*step as usize..9], "{config:?}");
        assert_ne!(rest.losses[n_before], whole.losses[9], "{config:?}");
    }
}

#[test]
fn a_run_resumes_bit_for_bit_on_one_thread_and_on_two() {
    for n_threads in [1, 2] {
        let pool = ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        // The norm by which gradients are clipped is a sum over all of them.
        pool.install(|| check(&RunConfig { clip_norm: Some(0.5), ..config() }));
    }
}

#[test]
fn a_checkpoint_from_before_augmentation_could_change_resumes() {
    let whole = trained(&config(), None);
    let (step, bytes) = &whole.checkpoints[20];
    let file = SafeTensors::deserialize(bytes).unwrap();
    let position = file.tensor("position").unwrap().data();
    // The version comes first, and the changed augmentation, here none, last.
    assert_eq!((position.first(), position.last()), (Some(&2), Some(&0)));
    let earlier = [&[1], &position[1..position.len() - 1]].concat();
    let views = file.tensors().into_iter().map(|(name, view)| match name.as_str() {
        "position" => (name, TensorView::new(Dtype::U8, vec![earlier.len()], &earlier).unwrap()),
        _ => (name, view),
    });
    let rest = trained(&config(), Some(&serialize(views, None).unwrap()));
    assert_eq!(rest.losses, whole.losses[*step as usize..]);
    assert_eq!(rest.weights, whole.weights);
}

/// The report of the best network; NaN stands for a figure that is absent.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Best {
    epoch: u32,
    step: u32,
    train_loss: f32,
    train_accuracy: f32,
    validation_loss: f32,
    validation_accuracy: f32,
    is_best: bool,
    elapsed_ms: f64,
}

/// The state of version 2 as Kindling 0.1.0 writes it, down to the last field: visitors have such checkpoints.
#[derive(Serialize, Deserialize)]
struct Numbers {
    version: u32,
    step: u32,
    epoch: u32,
    learning_rate: f64,
    weight_decay: f64,
    last_learning_rate: f64,
    plateau: Plateau,
    patience_best: Option<f64>,
    epochs_without_improvement: u32,
    loss_sum: f64,
    n_correct: u64,
    steps_of_epoch: u32,
    best: Option<Best>,
    elapsed_ms: f64,
    validating_ms: f64,
    n_validations: u32,
    n_steps: u32,
    updates: i32,
    average_updates: Option<u32>,
    dropout: u64,
    augmentation: Option<u64>,
    attack: Option<u64>,
    augment: Option<AugmentConfig>,
}

#[test]
fn the_layout_of_checkpoints_that_visitors_have_is_kept() {
    let augment = AugmentConfig { shift: 0.1, ..AugmentConfig::default() };
    let noisy = AugmentConfig { noise: 0.05, ..augment };
    let adversarial = Some(AdversarialConfig::default());
    let config = RunConfig { augment, adversarial, ema_decay: Some(0.9), ..config() };
    let change = ValueChange { learning_rate: Some(0.02), augment: Some(noisy), ..ValueChange::default() };
    let whole = trained_with(&config, None, &[(5, change)]);
    let (step, bytes) = &whole.checkpoints[20];
    let file = SafeTensors::deserialize(bytes).unwrap();
    let position = file.tensor("position").unwrap().data();
    let numbers: Numbers = postcard::from_bytes(position).unwrap();
    assert_eq!((numbers.version, numbers.step, numbers.epoch), (2, *step, 1));
    assert_eq!((numbers.learning_rate, numbers.last_learning_rate), (0.02, 0.02));
    assert_eq!((numbers.weight_decay, numbers.steps_of_epoch, numbers.n_steps), (0.01, step - 15, *step));
    assert_eq!((numbers.updates, numbers.average_updates), (*step as i32, Some(*step)));
    assert_eq!(numbers.best.map(|best| best.epoch), Some(0));
    assert!(numbers.augmentation.is_some() && numbers.attack.is_some());
    assert_eq!(numbers.augment, Some(noisy));
    assert_eq!(postcard::to_stdvec(&numbers).unwrap(), position);
    for part in ["weights", "average", "best", "first", "second"] {
        for name in ["0.weight", "0.bias", "1.weight", "5.weight", "8.bias"] {
            assert!(file.tensor(&format!("{part}/{name}")).is_ok(), "{part}/{name}");
        }
    }
    // A linear layer's weight is [in, out].
    assert_eq!(file.tensor("weights/5.weight").unwrap().shape(), [144, 16]);
    let rest = trained(&config, Some(bytes));
    assert_eq!(rest.losses, whole.losses[*step as usize..]);
    assert_eq!(rest.weights, whole.weights);
}

#[test]
fn a_best_network_without_a_validation_has_the_same_layout() {
    let bytes = &trained(&config(), None).checkpoints[20].1;
    let mut checkpoint = Checkpoint::from_bytes(bytes).unwrap();
    let report = checkpoint.position.best.unwrap();
    checkpoint.position.best = Some(EpochReport { validation_loss: None, validation_accuracy: None, ..report });
    let unvalidated = checkpoint.to_bytes().unwrap();
    assert_eq!(unvalidated.len(), bytes.len());
    assert_eq!(Checkpoint::from_bytes(&unvalidated).unwrap(), checkpoint);
}

#[test]
fn no_checkpoint_is_made_while_gradients_are_pending() {
    let steps: Vec<u32> =
        trained(&RunConfig { batches_per_update: 4, ..config() }, None).checkpoints.iter().map(|it| it.0).collect();
    assert_eq!(steps, [4, 8, 12, 15, 19, 23, 27, 30, 34, 38, 42, 45]);
}

#[test]
fn a_pause_makes_a_checkpoint() {
    let control = std::rc::Rc::new(Control::default());
    let at_yield = control.clone();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    // Far too little time passes for the next checkpoint to be due.
    let host = Recorder::new(1e-6, move |n_yields| {
        if n_yields == 3 {
            at_yield.pause();
        }
    });
    let host = host.with_checkpoints_every(1_000.0);
    let config = RunConfig { max_steps: Some(5), ..config() };
    let published = Published::default();
    {
        let mut run = std::pin::pin!(train(&host, &control, &data, &config, &published));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while !matches!(host.updates.borrow().last(), Some(RunUpdate::Paused { .. })) {
            assert!(run.as_mut().poll(&mut context).is_pending());
        }
    }
    let updates = host.updates.borrow();
    let steps = updates.iter().filter_map(|update| match update {
        RunUpdate::Checkpoint { step, .. } => Some(*step),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [3]);
}

#[test]
fn the_first_checkpoint_comes_sooner_than_the_others() {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let host = Recorder::new(100.0, |_| {}).with_checkpoints_every(1_000.0);
    let config = RunConfig { max_steps: Some(14), ..config() };
    block_on(train(&host, &Control::default(), &data, &config, &Published::default())).unwrap();
    let updates = host.updates.borrow();
    let steps = updates.iter().filter_map(|update| match update {
        RunUpdate::Checkpoint { step, .. } => Some(*step),
        _ => None,
    });
    // After 200 ms, and 1000 ms later.
    assert_eq!(steps.collect::<Vec<_>>(), [3, 13]);
}

#[test]
fn a_checkpoint_that_is_asked_for_is_made_long_before_it_is_due() {
    let control = Control::default();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let ask = |n_yields| {
        if n_yields == 3 {
            control.checkpoint();
        }
    };
    let host = Recorder::new(1_000.0, ask).with_checkpoints_every(1e9);
    let config = RunConfig { max_steps: Some(8), ..config() };
    block_on(train(&host, &control, &data, &config, &Published::default())).unwrap();
    let updates = host.updates.borrow();
    let steps = updates.iter().filter_map(|update| match update {
        RunUpdate::Checkpoint { step, .. } => Some(*step),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [4]);
}

#[test]
fn a_checkpoint_does_not_wait_for_a_report_that_falls_on_an_update() {
    let control = Control::default();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let ask = |n_yields| {
        if n_yields == 4 {
            control.checkpoint();
        }
    };
    // At 40 ms a step, reports are due after steps 1, 4, 7, 10 and 13.
    let host = Recorder::new(40.0, ask).with_checkpoints_every(1e9);
    let config = RunConfig { batches_per_update: 3, max_steps: Some(14), ..config() };
    block_on(train(&host, &control, &data, &config, &Published::default())).unwrap();
    assert_eq!(host.progress().iter().map(|progress| progress.step).collect::<Vec<_>>(), [1, 4, 6, 9, 12, 14]);
    let updates = host.updates.borrow();
    let steps = updates.iter().filter_map(|update| match update {
        RunUpdate::Checkpoint { step, .. } => Some(*step),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), [6]);
}

#[test]
fn a_checkpoint_of_another_network_or_run_is_refused() {
    let checkpoints = trained(&config(), None).checkpoints;
    let bytes = &checkpoints[20].1;
    let mut wider = config();
    wider.network.layers[5] = Layer::Linear { units: 17, bias: true };
    for other in [
        wider,
        RunConfig { ema_decay: Some(0.9), ..config() },
        RunConfig { augment: AugmentConfig { flip: 0.5, ..AugmentConfig::default() }, ..config() },
        RunConfig { epochs: 1, ..config() },
    ] {
        let (dataset, split) = bands();
        let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
        let host = Recorder::new(1.0, |_| {});
        let result = block_on(resume(&host, &Control::default(), &data, &other, &Published::default(), bytes));
        assert_eq!(result.unwrap_err().kind, FailureKind::BadFile, "{other:?}");
    }
}

#[test]
fn bytes_are_read_back_and_their_size_is_that_of_the_tensors() {
    let bytes = &trained(&config(), None).checkpoints[20].1;
    let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
    assert_eq!(checkpoint.to_bytes().unwrap(), *bytes);
    assert_eq!(checkpoint.position.step, 21);
    let n_values: usize = checkpoint.tensors.values().map(|data| data.num_elements()).sum();
    // Weights, Adam's two moments, and the best network; the first and the last include the batch norm's running statistics.
    assert_eq!(n_values, 4 * 2_419 + 2 * 8);
}

proptest! {
    #[test]
    fn damaged_bytes_are_no_panic(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), kept in any::<prop::sample::Index>()) {
        thread_local! {
            static BYTES: Vec<u8> = trained(&RunConfig { max_steps: Some(2), ..config() }, None).checkpoints[0].1.clone();
        }
        let bytes = BYTES.with(Clone::clone);
        // In the header and the state, where damage does not just change a weight.
        let mut damaged = bytes.clone();
        let n_header = damaged.len().min(3_000);
        for (place, value) in places {
            damaged[place.index(n_header)] = value;
        }
        drop(Checkpoint::from_bytes(&damaged));
        let cut = &bytes[..kept.index(bytes.len())];
        prop_assert!(Checkpoint::from_bytes(cut).is_err());
    }
}
