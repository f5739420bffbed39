//! Kindling trains convolutional neural networks in the browser, on the visitor's own machine.
//!
//! # The words of the project
//!
//! - **Image**: unsigned bytes, channel by channel, `[channels, height, width]`; its **label** is the index of its **class**.
//! - **Dataset**: images with labels, and the **split** of them into train, validation and test.
//! - **Network**: a list of **layers**, described as data ([`protocol::NetworkConfig`]), built into a burn module.
//!   Between layers flow **maps** `[channels, height, width]`, a **sequence** `[length, features]`, or a **vector**; a **block** is a layer
//!   made of layers.
//! - **Run**: one training of one network, complete in its [`protocol::RunConfig`]; a **step** is one batch, an **epoch**
//!   is one pass over the train split.
//! - **Engine**: the worker that holds the dataset and the network on a device; the **page** only talks to it.
//! - **Command**, **event**, **question**, **answer**: what page and engine say to each other ([`protocol`]).
//!
//! # The layers, each importing only those before it
//!
//! `protocol` ← `dataset` ← `network` ← `training` ← `evaluation` ← `exchange` ← `engine`; the page, `ui`, imports
//! `protocol`, `dataset`, `search` and the pure halves of `network` and `evaluation`. Only `ui` and `engine` use `channel`. `search`,
//! which decides what a hyper-parameter search tries, imports `protocol` and `dataset`.

pub mod protocol;

pub mod dataset;

pub mod network;

#[cfg(feature = "train")]
pub mod training;

pub mod evaluation;

pub mod search;

#[cfg(feature = "browser")]
pub mod channel;

#[cfg(any(feature = "gpu", feature = "cpu"))]
pub mod engine;

#[cfg(feature = "ui")]
pub mod ui;
