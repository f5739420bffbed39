//! What a step minimizes.

/// Losses, and their gradients at the logits.
pub mod loss;
