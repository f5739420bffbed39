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

/// Bilinear interpolation.
mod resize;

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

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor};

use self::builder::Builder;
pub use self::features::Features;
use self::flow::Flow;
use self::init::initial_weights;
use self::layer::NetworkLayer;
use crate::device::tensors::NamedTensor;
use crate::exchange::pretrained_file;
use kindling_core::config::{Layer, NetworkConfig, Pretrained};
use kindling_core::network::pretrained::{n_pretrained_layers, sources};
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
    /// How many layers are frozen, and how many have nothing but pre-trained weights; both are counted from the first.
    #[module(skip)]
    n_frozen: usize,
    #[module(skip)]
    n_pretrained: usize,
    /// Values per image of the largest output of a layer, and of all outputs together.
    #[module(skip)]
    largest_output: u64,
    #[module(skip)]
    all_outputs: u64,
}

/// Memory for the outputs of layers, while images pass through a network without gradients.
const OUTPUT_BYTES: u64 = 96 << 20;

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

    /// A network with pre-trained weights, as far as its layers are the published ones, and initial weights in the others. `file` is the
    /// published network's file.
    pub fn pretrained(
        description: &NetworkConfig,
        pretrained: Pretrained,
        file: &[u8],
        (input, n_classes): (ImageShape, usize),
        random: &mut Random,
        device: &Device,
    ) -> Result<Self, Failure> {
        let layers = place(description, input, n_classes)?;
        let mut weights = initial_weights(&layers, description.init, random);
        pretrained_file::fill(&mut weights, &sources(pretrained, &layers), file)?;
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
        let n_frozen = description.frozen as usize;
        Self {
            layers: builder.network(layers, n_frozen),
            description: description.layers.as_slice().into(),
            input,
            n_classes,
            n_parameters: layers.iter().map(PlacedLayer::n_parameters).sum(),
            n_frozen,
            n_pretrained: description.pretrained.map_or(0, |pretrained| n_pretrained_layers(pretrained, layers)),
            largest_output: layers.iter().map(PlacedLayer::largest_output).max().unwrap_or_default(),
            all_outputs: layers.iter().map(|layer| layer.summary().activation_bytes / 4).sum(),
        }
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
        let stops = self.frozen_stops();
        let starts = std::iter::once(0).chain(stops.iter().copied());
        let frozen = starts
            .zip(&stops)
            .fold(Features::Maps(images), |features, (start, stop)| self.forward_through(start..*stop, features));
        self.learn(frozen, random)
    }

    /// The layers that learn.
    fn learn(&mut self, features: Features, random: &mut Random) -> Tensor<2> {
        let (_, learning) = self.layers.split_at_mut(self.n_frozen);
        sequence::forward_train(learning, Flow::Plain(features), random).plain().vector()
    }

    /// The outputs of some layers, in inference mode.
    pub fn forward_through(&self, layers: Range<usize>, features: Features) -> Features {
        let layers = self.layers.get(layers).unwrap_or_default();
        sequence::forward(layers, Flow::Plain(features).in_blocks()).plain()
    }

    /// Where the way through the frozen layers is cut, so that kept outputs equal those of a step to the last bit: before each frozen batch norm
    /// without pre-trained statistics, and behind the last frozen layer.
    pub fn frozen_stops(&self) -> Vec<usize> {
        let end = (self.n_frozen > 0).then_some(self.n_frozen);
        self.frozen_norms().into_iter().chain(end).collect()
    }

    /// Like [`Network::forward`], from the output of the frozen layers on.
    pub fn forward_from_frozen(&self, features: Features) -> Tensor<2> {
        self.forward_through(self.n_frozen..self.layers.len(), features).vector()
    }

    /// Like [`Network::forward_train`], from the output of the frozen layers on.
    pub fn forward_train_from_frozen(&mut self, features: Features, random: &mut Random) -> Tensor<2> {
        self.learn(features.autodiff(), random)
    }

    /// The frozen batch norms without pre-trained statistics, as indices of layers; those in blocks are not among them.
    pub fn frozen_norms(&self) -> Vec<usize> {
        let layers = self.layers.iter().enumerate().take(self.n_frozen).skip(self.n_pretrained);
        layers.filter(|(_, layer)| matches!(layer, NetworkLayer::BatchNorm(_))).map(|(index, _)| index).collect()
    }

    /// Sets the running statistics of a batch norm, `[channels]` each.
    pub fn set_statistics(&mut self, layer: usize, mean: Tensor<1>, variance: Tensor<1>) {
        if let Some(NetworkLayer::BatchNorm(norm)) = self.layers.get_mut(layer) {
            norm.set_statistics(mean, variance);
        }
    }

    /// How many layers are frozen, counted from the first.
    pub fn n_layers(&self) -> usize {
        self.layers.len()
    }

    pub fn n_frozen(&self) -> usize {
        self.n_frozen
    }

    /// The parameters of frozen layers, running statistics included.
    pub fn frozen_parameters(&self) -> HashSet<ParamId> {
        ids(&self.layers, self.n_frozen)
    }

    /// The parameters of the layers that start with pre-trained weights, and learn at a rate of their own.
    pub fn pretrained_parameters(&self) -> HashSet<ParamId> {
        ids(&self.layers, self.n_pretrained)
    }

    /// How many images may pass at a time without gradients.
    pub fn n_images_at_once(&self) -> usize {
        (OUTPUT_BYTES / (4 * self.largest_output).max(1)).max(1) as usize
    }

    /// Like [`Network::n_images_at_once`], where the output of every layer is kept.
    pub fn n_images_traced(&self) -> usize {
        (4 * OUTPUT_BYTES / (4 * self.all_outputs).max(1)).max(1) as usize
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

/// The parameters of the first layers.
fn ids(layers: &[NetworkLayer], n_layers: usize) -> HashSet<ParamId> {
    struct Ids(HashSet<ParamId>);

    impl ModuleVisitor for Ids {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            self.0.insert(parameter.id);
        }
    }

    let mut ids = Ids(HashSet::new());
    layers.iter().take(n_layers).for_each(|layer| layer.visit(&mut ids));
    ids.0
}
