//! Networks as data: shapes, parameters, FLOPs, presets.
//!
//! [`crate::config::NetworkConfig`] is the description that the page edits, a preset holds and a run stores. Only [`shape::place`]
//! interprets it: it checks every number and gives each layer its shapes, its tensors (name, shape, initialization) and its cost. The
//! page's summaries, the initial weights and the burn module are all derived from that list, so they cannot disagree, and nothing is
//! allocated before the limits are checked. Blocks contain placed layers in turn. Tensors have the names and layouts of PyTorch's modules
//! (`3.layers.0.weight`), and are initialized in list order, so a layer's position in the list is part of the meaning of a seed.
//!
//! A layer norm on feature maps is a group norm with one group, whose weights do not depend on the image size. A residual block whose
//! layers change the shape projects its input with a 1x1 convolution (or a linear layer) without norm.

/// Shape inference: the output and cost of each layer, and why a layer does not fit.
pub mod shape;

/// Presets: networks with hyperparameters that are known to work.
pub mod presets;

/// How pixels are interpolated where an image is scaled.
pub mod bilinear;

/// Published networks whose weights the page serves.
pub mod pretrained;

/// What frozen layers cost.
pub mod frozen;

pub use presets::{PRESET_IDS, Preset, presets};
pub use shape::{FeatureShape, LayerSummary, NetworkError, PlacedLayer};
