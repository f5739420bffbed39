//! The burn module of a network, built from its description.

/// The values of a layer's output.
pub mod features;

/// What flows between layers: features, in the memory order in which they were computed.
mod flow;

/// Layers in sequence.
mod sequence;

/// One layer: its kinds, how it is built, and what it does.
mod layer;

/// Convolutions and linear layers.
mod convolution;

/// Activations.
mod activation;

/// Batch norm, group norm, layer norm.
mod norm;

/// Dropout of values and of channels.
mod dropout;

/// Pooling.
mod pool;

/// Residual blocks, chains, squeeze and excitation.
mod block;

/// LSTM and GRU.
mod recurrent;

/// Patch embedding, positional embedding and transformer blocks.
mod transformer;

/// Initial weights, equal for equal seeds on every device.
pub mod init;

/// Gives layers their tensors while a network is built.
mod builder;

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use self::builder::Builder;
pub use self::features::Features;
use self::flow::Flow;
use self::init::initial_weights;
use self::layer::NetworkLayer;
use crate::device::tensors::NamedTensor;
use kindling_core::config::{Layer, NetworkConfig};
use kindling_core::network::shape::{NetworkError, PlacedLayer, network_tensors, place};
use kindling_core::protocol::{Failure, FailureKind, ImageShape};
use kindling_core::random::Random;

/// A network on a device. Its parameters require gradients; [`Module::valid`] gives a copy in inference mode.
#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<NetworkLayer>,
    /// What the layers are, in the same order.
    #[module(skip)]
    description: Arc<[Layer]>,
    #[module(skip)]
    input: ImageShape,
    #[module(skip)]
    n_classes: usize,
    #[module(skip)]
    n_parameters: u64,
}

impl Network {
    /// A network with initial weights.
    pub fn new(
        description: &NetworkConfig,
        input: ImageShape,
        n_classes: usize,
        random: &mut Random,
        device: &Device,
    ) -> Result<Self, NetworkError> {
        let layers = place(description, input, n_classes)?;
        let weights = initial_weights(&layers, description.init, random);
        Ok(Self::build(description, &layers, (input, n_classes), Builder::new(weights, device)))
    }

    /// A network with the given weights: those that [`Network::weights`] returns for the same description.
    pub fn with_weights(
        description: &NetworkConfig,
        input: ImageShape,
        n_classes: usize,
        weights: Vec<NamedTensor>,
        device: &Device,
    ) -> Result<Self, Failure> {
        let layers = place(description, input, n_classes)?;
        let mut given = weights;
        let mut ordered = Vec::new();
        for (name, tensor) in network_tensors(&layers) {
            let place =
                given.iter().position(|given| given.name == name && given.is_like(tensor)).ok_or_else(|| {
                    let shape = &tensor.shape;
                    Failure::new(FailureKind::BadNetwork, format!("no weights {name} of shape {shape:?} are given"))
                })?;
            ordered.push(given.swap_remove(place));
        }
        Ok(Self::build(description, &layers, (input, n_classes), Builder::new(ordered, device)))
    }

    fn build(
        description: &NetworkConfig,
        layers: &[PlacedLayer],
        (input, n_classes): (ImageShape, usize),
        mut builder: Builder,
    ) -> Self {
        let n_parameters = layers.iter().map(PlacedLayer::n_parameters).sum();
        let description = description.layers.as_slice().into();
        Self { layers: builder.layers(layers), description, input, n_classes, n_parameters }
    }

    /// The logits for images scaled to [-1, 1]: `[batch, channels, height, width]` to `[batch, classes]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        sequence::forward(&self.layers, Flow::maps(images)).plain().vector()
    }

    /// Like [`Network::forward`], but returns the output of every layer.
    pub fn trace(&self, images: Tensor<4>) -> Vec<Features> {
        let outputs = self.layers.iter().scan(Flow::maps(images), |flow, layer| {
            *flow = layer.forward(flow.clone(), false);
            Some(flow.clone().plain())
        });
        outputs.collect()
    }

    /// Like [`Network::forward`], but in training mode: batch norms normalize by the batch's statistics and update their running ones,
    /// and dropout draws from `random`.
    pub fn forward_train(&mut self, images: Tensor<4>, random: &mut Random) -> Tensor<2> {
        sequence::forward_train(&mut self.layers, Flow::maps(images), random).plain().vector()
    }

    /// The layers as they are described.
    pub fn description(&self) -> &[Layer] {
        &self.description
    }

    pub fn input(&self) -> ImageShape {
        self.input
    }

    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Number of learned values, as in [`kindling_core::network::shape::LayerSummary`]: without running statistics, which burn counts too.
    pub fn n_parameters(&self) -> u64 {
        self.n_parameters
    }

    pub fn device(&self) -> Device {
        // A network has at least its classifier, which has a weight.
        self.devices().into_iter().next().unwrap_or_default()
    }
}
