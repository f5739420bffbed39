//! Compares the forward pass, losses, gradients, optimizer steps and every kind of layer with values that PyTorch computed:
//! tests/oracle/make_golden.py.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use burn::module::Module;
use kindling_core::config::{Activation, Layer, NetworkConfig, OptimizerConfig, Padding, RunConfig};
use kindling_core::network::presets::lenet_network;
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::Layout;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::objective::loss::Loss;
use kindling_train::training::gradients::NetworkGradients;
use kindling_train::training::optimizer::{Optimizer, Rates};
use kindling_train::training::step::{StepSettings, Trainer};

#[path = "oracle/adversarial.rs"]
mod adversarial;

#[path = "oracle/golden.rs"]
mod golden;

#[path = "oracle/layers.rs"]
mod layers;

#[path = "oracle/optimization.rs"]
mod optimization;

mod support;

use golden::{Golden, TOLERANCE, thinned, values};
use support::{block_on, named_gradients};

/// Three steps amplify the differences, and Adam divides by small second moments.
const STEPS_TOLERANCE: f32 = 2e-4;

#[test]
fn lenet_has_pytorchs_logits_loss_and_gradients() {
    let golden = Golden::open(include_bytes!("oracle/lenet.safetensors"));
    let mut network = golden.network(&lenet_network(), LENET_INPUT, 10);
    let batch = golden.batch("images", "labels", LENET_INPUT, 10);

    let logits = network.forward_train(batch.images.autodiff(), &mut Random::new(0));
    golden.check("logits", &values(logits.clone()), TOLERANCE);
    let (loss, gradients) = Loss::CROSS_ENTROPY.backward(logits, batch.targets);
    golden.check("loss", &values(loss.terms.sum()), TOLERANCE);

    let gradients = named_gradients(&network, &gradients);
    assert_eq!(gradients.len(), 10);
    for NamedTensor { name, values, .. } in gradients {
        golden.check(&format!("gradient/{name}"), &thinned(values), 2.0 * TOLERANCE);
    }
}

#[test]
fn sgd_with_momentum_takes_pytorchs_steps() {
    check_three_steps("sgd", OptimizerConfig::SGD, 0.05, 0.0);
}

#[test]
fn sgd_with_decoupled_decay_takes_the_defined_steps() {
    check_three_steps("sgd_decay", OptimizerConfig::SGD, 0.05, 0.1);
}

#[test]
fn adam_takes_pytorchs_steps() {
    check_three_steps("adam", OptimizerConfig::ADAM, 0.003, 0.0);
}

#[test]
fn adam_with_decay_takes_the_steps_of_pytorchs_adamw() {
    check_three_steps("adam_decay", OptimizerConfig::ADAM, 0.003, 0.1);
}

#[test]
fn batch_norm_trains_and_evaluates_as_pytorchs() {
    let golden = Golden::open(include_bytes!("oracle/batch_norm.safetensors"));
    let input = ImageShape { channels: 3, height: 11, width: 9 };
    let mut network = golden.network(&batch_norm_network(), input, 3);
    let config = config(OptimizerConfig::SGD, 0.1, 0.0);
    let mut optimizer = Optimizer::new(&config, Layout::of(&network.device()), &network);
    let mut last_images = None;
    for number in [1, 2] {
        let batch = golden.batch(&format!("images{number}"), &format!("labels{number}"), input, 3);
        last_images = Some(batch.images.clone());
        let logits = network.forward_train(batch.images.autodiff(), &mut Random::new(0));
        golden.check(&format!("logits{number}"), &values(logits.clone()), STEPS_TOLERANCE);
        let (loss, gradients) = Loss::CROSS_ENTROPY.backward(logits, batch.targets);
        golden.check(&format!("loss{number}"), &values(loss.terms.sum()), STEPS_TOLERANCE);
        if number == 1 {
            for NamedTensor { name, values, .. } in named_gradients(&network, &gradients) {
                golden.check(&format!("gradient/{name}"), &values, 10.0 * TOLERANCE);
            }
        }
        let mut batch = NetworkGradients::default();
        batch.add(&network, gradients);
        network = optimizer.update(network, batch, Rates { learning_rate: 0.1, weight_decay: 0.0 });
    }
    let weights = block_on(network.weights()).unwrap();
    assert!(weights.iter().any(|tensor| tensor.name == "5.running_var"));
    for NamedTensor { name, values, .. } in weights {
        golden.check(&format!("end/{name}"), &values, STEPS_TOLERANCE);
    }
    golden.check("evaluated", &values(network.valid().forward(last_images.unwrap())), STEPS_TOLERANCE);
}

#[test]
fn weights_come_out_as_they_went_in() {
    let golden = Golden::open(include_bytes!("oracle/batch_norm.safetensors"));
    let input = ImageShape { channels: 3, height: 11, width: 9 };
    let network = golden.network(&batch_norm_network(), input, 3);
    assert_eq!(by_name(block_on(network.weights()).unwrap()), by_name(golden.start("")));
}

const LENET_INPUT: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

fn check_three_steps(name: &str, optimizer: OptimizerConfig, learning_rate: f64, weight_decay: f64) {
    let golden = Golden::open(include_bytes!("oracle/lenet.safetensors"));
    let network = golden.network(&lenet_network(), LENET_INPUT, 10);
    let batch = golden.batch("images", "labels", LENET_INPUT, 10);
    let config = config(optimizer, learning_rate, weight_decay);
    let mut trainer = Trainer::new(network, &config, &[1; 10], Random::new(0)).unwrap();
    let settings = StepSettings { rates: Rates { learning_rate, weight_decay }, is_update: true };
    let losses: Vec<f32> =
        (0..3).flat_map(|_| values(trainer.step(batch.clone(), settings).loss_terms.sum())).collect();
    golden.check(&format!("{name}/losses"), &losses, STEPS_TOLERANCE);
    let weights = block_on(trainer.network().weights()).unwrap();
    assert_eq!(weights.len(), 10);
    for NamedTensor { name: tensor, values, .. } in weights {
        golden.check(&format!("{name}/{tensor}"), &thinned(values), STEPS_TOLERANCE);
    }
}

/// As in make_golden.py: an odd input, a stride, an even kernel, overlapping pools.
fn batch_norm_network() -> NetworkConfig {
    let relu = Layer::Activation(Activation::Relu);
    NetworkConfig::new(
        "oracle",
        vec![
            Layer::Conv {
                filters: 4,
                kernel: 3,
                stride: 1,
                padding: Padding::Same,
                dilation: 1,
                groups: 1,
                bias: false,
            },
            Layer::BatchNorm,
            relu.clone(),
            Layer::MaxPool { size: 3, stride: 2 },
            Layer::Conv {
                filters: 5,
                kernel: 4,
                stride: 2,
                padding: Padding::Same,
                dilation: 1,
                groups: 1,
                bias: false,
            },
            Layer::BatchNorm,
            relu,
            Layer::GlobalAveragePool,
            Layer::Classifier { bias: true },
        ],
    )
}

fn config(optimizer: OptimizerConfig, learning_rate: f64, weight_decay: f64) -> RunConfig {
    RunConfig { optimizer, learning_rate, weight_decay, ..RunConfig::new("", lenet_network()) }
}

fn by_name(mut weights: Vec<NamedTensor>) -> Vec<NamedTensor> {
    weights.sort_by(|one, other| one.name.cmp(&other.name));
    weights
}
