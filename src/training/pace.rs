//! How fast a run goes: elapsed time without pauses, images per second, time left, and when to read back.

use serde::{Deserialize, Serialize};

/// Reads are at least so far apart, so that there are at most ten a second.
const READ_INTERVAL_MS: f64 = 100.0;

/// The work between two reads is chosen to take about so long. Steps that only wait in the GPU's queue cost the host little time,
/// so without this the queue would grow without limit.
const READ_TARGET_MS: f64 = 150.0;

const MAX_STEPS_PER_READ: u32 = 500;

/// An evaluation passes forward only; forward and backward together take about three times as long. Used until one was timed.
const EVALUATION_SHARE: f64 = 0.3;

/// The clock of a run. All moments are those of [`super::Host::now_ms`].
#[derive(Clone, Debug)]
pub struct Pace {
    started_ms: f64,
    /// Time in pauses, and while a single step was awaited.
    paused_ms: f64,
    validating_ms: f64,
    n_validations: u32,
    last_read_ms: f64,
    steps_since_read: u32,
    steps_per_read: u32,
    steps: u32,
    images_per_second: f64,
}

impl Pace {
    pub fn new(now_ms: f64) -> Self {
        Self {
            started_ms: now_ms,
            paused_ms: 0.0,
            validating_ms: 0.0,
            n_validations: 0,
            last_read_ms: now_ms,
            steps_since_read: 0,
            // The first loss is wanted at once.
            steps_per_read: 1,
            steps: 0,
            images_per_second: 0.0,
        }
    }

    /// The clock of a run that goes on now.
    pub fn restored(state: PaceState, now_ms: f64) -> Self {
        let PaceState { elapsed_ms, validating_ms, n_validations, steps } = state;
        Self { started_ms: now_ms - elapsed_ms, validating_ms, n_validations, steps, ..Self::new(now_ms) }
    }

    pub fn state(&self, now_ms: f64) -> PaceState {
        PaceState {
            elapsed_ms: self.elapsed_ms(now_ms),
            validating_ms: self.validating_ms,
            n_validations: self.n_validations,
            steps: self.steps,
        }
    }

    /// Counts a step; whether its loss should be read now.
    pub fn step_is_due(&mut self, now_ms: f64) -> bool {
        self.steps += 1;
        self.steps_since_read += 1;
        self.steps_since_read >= self.steps_per_read || now_ms - self.last_read_ms >= READ_INTERVAL_MS
    }

    /// After a read, which waited until the device had done all steps.
    pub fn was_read(&mut self, now_ms: f64, batch_size: usize) {
        let taken_ms = (now_ms - self.last_read_ms).max(0.01);
        if self.steps_since_read > 0 {
            let steps_per_ms = f64::from(self.steps_since_read) / taken_ms;
            self.images_per_second = steps_per_ms * batch_size as f64 * 1_000.0;
            self.steps_per_read = ((steps_per_ms * READ_TARGET_MS).ceil() as u32).clamp(1, MAX_STEPS_PER_READ);
        }
        self.steps_since_read = 0;
        self.last_read_ms = now_ms;
    }

    /// After a pause; it does not count.
    pub fn was_paused(&mut self, since_ms: f64, now_ms: f64) {
        self.paused_ms += now_ms - since_ms;
        self.last_read_ms += now_ms - since_ms;
    }

    /// After a validation, pauses in it left out. It is no training, so it does not slow the images per second.
    pub fn was_validated(&mut self, taken_ms: f64, now_ms: f64) {
        self.validating_ms += taken_ms;
        self.n_validations += 1;
        self.last_read_ms = now_ms;
    }

    pub fn images_per_second(&self) -> f64 {
        self.images_per_second
    }

    pub fn paused_ms(&self) -> f64 {
        self.paused_ms
    }

    pub fn elapsed_ms(&self, now_ms: f64) -> f64 {
        now_ms - self.started_ms - self.paused_ms
    }

    /// Time for the steps and validations that are left.
    pub fn remaining_ms(&self, now_ms: f64, left: Left) -> f64 {
        let training_ms = (self.elapsed_ms(now_ms) - self.validating_ms).max(0.0);
        let ms_per_step = training_ms / f64::from(self.steps.max(1));
        let ms_per_validation = match self.n_validations {
            0 => ms_per_step * left.steps_per_validation * EVALUATION_SHARE,
            n_validations => self.validating_ms / f64::from(n_validations),
        };
        ms_per_step * f64::from(left.steps) + ms_per_validation * f64::from(left.validations)
    }
}

/// What a run's clock has counted, whatever the moment; for a run that is broken off and goes on later.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceState {
    elapsed_ms: f64,
    validating_ms: f64,
    n_validations: u32,
    steps: u32,
}

/// Work that is left.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub steps: u32,
    pub validations: u32,
    /// The validation split in batches.
    pub steps_per_validation: f64,
}
