//! How good a network is: metrics (pure Rust) and, behind `train`, the evaluation of a split and of single images.

/// What follows from predictions: confusion matrix, figures per class, worst mistakes.
pub mod metrics;

/// Several looks at an image.
#[cfg(feature = "train")]
pub mod views;

/// A split, evaluated on the device.
#[cfg(feature = "train")]
pub mod evaluate;

/// One image.
#[cfg(feature = "train")]
pub mod classify;

#[cfg(feature = "train")]
pub use classify::classify;
#[cfg(feature = "train")]
pub use evaluate::{EvaluateConfig, evaluate};
#[cfg(feature = "train")]
pub use views::ViewSet;
