//! The time of a training step, from the reports of a run.

/// Steps in this time after the first report are a warm-up: browsers compile wasm again, faster, once it has run for a while, and clock
/// rates rise.
const WARM_UP_MS: f64 = 1_000.0;

/// Reports that are timed. A report covers 100 to 150 ms of steps, or a single step that takes longer (`train/training/pace.rs`).
pub const N_REPORTS: usize = 5;

/// Takes the median of [`N_REPORTS`] times per step, each the mean over the steps of a report. The median, as some reports also cover
/// predictions of the sample images, a checkpoint or a validation.
#[derive(Default)]
pub struct StepTimer {
    first_ms: Option<f64>,
    last_ms: f64,
    /// Whether the steps of the next report are not to be timed.
    skips_next: bool,
    ms_per_step: Vec<f64>,
}

impl StepTimer {
    /// Receives a report of so many steps; `elapsed_ms` is the run's clock.
    pub fn hear(&mut self, n_steps: usize, elapsed_ms: f64) {
        let is_timed = self.is_warm() && !self.skips_next && n_steps > 0 && self.ms_per_step.len() < N_REPORTS;
        if is_timed {
            self.ms_per_step.push((elapsed_ms - self.last_ms) / n_steps as f64);
        }
        self.first_ms.get_or_insert(elapsed_ms);
        self.last_ms = elapsed_ms;
        self.skips_next = false;
    }

    /// Whether the warm-up is over.
    pub fn is_warm(&self) -> bool {
        self.first_ms.is_some_and(|first_ms| self.last_ms - first_ms >= WARM_UP_MS)
    }

    /// Forgets the times taken so far, and that of the report under way.
    pub fn restart(&mut self) {
        self.ms_per_step.clear();
        self.skips_next = true;
    }

    /// Milliseconds per step, once there are enough reports.
    pub fn ms(&self) -> Option<f64> {
        let mut sorted = self.ms_per_step.clone();
        sorted.sort_by(f64::total_cmp);
        // At least 0.01 ms, so that ratios are finite: a browser's clock may stand still for as long as a fast report takes.
        sorted.get(N_REPORTS / 2).filter(|_| sorted.len() == N_REPORTS).map(|ms| ms.max(0.01))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports of ten steps each.
    fn hear(timer: &mut StepTimer, n_reports: usize, from_ms: f64, report_ms: f64) -> f64 {
        (1..=n_reports).for_each(|index| timer.hear(10, from_ms + index as f64 * report_ms));
        from_ms + n_reports as f64 * report_ms
    }

    #[test]
    fn the_median_counts_and_the_warm_up_does_not() {
        let mut timer = StepTimer::default();
        let now_ms = hear(&mut timer, 11, 0.0, 100.0);
        assert!(timer.is_warm());
        let now_ms = hear(&mut timer, 2, now_ms, 20.0);
        // A slow one: it also made a checkpoint.
        let now_ms = hear(&mut timer, 1, now_ms, 500.0);
        assert_eq!(timer.ms(), None);
        let now_ms = hear(&mut timer, 2, now_ms, 20.0);
        assert!((timer.ms().unwrap() - 2.0).abs() < 1e-9, "{:?}", timer.ms());
        hear(&mut timer, 9, now_ms, 900.0);
        assert!((timer.ms().unwrap() - 2.0).abs() < 1e-9, "later ones do not count");
    }

    #[test]
    fn after_a_restart_the_report_under_way_does_not_count() {
        let mut timer = StepTimer::default();
        let now_ms = hear(&mut timer, 20, 0.0, 100.0);
        timer.restart();
        let now_ms = hear(&mut timer, 1, now_ms, 700.0);
        hear(&mut timer, N_REPORTS, now_ms, 30.0);
        assert!((timer.ms().unwrap() - 3.0).abs() < 1e-9, "{:?}", timer.ms());
    }

    #[test]
    fn slow_steps_are_timed_one_by_one() {
        let mut timer = StepTimer::default();
        (1..=N_REPORTS + 2).for_each(|index| timer.hear(1, index as f64 * 2_000.0));
        assert_eq!(timer.ms(), Some(2_000.0));
    }
}
