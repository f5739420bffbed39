//! The browser as a platform for the session, and the start of an engine in its worker.

/// Start-up: device, panics, first event.
pub mod start;

/// WebGPU: what the adapter offers, and every error that it reports.
#[cfg(feature = "gpu")]
mod gpu;

/// Messages, tasks, time, downloads.
mod platform;

/// Files of earlier visits.
mod store;

pub use start::start;
