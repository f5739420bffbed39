//! A network's description (shapes, parameters, FLOPs, presets: pure Rust) and, behind `train`, the burn module built from it.

/// What each layer puts out and costs, and why a layer does not fit.
pub mod shape;

/// Recipes that are known to work.
pub mod presets;

/// The burn module built from a description.
#[cfg(feature = "train")]
pub mod module;

/// Initial weights, equal for equal seeds on every device.
#[cfg(feature = "train")]
pub mod init;

/// Weights in and out of a network, by name.
#[cfg(feature = "train")]
pub mod weights;

/// Weights as a file.
#[cfg(feature = "train")]
pub mod weight_file;

#[cfg(feature = "train")]
pub use module::Network;
pub use presets::{Preset, presets};
pub use shape::{FeatureShape, LayerSummary, NetworkError, PlacedLayer};
