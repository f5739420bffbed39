//! Takes the network of a kept run for the current one again.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Runs;
use super::record::{KeptRun, RunEnding, RunRecord};
use crate::page::series::Series;
use crate::page::state::{Curves, NoticeKind, Run, RunPlan, RunProgress, RunState};
use kindling_core::protocol::{Ending, Failure, FailureKind, RunId, RunReport};

impl Runs {
    /// What goes wrong is told as a notice; otherwise the run is in view as when it ended.
    pub fn reopen(self, id: String) {
        spawn_local(async move {
            if let Err(failure) = self.opened(&id).await {
                self.store.notify(NoticeKind::Warning(failure));
            }
        });
    }

    /// Loads the run's dataset where that is needed.
    pub async fn opened(self, id: &str) -> Result<(), Failure> {
        if self.store.run.with_untracked(RunState::is_active) || self.recipe.is_starting.get_untracked() {
            return Err(Failure::new(FailureKind::Canceled, "a run is under way: end it first"));
        }
        let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are no longer there");
        let record = self.find(id).ok_or_else(gone)?;
        let report = record.report().ok_or_else(gone)?;
        let storage = self.storage().await.map_err(|_| gone())?;
        let weights = storage.weights(id).await.ok().flatten().ok_or_else(gone)?;
        let curves = self.curves_of(id).await.unwrap_or_default();
        self.recipe.dataset_for(&record.config, None).await?;
        let kept = KeptRun { record: (*record).clone(), curves: (*curves).clone() };
        self.recipe.take(kept.record.config.clone());
        let run = self.store.open_run(kept.run(), kept.run_curves(), report, weights).await?;
        // A test is of this run from now on.
        self.newest.set_value(Some((run, id.to_owned())));
        Ok(())
    }
}

impl RunRecord {
    /// What the engine said at its end; none of a run that did not come to an end of its own.
    fn report(&self) -> Option<RunReport> {
        let ending = match self.ending {
            RunEnding::Completed => Ending::Completed,
            RunEnding::StepLimit => Ending::StepLimit,
            RunEnding::Stopped => Ending::Stopped,
            RunEnding::EarlyStopped => Ending::EarlyStopped,
            RunEnding::Replaced | RunEnding::Failed(_) => return None,
        };
        Some(RunReport {
            ending,
            steps: self.steps,
            best: self.best,
            is_averaged: self.config.ema_decay.is_some(),
            elapsed_ms: self.elapsed_ms,
        })
    }
}

impl KeptRun {
    /// The run as it was when it ended.
    fn run(&self) -> Run {
        let record = &self.record;
        let last_epoch = record.epochs.last();
        let plan = record.parameters.zip(last_epoch).map(|(parameters, last)| RunPlan {
            steps_per_epoch: last.step / last.epoch.saturating_add(1),
            total_steps: record.steps,
            parameters,
        });
        Run {
            config: Arc::new(record.config.clone()),
            plan,
            progress: RunProgress {
                step: record.steps,
                epoch: last_epoch.map_or(0, |last| last.epoch),
                loss: self.curves.train_loss.last().map(|point| point.value as f32),
                accuracy: self.curves.train_accuracy.last().map(|point| point.value as f32),
                elapsed_ms: record.elapsed_ms,
                ..RunProgress::default()
            },
            epochs: record.epochs.clone(),
            adjustments: record.adjustments.clone(),
            best: record.best,
            ..Run::new(RunId::default(), record.config.clone())
        }
    }

    fn run_curves(&self) -> Curves {
        Curves {
            train_loss: Series::of(&self.curves.train_loss),
            train_accuracy: Series::of(&self.curves.train_accuracy),
            validation_loss: Series::of(&self.curves.validation_loss),
            validation_accuracy: Series::of(&self.curves.validation_accuracy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::runs::record::tests::kept;

    #[test]
    fn a_run_is_in_view_as_when_it_ended() {
        let kept = kept("one");
        let run = kept.run();
        assert_eq!(*run.config, kept.record.config);
        assert_eq!((run.progress.step, run.epochs.len()), (kept.record.steps, kept.record.epochs.len()));
        assert_eq!(kept.run_curves().train_loss.points(), kept.curves.train_loss);
    }

    #[test]
    fn what_failed_has_no_report() {
        let record = RunRecord { ending: RunEnding::Failed(FailureKind::LossNotFinite), ..kept("one").record };
        assert_eq!(record.report(), None);
        let record = RunRecord { ending: RunEnding::EarlyStopped, ..record };
        assert_eq!(record.report().map(|report| report.ending), Some(Ending::EarlyStopped));
    }
}
