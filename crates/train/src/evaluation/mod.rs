//! The evaluation of a split, and the classification of single images.

/// Several looks at an image.
pub mod views;

/// A split, evaluated on the device.
pub mod evaluate;

/// One image.
pub mod classify;

pub use classify::classify;
pub use evaluate::{EvaluateConfig, evaluate};
pub use views::ViewSet;
