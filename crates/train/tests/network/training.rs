//! Layers that behave differently in training: dropout and batch statistics, in blocks too.

use burn::tensor::{Device, Tensor};
use kindling_core::config::{InitConfig, Layer, NetworkConfig};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;

const N_IMAGES: usize = 40;
const CHANNELS: usize = 3;
const INPUT: ImageShape = ImageShape { channels: CHANNELS as u32, height: 4, width: 5 };

#[test]
fn spatial_dropout_silences_whole_channels() {
    // The means of the channels for images of ones, through an identity classifier.
    let mut network = channel_means(Layer::SpatialDropout { rate: 0.5 });
    let means = values(network.forward_train(images().autodiff(), &mut Random::new(1)));
    assert!(means.iter().all(|&mean| mean == 0.0 || mean == 2.0), "{means:?}");
    let n_silent = means.iter().filter(|&&mean| mean == 0.0).count();
    // 60 of 120 expected; the standard deviation is 5.5.
    assert!((40..=80).contains(&n_silent), "{n_silent}");
}

#[test]
fn dropout_silences_single_values_and_keeps_the_mean() {
    let mut network = channel_means(Layer::Dropout { rate: 0.25 });
    let means = values(network.forward_train(images().autodiff(), &mut Random::new(1)));
    let mean = means.iter().sum::<f32>() / means.len() as f32;
    assert!((mean - 1.0).abs() < 0.05, "{mean}");
    assert!(means.iter().filter(|&&mean| mean > 0.1 && mean < 1.3).count() > 80, "{means:?}");
}

#[test]
fn dropout_in_blocks_draws_only_while_training_and_from_the_seed() {
    let layers = vec![
        Layer::Residual { layers: vec![Layer::Dropout { rate: 0.5 }] },
        Layer::Rows,
        Layer::TransformerBlock { heads: 3, mlp_ratio: 1, dropout: 0.5 },
        Layer::GlobalAveragePool,
    ];
    let mut network = build(layers);
    let mut train = |seed| values(network.forward_train(images().autodiff(), &mut Random::new(seed)));
    let (first, again, other) = (train(1), train(1), train(2));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let answers = [(); 2].map(|()| values(network.forward(images())));
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0], first);
}

#[test]
fn a_clone_keeps_its_statistics_while_the_other_trains() {
    let block = Layer::Residual {
        layers: vec![Layer::DepthwiseSeparable { filters: 3, kernel: 3, stride: 1 }, Layer::BatchNorm],
    };
    let mut network = build(vec![block, Layer::GlobalAveragePool]);
    let kept = network.clone();
    let before = values(kept.forward(images()));
    let _ = network.forward_train(images().autodiff() * 3.0, &mut Random::new(1));
    assert_eq!(values(kept.forward(images())), before);
    assert_ne!(values(network.forward(images())), before);
}

#[test]
fn a_network_of_zeros_has_zero_logits() {
    let description = NetworkConfig { init: InitConfig::Zeros, ..description(vec![Layer::Rows, Layer::Flatten]) };
    let network = Network::new(&description, INPUT, CHANNELS, &mut Random::new(1), &Device::flex()).unwrap();
    assert!(values(network.forward(images())).iter().all(|&logit| logit == 0.0));
}

/// A network that outputs the mean of each channel after `layer`.
fn channel_means(layer: Layer) -> Network {
    let layers = vec![layer, Layer::GlobalAveragePool, Layer::Classifier { bias: false }];
    let description = NetworkConfig::new("", layers);
    let identity = (0..CHANNELS * CHANNELS).map(|place| if place % (CHANNELS + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let weight = NamedTensor { name: "2.weight".to_owned(), shape: vec![CHANNELS; 2], values: identity };
    Network::with_weights(&description, INPUT, CHANNELS, vec![weight], &Device::flex()).unwrap()
}

fn build(layers: Vec<Layer>) -> Network {
    Network::new(&description(layers), INPUT, CHANNELS, &mut Random::new(1), &Device::flex()).unwrap()
}

fn description(mut layers: Vec<Layer>) -> NetworkConfig {
    layers.push(Layer::Classifier { bias: true });
    NetworkConfig::new("", layers)
}

/// All ones.
fn images() -> Tensor<4> {
    Tensor::ones([N_IMAGES, CHANNELS, INPUT.height as usize, INPUT.width as usize], &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
