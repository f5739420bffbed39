//! Kindling's plain data and its decisions: no tensors, no browser, no clock, no file.
//!
//! # Vocabulary
//!
//! - **Image**: unsigned bytes, channel by channel, `[channels, height, width]`; its **label** is the index of its **class**.
//! - **Dataset**: images with labels, **split** into train, validation and test.
//! - **Network**: a list of **layers**, described as data ([`config::NetworkConfig`]), built into a burn module.
//!   Between layers flow **feature maps** `[channels, height, width]`, a **sequence** `[length, features]`, or a **vector**; a **block** is
//!   a layer made of layers.
//! - **Run**: one training of one network, complete in its [`config::RunConfig`]; a **step** is one batch, an **epoch**
//!   is one pass over the train split.
//! - **Engine**: the worker that holds the dataset and the network on a device; the **page** only exchanges messages with it.
//! - **Command**, **event**, **question**, **answer**: the messages between page and engine ([`protocol`]).

/// Everything that decides the outcome of a run.
pub mod config;

/// The messages between page and engine.
pub mod protocol;

/// Images and labels: file formats, splits, and the preparation of a new image.
pub mod dataset;

/// A network as data: shapes, parameters, FLOPs, presets.
pub mod network;

/// Metrics of a classifier: confusion matrix, per-class precision, recall and F1, highest-loss errors.
pub mod metrics;

/// Images whose labels are probably wrong: confident learning.
pub mod label_errors;

/// What the labels that were asked for have taught: learning curves.
pub mod label_curve;

/// A linear classifier on features of images.
pub mod softmax_regression;

/// Hyperparameter search: which configs to try, which trials to prune, hyperparameter importance.
#[cfg(feature = "decisions")]
pub mod search;

/// Saved runs: their curves, records and files.
#[cfg(feature = "decisions")]
pub mod runs;

/// Diagnoses drawn from a run's curves: learning rate, overfitting, dead units, class imbalance.
#[cfg(feature = "decisions")]
pub mod advice;

/// Active learning: which unlabeled image a label would teach most.
#[cfg(feature = "decisions")]
pub mod active_learning;

/// Decimal numbers as text.
pub mod decimal;

/// A small random number generator that gives the same numbers on every machine.
pub mod random;
