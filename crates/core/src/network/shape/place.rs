//! A layer in its place in a network: the shapes around it, its tensors, its cost.

use super::error::LayerError;
use super::feature::FeatureShape;
use super::tensors::TensorSpec;
use super::{LayerSummary, MAX_LAYER_VALUES, blocks, maps, plain, sequences};
use crate::config::Layer;

/// A layer that fits its input, with everything that shape inference derives for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedLayer {
    pub layer: Layer,
    pub input: FeatureShape,
    pub output: FeatureShape,
    /// Its own tensors, without those of the layers in it.
    pub tensors: Vec<TensorSpec>,
    /// The layers of a block, in order.
    pub inner: Vec<PlacedLayer>,
    /// The projection of a residual block's input, if the shape changes.
    pub shortcut: Option<Box<PlacedLayer>>,
    /// Excludes the layers in it; so does `values`.
    pub(super) flops: u64,
    pub(super) values: u64,
}

impl PlacedLayer {
    /// A layer without parameters and with negligible cost.
    pub(super) fn new(layer: &Layer, input: FeatureShape, output: FeatureShape) -> Self {
        Self {
            layer: layer.clone(),
            input,
            output,
            tensors: Vec::new(),
            inner: Vec::new(),
            shortcut: None,
            flops: 0,
            values: output.n_values(),
        }
    }

    pub(super) fn with_tensors(self, tensors: impl Into<Vec<TensorSpec>>) -> Self {
        Self { tensors: tensors.into(), ..self }
    }

    pub(super) fn with_flops(self, flops: u64) -> Self {
        Self { flops, ..self }
    }

    pub(super) fn with_values(self, values: u64) -> Self {
        Self { values, ..self }
    }

    pub fn summary(&self) -> LayerSummary {
        LayerSummary {
            output: self.output,
            parameters: self.n_parameters(),
            flops: self.total(|layer| layer.flops),
            activation_bytes: self.n_values().saturating_mul(4),
        }
    }

    /// Learned parameters, including those of the layers in it.
    pub fn n_parameters(&self) -> u64 {
        self.total(|layer| {
            let learned = layer.tensors.iter().filter(|tensor| tensor.is_learned);
            learned.map(TensorSpec::n_values).fold(0, u64::saturating_add)
        })
    }

    /// Activations per image, including those of the layers in it.
    pub(super) fn n_values(&self) -> u64 {
        self.total(|layer| layer.values)
    }

    /// Activations per image of the largest output, among it and the layers in it.
    pub fn largest_output(&self) -> u64 {
        let below = self.inner.iter().chain(self.shortcut.as_deref());
        below.map(Self::largest_output).fold(self.output.n_values(), u64::max)
    }

    /// Every tensor with its full name within this layer, in the order in which they are initialized and built.
    pub fn named_tensors(&self) -> Vec<(String, &TensorSpec)> {
        let own = self.tensors.iter().map(|tensor| (tensor.name.to_owned(), tensor));
        let inner = self.inner.iter().enumerate().flat_map(|(index, layer)| {
            layer.named_tensors().into_iter().map(move |(name, tensor)| (format!("layers.{index}.{name}"), tensor))
        });
        let shortcut = self.shortcut.iter().flat_map(|layer| {
            layer.named_tensors().into_iter().map(|(name, tensor)| (format!("shortcut.{name}"), tensor))
        });
        own.chain(inner).chain(shortcut).collect()
    }

    fn total(&self, of: impl Fn(&Self) -> u64 + Copy) -> u64 {
        let below = self.inner.iter().chain(self.shortcut.as_deref());
        below.map(|layer| layer.total(of)).fold(of(self), u64::saturating_add)
    }
}

/// Shape inference of layers, with the number of classes of the dataset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placing {
    pub n_classes: u64,
}

/// The first layer of a chain that does not fit; `layer` counts from 0.
pub(super) struct Misfit {
    pub layer: usize,
    pub name: &'static str,
    pub reason: LayerError,
}

impl Placing {
    /// Places consecutive layers.
    pub(super) fn chain(self, layers: &[Layer], input: FeatureShape) -> Result<Vec<PlacedLayer>, Misfit> {
        let mut placed = Vec::with_capacity(layers.len());
        let mut shape = input;
        for (index, layer) in layers.iter().enumerate() {
            let misfit = |reason| Misfit { layer: index, name: layer_name(layer), reason };
            if matches!(layer, Layer::Classifier { .. }) && index + 1 < layers.len() {
                return Err(misfit(LayerError::ClassifierNotLast));
            }
            let next = self.layer(layer, shape).map_err(misfit)?;
            shape = next.output;
            placed.push(next);
        }
        Ok(placed)
    }

    pub(super) fn layer(self, layer: &Layer, input: FeatureShape) -> Result<PlacedLayer, LayerError> {
        let placed = match layer {
            Layer::Conv { .. } => maps::conv(layer, input),
            Layer::DepthwiseConv { .. } => maps::depthwise_conv(layer, input),
            Layer::BatchNorm => plain::batch_norm(layer, input),
            Layer::GroupNorm { groups } => plain::group_norm(layer, input, *groups),
            Layer::LayerNorm => plain::layer_norm(layer, input),
            Layer::Activation(_) => Ok(PlacedLayer::new(layer, input, input)),
            Layer::MaxPool { size, stride } | Layer::AveragePool { size, stride } => {
                maps::pool(layer, input, *size, *stride)
            }
            Layer::GlobalAveragePool | Layer::GlobalMaxPool => maps::global_pool(layer, input),
            Layer::Dropout { rate } => plain::dropout(layer, input, *rate),
            Layer::SpatialDropout { rate } => input.maps().and_then(|_| plain::dropout(layer, input, *rate)),
            Layer::Flatten => plain::flatten(layer, input),
            Layer::Linear { units, bias } => plain::linear(layer, input, (*units).into(), *bias),
            Layer::Residual { layers } => blocks::residual(self, layer, input, layers),
            Layer::PooledSkip { layers } => blocks::pooled_skip(self, layer, input, layers),
            Layer::Resize { size } => maps::resize(layer, input, *size),
            Layer::DepthwiseSeparable { .. } => blocks::depthwise_separable(self, layer, input),
            Layer::SqueezeExcitation { ratio } => maps::squeeze_excitation(layer, input, *ratio),
            Layer::Rows => sequences::rows(layer, input),
            Layer::Lstm { units, states } => sequences::lstm(layer, input, *units, *states),
            Layer::Gru { units, states } => sequences::gru(layer, input, *units, *states),
            Layer::PatchEmbedding { size, features } => sequences::patch_embedding(layer, input, *size, *features),
            Layer::PositionEmbedding => sequences::position_embedding(layer, input),
            Layer::TransformerBlock { heads, mlp_ratio, dropout } => {
                rate_in_range(*dropout)?;
                sequences::transformer_block(layer, input, *heads, *mlp_ratio)
            }
            Layer::Classifier { bias } => plain::classifier(layer, input, self.n_classes, *bias),
        }?;
        match placed.values {
            found if found > MAX_LAYER_VALUES => Err(LayerError::TooManyValues { found }),
            _ => Ok(placed),
        }
    }
}

/// The standard term for a layer, in lower case.
pub fn layer_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv { .. } => "convolution",
        Layer::DepthwiseConv { .. } => "depthwise convolution",
        Layer::BatchNorm => "batch norm",
        Layer::GroupNorm { .. } => "group norm",
        Layer::LayerNorm => "layer norm",
        Layer::Activation(_) => "activation",
        Layer::MaxPool { .. } => "max pool",
        Layer::AveragePool { .. } => "average pool",
        Layer::GlobalAveragePool => "global average pool",
        Layer::GlobalMaxPool => "global max pool",
        Layer::Dropout { .. } => "dropout",
        Layer::SpatialDropout { .. } => "spatial dropout",
        Layer::Flatten => "flatten",
        Layer::Linear { .. } => "linear",
        Layer::Residual { .. } => "residual block",
        Layer::PooledSkip { .. } => "pooled skip connection",
        Layer::Resize { .. } => "resize",
        Layer::DepthwiseSeparable { .. } => "depthwise-separable block",
        Layer::SqueezeExcitation { .. } => "squeeze and excitation",
        Layer::Rows => "rows",
        Layer::Lstm { .. } => "LSTM",
        Layer::Gru { .. } => "GRU",
        Layer::PatchEmbedding { .. } => "patch embedding",
        Layer::PositionEmbedding => "position embedding",
        Layer::TransformerBlock { .. } => "transformer block",
        Layer::Classifier { .. } => "classifier",
    }
}

pub(super) fn at_least_one(value: u32, what: &'static str) -> Result<u64, LayerError> {
    if value == 0 { Err(LayerError::Zero { what }) } else { Ok(value.into()) }
}

pub(super) fn rate_in_range(rate: f32) -> Result<(), LayerError> {
    if (0.0..1.0).contains(&rate) { Ok(()) } else { Err(LayerError::RateOutOfRange) }
}
