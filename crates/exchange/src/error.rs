//! Why a network cannot be exported or imported, or an exported file cannot be read.

use kindling_core::network::shape::NetworkError;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExchangeError {
    #[error("{0}")]
    Network(#[from] NetworkError),
    #[error("images have 1 or 3 channels, not {found}")]
    Channels { found: u32 },
    #[error("the weights lack {name} of shape {shape:?}")]
    NoTensor { name: String, shape: Vec<usize> },
    /// `layer` counts from 1; in a block, from 1 in the block, after a point.
    #[error("{format} cannot hold layer {layer} ({name}): {reason}")]
    CannotHold { format: &'static str, layer: String, name: &'static str, reason: &'static str },
    #[error("{0} cannot be read")]
    Unreadable(String),
    #[error("{0} cannot be written")]
    Unwritable(String),
    #[error("it holds images of a project and no network: open it under Data")]
    Project,
    #[error("{0}")]
    Incomplete(&'static str),
    /// `node` has its name and its operation.
    #[error("the node {node} is none of Kindling's layers: {reason}")]
    Node { node: String, reason: String },
    #[error("the tensor {name} {reason}")]
    BadTensor { name: String, reason: &'static str },
    #[error("there is no layer {path}: the layers with weights are {known}")]
    NoLayer { path: String, known: String },
    #[error("there is no image to calibrate with")]
    NoImages,
    #[error("the weights or the activations of layer {layer} are not finite")]
    NotFinite { layer: String },
    #[error("the check has no image of {n_values} values with {n_classes} probabilities")]
    BadCheck { n_values: usize, n_classes: usize },
    #[error("the file's probabilities differ by {difference:e}, more than {tolerance:e}")]
    Disagrees { difference: f32, tolerance: f32 },
}
