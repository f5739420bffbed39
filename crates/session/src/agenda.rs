//! The engine's queue: one job at a time, and waiting at most one dataset to load and one run after it.

#[derive(Debug, PartialEq, Eq)]
pub enum Job<L, T> {
    Load(L),
    Train(T),
}

/// A new load replaces everything that waits; a new run replaces a waiting run. Stopping the current job is left to the session.
#[derive(Debug)]
pub struct Agenda<L, T> {
    load: Option<L>,
    train: Option<T>,
    is_busy: bool,
}

impl<L, T> Default for Agenda<L, T> {
    fn default() -> Self {
        Self { load: None, train: None, is_busy: false }
    }
}

impl<L, T> Agenda<L, T> {
    /// Returns what it replaces: a waiting load, and a waiting run, which was meant for the previous dataset.
    pub fn plan_load(&mut self, load: L) -> (Option<L>, Option<T>) {
        (self.load.replace(load), self.train.take())
    }

    /// Returns the waiting run that it replaces.
    pub fn plan_train(&mut self, train: T) -> Option<T> {
        self.train.replace(train)
    }

    pub fn cancel_load(&mut self) -> Option<L> {
        self.load.take()
    }

    pub fn waiting_train(&self) -> Option<&T> {
        self.train.as_ref()
    }

    /// Starts the next job, unless one is in progress. A load comes before the run that waits for it.
    pub fn begin(&mut self) -> Option<Job<L, T>> {
        if self.is_busy {
            return None;
        }
        let job = self.load.take().map(Job::Load).or_else(|| self.train.take().map(Job::Train))?;
        self.is_busy = true;
        Some(job)
    }

    /// Marks the current job as finished.
    pub fn end(&mut self) {
        self.is_busy = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_waits_for_the_load_before_it() {
        let mut agenda = Agenda::default();
        agenda.plan_load("mnist");
        agenda.plan_train(1);
        assert_eq!(agenda.begin(), Some(Job::Load("mnist")));
        assert_eq!(agenda.begin(), None, "one job at a time");
        agenda.end();
        assert_eq!(agenda.begin(), Some(Job::Train(1)));
        agenda.end();
        assert_eq!(agenda.begin(), None);
    }

    #[test]
    fn a_later_load_replaces_what_waits() {
        let mut agenda = Agenda::default();
        agenda.plan_load("mnist");
        agenda.plan_train(1);
        assert_eq!(agenda.plan_load("animals"), (Some("mnist"), Some(1)));
        assert_eq!(agenda.begin(), Some(Job::Load("animals")));
        agenda.end();
        assert_eq!(agenda.begin(), None);
    }

    #[test]
    fn a_later_run_replaces_the_run_that_waits() {
        let mut agenda = Agenda::<&str, u32>::default();
        agenda.plan_train(1);
        assert!(matches!(agenda.begin(), Some(Job::Train(1))));
        assert_eq!(agenda.plan_train(2), None);
        assert_eq!(agenda.plan_train(3), Some(2));
        agenda.end();
        assert_eq!(agenda.begin(), Some(Job::Train(3)));
    }

    #[test]
    fn a_load_that_waits_can_be_canceled() {
        let mut agenda = Agenda::default();
        agenda.plan_load("mnist");
        agenda.plan_train(1);
        assert_eq!(agenda.cancel_load(), Some("mnist"));
        assert_eq!(agenda.begin(), Some(Job::Train(1)), "the run is not the load's");
    }
}
