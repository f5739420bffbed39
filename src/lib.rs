//! The web app: a page that draws and asks, and a worker that trains. Everything that needs no browser is in `crates/`.

/// Typed messages between both.
pub mod channel;

/// The browser as a platform for the session.
#[cfg(feature = "worker")]
pub mod worker;

/// What the visitor sees.
#[cfg(feature = "page")]
pub mod page;
