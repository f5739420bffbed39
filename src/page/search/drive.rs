//! Runs the trials of a search one after the other.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Searcher, Trouble};
use crate::page::state::EngineState;
use kindling_core::config::RunConfig;
use kindling_core::dataset::FILES;
use kindling_core::protocol::{Command, Ending, Failure, FailureKind, RunReport, RunUpdate};
use kindling_core::search::{Phase, Search, Verdict};

impl Searcher {
    /// Runs the remaining trials in the background, unless they are already being run.
    pub(super) fn start_driving(self) {
        if self.is_driving.get_value() {
            return;
        }
        self.is_driving.set_value(true);
        let number = self.number.get_value();
        spawn_local(async move {
            self.drive(number).await;
            if self.number.get_value() == number {
                self.is_driving.set_value(false);
                if self.search.with_untracked(|search| search.as_ref().is_some_and(Search::is_over)) {
                    self.finish();
                }
            }
        });
    }

    async fn drive(self, number: u32) {
        loop {
            let ready = self.dataset_ready().await;
            if self.number.get_value() != number {
                return;
            }
            if let Err(trouble) = ready {
                return self.pause_for(trouble);
            }
            let Some((place, config)) = self.begin_next() else { return };
            self.report_trial(place);
            let on_update = move |update: &RunUpdate| {
                if self.number.get_value() == number {
                    self.receive(place, update);
                }
            };
            let result = self.store.train_trial(config, on_update).await;
            if self.number.get_value() != number {
                return;
            }
            self.take_result(result);
            self.report_trial(place);
        }
    }

    fn begin_next(self) -> Option<(usize, RunConfig)> {
        let begun = self.change(|search| {
            loop {
                let place = search.begin_next()?;
                match search.trial_config(place) {
                    Some(config) => return Some((place, config)),
                    // Happens for a search that an earlier version of the page stored.
                    None => search.failed(FailureKind::BadConfig),
                }
            }
        });
        begun.flatten()
    }

    /// Loads the search's dataset if none is loaded, as after a reload. A dataset that the visitor has chosen in the meantime stays.
    async fn dataset_ready(self) -> Result<(), Trouble> {
        let wanted = self.search.with_untracked(|search| {
            let search = search.as_ref().filter(|search| search.phase() == Phase::Running)?;
            Some(search.plan().base.clone())
        });
        let Some(base) = wanted else { return Ok(()) };
        self.store.ready().await.map_err(Trouble::Failed)?;
        // A dataset may be loading: again after an engine was lost, or because the visitor chose it.
        self.store.dataset_settled().await;
        if self.store.dataset.with_untracked(|state| state.current.is_none()) {
            let served_id = (!base.dataset.starts_with(FILES)).then(|| base.dataset.clone());
            self.recipe.dataset_for(&base, served_id).await.map_err(Trouble::Failed)?;
        }
        let is_wanted = self.store.dataset.with_untracked(|state| {
            let current = state.current.as_ref().zip(state.origin.as_ref());
            current.is_some_and(|(current, (_, cut))| current.id == base.dataset && *cut == base.split)
        });
        if is_wanted { Ok(()) } else { Err(Trouble::OtherDataset { dataset: base.dataset }) }
    }

    /// Applies an update of the running trial, and stops the trial if the search prunes it.
    fn receive(self, place: usize, update: &RunUpdate) {
        let verdict = match update {
            RunUpdate::Progress(progress) => self.change_unsaved(|it| it.progress(progress.step, progress.elapsed_ms)),
            RunUpdate::Epoch(report) => {
                let verdict = self.change(|search| search.epoch(report));
                self.report_trial(place);
                verdict
            }
            // The run can also be paused and resumed from elsewhere.
            RunUpdate::Paused { .. } => {
                self.change(Search::pause);
                None
            }
            RunUpdate::Resumed => {
                self.change(Search::resume);
                None
            }
            _ => None,
        };
        if verdict == Some(Verdict::Stop) {
            self.store.send(Command::Stop);
        }
    }

    /// Changes the search without storing it: progress is reported up to ten times a second.
    fn change_unsaved<T>(self, change: impl FnOnce(&mut Search) -> T) -> Option<T> {
        self.search.try_update(|search| search.as_mut().map(change)).flatten()
    }

    fn take_result(self, result: Result<RunReport, Failure>) {
        let is_replaced = self.store.dataset.with_untracked(|dataset| dataset.load.is_loading());
        let is_engine_ready = self.store.engine.with_untracked(EngineState::is_ready);
        match result {
            // Another dataset is loading.
            Ok(report) if report.ending == Ending::Stopped && is_replaced => self.interrupt(),
            Ok(report) => {
                self.change(|search| {
                    search.progress(report.steps, report.elapsed_ms);
                    search.finished(report.ending);
                });
            }
            Err(failure) => match failure.kind {
                // Restarted, the trial would crash the engine again. The visitor decides whether the other trials continue.
                FailureKind::GpuError | FailureKind::EngineCrashed => {
                    self.change(|search| {
                        search.failed(failure.kind);
                        search.pause();
                    });
                    self.trouble.set(Some(Trouble::Failed(failure)));
                }
                // The engine was lost during the trial.
                _ if !is_engine_ready => self.pause_for(Trouble::Failed(failure)),
                // Caused by the trial's own config: the next trial may do better.
                FailureKind::LossNotFinite
                | FailureKind::BadConfig
                | FailureKind::BadNetwork
                | FailureKind::OutOfMemory => {
                    self.change(|search| search.failed(failure.kind));
                }
                // Another run replaced it.
                FailureKind::Canceled => self.interrupt(),
                _ => self.pause_for(Trouble::Failed(failure)),
            },
        }
    }

    /// Pauses the search and shows the reason to the visitor.
    fn pause_for(self, trouble: Trouble) {
        self.trouble.set(Some(trouble));
        self.interrupt();
    }

    /// Pauses the search; the running trial restarts when the search resumes.
    fn interrupt(self) {
        self.change(|search| {
            search.interrupt();
            search.pause();
        });
    }
}
