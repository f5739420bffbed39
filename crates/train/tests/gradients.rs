//! Compares the gradients of networks with every kind of layer against finite differences of their loss.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use burn::tensor::{Device, Gradients, Tensor};
use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use kindling_train::objective::loss::Loss;

mod support;
use support::{block_on, named_gradients};

const INPUT: ImageShape = ImageShape { channels: 2, height: 9, width: 8 };
const N_CLASSES: usize = 4;
const N_IMAGES: usize = 6;
const CLASSIFIER: Layer = Layer::Classifier { bias: true };
const RELU: Layer = Layer::Activation(Activation::Relu);

/// How far the loss moves in each direction: well above f32's rounding.
const RISE: f32 = 1e-3;

/// Maximum step, small enough that few ReLUs and pools switch.
const MAX_STEP: f32 = 2e-3;

/// Relative to the slope. Switching ReLUs and rounding stay below a third of it.
const TOLERANCE: f32 = 0.03;

/// In a smaller slope, rounding hides a difference of 3 %.
const MIN_SLOPE: f32 = 0.003;

#[test]
fn plain_networks_have_the_slopes_of_their_loss() {
    let layers = vec![
        conv(5, 3, 1, Padding::Same, false),
        Layer::BatchNorm,
        RELU,
        Layer::MaxPool { size: 2, stride: 2 },
        conv(6, 2, 2, Padding::Valid, true),
        RELU,
        Layer::Flatten,
        Layer::Linear { units: 7, bias: true },
        Layer::Dropout { rate: 0.3 },
    ];
    check(layers, 9);
}

#[test]
fn norms_groups_and_smooth_blocks_have_the_slopes_of_their_loss() {
    let grouped =
        Layer::Conv { filters: 6, kernel: 3, stride: 1, padding: Padding::Same, dilation: 2, groups: 2, bias: true };
    let within = vec![conv(8, 3, 2, Padding::Same, true), Layer::Activation(Activation::Silu)];
    let layers = vec![
        grouped,
        Layer::GroupNorm { groups: 3 },
        Layer::Activation(Activation::Gelu),
        Layer::DepthwiseConv { kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, bias: true },
        Layer::LayerNorm,
        Layer::Residual { layers: within },
        Layer::SpatialDropout { rate: 0.2 },
        Layer::SqueezeExcitation { ratio: 2 },
        Layer::AveragePool { size: 2, stride: 1 },
        Layer::Residual { layers: vec![Layer::Residual { layers: vec![Layer::Activation(Activation::Tanh)] }] },
        Layer::Resize { size: 5 },
        Layer::PooledSkip { layers: vec![conv(4, 2, 1, Padding::Same, false), Layer::Flatten] },
    ];
    check(layers, 2 + 2 + 2 + 2 + 3 + 4 + 1 + 2);
}

/// A flattened map is a vector: its values are its channels.
#[test]
fn layers_of_flattened_maps_have_the_slopes_of_their_loss() {
    let n_values = 5 * 9 * 8;
    let layers = vec![
        conv(5, 3, 1, Padding::Same, false),
        Layer::Flatten,
        Layer::BatchNorm,
        Layer::Residual {
            layers: vec![Layer::Linear { units: n_values, bias: true }, Layer::Activation(Activation::Tanh)],
        },
        Layer::LayerNorm,
        Layer::Residual { layers: vec![Layer::Linear { units: 6, bias: false }, Layer::BatchNorm] },
    ];
    check(layers, 1 + 2 + 2 + 2 + 1 + 1 + 2 + 2);
}

/// Separate from the smooth blocks: where many kinks follow each other, any step crosses some.
#[test]
fn blocks_with_kinks_have_the_slopes_of_their_loss() {
    let block = Layer::DepthwiseSeparable { filters: 8, kernel: 3, stride: 1 };
    let leaky = Layer::Activation(Activation::LeakyRelu);
    check(vec![conv(5, 3, 1, Padding::Same, true), leaky, block, Layer::GlobalMaxPool], 2 + 6 + 2);
    let relu6 = Layer::Activation(Activation::Relu6);
    check(vec![conv(5, 3, 1, Padding::Same, true), relu6, Layer::GlobalAveragePool], 2 + 2);
}

#[test]
fn recurrent_networks_have_the_slopes_of_their_loss() {
    let layers = vec![
        Layer::Rows,
        Layer::Lstm { units: 6, states: States::All },
        Layer::Activation(Activation::Tanh),
        Layer::Dropout { rate: 0.1 },
        Layer::Gru { units: 7, states: States::Last },
        Layer::BatchNorm,
        Layer::Activation(Activation::Sigmoid),
    ];
    check(layers, 4 + 4 + 2 + 2);
}

#[test]
fn transformers_have_the_slopes_of_their_loss() {
    let layers = vec![
        Layer::PatchEmbedding { size: 3, features: 8 },
        Layer::PositionEmbedding,
        Layer::TransformerBlock { heads: 2, mlp_ratio: 2, dropout: 0.1 },
        Layer::LayerNorm,
        Layer::Residual { layers: vec![Layer::Linear { units: 6, bias: true }] },
        Layer::GlobalAveragePool,
    ];
    check(layers, 2 + 1 + 12 + 2 + 3 + 2);
}

/// Moves each learned tensor of `layers` and a classifier along a random direction, forward and backward.
fn check(layers: Vec<Layer>, n_learned: usize) {
    let network = NetworkConfig::new("every layer", [layers, vec![CLASSIFIER]].concat());
    let mut random = Random::new(3);
    let weights = start(&network, &mut random);
    let mut trained = build(&network, Some(weights.clone()));
    let (_, gradients) = loss(&mut trained);
    let gradients = named_gradients(&trained, &gradients);
    assert_eq!(gradients.len(), n_learned);
    for NamedTensor { name, values: gradient, .. } in gradients {
        // Signs that mostly agree with the gradient's, so that the slope is well above the noise; in small tensors, all of them agree.
        let disagrees = |random: &mut Random| gradient.len() > 16 && random.below(4) == 0;
        let direction: Vec<f32> = gradient
            .iter()
            .map(|slope| if disagrees(&mut random) { -slope.signum() } else { slope.signum() })
            .collect();
        let expected: f32 = gradient.iter().zip(&direction).map(|(slope, sign)| slope * sign).sum();
        let moved = |step: f32| {
            let weights = moved(&weights, &name, &direction, step);
            let (loss, _) = loss(&mut build(&network, Some(weights)));
            loss.into_data().iter::<f32>().sum::<f32>()
        };
        let step = (RISE / expected.abs()).min(MAX_STEP);
        let found = (moved(step) - moved(-step)) / (2.0 * step);
        assert!(expected.abs() > MIN_SLOPE, "{name} has no slope: {expected}");
        assert!((found - expected).abs() <= TOLERANCE * expected.abs(), "{name}: {found} instead of {expected}");
    }
}

/// Initial weights, with scales and biases away from 1 and 0, where some of them have no slope.
fn start(network: &NetworkConfig, random: &mut Random) -> Vec<NamedTensor> {
    let mut weights = block_on(build(network, None).weights()).unwrap();
    for tensor in weights.iter_mut().filter(|tensor| tensor.shape.len() == 1 && !tensor.name.contains("running")) {
        for value in &mut tensor.values {
            *value += random.below(1_000) as f32 / 1_000.0 - 0.5;
        }
    }
    weights
}

/// The weights with one tensor moved.
fn moved(weights: &[NamedTensor], name: &str, direction: &[f32], step: f32) -> Vec<NamedTensor> {
    let mut weights = weights.to_vec();
    let tensor = weights.iter_mut().find(|tensor| tensor.name == name).unwrap();
    for (value, sign) in tensor.values.iter_mut().zip(direction) {
        *value += step * sign;
    }
    weights
}

fn loss(network: &mut Network) -> (Tensor<1>, Gradients) {
    let mut random = Random::new(5);
    let n_values = N_IMAGES * INPUT.n_values();
    let values: Vec<f32> = (0..n_values).map(|_| random.below(1_000) as f32 / 500.0 - 1.0).collect();
    let device = Device::flex();
    let images = Tensor::<1>::from_floats(values.as_slice(), &device).reshape([N_IMAGES, 2, 9, 8]);
    let mut targets = vec![0.0; N_IMAGES * N_CLASSES];
    for image in 0..N_IMAGES {
        targets[image * N_CLASSES + image % N_CLASSES] = 1.0;
    }
    let targets = Tensor::<1>::from_floats(targets.as_slice(), &device).reshape([N_IMAGES, N_CLASSES]);
    // The same dropout masks every time.
    let logits = network.forward_train(images.autodiff(), &mut Random::new(9));
    let (loss, gradients) = Loss::CROSS_ENTROPY.backward(logits, targets);
    (loss.terms, gradients)
}

fn build(network: &NetworkConfig, weights: Option<Vec<NamedTensor>>) -> Network {
    let device = Device::flex();
    match weights {
        Some(weights) => Network::with_weights(network, INPUT, N_CLASSES, weights, &device).unwrap(),
        None => Network::new(network, INPUT, N_CLASSES, &mut Random::new(1), &device).unwrap(),
    }
}

fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding, bias: bool) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, dilation: 1, groups: 1, bias }
}
