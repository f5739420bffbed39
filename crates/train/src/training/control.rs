//! The visitor's requests to the training loop, shared with the code that receives the visitor's commands.
//!
//! Values that are changed during a run take effect before its next step, all or none of them, and the loop reports the values in force as an
//! [`Adjustment`](kindling_core::protocol::Adjustment). Every checkpoint holds them; the config remains what the run started with. An
//! augmentation that is enabled late draws from the run's seed, so a run that resumes from a checkpoint draws the same numbers.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use kindling_core::protocol::{ValueChange, Watch};

/// Pause, resume, single step, stop, and changed values. The loop checks it before every step.
#[derive(Debug, Default)]
pub struct Control {
    wish: Cell<Wish>,
    /// Changes since the last step.
    change: Cell<ValueChange>,
    /// What is monitored inside the network, if anything.
    watch: Cell<Option<Watch>>,
    /// Whether the run is to stand still while nothing else is requested.
    is_held: Cell<bool>,
    /// Whether a checkpoint is requested before one is due.
    wants_checkpoint: Cell<bool>,
    /// Wakes the loop from a pause, or from being held; there is only one loop.
    sleeper: RefCell<Option<Waker>>,
}

/// What the loop should do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    Run,
    Pause,
    /// One step, then pause.
    Step,
    /// Final: no later request overrides it.
    Stop,
}

impl Control {
    pub fn pause(&self) {
        self.set(Wish::Pause);
    }

    pub fn resume(&self) {
        self.set(Wish::Run);
    }

    pub fn step(&self) {
        self.set(Wish::Step);
    }

    pub fn stop(&self) {
        self.set(Wish::Stop);
    }

    /// Takes effect before the next step; a later change of the same value replaces it.
    pub fn adjust(&self, change: ValueChange) {
        let earlier = self.change.get();
        self.change.set(ValueChange {
            learning_rate: change.learning_rate.or(earlier.learning_rate),
            weight_decay: change.weight_decay.or(earlier.weight_decay),
            augment: change.augment.or(earlier.augment),
        });
    }

    /// Starts monitoring the network at the next step, or stops it.
    pub fn set_watch(&self, watch: Option<Watch>) {
        self.watch.set(watch);
    }

    /// Has the run stand still before its next step, until it is released, paused or stopped.
    pub fn hold(&self) {
        self.is_held.set(true);
    }

    pub fn release(&self) {
        self.is_held.set(false);
        self.wake();
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held.get() && self.wish.get() == Wish::Run
    }

    /// Requests a checkpoint after the next update.
    pub fn checkpoint(&self) {
        self.wants_checkpoint.set(true);
    }

    pub(super) fn wants_checkpoint(&self) -> bool {
        self.wants_checkpoint.get()
    }

    /// Clears the request, after a checkpoint was made.
    pub(super) fn was_kept(&self) {
        self.wants_checkpoint.set(false);
    }

    pub(super) fn watch(&self) -> Option<Watch> {
        self.watch.get()
    }

    pub fn wish(&self) -> Wish {
        self.wish.get()
    }

    /// The changes since the last call.
    pub(super) fn take_change(&self) -> Option<ValueChange> {
        Some(self.change.take()).filter(|change| *change != ValueChange::default())
    }

    /// Turns a single step into a pause; the loop calls it when it starts the step.
    pub(super) fn take_step(&self) {
        if self.wish.get() == Wish::Step {
            self.wish.set(Wish::Pause);
        }
    }

    /// Sleeps while a pause is requested.
    pub(super) async fn unpaused(&self) {
        poll_fn(|context| match self.wish.get() {
            Wish::Pause => {
                self.sleeper.replace(Some(context.waker().clone()));
                Poll::Pending
            }
            Wish::Run | Wish::Step | Wish::Stop => Poll::Ready(()),
        })
        .await;
    }

    /// Sleeps while the run is held.
    pub(super) async fn released(&self) {
        poll_fn(|context| {
            if self.is_held() {
                self.sleeper.replace(Some(context.waker().clone()));
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    fn set(&self, wish: Wish) {
        if self.wish.get() != Wish::Stop {
            self.wish.set(wish);
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }
}
