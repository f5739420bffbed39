//! What training gets from the worker: its events, a pause for breath, and the time.

use super::clock;
use crate::channel;
use crate::protocol::{Event, Failure, RunId, RunUpdate};
use crate::training::Host;

/// A visitor who reloads loses at most so much.
const CHECKPOINT_INTERVAL_MS: f64 = 5_000.0;

/// Speaks for one run.
pub struct EngineHost {
    pub run: RunId,
    /// Whether it tells checkpoints.
    pub is_kept: bool,
}

impl Host for EngineHost {
    fn emit(&self, update: RunUpdate) {
        channel::post(&Event::Run { run: self.run, update });
    }

    fn warn(&self, failure: Failure) {
        channel::post(&Event::Warning(failure));
    }

    fn checkpoint_interval_ms(&self) -> Option<f64> {
        self.is_kept.then_some(CHECKPOINT_INTERVAL_MS)
    }

    async fn breathe(&self) {
        channel::macrotask().await;
    }

    fn now_ms(&self) -> f64 {
        clock::now_ms()
    }
}
