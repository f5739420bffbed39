//! Smaller networks from trained ones. No tensor here is on a device.

/// Pruning of whole channels.
pub mod channels;

/// Pruning of single weights.
pub mod magnitude;

pub use channels::{Criterion, Pruned, prune_channels};
pub use magnitude::prune_weights;
