//! Compares losses, optimizers and schedules with PyTorch's values, Lion and Muon with a few lines of NumPy.

use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::config::schedule::{At, Plateau, learning_rate};
use kindling_core::config::{
    Activation, ClassWeights, Decay, Layer, LossConfig, NetworkConfig, OptimizerConfig, Padding, RunConfig,
    ScheduleConfig,
};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::objective::loss::Loss;
use kindling_train::training::optimizer::Rates;
use kindling_train::training::step::{StepSettings, Trainer};

use crate::support::block_on;
use crate::{Golden, STEPS_TOLERANCE, TOLERANCE, values};

#[test]
fn losses_and_their_gradients_are_pytorchs() {
    let cross_entropy = |label_smoothing, class_weights| LossConfig::CrossEntropy { label_smoothing, class_weights };
    let weights = || ClassWeights::Given(vec![0.5, 2.0, 1.0, 3.0]);
    check_loss("cross_entropy", LossConfig::default(), 4);
    check_loss("smoothed", cross_entropy(0.1, ClassWeights::None), 4);
    check_loss("weighted", cross_entropy(0.0, weights()), 4);
    check_loss("both", cross_entropy(0.2, weights()), 4);
    check_loss("squared", LossConfig::MeanSquaredError, 4);
    check_loss("binary", LossConfig::BinaryCrossEntropy, 2);
}

#[test]
fn binary_cross_entropy_is_cross_entropy_with_two_classes() {
    let golden = Golden::open(include_bytes!("losses.safetensors"));
    let [binary, general] = [LossConfig::BinaryCrossEntropy, LossConfig::default()].map(|config| {
        let loss = Loss::new(&config, &[1, 1], &Device::flex()).unwrap();
        values(loss.at(floats(&golden, "two", 2), targets(&golden, "binary_labels", 2)).parts.sum())
    });
    assert!((binary[0] - general[0]).abs() < TOLERANCE * general[0], "{binary:?} {general:?}");
    let failure = Loss::new(&LossConfig::BinaryCrossEntropy, &[1, 1, 1], &Device::flex()).unwrap_err();
    assert!(failure.detail.contains("2 classes"), "{failure}");
}

#[test]
fn optimizers_take_pytorchs_steps() {
    check_steps("nesterov", 0.05, 0.0, with(OptimizerConfig::Sgd { momentum: 0.9, nesterov: true }));
    check_steps("sgd_l2", 0.05, 0.1, RunConfig { decay: Decay::L2, ..with(OptimizerConfig::SGD) });
    check_steps("adam_l2", 0.01, 0.1, RunConfig { decay: Decay::L2, ..with(OptimizerConfig::ADAM) });
    check_steps("adam_w", 0.01, 0.1, with(OptimizerConfig::ADAM_W));
    check_steps("adam_w", 0.01, 0.1, with(OptimizerConfig::ADAM));
    check_steps("rms_prop", 0.01, 0.0, with(OptimizerConfig::RMS_PROP));
    let centered = OptimizerConfig::RmsProp { alpha: 0.99, epsilon: 1e-8, momentum: 0.9, centered: true };
    check_steps("rms_prop_centered", 0.01, 0.0, with(centered));
    check_steps("adagrad", 0.01, 0.0, with(OptimizerConfig::ADAGRAD));
}

#[test]
fn lion_and_muon_take_their_authors_steps() {
    check_steps("lion", 0.003, 0.1, with(OptimizerConfig::LION));
    check_steps("muon", 0.02, 0.1, with(OptimizerConfig::MUON));
}

#[test]
fn all_gradients_are_clipped_by_their_common_norm() {
    check_steps("clipped", 0.5, 0.0, RunConfig { clip_norm: Some(0.1), ..with(OptimizerConfig::SGD) });
}

#[test]
fn the_average_follows_the_weights() {
    let plain = OptimizerConfig::Sgd { momentum: 0.0, nesterov: false };
    check_steps("averaged", 0.5, 0.0, RunConfig { ema_decay: Some(0.5), ..with(plain) });
}

#[test]
fn schedules_are_pytorchs() {
    // Schedules that change with the epoch have one value for each.
    check_schedule("step", ScheduleConfig::Step { epochs: 2, factor: 0.3 }, 10);
    check_schedule("exponential", ScheduleConfig::Exponential { factor: 0.8 }, 10);
    check_schedule("cosine", ScheduleConfig::COSINE, 1);
    check_schedule("warm_cosine", ScheduleConfig::Cosine { warm_up_steps: 8, least_rate: 0.01 }, 1);
    check_schedule("one_cycle", ScheduleConfig::ONE_CYCLE, 1);
    let other = ScheduleConfig::OneCycle { rise: 0.45, start_divisor: 10.0, end_divisor: 100.0 };
    check_schedule("one_cycle_other", other, 1);
}

#[test]
fn plateaus_are_pytorchs() {
    let golden = Golden::open(include_bytes!("schedules.safetensors"));
    let schedule =
        ScheduleConfig::Plateau { factor: 0.3, patience: 1, threshold: 0.01, cooldown: 2, least_rate: 0.002 };
    let mut plateau = Plateau::new();
    let rates = golden.doubles("plateau_losses").into_iter().map(|loss| {
        plateau = plateau.after(&schedule, loss);
        let at = At { step: 0, total_steps: 100, steps_per_epoch: 10, reduction: plateau.reduction };
        learning_rate(&schedule, 0.1, at)
    });
    check_rates("plateau", &rates.collect::<Vec<_>>(), &golden.doubles("plateau"));
}

const INPUT: ImageShape = ImageShape { channels: 2, height: 6, width: 6 };

fn check_loss(name: &str, config: LossConfig, n_classes: usize) {
    let golden = Golden::open(include_bytes!("losses.safetensors"));
    let (logits, labels) = if n_classes == 2 { ("two", "binary_labels") } else { ("many", "labels") };
    let logits = floats(&golden, logits, n_classes).autodiff().require_grad();
    let loss = Loss::new(&config, &vec![1; n_classes], &Device::flex()).unwrap();
    let (loss, gradients) = loss.backward(logits.clone(), targets(&golden, labels, n_classes));
    let gradient = logits.grad(&gradients).unwrap();
    golden.check(&format!("{name}/loss"), &values(loss.terms.sum()), TOLERANCE);
    golden.check(&format!("{name}/gradient"), &values(gradient), TOLERANCE);
}

fn floats(golden: &Golden, name: &str, n_columns: usize) -> Tensor<2> {
    let values = golden.floats(name);
    let n_rows = values.len() / n_columns;
    Tensor::from_data(TensorData::new(values, [n_rows, n_columns]), &Device::flex())
}

/// One-hot.
fn targets(golden: &Golden, labels: &str, n_classes: usize) -> Tensor<2> {
    let labels = golden.0.tensor(labels).unwrap();
    let rows = labels.data().chunks_exact(8).map(|label| usize::from(label[0]));
    let values: Vec<f32> =
        rows.flat_map(|label| (0..n_classes).map(move |class| f32::from(u8::from(class == label)))).collect();
    let n_rows = values.len() / n_classes;
    Tensor::from_data(TensorData::new(values, [n_rows, n_classes]), &Device::flex())
}

/// As in make_golden.py.
fn network() -> NetworkConfig {
    let relu = Layer::Activation(Activation::Relu);
    NetworkConfig::new(
        "oracle",
        vec![
            Layer::Conv {
                filters: 4,
                kernel: 3,
                stride: 1,
                padding: Padding::Valid,
                dilation: 1,
                groups: 1,
                bias: true,
            },
            relu.clone(),
            Layer::Flatten,
            Layer::Linear { units: 6, bias: true },
            relu.clone(),
            Layer::Linear { units: 8, bias: true },
            relu,
            Layer::Classifier { bias: true },
        ],
    )
}

fn with(optimizer: OptimizerConfig) -> RunConfig {
    RunConfig { optimizer, ..RunConfig::new("", network()) }
}

/// Three steps on one batch.
fn check_steps(name: &str, learning_rate: f64, weight_decay: f64, config: RunConfig) {
    let golden = Golden::open(include_bytes!("optimizers.safetensors"));
    let network = golden.network(&config.network, INPUT, 3);
    let batch = golden.batch("images", "labels", INPUT, 3);
    let mut trainer = Trainer::new(network, &config, &[1; 3], Random::new(0)).unwrap();
    let settings = StepSettings { rates: Rates { learning_rate, weight_decay }, is_update: true };
    for _ in 0..3 {
        trainer.step(batch.clone(), settings);
    }
    let weights = block_on(trainer.inference_network().weights()).unwrap();
    assert_eq!(weights.len(), 8);
    for NamedTensor { name: tensor, values, .. } in weights {
        golden.check(&format!("{name}/{tensor}"), &values, STEPS_TOLERANCE);
    }
}

/// The golden rates are those of every `stride`th step.
fn check_schedule(name: &str, schedule: ScheduleConfig, stride: u32) {
    let golden = Golden::open(include_bytes!("schedules.safetensors"));
    let expected = golden.doubles(name);
    let total_steps = expected.len() as u32 * stride;
    let rates = (0..total_steps)
        .step_by(stride as usize)
        .map(|step| learning_rate(&schedule, 0.1, At { step, total_steps, steps_per_epoch: 10, reduction: 1.0 }));
    check_rates(name, &rates.collect::<Vec<_>>(), &expected);
}

fn check_rates(name: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (step, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-9 * 0.1, "{name}, step {step}: {found} instead of {expected}");
    }
}
