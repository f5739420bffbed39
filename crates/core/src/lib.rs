//! Kindling's plain data and its decisions: no tensors, no browser, no clock, no file.
//!
//! # The words of the project
//!
//! - **Image**: unsigned bytes, channel by channel, `[channels, height, width]`; its **label** is the index of its **class**.
//! - **Dataset**: images with labels, and the **split** of them into train, validation and test.
//! - **Network**: a list of **layers**, described as data ([`config::NetworkConfig`]), built into a burn module.
//!   Between layers flow **feature maps** `[channels, height, width]`, a **sequence** `[length, features]`, or a **vector**; a **block** is
//!   a layer made of layers.
//! - **Run**: one training of one network, complete in its [`config::RunConfig`]; a **step** is one batch, an **epoch**
//!   is one pass over the train split.
//! - **Engine**: the worker that holds the dataset and the network on a device; the **page** only talks to it.
//! - **Command**, **event**, **question**, **answer**: what page and engine say to each other ([`protocol`]).

/// Everything that decides the outcome of a run.
pub mod config;

/// Messages between page and engine.
pub mod protocol;

/// Images and labels: file formats, splits, preparing an image.
pub mod dataset;

/// A network as data: shapes, parameters, FLOPs, presets.
pub mod network;

/// Metrics of a classifier: confusion matrix, per-class figures, highest-loss errors.
pub mod metrics;

/// Hyperparameter search: what is tried, which trials go on, what mattered.
#[cfg(feature = "decisions")]
pub mod search;

/// A run as it is kept.
#[cfg(feature = "decisions")]
pub mod runs;

/// What a run's curves say is wrong with it.
#[cfg(feature = "decisions")]
pub mod advice;

/// A small random generator that gives equal numbers on every machine.
pub mod random;
