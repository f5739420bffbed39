//! What the visitor wants of the loop: shared between the loop and whoever receives the visitor's commands.
//!
//! Values that are changed during a run take effect before its next step, all or none of them, and the loop reports those in force as an
//! [`Adjustment`](kindling_core::protocol::Adjustment). They are in every checkpoint; the config stays what the run began with. An augmentation
//! that starts late draws the seed's own numbers, so a run that resumes from a checkpoint draws the same.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use kindling_core::protocol::{ValueChange, Watch};

/// Pause, resume, single step, stop, and other values. The loop looks at it before every step.
#[derive(Debug, Default)]
pub struct Control {
    wish: Cell<Wish>,
    /// Since the last step.
    change: Cell<ValueChange>,
    /// What is looked at inside the network, if anything is.
    watch: Cell<Option<Watch>>,
    /// Whether a checkpoint is wanted before one is due.
    wants_checkpoint: Cell<bool>,
    /// The loop, where it sleeps in a pause; there is one loop.
    sleeper: RefCell<Option<Waker>>,
}

/// What the loop is to do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    #[default]
    Run,
    Pause,
    /// One step, then pause.
    Step,
    /// Final: no later wish undoes it.
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

    /// Acts before the next step; a later change of the same value replaces it.
    pub fn adjust(&self, change: ValueChange) {
        let earlier = self.change.get();
        self.change.set(ValueChange {
            learning_rate: change.learning_rate.or(earlier.learning_rate),
            weight_decay: change.weight_decay.or(earlier.weight_decay),
            augment: change.augment.or(earlier.augment),
        });
    }

    /// Looks inside the network from the next step on, or no longer.
    pub fn set_watch(&self, watch: Option<Watch>) {
        self.watch.set(watch);
    }

    /// Has a checkpoint made after the next read that allows one.
    pub fn checkpoint(&self) {
        self.wants_checkpoint.set(true);
    }

    pub(super) fn wants_checkpoint(&self) -> bool {
        self.wants_checkpoint.get()
    }

    /// One was made.
    pub(super) fn was_kept(&self) {
        self.wants_checkpoint.set(false);
    }

    pub(super) fn watch(&self) -> Option<Watch> {
        self.watch.get()
    }

    pub fn wish(&self) -> Wish {
        self.wish.get()
    }

    /// What was asked for since the last call.
    pub(super) fn take_change(&self) -> Option<ValueChange> {
        Some(self.change.take()).filter(|change| *change != ValueChange::default())
    }

    /// Turns a single step into a pause; the loop calls it when it takes the step.
    pub(super) fn take_step(&self) {
        if self.wish.get() == Wish::Step {
            self.wish.set(Wish::Pause);
        }
    }

    /// Sleeps while the wish is to pause.
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

    fn set(&self, wish: Wish) {
        if self.wish.get() != Wish::Stop {
            self.wish.set(wish);
        }
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }
}
