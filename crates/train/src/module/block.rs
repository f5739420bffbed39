//! Blocks: layers made of layers.

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};

use super::builder::Builder;
use super::features::Features;
use super::layer::NetworkLayer;
use kindling_core::network::shape::PlacedLayer;
use kindling_core::random::Random;

/// Layers in sequence.
#[derive(Module, Debug)]
pub(super) struct Chain {
    pub layers: Vec<NetworkLayer>,
}

impl Chain {
    pub fn forward(&self, features: Features) -> Features {
        self.layers.iter().fold(features, |features, layer| layer.forward(features))
    }

    pub fn forward_train(&mut self, features: Features, random: &mut Random) -> Features {
        self.layers.iter_mut().fold(features, |features, layer| layer.forward_train(features, random))
    }
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

    pub fn forward(&self, features: Features) -> Features {
        let shortcut = self.shortcut(features.clone());
        self.layers.iter().fold(features, |features, layer| layer.forward(features)).plus(shortcut)
    }

    pub fn forward_train(&mut self, features: Features, random: &mut Random) -> Features {
        let shortcut = self.shortcut(features.clone());
        let layers = self.layers.iter_mut();
        layers.fold(features, |features, layer| layer.forward_train(features, random)).plus(shortcut)
    }

    fn shortcut(&self, features: Features) -> Features {
        match (&self.shortcut, features) {
            (None, features) => features,
            (Some(Shortcut::Conv(conv)), features) => Features::Maps(conv.forward(features.maps())),
            (Some(Shortcut::Linear(linear)), Features::Sequence(sequence)) => {
                Features::Sequence(linear.forward(sequence))
            }
            (Some(Shortcut::Linear(linear)), features) => Features::Vector(linear.forward(features.vector())),
        }
    }
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
        let hidden = relu(self.fc1.forward(squeezed)); // [batch, channels / ratio]
        let weights = sigmoid(self.fc2.forward(hidden)); // [batch, channels]
        maps * weights.reshape([n_images, channels, 1, 1])
    }
}
