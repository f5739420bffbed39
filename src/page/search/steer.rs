//! The visitor's actions on a search: pause, resume, stop, and use a trial's config.

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

    /// Whether a trial is active in the engine, running or paused.
    pub fn has_trial(self) -> bool {
        let is_trial = self
            .store
            .run
            .with_untracked(|run| run.is_active() && run.run().is_some_and(|run| self.store.is_trial(run.id)));
        is_trial && self.search.with_untracked(|search| search.as_ref().is_some_and(|it| it.running().is_some()))
    }

    /// Whether a run that is not a trial is active; tracked.
    pub fn has_own_run(self) -> bool {
        self.store.run.with(|run| run.is_active() && run.run().is_some_and(|run| !self.store.is_trial(run.id)))
    }

    /// Pauses a running search. Returns whether there was one.
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

    /// Resumes a paused search. Returns whether there was one.
    pub fn resume(self) -> bool {
        let is_paused = self.phase() == Some(Phase::Paused);
        if is_paused {
            self.trouble.set(None);
            self.change(Search::resume);
            if self.has_trial() {
                self.store.send(Command::Resume);
            }
            self.start_driving();
        }
        is_paused
    }

    /// Stops the search; the running trial keeps its results so far.
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

    /// Copies a trial's config into the form, with the length of a full run.
    pub fn take(self, place: usize) {
        let config = self.search.with_untracked(|search| search.as_ref()?.full_config(place));
        if let Some(config) = config {
            self.recipe.take(config);
        }
    }

    /// Trains the best trial's config for the length of a full run. A search that has not ended pauses until the visitor resumes it.
    pub fn train_best(self) {
        let best = self.search.with_untracked(|search| {
            let search = search.as_ref()?;
            search.full_config(search.best()?)
        });
        let Some(config) = best else { return };
        let is_ready = self.store.dataset.with_untracked(|state| match (&state.current, &state.origin) {
            (Some(current), Some((_, split))) => current.id == config.dataset && *split == config.split,
            // The dataset is loaded when the run starts.
            _ => !state.load.is_loading(),
        });
        self.pause();
        self.recipe.take(config);
        let recipe = self.recipe;
        // With a different dataset, the form only shows the config while its dataset loads. The form needs a tick to receive the config.
        if is_ready {
            spawn_local(async move { recipe.start() });
        }
    }
}
