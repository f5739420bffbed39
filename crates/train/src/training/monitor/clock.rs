//! When the next look inside is due: so far apart that looks take a small share of the time.

/// Share of the time that looks may take. Below the 3 % that are allowed, since the page and the messages take their part, too.
const MAX_SHARE: f64 = 0.02;

/// Looks are at least so far apart.
const MIN_INTERVAL_MS: f64 = 1_000.0;

/// After a first look, which compiles kernels on a GPU and so says little of what a look takes.
const MAX_FIRST_INTERVAL_MS: f64 = 10_000.0;

/// All moments are those of [`crate::training::Host::now_ms`]. The first look is due at once.
#[derive(Clone, Debug, Default)]
pub struct LookClock {
    /// None before the first look.
    due_ms: Option<f64>,
}

impl LookClock {
    pub fn is_due(&self, now_ms: f64) -> bool {
        self.due_ms.is_none_or(|due_ms| now_ms >= due_ms)
    }

    /// After a look, its read included.
    pub fn was_done(&mut self, since_ms: f64, now_ms: f64) {
        let wanted_ms = (now_ms - since_ms) / MAX_SHARE;
        let interval_ms = if self.due_ms.is_none() { wanted_ms.min(MAX_FIRST_INTERVAL_MS) } else { wanted_ms };
        self.due_ms = Some(since_ms + interval_ms.max(MIN_INTERVAL_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a look is due after one that began at 0 and took so long.
    fn due_after(clock: &mut LookClock, took_ms: f64) -> f64 {
        clock.was_done(0.0, took_ms);
        clock.due_ms.unwrap()
    }

    #[test]
    fn looks_take_no_more_than_their_share() {
        let mut clock = LookClock::default();
        assert!(clock.is_due(0.0));
        due_after(&mut clock, 0.0);
        assert_eq!(due_after(&mut clock, 100.0), 5_000.0);
        assert!(!clock.is_due(4_999.0) && clock.is_due(5_000.0));
    }

    #[test]
    fn quick_looks_are_a_second_apart() {
        let mut clock = LookClock::default();
        assert_eq!(due_after(&mut clock, 1.0), 1_000.0);
        assert_eq!(due_after(&mut clock, 1.0), 1_000.0);
    }

    #[test]
    fn a_first_look_that_compiles_does_not_put_off_the_second_for_long() {
        let mut clock = LookClock::default();
        assert_eq!(due_after(&mut clock, 2_000.0), 10_000.0);
        assert_eq!(due_after(&mut clock, 2_000.0), 100_000.0);
    }
}
