//! The worker around training: device, downloads, the command loop.

/// Start-up: device, panics, first event.
pub mod start;

/// WebGPU: what the adapter offers, and every error that it reports.
#[cfg(feature = "gpu")]
mod gpu;

/// Commands become work.
mod session;

/// What is done now, and what next.
mod agenda;

/// Questions wait for their turn…
mod questions;

/// …and get their answer.
mod answer;

/// Datasets: from files to the device.
mod load;

/// One file from the network.
mod download;

/// When to try again.
mod retry;

/// Files of earlier visits.
mod cache;

/// Bytes per second.
mod rate;

/// What training needs from the worker.
mod host;

/// Time.
mod clock;

pub use start::start;
