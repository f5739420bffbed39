//! Smaller networks from trained ones.

/// Pruning of whole channels.
pub mod channels;

/// The training after that.
pub mod fine_tuning;

pub use channels::{Criterion, Pruned, prune_channels};
pub use fine_tuning::fine_tuning;
