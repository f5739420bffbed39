//! All that training needs from outside.

use kindling_core::protocol::{Failure, RunUpdate};

/// The world around a run: the worker in the browser, a test or a command natively.
pub trait Host {
    fn emit(&self, update: RunUpdate);

    /// Something cannot be done, and the run continues.
    fn warn(&self, failure: Failure);

    /// Checkpoints are at least so far apart; none are made where there is no interval.
    fn checkpoint_interval_ms(&self) -> Option<f64> {
        None
    }

    /// Yields a macrotask, so that messages arrive and the GPU's callbacks run.
    fn breathe(&self) -> impl Future<Output = ()>;

    /// Milliseconds since any fixed moment.
    fn now_ms(&self) -> f64;
}
