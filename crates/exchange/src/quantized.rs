//! A network in integers of 8 bits, as data: what [`crate::quantize`] makes, the int8 writers write, and [`crate::read::quantized`] runs.
//!
//! Each integer `q` stands for the number `scale · (q - zero_point)` (Jacob and others, 2018). Weights are symmetric, from -127 to 127, with a
//! scale per output channel; activations have one scale and one zero point per tensor; biases are integers of 32 bits whose scale is the
//! product of both. Batch norms are part of the weights before them, and a ReLU is part of the operation before it.

use kindling_core::config::Activation;
use kindling_core::network::shape::{FeatureShape, PlacedLayer, layer_name};

use crate::trained::{Tensor, TrainedNetwork};

/// Operations in an order in which each input is there before it is used. Value 0 is the network's input, value `i + 1` what operation `i`
/// computes; the last value has the logits.
#[derive(Clone, Debug)]
pub struct QuantizedNetwork {
    /// The network that it was made from, with the weights of the layers that stay in floats.
    pub network: TrainedNetwork,
    pub values: Vec<Value>,
    pub operations: Vec<Operation>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    pub shape: FeatureShape,
    /// None for floats.
    pub quantization: Option<Quantization>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i8,
}

#[derive(Clone, Debug)]
pub struct Operation {
    /// The path of its layer; for a part of a layer, with the part's name behind a point.
    pub path: String,
    /// The layer that it comes from, by its term.
    pub layer: &'static str,
    /// Numbers of values.
    pub inputs: Vec<usize>,
    pub kind: Kind,
    /// Whether it computes in integers; its inputs and its output then are quantized.
    pub is_integer: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// On maps.
    Conv {
        weights: Weights,
        window: Window,
        relu: bool,
    },
    /// On a vector.
    Linear {
        weights: Weights,
        relu: bool,
    },
    MaxPool {
        size: u32,
        stride: u32,
    },
    AveragePool {
        size: u32,
        stride: u32,
    },
    /// Of maps.
    GlobalAveragePool,
    /// Of maps.
    GlobalMaxPool,
    /// Of maps, channel by channel.
    Flatten,
    /// Of two values of equal shape.
    Add {
        relu: bool,
    },
    /// Of two values of equal shape, or of maps and one factor per channel.
    Multiply,
    /// Of two vectors, in floats.
    Concatenate,
    Activation(Activation),
    /// A layer that stays as it is, in floats.
    Float(Box<PlacedLayer>),
}

/// How a square kernel moves over maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub stride: u32,
    /// On each side.
    pub padding: u32,
    pub dilation: u32,
    pub groups: u32,
}

/// Weights `[out, …]` with batch norms folded in, and one bias per output channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    Float {
        weight: Tensor,
        bias: Vec<f32>,
    },
    Int8 {
        shape: Vec<usize>,
        values: Vec<i8>,
        /// One per output channel.
        scales: Vec<f32>,
        bias: Vec<i32>,
    },
}

/// The arithmetic of a layer after quantization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerPrecision {
    /// Its path: `3`, or `3.layers.1` in a block.
    pub path: String,
    pub layer: &'static str,
    pub is_integer: bool,
}

impl QuantizedNetwork {
    /// The scale and the zero point of an operation's output.
    pub fn output(&self, operation: usize) -> Option<Quantization> {
        self.values.get(operation + 1).and_then(|value| value.quantization)
    }

    /// Whether each operation computes in integers or in floats.
    pub fn precisions(&self) -> Vec<LayerPrecision> {
        let of = |operation: &Operation| LayerPrecision {
            path: operation.path.clone(),
            layer: operation.layer,
            is_integer: operation.is_integer,
        };
        self.operations.iter().map(of).collect()
    }

    /// The bytes that weights and biases take, those in floats included.
    pub fn weight_bytes(&self) -> usize {
        let of = |operation: &Operation| match &operation.kind {
            Kind::Conv { weights, .. } | Kind::Linear { weights, .. } => match weights {
                Weights::Float { weight, bias } => 4 * (weight.values.len() + bias.len()),
                Weights::Int8 { values, scales, bias, .. } => values.len() + 4 * (scales.len() + bias.len()),
            },
            Kind::Float(placed) => {
                placed.named_tensors().iter().map(|(_, tensor)| 4 * tensor.n_values() as usize).sum()
            }
            _ => 0,
        };
        self.operations.iter().map(of).sum()
    }
}

impl Quantization {
    /// The number that an integer stands for.
    pub fn real(self, integer: i8) -> f32 {
        self.scale * (f32::from(integer) - f32::from(self.zero_point))
    }

    /// The nearest integer, with ties to even as in ONNX's `QuantizeLinear`; what is out of range becomes the end of the range.
    pub fn integer(self, real: f32) -> i8 {
        ((real / self.scale).round_ties_even() + f32::from(self.zero_point)) as i8
    }
}

impl Operation {
    /// What a layer is called, for the report.
    pub fn named(path: String, placed: &PlacedLayer, inputs: Vec<usize>, kind: Kind) -> Self {
        Self { path, layer: layer_name(&placed.layer), inputs, kind, is_integer: false }
    }
}
