//! Activations with PyTorch's definitions.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, leaky_relu, relu, sigmoid, silu};
use kindling_kernels::activation;

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
            Flow::Blocks(blocks) => Flow::Blocks(blocks.activation(self.kernel())),
            Flow::FlatBlocks(blocks) => Flow::FlatBlocks(blocks.activation(self.kernel())),
            Flow::SequenceBlocks(blocks) => Flow::SequenceBlocks(blocks.activation(self.kernel())),
            Flow::FlatMaps(maps) => Flow::FlatMaps(self.values(maps)),
            Flow::Plain(features) => Flow::Plain(match features {
                Features::Maps(maps) => Features::Maps(self.values(maps)),
                Features::Sequence(sequence) => Features::Sequence(self.values(sequence)),
                Features::Vector(vector) => Features::Vector(self.values(vector)),
            }),
        }
    }

    fn kernel(&self) -> activation::Activation {
        match self.function {
            Activation::Relu => activation::Activation::Relu,
            Activation::Relu6 => activation::Activation::Relu6,
            Activation::LeakyRelu => activation::Activation::LeakyRelu { slope: LEAKY_SLOPE as f32 },
            Activation::Gelu => activation::Activation::Gelu,
            Activation::Silu => activation::Activation::Silu,
            Activation::Tanh => activation::Activation::Tanh,
            Activation::Sigmoid => activation::Activation::Sigmoid,
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
