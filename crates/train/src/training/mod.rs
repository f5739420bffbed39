//! The training loop and its parts: augmentation, gradients, optimizers, checkpoints, monitoring.

/// What training needs from its environment.
pub mod host;

/// Pause, resume, single step, stop.
pub mod control;

/// Data augmentation.
pub mod augment;

/// Gradient accumulation and clipping.
pub mod gradients;

/// SGD, Adam and the others.
pub mod optimizer;

/// The moving average of the weights.
pub mod average;

/// Weights that become zero.
pub mod sparsity;

/// The outputs of frozen layers.
pub mod kept;

/// One step: objective, gradient, update.
pub mod step;

/// Predictions for many images.
pub mod predict;

/// A run's number of steps, and the check of its config.
pub mod plan;

/// Early stopping, and the choice of a run's best network.
pub mod early_stopping;

/// Losses and correct predictions, read together.
pub mod tally;

/// A run's clock.
pub mod pace;

/// How far a run has come.
pub mod position;

/// A run between two steps, as bytes.
pub mod checkpoint;

/// Runs that begin with given weights.
pub mod start;

/// The network that predictions are made with.
pub mod published;

/// Pause and stop between steps and batches.
mod watched;

/// The loop.
pub mod run;

/// Monitoring the network while it trains.
pub mod monitor;

/// Compiling a GPU's kernels before the first step.
pub mod warm_up;

/// The learning rate range test.
pub mod range_test;

/// Cross-validation.
pub mod out_of_fold;

pub use control::Control;
pub use host::Host;
pub use out_of_fold::out_of_fold;
pub use published::Published;
pub use range_test::find_rate;
pub use run::{resume, train};
pub use warm_up::warm_up;
