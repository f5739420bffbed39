//! Recipes that are known to work: a network, and the settings to train it with.

use crate::protocol::{
    Activation, DatasetSummary, ImageShape, Layer, NetworkConfig, OptimizerConfig, Padding, RunConfig,
};

/// A recipe for a dataset. The first of [`presets`] is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Stable: the page translates it, and `window.kindling` takes it.
    pub id: &'static str,
    pub config: RunConfig,
}

/// The presets that fit a dataset, the best to begin with first.
pub fn presets(dataset: &DatasetSummary) -> Vec<Preset> {
    let is_small_gray = dataset.shape.channels == 1 && dataset.shape.height <= 32 && dataset.shape.width <= 32;
    let recipes: &[fn(&DatasetSummary) -> Preset] =
        if is_small_gray { &[one_minute, lenet, batch_norm] } else { &[batch_norm, lenet, one_minute] };
    recipes
        .iter()
        .map(|recipe| recipe(dataset))
        .filter(|preset| super::shape::infer(&preset.config.network, dataset.shape, dataset.classes.len()).is_ok())
        .collect()
}

/// The network of PyTorch's CIFAR-10 tutorial (itself after LeNet-5), with the tutorial's settings.
fn lenet(dataset: &DatasetSummary) -> Preset {
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
    NetworkConfig {
        name: "LeNet (PyTorch tutorial)".to_owned(),
        layers: vec![
            conv(6, 5, Padding::Valid, true),
            RELU,
            POOL,
            conv(16, 5, Padding::Valid, true),
            RELU,
            POOL,
            Layer::Flatten,
            Layer::Linear { units: 120, bias: true },
            RELU,
            Layer::Linear { units: 84, bias: true },
            RELU,
            Layer::Classifier { bias: true },
        ],
    }
}

/// Small enough for one slow processor core, good enough for 99% of MNIST's test set. Strides instead of pools, which cost more
/// than the convolutions there, halve the time of a step; batch norm and dropout make up for it. See BENCHMARKS.md.
fn one_minute(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "one-minute",
        config: RunConfig {
            optimizer: OptimizerConfig::ADAM,
            learning_rate: 0.002,
            batch_size: 100,
            epochs: 6,
            ..defaults(dataset, one_minute_network())
        },
    }
}

fn one_minute_network() -> NetworkConfig {
    // The norm after each convolution shifts as a bias would.
    let conv = |filters, kernel, stride| Layer::Conv { filters, kernel, stride, padding: Padding::Valid, bias: false };
    NetworkConfig {
        name: "One minute".to_owned(),
        layers: vec![
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
            Layer::Classifier { bias: true },
        ],
    }
}

/// Three blocks of convolution, batch norm, ReLU and pool.
fn batch_norm(dataset: &DatasetSummary) -> Preset {
    Preset {
        id: "batch-norm",
        config: RunConfig {
            optimizer: OptimizerConfig::ADAM,
            learning_rate: 0.002,
            batch_size: 64,
            epochs: 10,
            ..defaults(dataset, batch_norm_network(dataset.shape))
        },
    }
}

fn batch_norm_network(shape: ImageShape) -> NetworkConfig {
    let mut layers = Vec::new();
    let mut side = shape.height.min(shape.width);
    for filters in [16, 32, 64] {
        // The norm after it shifts as a bias would.
        layers.extend([conv(filters, 3, Padding::Same, false), Layer::BatchNorm, RELU]);
        if side >= 4 {
            layers.push(POOL);
            side /= 2;
        }
    }
    layers.extend([Layer::GlobalAveragePool, Layer::Classifier { bias: true }]);
    NetworkConfig { name: "Small batch-normalized".to_owned(), layers }
}

const RELU: Layer = Layer::Activation(Activation::Relu);

const POOL: Layer = Layer::MaxPool { size: 2, stride: 2 };

fn conv(filters: u32, kernel: u32, padding: Padding, bias: bool) -> Layer {
    Layer::Conv { filters, kernel, stride: 1, padding, bias }
}

/// What the recipes share.
fn defaults(dataset: &DatasetSummary, network: NetworkConfig) -> RunConfig {
    RunConfig::new(dataset.id.clone(), network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::shape::infer;
    use crate::protocol::SplitCounts;

    #[test]
    fn every_dataset_has_presets_that_fit() {
        for (channels, side) in [(1, 28), (3, 32), (3, 64), (1, 12), (3, 8), (1, 1)] {
            let summary = summary(channels, side);
            let presets = presets(&summary);
            assert!(!presets.is_empty(), "{channels}x{side}x{side}");
            for Preset { id, config } in presets {
                assert!(infer(&config.network, summary.shape, 10).is_ok(), "{id}");
                assert_eq!(config.dataset, "some");
            }
        }
    }

    #[test]
    fn the_default_suits_the_images() {
        assert_eq!(presets(&summary(1, 28))[0].id, "one-minute");
        assert_eq!(presets(&summary(3, 32))[0].id, "batch-norm");
    }

    #[test]
    fn lenet_is_the_tutorials() {
        let presets = presets(&summary(3, 32));
        let config = &presets.iter().find(|preset| preset.id == "lenet").unwrap().config;
        assert_eq!((config.batch_size, config.epochs, config.learning_rate), (4, 5, 0.001));
        assert_eq!(config.optimizer, OptimizerConfig::SGD);
        let parameters: u64 =
            infer(&config.network, summary(3, 32).shape, 10).unwrap().iter().map(|layer| layer.parameters).sum();
        assert_eq!(parameters, 62_006);
    }

    fn summary(channels: u32, side: u32) -> DatasetSummary {
        DatasetSummary {
            id: "some".to_owned(),
            name: "Some".to_owned(),
            classes: (0..10).map(|class| class.to_string()).collect(),
            shape: ImageShape { channels, height: side, width: side },
            counts: SplitCounts::default(),
            class_counts: Vec::new(),
            samples: Vec::new(),
            has_standard_test: true,
        }
    }
}
