//! Networks without convolutions: a multilayer perceptron, recurrent networks over the rows of an image, a small vision transformer.

use super::{CLASSIFIER, Preset, RELU, defaults, mild_augmentation, network, side};
use crate::config::{Layer, NetworkConfig, RunConfig, ScheduleConfig, States};
use crate::protocol::{DatasetSummary, ImageShape};

/// Two hidden layers; ignores the spatial layout of the image.
pub(super) fn mlp(dataset: &DatasetSummary) -> Preset {
    let hidden = |units| [Layer::Linear { units, bias: true }, RELU, Layer::Dropout { rate: 0.2 }];
    let mut layers = vec![Layer::Flatten];
    layers.extend(hidden(256));
    layers.extend(hidden(128));
    layers.push(CLASSIFIER);
    Preset {
        id: "mlp",
        config: RunConfig {
            learning_rate: 0.001,
            batch_size: 100,
            epochs: 10,
            ..defaults(dataset, network("Multilayer perceptron", layers))
        },
    }
}

pub(super) fn lstm_rows(dataset: &DatasetSummary) -> Preset {
    let lstm = Layer::Lstm { units: 128, states: States::Last };
    Preset {
        id: "lstm-rows",
        config: over_rows(dataset, network("LSTM over rows", vec![Layer::Rows, lstm, CLASSIFIER])),
    }
}

pub(super) fn gru_rows(dataset: &DatasetSummary) -> Preset {
    let gru = Layer::Gru { units: 128, states: States::Last };
    Preset { id: "gru-rows", config: over_rows(dataset, network("GRU over rows", vec![Layer::Rows, gru, CLASSIFIER])) }
}

fn over_rows(dataset: &DatasetSummary, network: NetworkConfig) -> RunConfig {
    RunConfig {
        learning_rate: 0.005,
        schedule: ScheduleConfig::ONE_CYCLE,
        clip_norm: Some(1.0),
        batch_size: 100,
        epochs: 8,
        ..defaults(dataset, network)
    }
}

/// The vision transformer (Dosovitskiy et al., 2020), very small, with mean pooling over all patches instead of a class token.
pub(super) fn vit(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "vit",
        config: RunConfig {
            learning_rate: 0.002,
            weight_decay: 0.05,
            schedule: ScheduleConfig::ONE_CYCLE,
            clip_norm: Some(1.0),
            batch_size: 64,
            epochs: 12,
            augment: mild_augmentation(dataset),
            ..defaults(dataset, vit_network(dataset.shape))
        },
    }
}

fn vit_network(shape: ImageShape) -> NetworkConfig {
    let block = Layer::TransformerBlock { heads: 4, mlp_ratio: 2, dropout: 0.1 };
    // About eight patches per side, at any image size.
    let patches = Layer::PatchEmbedding { size: side(shape).div_ceil(8), features: 64 };
    let mut layers = vec![patches, Layer::PositionEmbedding];
    layers.extend(std::iter::repeat_n(block, 4));
    layers.extend([Layer::LayerNorm, Layer::GlobalAveragePool, CLASSIFIER]);
    network("Small vision transformer", layers)
}
