//! What each layer of a network puts out, and what it costs: shape inference over the description alone.

/// Why a network cannot be built.
pub mod error;

/// What flows from a layer to the next.
pub mod feature;

/// The tensors that a layer needs.
pub mod tensors;

/// How far a network fits that is being edited.
mod survey;

/// A layer at its place.
mod place;

/// Convolutions, pools, squeeze and excitation.
pub mod maps;

/// Norms, linear layers, and those that learn nothing.
mod plain;

/// Residual and depthwise-separable blocks.
mod blocks;

/// Rows, recurrent layers, transformers.
mod sequences;

#[cfg(test)]
mod tests;

pub use error::{LayerError, NetworkError};
pub use feature::FeatureShape;
pub use place::PlacedLayer;
pub use survey::{Survey, survey};
pub use tensors::{Start, TensorSpec};

use self::place::Placing;
use crate::config::{Layer, NetworkConfig};
use crate::protocol::ImageShape;

/// Those in blocks included.
pub const MAX_LAYERS: usize = 250;

/// Blocks in blocks.
pub const MAX_NESTING: usize = 4;

/// 400 MB of weights; the optimizer keeps up to three times as much beside them.
pub const MAX_PARAMETERS: u64 = 100_000_000;

/// Values that one layer may hold for one image: 64 MB.
pub const MAX_LAYER_VALUES: u64 = 16_000_000;

/// Values that all layers may hold for one image: 256 MB.
pub const MAX_VALUES: u64 = 64_000_000;

/// Places that a kernel may reach over, with the gaps between its cells: padding grows with it, whatever the input.
pub const MAX_WINDOW: u64 = 255;

/// Items of a sequence that a recurrent layer may go through: each is a round of kernels.
pub const MAX_RECURRENT_STEPS: u64 = 1_024;

/// One layer, seen from outside; a block with all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    pub output: FeatureShape,
    /// Learned numbers. A batch norm's running mean and variance are not learned, so they do not count.
    pub parameters: u64,
    /// Floating-point operations for one image, forward: two for each multiply-add of a convolution, a linear layer, a recurrent layer
    /// or attention, two for each value that a norm scales and shifts. The rest is small and left out, as is usual.
    pub flops: u64,
    /// Of the values that training keeps for one image, 4 bytes each: what the layer and those in it put out, and the gates and
    /// states of a recurrent layer, the attention of a transformer block.
    pub activation_bytes: u64,
}

/// The output, parameters and cost of every layer, or what does not fit.
pub fn infer(network: &NetworkConfig, input: ImageShape, n_classes: usize) -> Result<Vec<LayerSummary>, NetworkError> {
    Ok(place(network, input, n_classes)?.iter().map(PlacedLayer::summary).collect())
}

/// Every tensor of placed layers with its name in the network, in the order in which they are drawn and built: `0.weight`,
/// `3.layers.1.bias`.
pub fn network_tensors(layers: &[PlacedLayer]) -> Vec<(String, &TensorSpec)> {
    let layers = layers.iter().enumerate();
    layers
        .flat_map(|(index, layer)| {
            layer.named_tensors().into_iter().map(move |(name, tensor)| (format!("{index}.{name}"), tensor))
        })
        .collect()
}

/// Every layer at its place, or what does not fit. Nothing is allocated that the limits above do not allow.
pub fn place(network: &NetworkConfig, input: ImageShape, n_classes: usize) -> Result<Vec<PlacedLayer>, NetworkError> {
    count(&network.layers, 0)?;
    if !matches!(network.layers.last(), Some(Layer::Classifier { .. })) {
        return Err(NetworkError::NoClassifier);
    }
    let placing = Placing { n_classes: n_classes as u64 };
    let layers = placing
        .chain(&network.layers, FeatureShape::from(input))
        .map_err(|place::Misfit { layer, name, reason }| NetworkError::Layer { layer, name, reason })?;
    let sum = |of: fn(&PlacedLayer) -> u64| layers.iter().map(of).fold(0, u64::saturating_add);
    let parameters = sum(PlacedLayer::n_parameters);
    if parameters > MAX_PARAMETERS {
        return Err(NetworkError::TooManyParameters { found: parameters });
    }
    let values = sum(PlacedLayer::n_values);
    if values > MAX_VALUES {
        return Err(NetworkError::TooManyValues { found: values });
    }
    Ok(layers)
}

/// Counts before anything is built or walked to its end.
/// Refuses a network of too many layers, or of blocks nested too deep, before anything looks at each.
pub fn check_extent(network: &NetworkConfig) -> Result<(), NetworkError> {
    count(&network.layers, 0).map(drop)
}

fn count(layers: &[Layer], depth: usize) -> Result<usize, NetworkError> {
    let mut n_layers = layers.len();
    for layer in layers {
        if let Layer::Residual { layers } = layer {
            if depth == MAX_NESTING {
                return Err(NetworkError::TooDeep);
            }
            n_layers += count(layers, depth + 1)?;
        }
        if n_layers > MAX_LAYERS {
            return Err(NetworkError::TooManyLayers);
        }
    }
    if n_layers > MAX_LAYERS { Err(NetworkError::TooManyLayers) } else { Ok(n_layers) }
}
