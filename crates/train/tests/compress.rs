//! Pruning of channels: the smaller network fits, and computes the same where what is removed was nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, and reads tensors natively, where reading does not block a page"
)]

mod support;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::Device;
use kindling_core::config::{Activation, Layer, NetworkConfig, Padding};
use kindling_core::dataset::patterns::patterns;
use kindling_core::network::shape::{network_tensors, place};
use kindling_core::protocol::{Bulk, ImageShape};
use kindling_core::random::Random;
use kindling_exchange::Tensor;
use kindling_exchange::compress::{Criterion, Pruned, prune_channels};
use kindling_exchange::trained::write_weights;
use kindling_train::evaluation::ViewSet;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;
use proptest::prelude::*;
use support::block_on;

const INPUT: ImageShape = ImageShape { channels: 1, height: 12, width: 12 };
const N_CLASSES: usize = 3;

fn conv(filters: u32) -> Layer {
    Layer::Conv { filters, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 1, bias: true }
}

const RELU: Layer = Layer::Activation(Activation::Relu);

fn network(layers: Vec<Layer>) -> NetworkConfig {
    NetworkConfig::new("Net", layers)
}

/// Convolutions, a residual block of either kind, a linear layer.
fn residual() -> NetworkConfig {
    network(vec![
        conv(8),
        Layer::BatchNorm,
        RELU,
        Layer::MaxPool { size: 2, stride: 2 },
        Layer::Residual { layers: vec![conv(6), Layer::BatchNorm, RELU, conv(8), Layer::BatchNorm] },
        Layer::Residual { layers: vec![conv(12), RELU, conv(10)] },
        Layer::Flatten,
        Layer::Linear { units: 14, bias: true },
        RELU,
        Layer::Classifier { bias: true },
    ])
}

fn random_tensors(config: &NetworkConfig, seed: u64) -> BTreeMap<String, Tensor> {
    let mut random = Random::new(seed);
    let layers = place(config, INPUT, N_CLASSES).unwrap();
    let tensors = network_tensors(&layers).into_iter().map(|(name, spec)| {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        let low = if name.ends_with("running_var") { 0.5 } else { -0.5 };
        let values = (0..spec.n_values()).map(|_| low + random.unit() as f32).collect();
        (name, Tensor { shape, values })
    });
    tensors.collect()
}

fn answers(config: &NetworkConfig, tensors: &BTreeMap<String, Tensor>) -> Vec<Vec<f32>> {
    let (tensors, _) = weight_file::from_bytes(&write_weights(tensors).unwrap()).unwrap();
    let network = Network::with_weights(config, INPUT, N_CLASSES, tensors, &Device::flex()).unwrap().valid();
    let answer = |image: Vec<u8>| {
        let mut classes = block_on(classify_prepared(&network, Bulk::from(image), ViewSet::One)).unwrap().classes;
        classes.sort_by_key(|class| class.class);
        classes.iter().map(|class| class.probability).collect()
    };
    patterns(INPUT).into_iter().map(answer).collect()
}

#[test]
fn channels_of_nothing_go_without_a_trace() {
    let config = residual();
    let mut tensors = random_tensors(&config, 3);
    for (name, tensor) in &mut tensors {
        // Of the classifier all units stay.
        if name.starts_with("9.") || name.ends_with("running_var") {
            continue;
        }
        let n_out = tensor.shape[0];
        let per_channel = tensor.values.len() / n_out;
        for channel in (1..n_out).step_by(2) {
            tensor.values[channel * per_channel..(channel + 1) * per_channel].fill(0.0);
        }
    }
    let before = answers(&config, &tensors);
    for criterion in [Criterion::Norm, Criterion::BatchNormScale] {
        let Pruned { network, weights, parameters, flops } =
            prune_channels(&config, INPUT, N_CLASSES, &tensors, 0.5, criterion).unwrap();
        assert!(parameters[1] * 3 < parameters[0] && flops[1] * 2 < flops[0], "{parameters:?} {flops:?}");
        let after = answers(&network, &weights);
        let pairs = before.iter().flatten().zip(after.iter().flatten());
        let difference = pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        assert!(difference < 1e-5, "{difference} by {criterion:?}");
    }
}

#[test]
fn all_channels_kept_is_no_change() {
    let config = residual();
    let tensors = random_tensors(&config, 4);
    let pruned = prune_channels(&config, INPUT, N_CLASSES, &tensors, 1.0, Criterion::Norm).unwrap();
    assert_eq!(pruned.network, config);
    assert_eq!(answers(&config, &tensors), answers(&pruned.network, &pruned.weights));
}

#[test]
fn frozen_layers_keep_all_channels() {
    let config = NetworkConfig { frozen: 5, ..residual() };
    let tensors = random_tensors(&config, 4);
    let pruned = prune_channels(&config, INPUT, N_CLASSES, &tensors, 0.5, Criterion::Norm).unwrap();
    let (before, after) = (config.layers.split_at(5), pruned.network.layers.split_at(5));
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1);
    assert_eq!(pruned.network.frozen, 5);
    let is_frozen = |name: &str| name.split('.').next().unwrap().parse::<usize>().unwrap() < 5;
    for (name, tensor) in tensors.iter().filter(|(name, _)| is_frozen(name)) {
        assert_eq!(pruned.weights.get(name), Some(tensor), "{name}");
    }
}

#[test]
fn weights_that_are_missing_are_named() {
    let config = residual();
    let mut tensors = random_tensors(&config, 4);
    tensors.remove("7.weight");
    let error = prune_channels(&config, INPUT, N_CLASSES, &tensors, 0.5, Criterion::Norm).unwrap_err();
    assert!(error.to_string().contains("7.weight"), "{error}");
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = prop_oneof![
        (2..9_u32).prop_map(conv),
        Just(Layer::Conv {
            filters: 6,
            kernel: 3,
            stride: 1,
            padding: Padding::Same,
            dilation: 1,
            groups: 2,
            bias: false
        }),
        Just(Layer::DepthwiseConv { kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, bias: true }),
        Just(Layer::DepthwiseSeparable { filters: 8, kernel: 3, stride: 1 }),
        Just(Layer::BatchNorm),
        Just(Layer::LayerNorm),
        Just(Layer::GroupNorm { groups: 2 }),
        Just(Layer::SqueezeExcitation { ratio: 2 }),
        Just(RELU),
        Just(Layer::MaxPool { size: 2, stride: 1 }),
        Just(Layer::Resize { size: 9 }),
        Just(Layer::Residual { layers: vec![conv(8), RELU, conv(6)] }),
        Just(Layer::Residual { layers: vec![Layer::DepthwiseSeparable { filters: 6, kernel: 3, stride: 2 }] }),
        Just(Layer::Residual { layers: vec![RELU, Layer::Residual { layers: vec![conv(6), RELU] }] }),
        Just(Layer::Residual { layers: vec![Layer::MaxPool { size: 2, stride: 2 }] }),
    ];
    let head = prop_oneof![
        Just(vec![Layer::GlobalAveragePool]),
        Just(vec![Layer::Flatten, Layer::Linear { units: 7, bias: false }, Layer::BatchNorm, RELU]),
        Just(vec![Layer::PooledSkip { layers: vec![conv(6), RELU, Layer::GlobalAveragePool] }]),
        Just(vec![Layer::Rows, Layer::Linear { units: 5, bias: true }, Layer::GlobalAveragePool]),
        Just(vec![Layer::PatchEmbedding { size: 4, features: 6 }, Layer::LayerNorm, Layer::GlobalMaxPool]),
    ];
    (prop::collection::vec(layer, 0..6), head).prop_map(|(mut layers, head)| {
        layers.extend(head);
        layers.push(Layer::Classifier { bias: true });
        layers
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_smaller_network_fits(layers in layers(), keep in 0.0..1.0_f32, seed in any::<u64>()) {
        let config = network(layers);
        prop_assume!(place(&config, INPUT, N_CLASSES).is_ok());
        let tensors = random_tensors(&config, seed);
        let pruned = prune_channels(&config, INPUT, N_CLASSES, &tensors, keep, Criterion::Norm).unwrap();
        prop_assert!(pruned.parameters[1] <= pruned.parameters[0]);
        // No tensor is missing, and none is left over.
        let placed = place(&pruned.network, INPUT, N_CLASSES).unwrap();
        let mut wanted: Vec<String> = network_tensors(&placed).into_iter().map(|(name, _)| name).collect();
        let given: Vec<String> = pruned.weights.keys().cloned().collect();
        wanted.sort();
        prop_assert_eq!(given, wanted);
        let found = answers(&pruned.network, &pruned.weights);
        prop_assert!(found.iter().flatten().all(|probability| probability.is_finite()));
    }
}
