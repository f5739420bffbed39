//! Presets: networks with hyperparameters that are known to work.

/// Convolutional networks.
mod convolutional;

/// Other families: multilayer perceptron, recurrent networks, vision transformer.
mod families;

/// Networks with pre-trained weights.
mod transfer;

#[cfg(test)]
mod tests;

pub use convolutional::lenet_network;

use crate::config::{Activation, AugmentConfig, Layer, NetworkConfig, Padding, RunConfig};
use crate::dataset::summary::shows_characters;
use crate::protocol::{DatasetSummary, ImageShape};

/// A preset for a dataset. The first of [`presets`] is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Stable: the key of its translated name, and what `window.kindling` accepts.
    pub id: &'static str,
    pub config: RunConfig,
}

/// The ids of all presets, whatever the dataset.
pub const PRESET_IDS: [&str; 12] = [
    "one-minute",
    "lenet",
    "batch-norm",
    "mlp",
    "vgg",
    "mobile",
    "lstm-rows",
    "gru-rows",
    "vit",
    "resnet9",
    "features",
    "fine-tune",
];

/// The presets that fit a dataset, the most suitable first.
pub fn presets(dataset: &DatasetSummary) -> Vec<Preset> {
    use convolutional::{batch_norm, lenet, mobile, one_minute, resnet9, vgg};
    use families::{gru_rows, lstm_rows, mlp, vit};
    use transfer::{features, fine_tune};
    let is_small_gray = dataset.shape.channels == 1 && dataset.shape.height <= 32 && dataset.shape.width <= 32;
    let builders: &[fn(&DatasetSummary) -> Preset] = if has_few_images(dataset) {
        &[features, fine_tune, batch_norm, lenet, resnet9, vgg, mobile, vit, mlp, lstm_rows, gru_rows, one_minute]
    } else if is_small_gray {
        // No ResNet-9: it has millions more weights than small grayscale images need.
        &[one_minute, lenet, batch_norm, mlp, vgg, mobile, lstm_rows, gru_rows, vit, features, fine_tune]
    } else {
        &[batch_norm, lenet, resnet9, vgg, mobile, vit, mlp, lstm_rows, gru_rows, one_minute, features, fine_tune]
    };
    builders
        .iter()
        .map(|build| suited(build(dataset), dataset))
        .filter(|preset| super::shape::infer(&preset.config.network, dataset.shape, dataset.classes.len()).is_ok())
        .collect()
}

/// Whether a dataset has so few color images of the visitor's own that pre-trained features classify them better than a network that is trained
/// from scratch does.
pub fn has_few_images(dataset: &DatasetSummary) -> bool {
    const IMAGES_PER_CLASS: usize = 500;
    let is_few = (dataset.counts.train as usize) < IMAGES_PER_CLASS * dataset.classes.len();
    dataset.import.is_some() && dataset.shape.channels == 3 && is_few
}

/// Few images of the visitor's own make few batches an epoch: smaller batches and more epochs give the optimizer enough steps.
fn suited(preset: Preset, dataset: &DatasetSummary) -> Preset {
    const STEPS: u32 = 400;
    const EPOCHS_LIMIT: u32 = 100;
    const SMALLEST_BATCH: u32 = 16;
    if dataset.import.is_none() {
        return preset;
    }
    let n_images = dataset.counts.train.max(1);
    // The largest power of two that makes sixteen batches of them.
    let batch = 1 << (n_images / 16).max(SMALLEST_BATCH).ilog2();
    let batch_size = preset.config.batch_size.min(batch);
    let epochs = STEPS.div_ceil(n_images.div_ceil(batch_size)).min(EPOCHS_LIMIT).max(preset.config.epochs);
    Preset { config: RunConfig { batch_size, epochs, ..preset.config }, ..preset }
}

/// The config that all presets start from.
fn defaults(dataset: &DatasetSummary, network: NetworkConfig) -> RunConfig {
    RunConfig::new(dataset.id.clone(), network)
}

/// Mild augmentation that preserves every image's class. Digits and letters are translated, rotated and scaled a little, as in handwriting;
/// all other images are translated and flipped horizontally.
fn mild_augmentation(dataset: &DatasetSummary) -> AugmentConfig {
    if shows_characters(&dataset.classes) {
        AugmentConfig { shift: 0.1, rotation_degrees: 10.0, zoom: 0.1, ..AugmentConfig::default() }
    } else {
        // A photo may be cropped anywhere. A grayscale cutout, such as Fashion-MNIST's clothes, is centered in its image, so it moves less.
        let shift = if dataset.shape.channels == 1 { 0.04 } else { 0.1 };
        AugmentConfig { flip: 0.5, shift, ..AugmentConfig::default() }
    }
}

fn network(name: &str, layers: Vec<Layer>) -> NetworkConfig {
    NetworkConfig::new(name, layers)
}

const RELU: Layer = Layer::Activation(Activation::Relu);

const POOL: Layer = Layer::MaxPool { size: 2, stride: 2 };

const CLASSIFIER: Layer = Layer::Classifier { bias: true };

fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding, bias: bool) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, dilation: 1, groups: 1, bias }
}

/// A convolution that keeps the size, batch norm, ReLU. The norm's shift replaces the bias.
fn conv_norm_relu(filters: u32) -> [Layer; 3] {
    [conv(filters, 3, 1, Padding::Same, false), Layer::BatchNorm, RELU]
}

/// The shorter side of the images, in pixels.
fn side(shape: ImageShape) -> u32 {
    shape.height.min(shape.width)
}
