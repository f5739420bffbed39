//! The browser as the session's platform, and the start of an engine in its worker.

/// Start-up: the device, the panic hook, the first event.
pub mod start;

/// WebGPU: adapter information, and error reporting.
#[cfg(feature = "gpu")]
pub mod gpu;

/// The threads of the CPU engine.
#[cfg(feature = "threads")]
mod threads;

/// Messages, tasks, time, downloads.
mod platform;

/// Image files.
mod decode;

/// Cached files of earlier visits.
mod store;

pub use start::start;
