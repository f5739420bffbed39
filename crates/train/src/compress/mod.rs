//! Smaller networks from trained ones. No tensor here is on a device.

/// Pruning of whole channels.
pub mod channels;

pub use channels::{Criterion, Pruned, prune_channels};
