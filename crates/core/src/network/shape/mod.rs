//! Shape inference: the output shape and cost of each layer, from the description alone.

/// Why a network cannot be built.
pub mod error;

/// The shape of the data between layers.
pub mod feature;

/// The tensors that a layer needs.
pub mod tensors;

/// Partial shape inference, for a network that is being edited.
mod survey;

/// A layer with its inferred shapes, tensors and cost.
mod place;

/// Convolutions, pooling, squeeze and excitation.
pub mod maps;

/// Norms, linear layers, dropout and flatten.
mod plain;

/// Residual and depthwise-separable blocks.
mod blocks;

/// Rows, recurrent layers, transformers.
mod sequences;

#[cfg(test)]
mod tests;

pub use error::{LayerError, NetworkError};
pub use feature::FeatureShape;
pub use place::{PlacedLayer, layer_name};
pub use survey::{Survey, survey};
pub use tensors::{Start, TensorSpec};

use self::place::Placing;
use crate::config::{Layer, NetworkConfig};
use crate::protocol::ImageShape;

/// Maximum number of layers, including those in blocks.
pub const MAX_LAYERS: usize = 250;

/// Maximum nesting depth of blocks.
pub const MAX_NESTING: usize = 4;

/// 400 MB of weights; the optimizer state takes up to three times as much on top.
pub const MAX_PARAMETERS: u64 = 100_000_000;

/// Maximum number of activations of one layer per image: 64 MB.
pub const MAX_LAYER_VALUES: u64 = 16_000_000;

/// Maximum number of activations of all layers together per image: 256 MB.
pub const MAX_VALUES: u64 = 64_000_000;

/// Maximum extent of a kernel, dilation included. Padding grows with it, regardless of the input size.
pub const MAX_WINDOW: u64 = 255;

/// Maximum sequence length of a recurrent layer: each item is a round of kernel launches.
pub const MAX_RECURRENT_STEPS: u64 = 1_024;

/// The output and cost of one layer; for a block, including everything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    pub output: FeatureShape,
    /// Learned parameters. A batch norm's running mean and variance are not learned, so they do not count.
    pub parameters: u64,
    /// FLOPs of the forward pass per image: two per multiply-add of a convolution, a linear layer, a recurrent layer or attention, two per
    /// value that a norm scales and shifts. The rest is small and, as usual, not counted.
    pub flops: u64,
    /// Activation memory per image, 4 bytes per value: the outputs of the layer and of the layers in it, the gates and states of a
    /// recurrent layer, the attention of a transformer block.
    pub activation_bytes: u64,
}

/// The output, parameters and cost of every layer.
///
/// # Errors
///
/// [`NetworkError`], naming the first layer that does not fit or the limit that is exceeded.
pub fn infer(network: &NetworkConfig, input: ImageShape, n_classes: usize) -> Result<Vec<LayerSummary>, NetworkError> {
    Ok(place(network, input, n_classes)?.iter().map(PlacedLayer::summary).collect())
}

/// Every tensor of placed layers with its full name, in the order in which they are initialized and built: `0.weight`, `3.layers.1.bias`.
pub fn network_tensors(layers: &[PlacedLayer]) -> Vec<(String, &TensorSpec)> {
    let layers = layers.iter().enumerate();
    layers
        .flat_map(|(index, layer)| {
            layer.named_tensors().into_iter().map(move |(name, tensor)| (format!("{index}.{name}"), tensor))
        })
        .collect()
}

/// Every layer with its shapes, tensors and cost. Nothing is allocated beyond the limits above.
///
/// # Errors
///
/// [`NetworkError`], naming the first layer that does not fit or the limit that is exceeded.
pub fn place(network: &NetworkConfig, input: ImageShape, n_classes: usize) -> Result<Vec<PlacedLayer>, NetworkError> {
    count(&network.layers, 0)?;
    if !matches!(network.layers.last(), Some(Layer::Classifier { .. })) {
        return Err(NetworkError::NoClassifier);
    }
    if network.frozen as usize >= network.layers.len() {
        return Err(NetworkError::AllFrozen);
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

/// Checks the number of layers and the nesting depth, before anything visits each layer.
///
/// # Errors
///
/// [`NetworkError::TooManyLayers`] or [`NetworkError::TooDeep`].
pub fn check_extent(network: &NetworkConfig) -> Result<(), NetworkError> {
    count(&network.layers, 0).map(drop)
}

fn count(layers: &[Layer], depth: usize) -> Result<usize, NetworkError> {
    let mut n_layers = layers.len();
    for layer in layers {
        if let Layer::Residual { layers } | Layer::PooledSkip { layers } = layer {
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
