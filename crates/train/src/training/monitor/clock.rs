//! When the next snapshot is due. Snapshots are spaced so that they take a small fraction of the time.

/// Maximum fraction of the time that snapshots may take. Below the budget of 3 %, since the page and the messages take time, too.
const MAX_FRACTION: f64 = 0.02;

/// Minimum time between snapshots.
const MIN_INTERVAL_MS: f64 = 1_000.0;

/// Maximum time after the first snapshot. It compiles kernels on a GPU, so its duration says little about that of the next.
const MAX_FIRST_INTERVAL_MS: f64 = 10_000.0;

/// All times are those of [`crate::training::Host::now_ms`]. The first snapshot is due at once.
#[derive(Clone, Debug, Default)]
pub struct SnapshotClock {
    /// None before the first snapshot.
    due_ms: Option<f64>,
}

impl SnapshotClock {
    pub fn is_due(&self, now_ms: f64) -> bool {
        self.due_ms.is_none_or(|due_ms| now_ms >= due_ms)
    }

    /// Call after a snapshot, including its read.
    pub fn was_done(&mut self, since_ms: f64, now_ms: f64) {
        let wanted_ms = (now_ms - since_ms) / MAX_FRACTION;
        let interval_ms = if self.due_ms.is_none() { wanted_ms.min(MAX_FIRST_INTERVAL_MS) } else { wanted_ms };
        self.due_ms = Some(since_ms + interval_ms.max(MIN_INTERVAL_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a snapshot is due after one that started at 0 and took this long.
    fn due_after(clock: &mut SnapshotClock, took_ms: f64) -> f64 {
        clock.was_done(0.0, took_ms);
        clock.due_ms.unwrap()
    }

    #[test]
    fn snapshots_take_no_more_than_their_fraction() {
        let mut clock = SnapshotClock::default();
        assert!(clock.is_due(0.0));
        due_after(&mut clock, 0.0);
        assert_eq!(due_after(&mut clock, 100.0), 5_000.0);
        assert!(!clock.is_due(4_999.0) && clock.is_due(5_000.0));
    }

    #[test]
    fn quick_snapshots_are_a_second_apart() {
        let mut clock = SnapshotClock::default();
        assert_eq!(due_after(&mut clock, 1.0), 1_000.0);
        assert_eq!(due_after(&mut clock, 1.0), 1_000.0);
    }

    #[test]
    fn a_first_snapshot_that_compiles_does_not_put_off_the_second_for_long() {
        let mut clock = SnapshotClock::default();
        assert_eq!(due_after(&mut clock, 2_000.0), 10_000.0);
        assert_eq!(due_after(&mut clock, 2_000.0), 100_000.0);
    }
}
