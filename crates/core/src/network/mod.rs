//! A network's description: shapes, parameters, FLOPs, presets.
//!
//! [`crate::config::NetworkConfig`] is what the page edits, a preset holds and a run stores. [`shape::place`] is its only reader: it checks
//! every number and gives each layer its shapes, its tensors (name, shape, initialization) and its cost. The page's summaries, the
//! initial weights and the burn module all follow from that list, so they cannot disagree, and nothing is allocated before it. Blocks
//! hold placed layers in turn. Tensors have the names and layouts of PyTorch's modules (`3.layers.0.weight`), and their order is the order
//! in which they are drawn, so a layer's place in that list is part of what a seed means.
//!
//! A layer norm on feature maps is a group norm with one group: its weights do not depend on the image's size. A residual block whose layers
//! change the shape projects its input with a 1x1 convolution (or a linear layer) without norm.

/// The output and cost of each layer, and why a layer does not fit.
pub mod shape;

/// Networks and settings that are known to work.
pub mod presets;

pub use presets::{Preset, presets};
pub use shape::{FeatureShape, LayerSummary, NetworkError, PlacedLayer};
