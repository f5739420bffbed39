//! The dataset on the device, losses, optimizers, and the loop that trains.

/// What training needs from outside.
pub mod host;

/// Pause, resume, single step, stop.
pub mod control;

/// Random changes to a batch.
pub mod augment;

/// Gradients: accumulated and clipped.
pub mod gradients;

/// SGD, Adam and the others.
pub mod optimizer;

/// The moving average of the weights.
pub mod average;

/// Objective, gradient, update.
pub mod step;

/// Predictions for many images.
pub mod predict;

/// A run's steps, and the check of its config.
pub mod plan;

/// When to end a run, and which network is its best.
pub mod early_stopping;

/// Losses and correct classifications, read together.
pub mod tally;

/// A run's clock.
pub mod pace;

/// Where a run is.
pub mod position;

/// A run between two steps, as bytes.
pub mod checkpoint;

/// The network that questions are answered with.
pub mod published;

/// Pause and stop between steps and batches.
mod watched;

/// The loop.
pub mod run;

/// Looking inside the network while it trains.
pub mod monitor;

/// Compiling and tuning a GPU's kernels before the first step.
pub mod warm_up;

/// Which learning rate suits a network.
pub mod range_test;

pub use control::Control;
pub use host::Host;
pub use published::Published;
pub use range_test::find_rate;
pub use run::{resume, train};
pub use warm_up::warm_up;
