//! What the session needs from the machine that it runs on: a worker of a browser, or a process.

use kindling_core::protocol::Event;

use crate::retry::Trouble;

/// A single-threaded machine with a clock and a network. Futures given to it need not be `Send`.
pub trait Platform: 'static {
    type Store: Store;
    type Download: Download;

    /// Reports to whoever gives the commands.
    fn emit(&self, event: Event);

    /// Runs a task to its end, beside all others.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// Milliseconds since any fixed moment.
    fn now_ms(&self) -> f64;

    fn sleep(&self, duration_ms: u32) -> impl Future<Output = ()>;

    /// Lets everything else go first: commands that wait, other tasks, the device's callbacks.
    fn breathe(&self) -> impl Future<Output = ()>;

    /// Opens the file at an address. Dropping this future, or the download, aborts it.
    fn fetch(&self, url: &str, freshness: Freshness) -> impl Future<Output = Result<Self::Download, Trouble>>;

    /// Where bytes outlive the session.
    fn store(&self) -> &Self::Store;
}

/// A file as it comes in.
pub trait Download {
    /// The next bytes; none at the end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, Trouble>>;
}

/// Whether a copy that the platform kept by itself will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It will.
    Any,
    /// It will not: an attempt with it has failed.
    Reload,
    /// Neither read nor keep one: the session keeps the file itself, once its hash is checked.
    NoStore,
}

/// Records of bytes by name. Names are letters, digits, hyphens and dots.
pub trait Store {
    /// None where there is no such record.
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>>;

    /// Replaces the record of that name, whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>>;

    /// Succeeds where there is no such record.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), StoreError>>;

    /// In no order.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, StoreError>>;
}

/// Why a store could not do it: forbidden, full, or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
