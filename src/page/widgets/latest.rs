//! Keeps one request in flight, and only the newest of those that arrive in the meantime.

/// At most one value is in flight and at most one waits. Forgetting marks the value in flight as unwanted: its answer will be stale.
#[derive(Debug)]
pub struct Latest<T> {
    is_out: bool,
    is_wanted: bool,
    waiting: Option<T>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { is_out: false, is_wanted: false, waiting: None }
    }
}

impl<T> Latest<T> {
    /// Returns the value if it can be sent now; otherwise it waits, in place of any value that waited before.
    #[must_use]
    pub fn offer(&mut self, value: T) -> Option<T> {
        if self.is_out {
            self.waiting = Some(value);
            return None;
        }
        self.is_out = true;
        self.is_wanted = true;
        Some(value)
    }

    /// Call when the answer has arrived. Returns whether it is still wanted, and the next value to send.
    #[must_use]
    pub fn settle(&mut self) -> Settled<T> {
        let is_wanted = std::mem::take(&mut self.is_wanted);
        self.is_out = false;
        let next = self.waiting.take().and_then(|value| self.offer(value));
        Settled { is_wanted, next }
    }

    /// Marks the value in flight as unwanted, and drops the waiting one.
    pub fn forget(&mut self) {
        self.is_wanted = false;
        self.waiting = None;
    }

    /// Whether a value offered now would take the place of another that waits.
    pub fn is_full(&self) -> bool {
        self.is_out && self.waiting.is_some()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Settled<T> {
    pub is_wanted: bool,
    pub next: Option<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_those_waiting_goes_out_next() {
        let mut latest = Latest::default();
        assert_eq!(latest.offer(1), Some(1));
        assert!(!latest.is_full());
        assert_eq!(latest.offer(2), None);
        assert!(latest.is_full());
        assert_eq!(latest.offer(3), None);
        assert_eq!(latest.settle(), Settled { is_wanted: true, next: Some(3) });
        assert!(!latest.is_full());
        assert_eq!(latest.settle(), Settled { is_wanted: true, next: None });
        assert!(!latest.is_full());
    }

    #[test]
    fn a_forgotten_question_stays_in_flight_but_its_answer_is_stale() {
        let mut latest = Latest::default();
        assert_eq!(latest.offer(1), Some(1));
        assert_eq!(latest.offer(2), None);
        latest.forget();
        assert_eq!(latest.offer(3), None, "still one question in flight");
        assert_eq!(latest.settle(), Settled { is_wanted: false, next: Some(3) });
        assert_eq!(latest.settle(), Settled { is_wanted: true, next: None });
    }
}
