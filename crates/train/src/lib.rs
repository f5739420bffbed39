//! Kindling's tensor code: a network as a burn module, its objective, the training loop, evaluation. No browser, no clock, no file.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a native test may wait for its device"))]

/// What depends on the device: where images lie, how tensors are laid out and read back.
pub mod device;

/// Feature maps in the memory order of Kindling's CPU kernels.
mod blocks;

/// Convolutions by Kindling's GPU kernels.
pub mod maps;

/// The burn module built from a network's description.
pub mod module;

/// What a step minimizes.
pub mod objective;

/// The loop: batches, gradients, optimizers, schedules, early stopping.
pub mod training;

/// Predictions of a trained network.
pub mod evaluation;

/// Weights in files that other tools read.
pub mod exchange;
