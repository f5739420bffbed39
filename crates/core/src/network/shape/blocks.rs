//! Blocks: layers made of layers.

use super::error::LayerError;
use super::feature::FeatureShape;
use super::place::{Misfit, PlacedLayer, Placing, at_least_one};
use crate::config::{Activation, Layer, Padding};

pub(super) fn residual(
    placing: Placing,
    layer: &Layer,
    input: FeatureShape,
    layers: &[Layer],
) -> Result<PlacedLayer, LayerError> {
    let inner = inner(placing, input, layers)?;
    let output = inner.last().ok_or(LayerError::EmptyBlock)?.output;
    let shortcut = match output == input {
        true => None,
        false => {
            let projection = projection(input, output).ok_or(LayerError::NoShortcut { input, output })?;
            Some(Box::new(placing.layer(&projection, input)?))
        }
    };
    Ok(PlacedLayer { inner, shortcut, ..PlacedLayer::new(layer, input, output) })
}

/// The global average of the input, followed by the output of the layers.
pub(super) fn pooled_skip(
    placing: Placing,
    layer: &Layer,
    input: FeatureShape,
    layers: &[Layer],
) -> Result<PlacedLayer, LayerError> {
    let n_averages = match input {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { features, .. } => features,
        FeatureShape::Vector { .. } => return Err(LayerError::AlreadyFlat),
    };
    let inner = inner(placing, input, layers)?;
    match inner.last().ok_or(LayerError::EmptyBlock)?.output {
        FeatureShape::Vector { length } => {
            let output = FeatureShape::Vector { length: n_averages.saturating_add(length) };
            Ok(PlacedLayer { inner, ..PlacedLayer::new(layer, input, output) })
        }
        output @ (FeatureShape::Maps { .. } | FeatureShape::Sequence { .. }) => Err(LayerError::NotAVector { output }),
    }
}

/// The layers of a block, among which no classifier may be.
fn inner(placing: Placing, input: FeatureShape, layers: &[Layer]) -> Result<Vec<PlacedLayer>, LayerError> {
    if let Some(index) = layers.iter().position(|layer| matches!(layer, Layer::Classifier { .. })) {
        let reason = Box::new(LayerError::ClassifierNotLast);
        return Err(LayerError::Inside { layer: index, name: "classifier", reason });
    }
    placing.chain(layers, input).map_err(Misfit::inside)
}

/// The layer that projects a residual block's input to the shape of its output; `None` if no stride does.
fn projection(input: FeatureShape, output: FeatureShape) -> Option<Layer> {
    use FeatureShape::{Maps, Sequence, Vector};
    match (input, output) {
        (Maps { height, width, .. }, Maps { channels, height: to_height, width: to_width }) => {
            let stride = min_stride(height, to_height)?.max(min_stride(width, to_width)?);
            let fits = |from: u64, to: u64| (from - 1) / stride + 1 == to;
            (fits(height, to_height) && fits(width, to_width)).then_some(())?;
            Some(conv(channels.try_into().ok()?, 1, stride.try_into().ok()?))
        }
        (Vector { .. }, Vector { length: units }) => Some(Layer::Linear { units: units.try_into().ok()?, bias: false }),
        (Sequence { length, .. }, Sequence { length: to_length, features }) if length == to_length => {
            Some(Layer::Linear { units: features.try_into().ok()?, bias: false })
        }
        (Maps { .. } | Sequence { .. } | Vector { .. }, _) => None,
    }
}

/// The minimum stride at which a 1x1 window has at most `to` positions along a side of `from`.
fn min_stride(from: u64, to: u64) -> Option<u64> {
    Some(from.checked_sub(1)?.checked_div(to)? + 1)
}

pub(super) fn depthwise_separable(
    placing: Placing,
    layer: &Layer,
    input: FeatureShape,
) -> Result<PlacedLayer, LayerError> {
    let Layer::DepthwiseSeparable { filters, kernel, stride } = *layer else {
        unreachable!("called for depthwise-separable blocks")
    };
    at_least_one(filters, "filters")?;
    let relu = Layer::Activation(Activation::Relu);
    // The shift of the norm after each convolution replaces its bias.
    let depthwise = Layer::DepthwiseConv { kernel, stride, padding: Padding::Same, dilation: 1, bias: false };
    let layers = [depthwise, Layer::BatchNorm, relu.clone(), conv(filters, 1, 1), Layer::BatchNorm, relu];
    // Any reason is about the block's own parameters, so the inner layer's name is dropped.
    let inner = placing.chain(&layers, input).map_err(|misfit| misfit.reason)?;
    let output = inner.last().ok_or(LayerError::EmptyBlock)?.output;
    Ok(PlacedLayer { inner, ..PlacedLayer::new(layer, input, output).with_values(0) })
}

fn conv(filters: u32, kernel: u32, stride: u32) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Valid, dilation: 1, groups: 1, bias: false }
}

impl Misfit {
    /// As the error of the enclosing block.
    fn inside(self) -> LayerError {
        let Self { layer, name, reason } = self;
        LayerError::Inside { layer, name, reason: Box::new(reason) }
    }
}
