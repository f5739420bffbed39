//! The evaluation of a split, and the classification of single images.

/// Test-time augmentation: several views of an image.
pub mod views;

/// Evaluation of a split.
pub mod evaluate;

/// Accuracy and speed of a network on some images.
pub mod measure;

/// Classification of one image.
pub mod classify;

/// What a network sees in images.
pub mod embed;

pub use classify::classify;
pub use embed::{embed, embed_images, embed_train};
pub use evaluate::{EvaluateConfig, evaluate, evaluate_known};
pub use measure::measure;
pub use views::ViewSet;
