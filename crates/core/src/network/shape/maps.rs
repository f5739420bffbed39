//! Layers on feature maps: convolutions, pooling, squeeze and excitation.

use super::MAX_WINDOW;
use super::error::LayerError;
use super::feature::FeatureShape;
use super::place::{PlacedLayer, at_least_one};
use super::tensors::weight_and_bias;
use crate::config::{Layer, Padding};

/// Zero padding on each side of the input.
pub fn padding_of(kernel: u32, dilation: u32, padding: Padding) -> u64 {
    match padding {
        Padding::Valid => 0,
        Padding::Same => u64::from(kernel.saturating_sub(1)) * u64::from(dilation) / 2,
    }
}

/// The parameters of a convolution.
struct Sliding {
    filters: u64,
    groups: u64,
    kernel: u32,
    stride: u32,
    padding: Padding,
    dilation: u32,
    has_bias: bool,
}

pub(super) fn conv(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let Layer::Conv { filters, kernel, stride, padding, dilation, groups, bias } = *layer else {
        unreachable!("called for convolutions")
    };
    let (channels, _, _) = input.maps()?;
    let filters = at_least_one(filters, "filters")?;
    let groups = at_least_one(groups, "groups")?;
    for (count, what) in [(channels, "channels"), (filters, "filters")] {
        if count % groups != 0 {
            return Err(LayerError::UnevenGroups { groups, count, what });
        }
    }
    slide(layer, input, Sliding { filters, groups, kernel, stride, padding, dilation, has_bias: bias })
}

pub(super) fn depthwise_conv(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let Layer::DepthwiseConv { kernel, stride, padding, dilation, bias } = *layer else {
        unreachable!("called for depthwise convolutions")
    };
    let (channels, _, _) = input.maps()?;
    let sliding = Sliding { filters: channels, groups: channels, kernel, stride, padding, dilation, has_bias: bias };
    slide(layer, input, sliding)
}

fn slide(layer: &Layer, input: FeatureShape, sliding: Sliding) -> Result<PlacedLayer, LayerError> {
    let Sliding { filters, groups, kernel, stride, padding, dilation, has_bias } = sliding;
    let (channels, height, width) = input.maps()?;
    let side = at_least_one(kernel, "kernel")?;
    at_least_one(stride, "stride")?;
    // The extent of the kernel, dilation included.
    let window = (side - 1) * at_least_one(dilation, "dilation")? + 1;
    if window > MAX_WINDOW {
        return Err(LayerError::WindowTooWide { found: window });
    }
    let padded = 2 * padding_of(kernel, dilation, padding);
    let places = |side: u64| n_places(side + padded, window, stride);
    let (Some(height), Some(width)) = (places(height), places(width)) else {
        return Err(LayerError::KernelTooLarge { size: window, input });
    };
    let output = FeatureShape::Maps { channels: filters, height, width };
    let in_group = channels / groups.max(1);
    let weights_per_filter = (side * side).saturating_mul(in_group);
    Ok(PlacedLayer::new(layer, input, output)
        .with_tensors(weight_and_bias(["weight", "bias"], vec![filters, in_group, side, side], has_bias))
        .with_flops(output.n_values().saturating_mul(weights_per_filter).saturating_mul(2)))
}

pub(super) fn pool(layer: &Layer, input: FeatureShape, size: u32, stride: u32) -> Result<PlacedLayer, LayerError> {
    let (channels, height, width) = input.maps()?;
    let window = at_least_one(size, "size")?;
    at_least_one(stride, "stride")?;
    let (Some(height), Some(width)) = (n_places(height, window, stride), n_places(width, window, stride)) else {
        return Err(LayerError::PoolTooLarge { size, input });
    };
    Ok(PlacedLayer::new(layer, input, FeatureShape::Maps { channels, height, width }))
}

pub(super) fn resize(layer: &Layer, input: FeatureShape, size: u32) -> Result<PlacedLayer, LayerError> {
    let (channels, _, _) = input.maps()?;
    let side = at_least_one(size, "size")?;
    Ok(PlacedLayer::new(layer, input, FeatureShape::Maps { channels, height: side, width: side }))
}

/// One value per channel of feature maps, or per feature of a sequence.
pub(super) fn global_pool(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let length = match input {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { features, .. } => features,
        FeatureShape::Vector { .. } => return Err(LayerError::AlreadyFlat),
    };
    Ok(PlacedLayer::new(layer, input, FeatureShape::Vector { length }))
}

pub(super) fn squeeze_excitation(layer: &Layer, input: FeatureShape, ratio: u32) -> Result<PlacedLayer, LayerError> {
    let (channels, _, _) = input.maps()?;
    let hidden = (channels / at_least_one(ratio, "ratio")?).max(1);
    let mut tensors = weight_and_bias(["fc1.weight", "fc1.bias"], vec![hidden, channels], true);
    tensors.extend(weight_and_bias(["fc2.weight", "fc2.bias"], vec![channels, hidden], true));
    // Two matrix products with `channels · hidden` multiply-adds each.
    let flops = channels.saturating_mul(hidden).saturating_mul(4);
    Ok(PlacedLayer::new(layer, input, input).with_tensors(tensors).with_flops(flops))
}

/// Number of positions of a window along a side; `None` if it does not fit.
pub(super) fn n_places(side: u64, window: u64, stride: u32) -> Option<u64> {
    Some(side.checked_sub(window)? / u64::from(stride) + 1)
}
