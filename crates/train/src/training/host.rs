//! What training needs from its environment.

use std::rc::Rc;

use kindling_core::config::Pretrained;
use kindling_core::protocol::{Failure, FailureKind, RunUpdate, Teacher};

/// The environment of a run: the worker in the browser; a test or the command line natively.
pub trait Host {
    fn emit(&self, update: RunUpdate);

    /// Reports a failure that does not end the run.
    fn warn(&self, failure: Failure);

    /// Minimum time between checkpoints that are neither requested nor due to a pause; none at all are made if there is no interval.
    fn checkpoint_interval_ms(&self) -> Option<f64> {
        None
    }

    /// The teacher of a run that begins with one; a run that resumes has it in its checkpoint.
    fn teacher(&self) -> Option<&Teacher> {
        None
    }

    /// The file with the weights of a published network.
    fn pretrained(&self, pretrained: Pretrained) -> impl Future<Output = Result<Rc<[u8]>, Failure>> {
        let failure = Failure::new(FailureKind::DownloadFailed, format!("{pretrained:?} is not available here"));
        std::future::ready(Err(failure))
    }

    /// Yields a macrotask, so that messages arrive and GPU callbacks run.
    fn yield_now(&self) -> impl Future<Output = ()>;

    /// Milliseconds since a fixed moment.
    fn now_ms(&self) -> f64;
}
