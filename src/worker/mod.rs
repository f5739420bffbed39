//! The browser as the session's platform, and the start of an engine in its worker.

/// Start-up: the device, the panic hook, the first event.
pub mod start;

/// WebGPU: adapter information, and error reporting.
#[cfg(feature = "gpu")]
mod gpu;

/// The threads of the CPU engine.
#[cfg(feature = "threads")]
mod threads;

/// Messages, tasks, time, downloads.
mod platform;

/// Cached files of earlier visits.
mod store;

pub use start::start;
