//! What the visitor does with a search: pause, resume, end, and take its settings over.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Searcher;
use kindling_core::protocol::Command;
use kindling_core::search::{Phase, Search};

impl Searcher {
    pub fn is_running(self) -> bool {
        self.phase() == Some(Phase::Running)
    }

    fn phase(self) -> Option<Phase> {
        self.search.with_untracked(|search| search.as_ref().map(Search::phase))
    }

    /// Whether a trial is under way in the engine, resting or not.
    pub fn has_trial(self) -> bool {
        let is_trial = self
            .store
            .run
            .with_untracked(|run| run.is_active() && run.run().is_some_and(|run| self.store.is_trial(run.id)));
        is_trial && self.search.with_untracked(|search| search.as_ref().is_some_and(|it| it.running().is_some()))
    }

    /// Whether a run of the visitor's own is under way; tracked.
    pub fn has_own_run(self) -> bool {
        self.store.run.with(|run| run.is_active() && run.run().is_some_and(|run| !self.store.is_trial(run.id)))
    }

    /// Without a search that runs, nothing happens; whether one did.
    pub fn pause(self) -> bool {
        let is_running = self.is_running();
        if is_running {
            self.change(Search::pause);
            if self.has_trial() {
                self.store.send(Command::Pause);
            }
        }
        is_running
    }

    /// Without a search that rests, nothing happens; whether one did.
    pub fn resume(self) -> bool {
        let is_paused = self.phase() == Some(Phase::Paused);
        if is_paused {
            self.trouble.set(None);
            self.change(Search::resume);
            if self.has_trial() {
                self.store.send(Command::Resume);
            }
            self.go_on();
        }
        is_paused
    }

    /// Ends the search; the trial under way keeps what it has.
    pub fn stop(self) {
        if self.search.with_untracked(|search| search.as_ref().is_none_or(Search::is_over)) {
            return;
        }
        let has_trial = self.has_trial();
        self.change(Search::stop);
        if has_trial {
            self.store.send(Command::Stop);
        } else {
            self.finish();
        }
    }

    /// Puts the settings of a trial into the form, with the length of a full run.
    pub fn take(self, place: usize) {
        let config = self.search.with_untracked(|search| search.as_ref()?.full_config(place));
        if let Some(config) = config {
            self.recipe.take(config);
        }
    }

    /// Trains the best trial's settings fully. The search is over, or rests until the run has ended and the visitor resumes it.
    pub fn train_best(self) {
        let best = self.search.with_untracked(|search| {
            let search = search.as_ref()?;
            search.full_config(search.best()?)
        });
        let Some(config) = best else { return };
        let is_ready = self.store.dataset.with_untracked(|state| match (&state.current, &state.origin) {
            (Some(current), Some((_, split))) => current.id == config.dataset && *split == config.split,
            // It is loaded when the run starts.
            _ => !state.load.is_loading(),
        });
        self.pause();
        self.recipe.take(config);
        let recipe = self.recipe;
        // With another dataset the form shows the settings, and their own dataset is on its way. The form has them a moment later.
        if is_ready {
            spawn_local(async move { recipe.start() });
        }
    }
}
