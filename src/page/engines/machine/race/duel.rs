//! The run's engine and the challenger on the same steps: whether their losses agree, and the challenger's time.

use super::step_timer::{N_REPORTS, StepTimer};

/// How far apart two losses of the same step may be, relative to the loss, and at least. Rounding alone stays within half of it for 30 steps
/// of a LeNet (`tests/journeys/agreement.rs`).
const TOLERANCE: (f32, f32) = (2e-3, 2e-4);

/// How long a run is held at most, besides the time in which its own engine would have trained the steps of the timed reports.
const HOLD_MS: f64 = 1_500.0;

pub struct Duel {
    /// The time of a step in the run's engine.
    pub own_ms: f64,
    /// How many steps are compared.
    n_compared: usize,
    /// Losses of the steps after the checkpoint, of the run and of the challenger.
    own_losses: Vec<f32>,
    losses: Vec<f32>,
    timer: StepTimer,
    /// Steps that the challenger has reported since the run stands still.
    n_held: usize,
}

/// Whether both engines compute the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Agreement {
    /// One of them has not trained all steps that are compared.
    Open,
    Same,
    /// The losses of one step, of the run and of the challenger.
    Differs(f32, f32),
}

impl Duel {
    pub fn new(own_ms: f64, n_compared: usize) -> Self {
        let timer = StepTimer::default();
        Self { own_ms, n_compared, own_losses: Vec::new(), losses: Vec::new(), timer, n_held: 0 }
    }

    /// The run has trained these steps.
    pub fn own_trained(&mut self, losses: &[f32]) {
        take_first(&mut self.own_losses, losses, self.n_compared);
    }

    /// The challenger has trained these steps; `elapsed_ms` is its clock.
    pub fn trained(&mut self, losses: &[f32], elapsed_ms: f64) {
        take_first(&mut self.losses, losses, self.n_compared);
        self.timer.hear(losses.len(), elapsed_ms);
        self.n_held += losses.len();
    }

    pub fn agreement(&self) -> Agreement {
        if self.own_losses.len().min(self.losses.len()) < self.n_compared {
            return Agreement::Open;
        }
        let (relative, min) = TOLERANCE;
        // Not `>`: a loss that is not a number agrees with none.
        let agrees = |own: f32, other: f32| (own - other).abs() <= (relative * own.abs()).max(min);
        let mut pairs = self.own_losses.iter().copied().zip(self.losses.iter().copied());
        match pairs.find(|(own, other)| !agrees(*own, *other)) {
            Some((own, other)) => Agreement::Differs(own, other),
            None => Agreement::Same,
        }
    }

    /// Whether the challenger has reported a step.
    pub fn has_trained(&self) -> bool {
        !self.losses.is_empty()
    }

    /// Whether the challenger's warm-up is over.
    pub fn is_warm(&self) -> bool {
        self.timer.is_warm()
    }

    /// From now on the run stands still, and the challenger is timed.
    pub fn hold(&mut self) {
        self.timer.restart();
        self.n_held = 0;
    }

    /// Until then a challenger that is faster has trained the timed reports.
    pub fn hold_limit_ms(&self) -> f64 {
        HOLD_MS + (N_REPORTS + 1) as f64 * self.own_ms
    }

    /// The challenger's time per step, once it is known.
    pub fn ms(&self) -> Option<f64> {
        self.timer.ms()
    }

    /// What a step of the challenger takes at least, since its time is up. None if it may be faster than the run's engine nonetheless.
    pub fn min_ms(&self) -> Option<f64> {
        // One step may have been under way at either end.
        Some(self.hold_limit_ms() / (self.n_held + 2) as f64).filter(|ms| *ms >= self.own_ms)
    }
}

/// Only the losses that are compared.
fn take_first(known: &mut Vec<f32>, losses: &[f32], n_compared: usize) {
    let n_missing = n_compared.saturating_sub(known.len());
    known.extend(losses.iter().take(n_missing));
}
