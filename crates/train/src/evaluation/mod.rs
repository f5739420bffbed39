//! The evaluation of a split, and the classification of single images.

/// Test-time augmentation: several views of an image.
pub mod views;

/// Evaluation of a split.
pub mod evaluate;

/// Classification of one image.
pub mod classify;

pub use classify::classify;
pub use evaluate::{EvaluateConfig, evaluate, evaluate_known};
pub use views::ViewSet;
