//! The dataset on the device, loss, optimizers, and the loop that trains.

/// What training needs from outside.
pub mod host;

/// Pause, resume, single step, stop.
pub mod control;

/// The dataset on the device; batches.
pub mod data;

/// Cross-entropy.
pub mod loss;

/// SGD and Adam.
pub mod optimizer;

/// Forward, loss, gradient, update.
pub mod step;

/// Predictions for many images.
pub mod predict;

/// A run's steps, and the check of its config.
pub mod plan;

/// A run's clock.
pub mod pace;

/// The network that questions are answered with.
pub mod published;

/// The loop.
pub mod run;

/// Compiling and tuning a GPU's kernels before the first step.
pub mod warm_up;

pub use control::Control;
pub use data::DeviceDataset;
pub use host::Host;
pub use published::Published;
pub use run::train;
pub use warm_up::warm_up;
