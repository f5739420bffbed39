//! The platform that the session runs on: a browser's worker, or a process.

use kindling_core::protocol::{Event, Failure, ImageInput};

use crate::retry::Trouble;

/// A single-threaded environment with a clock and a network. Futures passed to it need not be `Send`.
pub trait Platform: 'static {
    type Store: Store;
    type Download: Download;

    /// Sends an event to the sender of the commands.
    fn emit(&self, event: Event);

    /// Runs a task to completion, concurrently with all others.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);

    /// Milliseconds since an arbitrary fixed time.
    fn now_ms(&self) -> f64;

    fn sleep(&self, duration_ms: u32) -> impl Future<Output = ()>;

    /// Yields to everything else: pending commands, other tasks, the device's callbacks.
    fn yield_now(&self) -> impl Future<Output = ()>;

    /// The URL of a file that the page serves, by its path from there: `pretrained/…`.
    fn served_url(&self, path: &str) -> String;

    /// Opens the file at a URL. Dropping this future, or the download, aborts it.
    fn fetch(&self, url: &str, freshness: Freshness) -> impl Future<Output = Result<Self::Download, Trouble>>;

    /// Decodes an image file: all its pixels, upright by its EXIF orientation. `None` if it is no image that can be opened here.
    ///
    /// # Errors
    ///
    /// If nothing can be decoded here at all.
    fn decode(&self, file: &[u8]) -> impl Future<Output = Result<Option<ImageInput>, Failure>>;

    /// Persistent storage.
    fn store(&self) -> &Self::Store;
}

/// A download in progress.
pub trait Download {
    /// The next bytes; `None` at the end.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, Trouble>>;
}

/// Whether the platform's own cache may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The cache may be used.
    Any,
    /// The cache must not be read: an attempt with it failed.
    Reload,
    /// The cache must be neither read nor written: the session caches the file itself, once its hash is verified.
    NoStore,
}

/// A key-value store of bytes. Names consist of letters, digits, hyphens and dots.
pub trait Store {
    /// `None` if there is no such record.
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>>;

    /// Writes a record, atomically replacing any of the same name.
    fn write(&self, name: &str, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>>;

    /// Removes a record; succeeds if there is none.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), StoreError>>;

    /// All names, in no particular order.
    fn names(&self) -> impl Future<Output = Result<Vec<String>, StoreError>>;
}

/// Why a store failed: forbidden, full, or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
