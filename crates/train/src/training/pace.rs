//! Timing of a run: elapsed time without pauses, images per second, time left, and when to read back.

use serde::{Deserialize, Serialize};

/// A read is due when this much time has passed since the last one, for about ten reads a second.
const READ_INTERVAL_MS: f64 = 100.0;

/// A read is also due after as many steps as take about this long. Steps that only wait in the GPU's queue cost the host little time,
/// so without this the queue would grow without limit.
const READ_TARGET_MS: f64 = 150.0;

/// Time constant of the running mean of images per second: between two reads alone, they fluctuate.
const RATE_MS: f64 = 2_000.0;

const MAX_STEPS_PER_READ: u32 = 500;

/// Time constant of the speed that the time left is based on: it is smooth, and yet soon follows a run that speeds up or slows down.
const RECENT_MS: f64 = 20_000.0;

/// Time of an evaluation relative to training on as many images: it passes forward only, and forward and backward together take about
/// three times as long. Used until an evaluation was timed.
const EVALUATION_RATIO: f64 = 0.3;

/// The clock of a run. All times are those of [`super::Host::now_ms`].
#[derive(Clone, Debug)]
pub struct Pace {
    started_ms: f64,
    /// Time in pauses, and while waiting for a single step.
    paused_ms: f64,
    validating_ms: f64,
    n_validations: u32,
    last_read_ms: f64,
    steps_since_read: u32,
    steps_per_read: u32,
    steps: u32,
    images_per_second: f64,
    /// Recent steps and the time that they took, both decaying with [`RECENT_MS`].
    recent_steps: f64,
    recent_ms: f64,
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
            // The first loss is reported at once.
            steps_per_read: 1,
            steps: 0,
            images_per_second: 0.0,
            recent_steps: 0.0,
            recent_ms: 0.0,
        }
    }

    /// The clock of a run that resumes now.
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

    /// Counts a step; returns whether its loss should be read now.
    pub fn step_is_due(&mut self, now_ms: f64) -> bool {
        self.steps += 1;
        self.steps_since_read += 1;
        self.steps_since_read >= self.steps_per_read || now_ms - self.last_read_ms >= READ_INTERVAL_MS
    }

    /// Call after a read, which waited until the device had finished all steps.
    pub fn was_read(&mut self, now_ms: f64, batch_size: usize) {
        let taken_ms = (now_ms - self.last_read_ms).max(0.01);
        if self.steps_since_read > 0 {
            let steps_per_ms = f64::from(self.steps_since_read) / taken_ms;
            let images_per_second = steps_per_ms * batch_size as f64 * 1_000.0;
            // The first value is taken as it is; later ones are weighted by the time that they cover.
            let weight = if self.images_per_second > 0.0 { 1.0 - (-taken_ms / RATE_MS).exp() } else { 1.0 };
            self.images_per_second += weight * (images_per_second - self.images_per_second);
            let kept = (-taken_ms / RECENT_MS).exp();
            self.recent_steps = kept * self.recent_steps + f64::from(self.steps_since_read);
            self.recent_ms = kept * self.recent_ms + taken_ms;
            self.steps_per_read = ((steps_per_ms * READ_TARGET_MS).ceil() as u32).clamp(1, MAX_STEPS_PER_READ);
        }
        self.steps_since_read = 0;
        self.last_read_ms = now_ms;
    }

    /// Call after a pause, whose time does not count.
    pub fn was_paused(&mut self, since_ms: f64, now_ms: f64) {
        self.paused_ms += now_ms - since_ms;
        self.last_read_ms += now_ms - since_ms;
    }

    /// Call after the run was held. That time counts, but not toward the speed.
    pub fn was_held(&mut self, since_ms: f64, now_ms: f64) {
        self.last_read_ms += now_ms - since_ms;
    }

    /// Call after a validation; `taken_ms` excludes pauses. A validation is not training, so it does not lower the images per second.
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
        let ms_per_step = match self.recent_steps {
            0.0 => training_ms / f64::from(self.steps.max(1)),
            recent_steps => self.recent_ms / recent_steps,
        };
        let ms_per_validation = match self.n_validations {
            0 => ms_per_step * left.steps_per_validation * EVALUATION_RATIO,
            n_validations => self.validating_ms / f64::from(n_validations),
        };
        ms_per_step * f64::from(left.steps) + ms_per_validation * f64::from(left.validations)
    }
}

/// What a run's clock has counted, independent of the current time: an interrupted run resumes with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceState {
    elapsed_ms: f64,
    validating_ms: f64,
    n_validations: u32,
    steps: u32,
}

/// Remaining work.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub steps: u32,
    pub validations: u32,
    /// The size of the validation split in batches.
    pub steps_per_validation: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pace: &mut Pace, n_steps: u32, now_ms: f64) {
        for _ in 0..n_steps {
            pace.step_is_due(now_ms);
        }
    }

    #[test]
    fn the_rate_is_that_of_the_steps_and_one_slow_read_hardly_moves_it() {
        let mut pace = Pace::new(0.0);
        let mut now_ms = 0.0;
        // 10 steps of 4 images in 100 ms.
        for _ in 0..30 {
            count(&mut pace, 10, now_ms);
            now_ms += 100.0;
            pace.was_read(now_ms, 4);
        }
        assert!((pace.images_per_second() - 400.0).abs() < 1e-6, "{}", pace.images_per_second());
        count(&mut pace, 10, now_ms);
        pace.was_read(now_ms + 200.0, 4);
        assert!((375.0..400.0).contains(&pace.images_per_second()), "{}", pace.images_per_second());
    }

    #[test]
    fn the_time_left_follows_a_run_that_becomes_faster() {
        let mut pace = Pace::new(0.0);
        let mut now_ms = 0.0;
        let left = Left { steps: 1_000, validations: 0, steps_per_validation: 0.0 };
        for (ms_per_step, expected_ms) in [(100.0, 100_000.0), (10.0, 10_000.0)] {
            for _ in 0..1_000 {
                count(&mut pace, 10, now_ms);
                now_ms += 10.0 * ms_per_step;
                pace.was_read(now_ms, 4);
            }
            let remaining_ms = pace.remaining_ms(now_ms, left);
            assert!((remaining_ms / expected_ms - 1.0).abs() < 0.1, "{remaining_ms} of {expected_ms}");
        }
    }

    #[test]
    fn a_restored_clock_has_its_past() {
        let mut pace = Pace::new(1_000.0);
        count(&mut pace, 10, 1_500.0);
        pace.was_paused(1_500.0, 1_700.0);
        let state = pace.state(2_000.0);
        let restored = Pace::restored(state, 50_000.0);
        assert_eq!((restored.elapsed_ms(50_000.0), restored.elapsed_ms(50_010.0)), (800.0, 810.0));
        assert_eq!(restored.state(50_000.0), state);
    }
}
