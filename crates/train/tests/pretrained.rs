//! Pre-trained weights: their features are the published network's, and they learn at a rate of their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::config::{Layer, NetworkConfig, OptimizerConfig, Pretrained, RunConfig};
use kindling_core::network::pretrained::{feature_layers, file};
use kindling_core::protocol::{FailureKind, ImageShape};
use kindling_core::random::Random;
use kindling_train::device::DeviceDataset;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use kindling_train::training::optimizer::Rates;
use kindling_train::training::step::{StepSettings, Trainer};
use safetensors::SafeTensors;

mod support;
use support::{bands, block_on};

const NET: Pretrained = Pretrained::EfficientNetLite0;

fn read(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn weights() -> Vec<u8> {
    let file = file(NET);
    let bytes = read(&format!("../../static/pretrained/{}", file.name));
    file.verify(&bytes).unwrap();
    bytes
}

fn built(layers: Vec<Layer>, input: ImageShape) -> Network {
    let config = NetworkConfig { pretrained: Some(NET), ..NetworkConfig::new("", layers) };
    Network::pretrained(&config, NET, &weights(), (input, 3), &mut Random::new(1), &Device::flex()).unwrap()
}

/// The features of images `[batch, channels, height, width]`.
fn features(images: TensorData, channels: usize, side: usize) -> Vec<f32> {
    let input = ImageShape { channels: channels as u32, height: side as u32, width: side as u32 };
    let layers = [feature_layers(), vec![Layer::Classifier { bias: true }]].concat();
    let network = built(layers, input).valid();
    let images = Tensor::<4>::from_data(images, &Device::flex());
    let outputs = network.trace(images);
    outputs[outputs.len() - 2].clone().in_rows().into_data().iter::<f32>().collect()
}

#[test]
fn features_are_those_of_the_published_network() {
    let bytes = read("tests/pretrained/golden.safetensors");
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    for name in ["flower-129", "china-129"] {
        let image = golden.tensor(&format!("{name}.image")).unwrap();
        let at = |channel: usize, place: usize| f32::from(image.data()[3 * place + channel]) / 127.5 - 1.0;
        let values: Vec<f32> = (0..3)
            .flat_map(|channel| (0..129 * 129).map(move |place| (channel, place)))
            .map(|(c, p)| at(c, p))
            .collect();
        let found = features(TensorData::new(values, [1, 3, 129, 129]), 3, 129);
        let expected: Vec<f32> = ["b10", "b14", "b15"]
            .iter()
            .flat_map(|block| {
                let data = golden.tensor(&format!("{name}.i8.{block}")).unwrap().data().to_vec();
                data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
        let difference = found.iter().zip(&expected).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        println!("{name}: largest difference {difference:e}, largest value {largest}");
        assert!(difference <= 1e-4 * largest, "{name}: {difference} of {largest}");
    }
}

#[test]
fn gray_images_have_the_features_of_gray_images_in_color() {
    let mut random = Random::new(2);
    let gray: Vec<f32> = (0..28 * 28).map(|_| 2.0 * random.unit() as f32 - 1.0).collect();
    let of_gray = features(TensorData::new(gray.clone(), [1, 1, 28, 28]), 1, 28);
    let of_color = features(TensorData::new(gray.repeat(3), [1, 3, 28, 28]), 3, 28);
    let largest = of_color.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
    let difference = of_gray.iter().zip(&of_color).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    assert!(difference <= 1e-4 * largest, "{difference} of {largest}");
}

#[test]
fn pretrained_layers_learn_at_a_rate_of_their_own() {
    // A batch norm and the stem, then layers that are not the published ones.
    let layers: Vec<Layer> = feature_layers()
        .into_iter()
        .skip(1)
        .take(3)
        .chain([Layer::GlobalAveragePool, Layer::Classifier { bias: true }])
        .collect();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &Device::flex(), u64::MAX).unwrap();
    let change = |share: f64| {
        let network = built(layers.clone(), dataset.shape);
        let before = block_on(network.weights()).unwrap();
        let optimizer = OptimizerConfig::Sgd { momentum: 0.0, nesterov: false };
        let config = RunConfig {
            optimizer,
            pretrained_rate_share: share,
            ..RunConfig::new("bands", NetworkConfig::new("", vec![]))
        };
        let mut trainer = Trainer::new(network, &config, &data.train_class_counts(), Random::new(3)).unwrap();
        let rates = Rates { learning_rate: 0.1, weight_decay: 0.0 };
        trainer.step(data.batch(data.select(0..30)), StepSettings { rates, is_update: true });
        let after = block_on(trainer.network().weights()).unwrap();
        let largest = |(before, after): (&NamedTensor, &NamedTensor)| {
            before.values.iter().zip(&after.values).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
        };
        let of = |name: &str| before.iter().zip(&after).find(|(tensor, _)| tensor.name == name).map(largest).unwrap();
        (of("1.weight"), of("4.weight"))
    };
    let ((stem, classifier), (slow_stem, same_classifier)) = (change(1.0), change(0.1));
    assert!(stem > 0.0 && classifier > 0.0);
    assert!((slow_stem / stem - 0.1).abs() < 0.01, "{slow_stem} of {stem}");
    assert_eq!(classifier, same_classifier);
}

#[test]
fn fine_tuning_leaves_frozen_layers_and_moves_the_published_ones_behind_them_a_little() {
    // The batch norm, the stem and its ReLU6 are frozen; the first block, up to its last convolution, is not.
    let layers: Vec<Layer> = feature_layers()
        .into_iter()
        .skip(1)
        .take(6)
        .chain([Layer::GlobalAveragePool, Layer::Classifier { bias: true }])
        .collect();
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &Device::flex(), u64::MAX).unwrap();
    let network = NetworkConfig { pretrained: Some(NET), frozen: 3, ..NetworkConfig::new("", layers) };
    let config = RunConfig { learning_rate: 0.01, ..RunConfig::new("bands", network) };
    let network =
        Network::pretrained(&config.network, NET, &weights(), (dataset.shape, 3), &mut Random::new(1), &Device::flex());
    let network = network.unwrap();
    let before = block_on(network.weights()).unwrap();
    let mut trainer = Trainer::new(network, &config, &data.train_class_counts(), Random::new(3)).unwrap();
    let rates = Rates { learning_rate: config.learning_rate, weight_decay: 0.0 };
    for step in 0..4 {
        trainer.step(data.batch(data.select(step * 30..(step + 1) * 30)), StepSettings { rates, is_update: true });
    }
    let after = block_on(trainer.network().weights()).unwrap();
    let moved = |(before, after): (&NamedTensor, &NamedTensor)| {
        before.values.iter().zip(&after.values).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
    };
    let of = |layer: &str| {
        let is_of = |(tensor, _): &(&NamedTensor, &NamedTensor)| tensor.name.starts_with(layer);
        before.iter().zip(&after).filter(is_of).map(moved).fold(0.0, f32::max)
    };
    assert_eq!((of("0."), of("1.")), (0.0, 0.0));
    // Adam's steps are about as long as the learning rate.
    let (depthwise, classifier) = (of("3."), of("7."));
    assert!(depthwise > 0.0 && of("5.") > 0.0, "{depthwise}");
    assert!(depthwise < 0.2 * classifier && classifier > config.learning_rate as f32, "{depthwise} and {classifier}");
}

#[test]
fn a_damaged_file_is_refused() {
    let input = ImageShape { channels: 3, height: 32, width: 32 };
    let layers = [feature_layers(), vec![Layer::Classifier { bias: true }]].concat();
    let config = NetworkConfig { pretrained: Some(NET), ..NetworkConfig::new("", layers) };
    let bytes = weights();
    for file in [&bytes[..bytes.len() / 2], &b"no weights"[..], &[][..]] {
        let built = Network::pretrained(&config, NET, file, (input, 3), &mut Random::new(1), &Device::flex());
        assert_eq!(built.unwrap_err().kind, FailureKind::BadFile);
    }
}
