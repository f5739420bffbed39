//! Runs the trials of a search, one after the other.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Searcher, Trouble};
use crate::page::state::EngineState;
use kindling_core::config::RunConfig;
use kindling_core::dataset::FILES;
use kindling_core::protocol::{Command, Ending, Failure, FailureKind, RunReport, RunUpdate};
use kindling_core::search::{Phase, Search, Verdict};

impl Searcher {
    pub(super) fn go_on(self) {
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
                return self.rest(trouble);
            }
            let Some((place, config)) = self.begin_next() else { return };
            self.tell(place);
            let hear = move |update: &RunUpdate| {
                if self.number.get_value() == number {
                    self.hear(place, update);
                }
            };
            let result = self.store.train_trial(config, hear).await;
            if self.number.get_value() != number {
                return;
            }
            self.take_result(result);
            self.tell(place);
        }
    }

    fn begin_next(self) -> Option<(usize, RunConfig)> {
        let begun = self.change(|search| {
            loop {
                let place = search.begin_next()?;
                match search.trial_config(place) {
                    Some(config) => return Some((place, config)),
                    // Of a search that an earlier version of the page stored.
                    None => search.failed(FailureKind::BadConfig),
                }
            }
        });
        begun.flatten()
    }

    /// Loads the dataset of the search where none is loaded, as after a reload. One that the visitor has chosen meanwhile stays.
    async fn dataset_ready(self) -> Result<(), Trouble> {
        let wanted = self.search.with_untracked(|search| {
            let search = search.as_ref().filter(|search| search.phase() == Phase::Running)?;
            Some(search.plan().base.clone())
        });
        let Some(base) = wanted else { return Ok(()) };
        self.store.ready().await.map_err(Trouble::Failed)?;
        // On its way again after an engine was lost, or chosen by the visitor.
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

    fn hear(self, place: usize, update: &RunUpdate) {
        let verdict = match update {
            RunUpdate::Progress(progress) => self.quietly(|it| it.progress(progress.step, progress.elapsed_ms)),
            RunUpdate::Epoch(report) => {
                let verdict = self.change(|search| search.epoch(report));
                self.tell(place);
                verdict
            }
            // The run can be steered from elsewhere, too.
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

    /// Changes the search without storing it: progress comes ten times a second.
    fn quietly<T>(self, change: impl FnOnce(&mut Search) -> T) -> Option<T> {
        self.search.try_update(|search| search.as_mut().map(change)).flatten()
    }

    fn take_result(self, result: Result<RunReport, Failure>) {
        let is_replaced = self.store.dataset.with_untracked(|dataset| dataset.load.is_loading());
        let is_engine_ready = self.store.engine.with_untracked(EngineState::is_ready);
        match result {
            // Another dataset is on its way.
            Ok(report) if report.ending == Ending::Stopped && is_replaced => self.interrupt(),
            Ok(report) => {
                self.change(|search| {
                    search.progress(report.steps, report.elapsed_ms);
                    search.finished(report.ending);
                });
            }
            Err(failure) => match failure.kind {
                // Begun again, it would end the engine again; the visitor decides whether the others go on.
                FailureKind::GpuError | FailureKind::EngineCrashed => {
                    self.change(|search| {
                        search.failed(failure.kind);
                        search.pause();
                    });
                    self.trouble.set(Some(Trouble::Failed(failure)));
                }
                // The engine went down under it.
                _ if !is_engine_ready => self.rest(Trouble::Failed(failure)),
                // By its own settings: the next trial may do better.
                FailureKind::LossNotFinite
                | FailureKind::BadConfig
                | FailureKind::BadNetwork
                | FailureKind::OutOfMemory => {
                    self.change(|search| search.failed(failure.kind));
                }
                // Another run took its place.
                FailureKind::Canceled => self.interrupt(),
                _ => self.rest(Trouble::Failed(failure)),
            },
        }
    }

    /// The search rests, for a reason that the visitor is told.
    fn rest(self, trouble: Trouble) {
        self.trouble.set(Some(trouble));
        self.interrupt();
    }

    fn interrupt(self) {
        self.change(|search| {
            search.interrupt();
            search.pause();
        });
    }
}
