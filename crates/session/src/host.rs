//! The host that the session provides to training: events, macrotasks, and the time.

use std::rc::Rc;

use kindling_core::config::Pretrained;
use kindling_core::protocol::{Event, Failure, RunId, RunUpdate, Teacher};
use kindling_train::training::Host;

use crate::platform::Platform;

/// Minimum interval between checkpoints: roughly what a reload of the page can lose.
const CHECKPOINT_INTERVAL_MS: f64 = 5_000.0;

/// The host of one run.
pub struct RunHost<P> {
    pub platform: Rc<P>,
    pub run: RunId,
    /// Whether the run emits checkpoints and its final weights.
    pub is_kept: bool,
    pub teacher: Option<Teacher>,
    /// Receives the updates in place of the page.
    pub listener: Option<Listener>,
}

pub type Listener = Rc<dyn Fn(&RunUpdate)>;

impl<P: Platform> Host for RunHost<P> {
    fn emit(&self, update: RunUpdate) {
        match &self.listener {
            Some(listener) => listener(&update),
            None => self.platform.emit(Event::Run { run: self.run, update }),
        }
    }

    fn warn(&self, failure: Failure) {
        self.platform.emit(Event::Warning(failure));
    }

    fn checkpoint_interval_ms(&self) -> Option<f64> {
        self.is_kept.then_some(CHECKPOINT_INTERVAL_MS)
    }

    fn teacher(&self) -> Option<&Teacher> {
        self.teacher.as_ref()
    }

    async fn pretrained(&self, pretrained: Pretrained) -> Result<Rc<[u8]>, Failure> {
        crate::pretrained::load(&*self.platform, self.run, pretrained).await.map(Rc::from)
    }

    async fn yield_now(&self) {
        self.platform.yield_now().await;
    }

    fn now_ms(&self) -> f64 {
        self.platform.now_ms()
    }
}
