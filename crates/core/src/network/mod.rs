//! A network's description: shapes, parameters, FLOPs, presets.

/// The output and cost of each layer, and why a layer does not fit.
pub mod shape;

/// Networks and settings that are known to work.
pub mod presets;

pub use presets::{Preset, presets};
pub use shape::{FeatureShape, LayerSummary, NetworkError, PlacedLayer};
