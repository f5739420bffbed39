//! The web app: a page, which is the user interface, and a worker, which trains. Everything that does not need a browser is in `crates/`.

/// The typed messages between the two.
pub mod channel;

/// The browser as the session's platform.
#[cfg(feature = "worker")]
pub mod worker;

/// The user interface.
#[cfg(feature = "page")]
pub mod page;
