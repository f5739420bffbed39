//! Post-training quantization: from a trained network and some of its train images to a network in integers of 8 bits.
//!
//! Batch norms are folded into weights, weights get a scale per output channel, and activations the range that [`Calibration`] chooses from
//! what they are on the images (Jacob and others, 2018; Krishnamoorthi, 2018). What has no integer arithmetic here stays in floats: recurrent
//! layers, transformer blocks, layer norm, group norm, resizing, concatenation, and everything else on sequences.
//!
//! `folded.rs` turns layers into operations, [`crate::read::quantized`] runs them on train images in floats, `range.rs` chooses the scale of each
//! activation. What comes out is [`crate::quantized`], which the same reader runs in integers (`read/integers.rs` has the arithmetic,
//! `read/integers/requantization.rs` how it rounds) and the writers `onnx/int8.rs` and `tflite/int8.rs` write; [`crate::int8`] is the proof of the file.

/// A network as operations in floats.
pub(crate) mod folded;

/// The scales of activations.
pub mod range;

use kindling_core::config::Activation as Function;

pub use self::range::Calibration;
use self::range::Observed;
use crate::error::ExchangeError;
use crate::quantized::{Kind, Operation, Quantization, QuantizedNetwork, Weights};
use crate::read::quantized::{Activation, run_observed};
use crate::trained::{Tensor, TrainedNetwork};

/// Of the network's input, which is from -1 to 1: black and white are exact.
const INPUT: Quantization = Quantization { scale: 1.0 / 127.0, zero_point: 0 };
/// What TFLite prescribes for the outputs of these functions: all that they can be.
const OF_SIGMOID: Quantization = Quantization { scale: 1.0 / 256.0, zero_point: -128 };
const OF_TANH: Quantization = Quantization { scale: 1.0 / 128.0, zero_point: 0 };

/// Products of two integers of 8 bits that fit into a sum of 32, the largest bias added.
const MAX_TERMS: usize = 49_000;
const LARGEST_BIAS: f32 = (1 << 29) as f32;

/// How a network is quantized.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub calibration: Calibration,
    /// Paths of layers that stay in floats, with all that is in them.
    pub float_layers: Vec<String>,
}

/// `images` have the network's input shape, channel by channel; a few hundred suffice.
///
/// # Errors
///
/// No image, images of another size, weights or activations that are not finite.
pub fn quantize(
    network: &TrainedNetwork,
    images: &[Vec<u8>],
    options: &Options,
) -> Result<QuantizedNetwork, ExchangeError> {
    if images.is_empty() {
        return Err(ExchangeError::NoImages);
    }
    let mut quantized = folded::fold(network);
    check_is_there(&quantized, &options.float_layers)?;
    check_is_finite(&quantized)?;
    let observed = observe(&quantized, images)?;
    if let Some(place) = observed.iter().position(|observed| !observed.is_finite()) {
        return Err(not_finite(&quantized, place.saturating_sub(1)));
    }
    choose_integers(&mut quantized, options);
    set_scales(&mut quantized, &observed, options.calibration);
    quantize_weights(&mut quantized);
    Ok(quantized)
}

/// What each value is on the images.
fn observe(quantized: &QuantizedNetwork, images: &[Vec<u8>]) -> Result<Vec<Observed>, ExchangeError> {
    let mut observed = vec![Observed::default(); quantized.values.len()];
    run_observed(quantized, images, &mut |value, activation| {
        if let (Some(observed), Activation::Float(tensor)) = (observed.get_mut(value), activation) {
            observed.see(&tensor.values);
        }
    })?;
    Ok(observed)
}

fn check_is_finite(quantized: &QuantizedNetwork) -> Result<(), ExchangeError> {
    let is_finite = |operation: &Operation| match &operation.kind {
        Kind::Conv { weights, .. } | Kind::Linear { weights, .. } => match weights {
            Weights::Float { weight, bias } => weight.values.iter().chain(bias).all(|value| value.is_finite()),
            Weights::Int8 { .. } => true,
        },
        _ => true,
    };
    match quantized.operations.iter().position(|operation| !is_finite(operation)) {
        None => Ok(()),
        Some(place) => Err(not_finite(quantized, place)),
    }
}

/// Fails on a path that names no layer, which would keep nothing in floats.
fn check_is_there(quantized: &QuantizedNetwork, layers: &[String]) -> Result<(), ExchangeError> {
    let is_there = |layer: &String| quantized.operations.iter().any(|operation| is_at(&operation.path, layer));
    let Some(path) = layers.iter().find(|layer| !is_there(layer)) else { return Ok(()) };
    let weighted = quantized.operations.iter().filter(|it| matches!(it.kind, Kind::Conv { .. } | Kind::Linear { .. }));
    let known: Vec<&str> = weighted.map(|operation| operation.path.as_str()).collect();
    Err(ExchangeError::NoLayer { path: path.clone(), known: known.join(", ") })
}

fn not_finite(quantized: &QuantizedNetwork, operation: usize) -> ExchangeError {
    let layer = quantized.operations.get(operation).map(|operation| operation.path.clone());
    ExchangeError::NotFinite { layer: layer.unwrap_or_default() }
}

/// Convolutions and linear layers compute in integers, the rest does if its inputs come from there.
fn choose_integers(quantized: &mut QuantizedNetwork, options: &Options) {
    let mut is_integer = vec![true];
    for operation in &mut quantized.operations {
        let stays_float = options.float_layers.iter().any(|path| is_at(&operation.path, path));
        let inputs_are = operation.inputs.iter().all(|&input| is_integer.get(input).copied().unwrap_or_default());
        operation.is_integer = !stays_float
            && match &operation.kind {
                Kind::Conv { weights, .. } | Kind::Linear { weights, .. } => n_terms(weights) <= MAX_TERMS,
                Kind::Float(_) | Kind::Concatenate => false,
                _ => inputs_are,
            };
        is_integer.push(operation.is_integer);
    }
}

/// Whether a path is that of a layer or of something in it.
fn is_at(path: &str, layer: &str) -> bool {
    path.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn n_terms(weights: &Weights) -> usize {
    let (Weights::Float { weight: Tensor { shape, .. }, .. } | Weights::Int8 { shape, .. }) = weights;
    shape.iter().skip(1).product()
}

/// Values that an operation in integers reads or makes get a scale.
fn set_scales(quantized: &mut QuantizedNetwork, observed: &[Observed], calibration: Calibration) {
    let QuantizedNetwork { values, operations, .. } = quantized;
    let is_read =
        |value: usize| operations.iter().any(|operation| operation.is_integer && operation.inputs.contains(&value));
    if is_read(0)
        && let Some(input) = values.first_mut()
    {
        input.quantization = Some(INPUT);
    }
    for (index, operation) in operations.iter().enumerate() {
        let made = index + 1;
        if !operation.is_integer && !is_read(made) {
            continue;
        }
        let calibrated = observed.get(made).map(|observed| observed.quantization(calibration));
        let same = operation.inputs.first().and_then(|&input| values.get(input)).and_then(|input| input.quantization);
        let quantization = match operation.kind {
            Kind::Activation(Function::Sigmoid) => Some(OF_SIGMOID),
            Kind::Activation(Function::Tanh) => Some(OF_TANH),
            // They only select or average integers.
            Kind::MaxPool { .. }
            | Kind::AveragePool { .. }
            | Kind::GlobalMaxPool
            | Kind::Flatten
            | Kind::Activation(Function::Relu)
                if operation.is_integer =>
            {
                same
            }
            _ => calibrated,
        };
        if let Some(value) = values.get_mut(made) {
            value.quantization = quantization;
        }
    }
}

fn quantize_weights(quantized: &mut QuantizedNetwork) {
    let QuantizedNetwork { values, operations, .. } = quantized;
    for operation in operations.iter_mut().filter(|operation| operation.is_integer) {
        let input = operation.inputs.first().and_then(|&input| values.get(input)).and_then(|input| input.quantization);
        if let (Some(input), Kind::Conv { weights, .. } | Kind::Linear { weights, .. }) = (input, &mut operation.kind)
            && let Weights::Float { weight, bias } = weights
        {
            *weights = in_integers(weight, bias, input.scale);
        }
    }
}

/// Weights with a scale per output channel, and the bias in steps of both scales.
fn in_integers(weight: &Tensor, bias: &[f32], input_scale: f32) -> Weights {
    let n_out = weight.shape.first().copied().unwrap_or_default();
    let per_channel = (weight.values.len() / n_out.max(1)).max(1);
    let channels = weight.values.chunks_exact(per_channel).zip(bias);
    let (mut values, mut scales, mut biases) = (Vec::with_capacity(weight.values.len()), Vec::new(), Vec::new());
    for (channel, bias) in channels {
        let largest = channel.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // A channel of tiny weights must still hold its bias.
        let scale = (largest / 127.0).max(bias.abs() / (input_scale * LARGEST_BIAS)).max(f32::MIN_POSITIVE * 1e4);
        values.extend(channel.iter().map(|value| (value / scale).round_ties_even().clamp(-127.0, 127.0) as i8));
        biases.push((f64::from(*bias) / (f64::from(input_scale) * f64::from(scale))).round() as i32);
        scales.push(scale);
    }
    Weights::Int8 { shape: weight.shape.clone(), values, scales, bias: biases }
}
