//! Layers on sequences: rows of an image, recurrent layers, patch embedding, transformer blocks.

use super::MAX_RECURRENT_STEPS;
use super::error::LayerError;
use super::feature::FeatureShape;
use super::maps::n_places;
use super::place::{PlacedLayer, at_least_one};
use super::tensors::{Start, TensorSpec, bound, scale_and_shift, weight_and_bias};
use crate::config::{Layer, States};

pub(super) fn rows(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let (channels, height, width) = input.maps()?;
    let output = FeatureShape::Sequence { length: height, features: channels.saturating_mul(width) };
    Ok(PlacedLayer::new(layer, input, output))
}

pub(super) fn lstm(layer: &Layer, input: FeatureShape, units: u32, states: States) -> Result<PlacedLayer, LayerError> {
    // Input, forget and output gates and the candidate; a hidden state and a cell state.
    recurrent(layer, input, Recurrence { units, states, n_gates: 4, n_states: 2 })
}

pub(super) fn gru(layer: &Layer, input: FeatureShape, units: u32, states: States) -> Result<PlacedLayer, LayerError> {
    // Reset and update gates and the candidate.
    recurrent(layer, input, Recurrence { units, states, n_gates: 3, n_states: 1 })
}

struct Recurrence {
    units: u32,
    states: States,
    n_gates: u64,
    n_states: u64,
}

fn recurrent(layer: &Layer, input: FeatureShape, recurrence: Recurrence) -> Result<PlacedLayer, LayerError> {
    let (length, features) = input.sequence()?;
    let units = at_least_one(recurrence.units, "units")?;
    if length > MAX_RECURRENT_STEPS {
        return Err(LayerError::TooManySteps { found: length });
    }
    let n_gates = recurrence.n_gates * units;
    let output = match recurrence.states {
        States::Last => FeatureShape::Vector { length: units },
        States::All => FeatureShape::Sequence { length, features: units },
    };
    // PyTorch initializes all of them uniformly in the same range.
    let bound = bound(units);
    let tensors = [
        TensorSpec::learned("weight_ih_l0", [n_gates, features], Start::Weight { bound }),
        TensorSpec::learned("weight_hh_l0", [n_gates, units], Start::Weight { bound }),
        TensorSpec::learned("bias_ih_l0", [n_gates], Start::Bias { bound }),
        TensorSpec::learned("bias_hh_l0", [n_gates], Start::Bias { bound }),
    ];
    let multiply_adds = n_gates.saturating_mul(features.saturating_add(units)).saturating_mul(length);
    let values_per_step = n_gates + recurrence.n_states * units;
    Ok(PlacedLayer::new(layer, input, output)
        .with_tensors(tensors)
        .with_flops(multiply_adds.saturating_mul(2))
        .with_values(values_per_step.saturating_mul(length)))
}

pub(super) fn patch_embedding(
    layer: &Layer,
    input: FeatureShape,
    size: u32,
    features: u32,
) -> Result<PlacedLayer, LayerError> {
    let (channels, height, width) = input.maps()?;
    let side = at_least_one(size, "size")?;
    let features = at_least_one(features, "features")?;
    let (Some(n_rows), Some(n_columns)) = (n_places(height, side, size), n_places(width, side, size)) else {
        return Err(LayerError::PatchTooLarge { size, input });
    };
    let output = FeatureShape::Sequence { length: n_rows.saturating_mul(n_columns), features };
    let names = ["projection.weight", "projection.bias"];
    let weights_per_feature = (side * side).saturating_mul(channels);
    Ok(PlacedLayer::new(layer, input, output)
        .with_tensors(weight_and_bias(names, vec![features, channels, side, side], true))
        .with_flops(output.n_values().saturating_mul(weights_per_feature).saturating_mul(2)))
}

pub(super) fn position_embedding(layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
    let (length, features) = input.sequence()?;
    let positions = TensorSpec::learned("positions", [1, length, features], Start::Position);
    Ok(PlacedLayer::new(layer, input, input).with_tensors([positions]))
}

pub(super) fn transformer_block(
    layer: &Layer,
    input: FeatureShape,
    heads: u32,
    mlp_ratio: u32,
) -> Result<PlacedLayer, LayerError> {
    let (length, features) = input.sequence()?;
    let heads = at_least_one(heads, "heads")?;
    let mlp_ratio = at_least_one(mlp_ratio, "the MLP's ratio")?;
    if features % heads != 0 {
        return Err(LayerError::UnevenHeads { heads, features });
    }
    let hidden = features.saturating_mul(mlp_ratio);
    // Every item attends to every item: one product for the scores, one for the weighted values.
    let attention = length.saturating_mul(length).saturating_mul(features).saturating_mul(2);
    let of_attention = features.saturating_mul(features).saturating_mul(4);
    let of_mlp = features.saturating_mul(hidden).saturating_mul(2);
    let weights = of_attention.saturating_add(of_mlp);
    let flops = weights.saturating_mul(length).saturating_add(attention).saturating_mul(2);
    // Scores and attention weights of each head; norms, queries, keys, values, heads, both residual sums and both outputs; the hidden units
    // twice.
    let per_item = features.saturating_mul(10).saturating_add(hidden.saturating_mul(2));
    let scores = length.saturating_mul(length).saturating_mul(heads).saturating_mul(2);
    Ok(PlacedLayer::new(layer, input, input)
        .with_tensors(transformer_tensors(features, hidden))
        .with_flops(flops.saturating_add(input.n_values().saturating_mul(4)))
        .with_values(per_item.saturating_mul(length).saturating_add(scores)))
}

/// Tensors in the order of PyTorch's `TransformerEncoderLayer`.
fn transformer_tensors(features: u64, hidden: u64) -> Vec<TensorSpec> {
    // PyTorch initializes the input projection of attention with `xavier_uniform_`, and its biases with 0.
    let attention = Start::Weight { bound: (6.0 / (features.saturating_mul(4)) as f32).sqrt() };
    let zero = Start::Bias { bound: 0.0 };
    let mut tensors = vec![
        TensorSpec::learned("self_attn.in_proj_weight", [features.saturating_mul(3), features], attention),
        TensorSpec::learned("self_attn.in_proj_bias", [features.saturating_mul(3)], zero),
    ];
    tensors.extend(weight_and_bias(["self_attn.out_proj.weight", ""], vec![features, features], false));
    tensors.push(TensorSpec::learned("self_attn.out_proj.bias", [features], zero));
    tensors.extend(weight_and_bias(["linear1.weight", "linear1.bias"], vec![hidden, features], true));
    tensors.extend(weight_and_bias(["linear2.weight", "linear2.bias"], vec![features, hidden], true));
    tensors.extend(scale_and_shift(["norm1.weight", "norm1.bias"], features));
    tensors.extend(scale_and_shift(["norm2.weight", "norm2.bias"], features));
    tensors
}
