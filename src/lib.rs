//! The web app: a page, which is the user interface, a worker, which trains, and another, which exports. Everything that does not need a browser is in `crates/`.

/// The typed messages between them.
pub mod channel;

/// The browser's cache of dataset files.
#[cfg(any(feature = "page", feature = "worker"))]
mod dataset_cache;

/// The browser as the session's platform.
#[cfg(feature = "worker")]
pub mod worker;

/// Writes networks as files for other tools, in a worker of its own.
#[cfg(feature = "exporter")]
pub mod exporter;

/// The user interface.
#[cfg(feature = "page")]
pub mod page;
