//! Norms, linear layers, dropout and flatten.

use super::error::LayerError;
use super::feature::FeatureShape;
use super::place::{PlacedLayer, at_least_one, rate_in_range};
use super::tensors::{TensorSpec, scale_and_shift, weight_and_bias};
use crate::config::Layer;

pub(super) fn batch_norm(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let channels = match input {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Vector { length } => length,
        FeatureShape::Sequence { .. } => return Err(LayerError::NotForSequences { input }),
    };
    let mut tensors = scale_and_shift(["weight", "bias"], channels).to_vec();
    tensors.extend([
        TensorSpec::running("running_mean", channels, 0.0),
        TensorSpec::running("running_var", channels, 1.0),
    ]);
    Ok(norm(layer, input).with_tensors(tensors))
}

pub(super) fn group_norm(layer: &Layer, input: FeatureShape, groups: u32) -> Result<PlacedLayer, LayerError> {
    let (channels, _, _) = input.maps()?;
    let groups = at_least_one(groups, "groups")?;
    if channels % groups != 0 {
        return Err(LayerError::UnevenGroups { groups, count: channels, what: "channels" });
    }
    Ok(norm(layer, input).with_tensors(scale_and_shift(["weight", "bias"], channels)))
}

pub(super) fn layer_norm(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let features = match input {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { features, .. } => features,
        FeatureShape::Vector { length } => length,
    };
    Ok(norm(layer, input).with_tensors(scale_and_shift(["weight", "bias"], features)))
}

fn norm(layer: &Layer, input: FeatureShape) -> PlacedLayer {
    PlacedLayer::new(layer, input, input).with_flops(input.n_values().saturating_mul(2))
}

pub(super) fn dropout(layer: &Layer, input: FeatureShape, rate: f32) -> Result<PlacedLayer, LayerError> {
    rate_in_range(rate)?;
    Ok(PlacedLayer::new(layer, input, input))
}

pub(super) fn flatten(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    match input {
        FeatureShape::Vector { .. } => Err(LayerError::AlreadyFlat),
        FeatureShape::Maps { .. } | FeatureShape::Sequence { .. } => {
            Ok(PlacedLayer::new(layer, input, FeatureShape::Vector { length: input.n_values() }))
        }
    }
}

pub(super) fn linear(
    layer: &Layer,
    input: FeatureShape,
    units: u64,
    has_bias: bool,
) -> Result<PlacedLayer, LayerError> {
    if units == 0 {
        return Err(LayerError::Zero { what: "units" });
    }
    let (n_items, n_in, output) = match input {
        FeatureShape::Vector { length } => (1, length, FeatureShape::Vector { length: units }),
        FeatureShape::Sequence { length, features } => {
            (length, features, FeatureShape::Sequence { length, features: units })
        }
        FeatureShape::Maps { .. } => return Err(LayerError::NeedsVector),
    };
    Ok(PlacedLayer::new(layer, input, output)
        .with_tensors(weight_and_bias(["weight", "bias"], vec![units, n_in], has_bias))
        .with_flops(n_in.saturating_mul(units).saturating_mul(n_items).saturating_mul(2)))
}

pub(super) fn classifier(
    layer: &Layer,
    input: FeatureShape,
    n_classes: u64,
    has_bias: bool,
) -> Result<PlacedLayer, LayerError> {
    match (input, n_classes) {
        (FeatureShape::Maps { .. } | FeatureShape::Sequence { .. }, _) => Err(LayerError::NeedsVector),
        (FeatureShape::Vector { .. }, 0 | 1) => Err(LayerError::TooFewClasses),
        (FeatureShape::Vector { .. }, _) => linear(layer, input, n_classes, has_bias),
    }
}
