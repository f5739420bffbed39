//! Pause and stop during a run, between its steps and between the batches of its predictions.

use super::control::{Control, Wish};
use super::host::Host;
use super::pace::Pace;
use super::predict::Between;
use kindling_core::protocol::RunUpdate;

/// The part of a run that pauses concern.
pub struct Watched<'a, H> {
    pub host: &'a H,
    pub control: &'a Control,
    pub pace: &'a mut Pace,
    /// Steps done.
    pub step: u32,
}

impl<H: Host> Watched<'_, H> {
    /// If the visitor has requested a pause, reports it and sleeps until it ends.
    pub async fn sleep_through_pause(&mut self) {
        if self.control.wish() != Wish::Pause {
            return;
        }
        let since_ms = self.host.now_ms();
        self.host.emit(RunUpdate::Paused { step: self.step });
        self.control.unpaused().await;
        self.pace.was_paused(since_ms, self.host.now_ms());
        if self.control.wish() == Wish::Run {
            self.host.emit(RunUpdate::Resumed);
        }
    }

    /// Reports that the run is held, and sleeps until it no longer is.
    pub async fn sleep_through_hold(&mut self) {
        let since_ms = self.host.now_ms();
        self.host.emit(RunUpdate::Held { step: self.step });
        self.control.released().await;
        self.pace.was_held(since_ms, self.host.now_ms());
    }
}

impl<H: Host> Between for Watched<'_, H> {
    async fn between(&mut self, _fraction: f32) -> bool {
        self.host.yield_now().await;
        self.sleep_through_pause().await;
        self.control.wish() != Wish::Stop
    }

    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }
}

/// A few batches that are predicted without yielding or checking for a pause.
pub struct Unwatched<'a, H>(pub &'a H);

impl<H: Host> Between for Unwatched<'_, H> {
    async fn between(&mut self, _fraction: f32) -> bool {
        true
    }

    fn now_ms(&self) -> f64 {
        self.0.now_ms()
    }
}
