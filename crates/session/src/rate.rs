//! The download rate over the last few seconds, and when to report it.

use std::collections::VecDeque;

/// Long enough for a steady rate, short enough to notice a dead connection.
const WINDOW_MS: f64 = 3_000.0;

/// At most ten reports a second.
const INTERVAL_MS: f64 = 100.0;

/// One sample per report: those within the window, and the one before it.
const SAMPLE_LIMIT: usize = (WINDOW_MS / INTERVAL_MS) as usize + 2;

/// The rate of a growing byte count. Times in milliseconds, from an arbitrary origin.
#[derive(Debug, Default)]
pub struct RateWindow {
    samples: VecDeque<(f64, u64)>,
}

impl RateWindow {
    /// Records the byte count. Returns bytes per second if the last report is at least a tenth of a second ago.
    pub fn report(&mut self, now_ms: f64, received_bytes: u64) -> Option<f64> {
        if self.samples.back().is_some_and(|(last_ms, _)| now_ms - last_ms < INTERVAL_MS) {
            return None;
        }
        self.samples.push_back((now_ms, received_bytes));
        while self.samples.len() > SAMPLE_LIMIT || self.samples.get(1).is_some_and(|(ms, _)| now_ms - ms >= WINDOW_MS) {
            self.samples.pop_front();
        }
        let (first_ms, first_bytes) = *self.samples.front()?;
        let elapsed_ms = now_ms - first_ms;
        // A retry restarts the count of its file.
        let bytes = received_bytes.saturating_sub(first_bytes) as f64;
        Some(if elapsed_ms > 0.0 { bytes / elapsed_ms * 1_000.0 } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate() {
        let mut window = RateWindow::default();
        let rates: Vec<_> = (0..100).filter_map(|i| window.report(f64::from(i) * 200.0, i as u64 * 1_000)).collect();
        assert_eq!(rates.len(), 100);
        assert!(rates[1..].iter().all(|rate| (rate - 5_000.0).abs() < 1e-6), "{rates:?}");
    }

    #[test]
    fn reports_come_at_most_ten_times_a_second() {
        let mut window = RateWindow::default();
        let n_reports = (0..5_000).filter(|&ms| window.report(f64::from(ms), ms as u64).is_some()).count();
        assert_eq!(n_reports, 50);
    }

    #[test]
    fn a_dead_line_is_at_zero_within_the_window() {
        let mut window = RateWindow::default();
        window.report(0.0, 0);
        window.report(1_000.0, 1_000_000);
        assert!(window.report(2_000.0, 1_000_000).unwrap() > 0.0);
        assert_eq!(window.report(4_000.0, 1_000_000), Some(0.0));
    }

    #[test]
    fn a_retry_does_not_make_the_rate_negative() {
        let mut window = RateWindow::default();
        window.report(0.0, 0);
        window.report(200.0, 5_000);
        assert_eq!(window.report(400.0, 0), Some(0.0));
    }

    #[test]
    fn the_window_stays_small() {
        let mut window = RateWindow::default();
        for i in 0..10_000 {
            window.report(f64::from(i) * 100.0, i as u64);
        }
        assert!(window.samples.len() <= SAMPLE_LIMIT);
    }
}
