//! What Kindling's worker does, without a browser: one dataset, one run at a time, and questions answered meanwhile.

/// What the session needs from the machine.
pub mod platform;

/// Commands become work.
pub mod session;

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
pub mod retry;

/// Files of earlier visits.
mod cache;

/// Bytes per second.
mod rate;

/// What training needs from the platform.
mod host;

pub use kindling_train::device::EngineDevice;
pub use platform::{Download, Freshness, Platform, Store, StoreError};
pub use session::Session;
