//! Runs the trials of a search, one after the other.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Searcher, Trouble};
use crate::protocol::{Command, Failure, FailureKind, RunConfig, RunReport, RunUpdate};
use crate::search::{Phase, Search, Verdict};
use crate::ui::sources::served;

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
        self.change(|search| {
            let place = search.begin_next()?;
            Some((place, search.trial_config(place)?))
        })
        .flatten()
    }

    /// Loads the dataset of the search where none is loaded, as after a reload. One that the visitor has chosen meanwhile stays.
    async fn dataset_ready(self) -> Result<(), Trouble> {
        let wanted = self.search.with_untracked(|search| {
            let search = search.as_ref().filter(|search| search.phase() == Phase::Running)?;
            Some((search.plan().base.dataset.clone(), search.plan().base.split))
        });
        let Some((id, split)) = wanted else { return Ok(()) };
        if self.store.dataset.with_untracked(|state| state.current.is_none()) {
            let lost = self.store.dataset.with_untracked(|state| state.origin.clone());
            let source = lost.map_or_else(|| served(id.clone()), |(source, _)| source);
            self.store.load_dataset(source, split).await.map_err(Trouble::Failed)?;
        }
        let is_wanted = self.store.dataset.with_untracked(|state| {
            let current = state.current.as_ref().zip(state.origin.as_ref());
            current.is_some_and(|(current, (_, cut))| current.id == id && *cut == split)
        });
        if is_wanted { Ok(()) } else { Err(Trouble::OtherDataset { dataset: id }) }
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
        match result {
            Ok(report) => {
                self.change(|search| {
                    search.progress(report.steps, report.elapsed_ms);
                    search.finished(report.ending);
                });
            }
            Err(failure) => match failure.kind {
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
