//! Published networks as ordinary layers, and which of a network's tensors are theirs.
//!
//! EfficientNet-Lite0 (github.com/tensorflow/tpu, models/official/efficientnet/lite): inverted residual blocks with ReLU6, batch norms folded
//! into the convolutions. It was trained with TensorFlow's "same" padding, which on images of 32k + 1 pixels a side is equal on both sides in
//! every layer, and with values of `(byte - 127) / 128`, which a batch norm in front of it makes from Kindling's range of -1 to 1.

use super::shape::PlacedLayer;
use crate::config::{Activation, Layer, Padding, Pretrained};
use crate::dataset::served::ServedFile;

/// The side of the images on which the features are computed.
pub const IMAGE_SIDE: u32 = 129;

/// Kindling's values of 0 to 255 are `byte / 127.5 - 1`, the network's `(byte - 127) / 128`.
const INPUT_MEAN: f32 = -0.5 / 127.5;
const INPUT_DEVIATION: f32 = 128.0 / 127.5;

/// Added to a variance by batch norms.
const EPSILON: f32 = 1e-5;

/// One of its blocks: a 1x1 convolution to `expansion` times the channels, a depthwise one, and a 1x1 convolution to `channels`.
struct Block {
    expansion: u32,
    kernel: u32,
    stride: u32,
    channels: u32,
}

const fn block(expansion: u32, kernel: u32, stride: u32, channels: u32) -> Block {
    Block { expansion, kernel, stride, channels }
}

const STEM_CHANNELS: u32 = 32;

const BLOCKS: [Block; 16] = [
    block(1, 3, 1, 16),
    block(6, 3, 2, 24),
    block(6, 3, 1, 24),
    block(6, 5, 2, 40),
    block(6, 5, 1, 40),
    block(6, 3, 2, 80),
    block(6, 3, 1, 80),
    block(6, 3, 1, 80),
    block(6, 5, 1, 112),
    block(6, 5, 1, 112),
    block(6, 5, 1, 112),
    block(6, 5, 2, 192),
    block(6, 5, 1, 192),
    block(6, 5, 1, 192),
    block(6, 5, 1, 192),
    block(6, 3, 1, 320),
];

/// Blocks after which features are taken: more depths side by side than the last are worth up to 2 points of accuracy of a linear classifier.
const TAPS: [usize; 2] = [10, 14];

/// The layers from images to features: the global averages after blocks 10, 14 and 15 side by side, 112 + 192 + 320 values.
pub fn feature_layers() -> Vec<Layer> {
    let mut layers = vec![Layer::Resize { size: IMAGE_SIDE }, Layer::BatchNorm, stem(), RELU6];
    layers.extend(blocks(0, &TAPS));
    layers
}

/// How many of the feature layers come before the features of the shallowest depth: those that fine-tuning leaves frozen.
pub fn n_shallow_layers() -> usize {
    feature_layers().len() - 1
}

/// The blocks from a number on. Behind each tap, the rest is inside a skip connection.
fn blocks(first: usize, taps: &[usize]) -> Vec<Layer> {
    let end = taps.first().map_or(BLOCKS.len(), |tap| tap + 1);
    let mut layers: Vec<Layer> = (first..end).flat_map(layers_of).collect();
    layers.push(match taps {
        [] => Layer::GlobalAveragePool,
        [_, rest @ ..] => Layer::PooledSkip { layers: blocks(end, rest) },
    });
    layers
}

/// The layers of a block, in a residual block if they keep the shape.
fn layers_of(number: usize) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (_, layer) in convolutions_of(number) {
        layers.extend([layer, RELU6]);
    }
    // The last one is linear.
    layers.pop();
    let Some(block) = BLOCKS.get(number) else { return layers };
    let keeps_shape = block.stride == 1 && channels_before(number) == block.channels;
    if keeps_shape { vec![Layer::Residual { layers }] } else { layers }
}

/// The convolutions of a block, each with its name in the file of weights.
fn convolutions_of(number: usize) -> Vec<(String, Layer)> {
    let Some(block) = BLOCKS.get(number) else { return Vec::new() };
    let Block { expansion, kernel, stride, channels } = *block;
    let expanded = expansion * channels_before(number);
    let mut convolutions = Vec::new();
    if expansion > 1 {
        convolutions.push((format!("b{number}.expand"), conv(expanded, 1, 1)));
    }
    let depthwise = Layer::DepthwiseConv { kernel, stride, padding: Padding::Same, dilation: 1, bias: true };
    convolutions.push((format!("b{number}.depthwise"), depthwise));
    convolutions.push((format!("b{number}.project"), conv(channels, 1, 1)));
    convolutions
}

fn channels_before(number: usize) -> u32 {
    number.checked_sub(1).and_then(|before| BLOCKS.get(before)).map_or(STEM_CHANNELS, |block| block.channels)
}

const RELU6: Layer = Layer::Activation(Activation::Relu6);

fn stem() -> Layer {
    conv(STEM_CHANNELS, 3, 2)
}

fn conv(filters: u32, kernel: u32, stride: u32) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Same, dilation: 1, groups: 1, bias: true }
}

/// The weights of a published network, in the folder `pretrained` of the page.
pub fn file(pretrained: Pretrained) -> ServedFile {
    match pretrained {
        Pretrained::EfficientNetLite0 => ServedFile {
            name: "efficientnet-lite0/features-i8.safetensors".to_owned(),
            bytes: 3_089_248,
            sha256: "fbf7bfbf68c30ff17868e31b027a6f3df52c62a66385e0aacbc4d5a7b666cb42".to_owned(),
            unpacked: None,
        },
    }
}

/// Where the initial values of a tensor come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `NAME.weight` of the file, 8-bit, times `NAME.scale`, a factor for each filter.
    Weight(String),
    /// `NAME.bias` of the file.
    Bias(String),
    Constant(f32),
}

/// The tensors of placed layers that are the published network's, by their full names, and where their values come from. Layers are compared one
/// by one, in order, up to the first with tensors of its own that is another; so a network may end early, and have any layers behind it.
pub fn sources(pretrained: Pretrained, layers: &[PlacedLayer]) -> Vec<(String, Source)> {
    let Pretrained::EfficientNetLite0 = pretrained;
    let blocks = (0..BLOCKS.len()).flat_map(convolutions_of);
    let published = [(None, Layer::BatchNorm), (Some("stem".to_owned()), stem())];
    let published = published.into_iter().chain(blocks.map(|(name, layer)| (Some(name), layer)));
    let mut sources = Vec::new();
    for ((path, placed), (name, layer)) in with_tensors(layers, "").into_iter().zip(published) {
        if placed.layer != layer {
            break;
        }
        for tensor in &placed.tensors {
            let source = match (&name, tensor.name) {
                (Some(name), "weight") => Source::Weight(name.clone()),
                (Some(name), _) => Source::Bias(name.clone()),
                (None, "running_mean") => Source::Constant(INPUT_MEAN),
                (None, "running_var") => Source::Constant(INPUT_DEVIATION * INPUT_DEVIATION - EPSILON),
                (None, "weight") => Source::Constant(1.0),
                (None, _) => Source::Constant(0.0),
            };
            sources.push((format!("{path}.{}", tensor.name), source));
        }
    }
    sources
}

/// How many layers, counted from the first, have no tensors but the published network's.
pub fn n_pretrained_layers(pretrained: Pretrained, layers: &[PlacedLayer]) -> usize {
    let sources = sources(pretrained, layers);
    let is_given = |index: usize, layer: &PlacedLayer| {
        let names = layer.named_tensors().into_iter().map(|(name, _)| format!("{index}.{name}"));
        names.into_iter().all(|name| sources.iter().any(|(given, _)| *given == name))
    };
    layers.iter().enumerate().take_while(|(index, layer)| is_given(*index, layer)).count()
}

/// All layers that have tensors of their own, those in blocks included, in order, each with its path.
fn with_tensors<'a>(layers: &'a [PlacedLayer], prefix: &str) -> Vec<(String, &'a PlacedLayer)> {
    let mut found = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let path = format!("{prefix}{index}");
        let inner = with_tensors(&layer.inner, &format!("{path}.layers."));
        if !layer.tensors.is_empty() {
            found.push((path, layer));
        }
        found.extend(inner);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkConfig;
    use crate::network::shape::{FeatureShape, place};
    use crate::protocol::ImageShape;

    fn placed(mut layers: Vec<Layer>, channels: u32) -> Vec<PlacedLayer> {
        layers.push(Layer::Classifier { bias: true });
        place(&NetworkConfig::new("", layers), ImageShape { channels, height: 32, width: 32 }, 10).unwrap()
    }

    #[test]
    fn the_features_are_those_of_three_depths() {
        let layers = placed(feature_layers(), 3);
        let [.., features, _classifier] = &layers[..] else { panic!("no layers") };
        assert_eq!(features.output, FeatureShape::Vector { length: 112 + 192 + 320 });
        assert_eq!(features.input, FeatureShape::Maps { channels: 112, height: 9, width: 9 });
        let parameters: u64 = layers.iter().map(PlacedLayer::n_parameters).sum();
        // Those of the file, the batch norm in front, and the classifier.
        assert_eq!(parameters, 2_939_120 + 6 + 625 * 10);
    }

    #[test]
    fn every_tensor_of_the_features_is_given_and_no_other() {
        for channels in [1, 3] {
            let layers = placed(feature_layers(), channels);
            let sources = sources(Pretrained::EfficientNetLite0, &layers);
            assert_eq!(sources.len(), 4 + 2 * 48);
            assert_eq!(sources[4], ("2.weight".to_owned(), Source::Weight("stem".to_owned())));
            assert!(sources.iter().any(|(_, source)| *source == Source::Bias("b15.project".to_owned())));
            assert_eq!(n_pretrained_layers(Pretrained::EfficientNetLite0, &layers), layers.len() - 1);
        }
    }

    #[test]
    fn layers_behind_a_change_are_not_the_published_ones() {
        let mut layers = feature_layers();
        layers.truncate(10);
        layers.extend([conv(7, 3, 1), Layer::GlobalAveragePool]);
        let placed = placed(layers, 3);
        let found = n_pretrained_layers(Pretrained::EfficientNetLite0, &placed);
        assert_eq!(found, 10);
        assert!(sources(Pretrained::EfficientNetLite0, &placed).iter().all(|(name, _)| !name.starts_with("10.")));
    }
}
