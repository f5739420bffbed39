//! Kindling's worker without a browser: one dataset, one run at a time, and questions answered meanwhile.

/// What the session needs from its environment.
pub mod platform;

/// Executes commands.
pub mod session;

/// The current job and the next ones.
mod agenda;

/// Queues questions…
mod questions;

/// …and answers them.
mod answer;

/// Images whose labels are probably wrong.
mod label_errors;

/// What the labels that were asked for have taught.
mod label_curve;

/// Loads datasets: fetches and parses their files.
mod load;

/// Makes datasets of image files.
mod import;

/// Loads the weights of published networks.
mod pretrained;

/// Downloads one file.
mod download;

/// Retries of downloads.
pub mod retry;

/// Cached files of earlier visits.
mod cache;

/// Download rate.
mod rate;

/// The platform as training's host.
mod host;

/// Whether a run's batches fit into the device's buffers.
mod memory;

pub use kindling_train::device::EngineDevice;
pub use load::{Loaded, check_dataset, load};
pub use platform::{Download, Freshness, Platform, Store, StoreError};
pub use session::Session;
