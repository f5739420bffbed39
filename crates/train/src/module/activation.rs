//! Activations with PyTorch's definitions.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, leaky_relu, relu, sigmoid, silu};

use super::features::Features;
use super::flow::Flow;
use kindling_core::config::Activation;

/// PyTorch's default.
const LEAKY_SLOPE: f64 = 0.01;

#[derive(Module, Debug)]
pub(super) struct Activate {
    #[module(skip)]
    pub function: Activation,
}

impl Activate {
    pub fn forward(&self, flow: Flow) -> Flow {
        match flow {
            Flow::Blocks(blocks) => Flow::Blocks(blocks.element_wise(|values| self.values(values))),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(blocks.element_wise(|values| self.values(values))),
            Flow::FlatMaps(maps) => Flow::FlatMaps(self.values(maps)),
            Flow::Plain(features) => Flow::Plain(match features {
                Features::Maps(maps) => Features::Maps(self.values(maps)),
                Features::Sequence(sequence) => Features::Sequence(self.values(sequence)),
                Features::Vector(vector) => Features::Vector(self.values(vector)),
            }),
        }
    }

    fn values<const D: usize>(&self, values: Tensor<D>) -> Tensor<D> {
        match self.function {
            Activation::Relu => relu(values),
            Activation::Relu6 => values.clamp(0.0, 6.0),
            Activation::LeakyRelu => leaky_relu(values, LEAKY_SLOPE),
            Activation::Gelu => gelu(values),
            Activation::Silu => silu(values),
            Activation::Tanh => tanh(values),
            Activation::Sigmoid => sigmoid(values),
        }
    }
}

/// Clamped, because some GPUs compute tanh with exponentials that overflow; beyond ±10 it is ±1 in f32 anyway.
pub(super) fn tanh<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    values.clamp(-10.0, 10.0).tanh()
}
