//! Blocks: layers made of layers.

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};

use super::builder::Builder;
use super::convolution::on_vectors;
use super::features::Features;
use super::flow::Flow;
use super::layer::NetworkLayer;
use super::pool::GlobalAveragePool;
use super::{convolution, sequence};
use kindling_core::network::shape::PlacedLayer;
use kindling_core::random::Random;

/// Layers in sequence.
#[derive(Module, Debug)]
pub(super) struct Chain {
    pub layers: Vec<NetworkLayer>,
}

/// Adds its input, projected if necessary, to the output of its layers.
#[derive(Module, Debug)]
pub(super) struct Residual {
    layers: Vec<NetworkLayer>,
    shortcut: Option<Shortcut>,
}

#[derive(Module, Debug)]
enum Shortcut {
    Conv(Conv2d),
    Linear(Linear),
}

impl Residual {
    pub fn build(placed: &PlacedLayer, builder: &mut Builder) -> Self {
        let layers = builder.layers(&placed.inner);
        let shortcut = placed.shortcut.as_ref().map(|shortcut| match NetworkLayer::build(shortcut, builder) {
            NetworkLayer::Conv(conv) => Shortcut::Conv(conv),
            NetworkLayer::Linear(linear) => Shortcut::Linear(linear),
            _ => unreachable!("a shortcut is a convolution or linear"),
        });
        Self { layers, shortcut }
    }

    pub fn forward(&self, flow: Flow) -> Flow {
        let shortcut = self.shortcut(flow.clone());
        sequence::forward(&self.layers, flow).plus(shortcut)
    }

    pub fn forward_train(&mut self, flow: Flow, random: &mut Random) -> Flow {
        let shortcut = self.shortcut(flow.clone());
        sequence::forward_train(&mut self.layers, flow, random).plus(shortcut)
    }

    fn shortcut(&self, flow: Flow) -> Flow {
        match &self.shortcut {
            None => flow,
            Some(Shortcut::Conv(conv)) => convolution::convolve(conv, flow, false),
            Some(Shortcut::Linear(linear)) => convolution::linear(linear, flow, false),
        }
    }
}

/// The global average of its input, followed by the output of its layers.
#[derive(Module, Debug)]
pub(super) struct PooledSkip {
    layers: Vec<NetworkLayer>,
}

impl PooledSkip {
    pub fn build(placed: &PlacedLayer, builder: &mut Builder) -> Self {
        Self { layers: builder.layers(&placed.inner) }
    }

    pub fn forward(&self, flow: Flow) -> Flow {
        // Both read the input in one memory order.
        let flow = flow.in_blocks();
        let averages = GlobalAveragePool {}.forward(flow.clone());
        beside(averages, sequence::forward(&self.layers, flow))
    }

    pub fn forward_train(&mut self, flow: Flow, random: &mut Random) -> Flow {
        let flow = flow.in_blocks();
        let averages = GlobalAveragePool {}.forward(flow.clone());
        beside(averages, sequence::forward_train(&mut self.layers, flow, random))
    }
}

/// Two vectors as one.
fn beside(one: Flow, other: Flow) -> Flow {
    let parts = [one, other].map(|flow| flow.plain().vector());
    Flow::Plain(Features::Vector(Tensor::cat(parts.to_vec(), 1)))
}

/// Scales each channel by a gate that is computed from the means of all channels.
#[derive(Module, Debug)]
pub(super) struct SqueezeExcitation {
    fc1: Linear,
    fc2: Linear,
}

impl SqueezeExcitation {
    pub fn build(builder: &mut Builder) -> Self {
        Self { fc1: builder.linear(true), fc2: builder.linear(true) }
    }

    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let [n_images, channels, _, _] = maps.dims();
        let squeezed = maps.clone().flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2); // [batch, channels]
        let hidden = relu(on_vectors(&self.fc1, squeezed, false)); // [batch, channels / ratio]
        let weights = sigmoid(on_vectors(&self.fc2, hidden, false)); // [batch, channels]
        maps * weights.reshape([n_images, channels, 1, 1])
    }
}
