//! Convolutional networks, from LeNet to MobileNet.

use super::{CLASSIFIER, POOL, Preset, RELU, conv, conv_norm_relu, defaults, mild_augmentation, network, side};
use crate::config::{AugmentConfig, Layer, NetworkConfig, OptimizerConfig, Padding, RunConfig, ScheduleConfig};
use crate::dataset::summary::shows_characters;
use crate::protocol::{DatasetSummary, ImageShape};

/// The network of PyTorch's CIFAR-10 tutorial (itself based on LeNet-5), with the tutorial's hyperparameters.
pub(super) fn lenet(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "lenet",
        config: RunConfig {
            optimizer: OptimizerConfig::SGD,
            learning_rate: 0.001,
            batch_size: 4,
            epochs: 5,
            ..defaults(dataset, lenet_network())
        },
    }
}

/// 62,006 parameters on a 3x32x32 image and 10 classes.
pub fn lenet_network() -> NetworkConfig {
    let layers = vec![
        conv(6, 5, 1, Padding::Valid, true),
        RELU,
        POOL,
        conv(16, 5, 1, Padding::Valid, true),
        RELU,
        POOL,
        Layer::Flatten,
        Layer::Linear { units: 120, bias: true },
        RELU,
        Layer::Linear { units: 84, bias: true },
        RELU,
        CLASSIFIER,
    ];
    network("LeNet (PyTorch tutorial)", layers)
}

/// Small enough for one slow CPU core, good enough for 99% on MNIST's test set. Strides replace pooling, which costs more than the
/// convolutions there, and halve the time of a step; batch norm and dropout make up for the accuracy. See BENCHMARKS.md.
pub(super) fn one_minute(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "one-minute",
        config: RunConfig {
            learning_rate: 0.01,
            schedule: ScheduleConfig::ONE_CYCLE,
            batch_size: 100,
            epochs: 3,
            ..defaults(dataset, one_minute_network())
        },
    }
}

fn one_minute_network() -> NetworkConfig {
    // The shift of the following norm replaces the bias.
    let conv = |filters, kernel, stride| conv(filters, kernel, stride, Padding::Valid, false);
    let layers = vec![
        conv(16, 5, 2),
        Layer::BatchNorm,
        RELU,
        conv(32, 3, 2),
        Layer::BatchNorm,
        RELU,
        conv(48, 3, 1),
        Layer::BatchNorm,
        RELU,
        Layer::Flatten,
        Layer::Dropout { rate: 0.4 },
        CLASSIFIER,
    ];
    network("One minute", layers)
}

/// Four blocks of convolution, batch norm and ReLU, with max pooling between them.
pub(super) fn batch_norm(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "batch-norm",
        config: RunConfig {
            learning_rate: 0.01,
            weight_decay: 0.05,
            schedule: ScheduleConfig::ONE_CYCLE,
            batch_size: 128,
            // Digits and letters are learned fastest.
            epochs: match dataset.shape.channels {
                1 if shows_characters(&dataset.classes) => 12,
                1 => 20,
                _ => 15,
            },
            augment: mild_augmentation(dataset),
            ..defaults(dataset, batch_norm_network(dataset.shape))
        },
    }
}

fn batch_norm_network(shape: ImageShape) -> NetworkConfig {
    let mut layers = Vec::new();
    let mut side = side(shape);
    for filters in [24, 64, 128] {
        layers.extend(conv_norm_relu(filters));
        if side >= 4 {
            layers.push(POOL);
            side /= 2;
        }
    }
    layers.extend(conv_norm_relu(128));
    layers.extend([Layer::GlobalAveragePool, CLASSIFIER]);
    network("Small CNN with batch norm", layers)
}

/// VGG (Simonyan and Zisserman, 2014), narrower and with batch norm, which was added to it later: pairs of 3x3 convolutions followed by max
/// pooling, then linear layers.
pub(super) fn vgg(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "vgg",
        config: RunConfig {
            learning_rate: 0.002,
            weight_decay: 0.05,
            schedule: ScheduleConfig::ONE_CYCLE,
            batch_size: 64,
            epochs: 10,
            augment: mild_augmentation(dataset),
            ..defaults(dataset, vgg_network(dataset.shape))
        },
    }
}

fn vgg_network(shape: ImageShape) -> NetworkConfig {
    let mut layers = Vec::new();
    let mut side = side(shape);
    for filters in [32, 64, 128, 256, 512] {
        layers.extend(conv_norm_relu(filters));
        layers.extend(conv_norm_relu(filters));
        layers.push(POOL);
        side /= 2;
        if side < 6 {
            break;
        }
    }
    layers.extend([Layer::Flatten, Layer::Linear { units: 256, bias: true }, RELU]);
    layers.extend([Layer::Dropout { rate: 0.5 }, CLASSIFIER]);
    network("VGG-like", layers)
}

/// David Page's nine-layer ResNet for CIFAR-10 (DAWNBench, 2018): 94% in about a minute on a large GPU.
pub(super) fn resnet9(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "resnet9",
        config: RunConfig {
            learning_rate: 0.005,
            weight_decay: 0.05,
            schedule: ScheduleConfig::ONE_CYCLE,
            clip_norm: Some(1.0),
            batch_size: 128,
            epochs: 15,
            augment: AugmentConfig { cutout: 0.25, ..mild_augmentation(dataset) },
            ..defaults(dataset, resnet9_network())
        },
    }
}

fn resnet9_network() -> NetworkConfig {
    let residual = |filters| Layer::Residual { layers: [conv_norm_relu(filters), conv_norm_relu(filters)].concat() };
    let mut layers = conv_norm_relu(64).to_vec();
    layers.extend(conv_norm_relu(128));
    layers.extend([POOL, residual(128)]);
    layers.extend(conv_norm_relu(256));
    layers.push(POOL);
    layers.extend(conv_norm_relu(512));
    layers.extend([POOL, residual(512), Layer::GlobalMaxPool, CLASSIFIER]);
    network("ResNet-9", layers)
}

/// Depthwise-separable blocks, as in MobileNet (Howard et al., 2017): about an eighth of the multiply-adds of standard convolutions.
pub(super) fn mobile(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "mobile",
        config: RunConfig {
            learning_rate: 0.005,
            weight_decay: 0.01,
            schedule: ScheduleConfig::ONE_CYCLE,
            batch_size: 64,
            epochs: 10,
            ..defaults(dataset, mobile_network(dataset.shape))
        },
    }
}

fn mobile_network(shape: ImageShape) -> NetworkConfig {
    let block = |filters, stride| Layer::DepthwiseSeparable { filters, kernel: 3, stride };
    // MobileNet's initial stride of 2 is for large photos.
    let first_stride = if side(shape) > 32 { 2 } else { 1 };
    let layers = vec![
        conv(16, 3, first_stride, Padding::Same, false),
        Layer::BatchNorm,
        RELU,
        block(32, 1),
        block(64, 2),
        block(64, 1),
        block(128, 2),
        block(128, 1),
        Layer::GlobalAveragePool,
        CLASSIFIER,
    ];
    network("MobileNet-like", layers)
}
