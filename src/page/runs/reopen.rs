//! Loads the network of a stored run into the engine again.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Runs;
use crate::page::reactive::{memo, watch};
use crate::page::state::{EngineState, NoticeKind, Run, RunPlan, RunProgress, RunState};
use kindling_core::protocol::{Bulk, Failure, FailureKind, RunId, RunReport};
use kindling_core::runs::curves::Curves;
use kindling_core::runs::record::KeptRun;

impl Runs {
    /// Opens a stored run, so that it is in view as when it ended. A failure is shown as a notice.
    pub fn reopen(self, id: String) {
        spawn_local(async move {
            if let Err(failure) = self.opened(&id).await {
                self.store.notify(NoticeKind::Warning(failure));
            }
        });
    }

    /// Opens a stored run, after loading its dataset if necessary, and copies its config into the form.
    ///
    /// # Errors
    ///
    /// Fails while another run is active, if the run or its weights are no longer stored, or if its dataset cannot be loaded.
    pub async fn opened(self, id: &str) -> Result<(), Failure> {
        let (kept, report, weights) = self.fetched(id).await?;
        self.recipe.take(kept.record.config.clone());
        self.open(kept, report, weights).await.map(drop)
    }

    /// Trains the network of a stored run further, with that run's hyperparameters. A failure before the first step is shown as a notice.
    pub fn learn_on(self, id: String) {
        spawn_local(async move {
            match self.fetched(&id).await {
                Ok((kept, _, _)) => {
                    self.recipe.take(kept.record.config.clone());
                    // Later failures are in the state, and the places show them.
                    drop(self.continued(&id, kept.record.config, |_| {}).await);
                }
                Err(failure) => self.store.notify(NoticeKind::Warning(failure)),
            }
        });
    }

    /// Opens the run in view once more when its network was lost with the engine and another engine has its dataset. The form stays.
    pub(super) fn watch_for_loss(self) {
        let lost = memo(move |_| {
            let is_ready = self.store.engine.with(|engine| matches!(engine, EngineState::Ready { .. }));
            let lost = self.store.run.with(|state| {
                let is_lost = matches!(state, RunState::Finished { .. }) && !state.has_network();
                state.run().filter(|_| is_lost).map(|run| (run.id, run.config.clone()))
            });
            let (run, config) = lost.filter(|_| is_ready)?;
            // A visitor who has loaded another dataset, or split this one anew, is done with the network.
            let is_its_own = self.store.dataset.with(|dataset| {
                let is_split = dataset.origin.as_ref().is_some_and(|(_, split)| *split == config.split);
                let is_there = dataset.current.as_ref().is_some_and(|current| current.id == config.dataset);
                is_split && is_there && !dataset.load.is_loading()
            });
            is_its_own.then_some(run)
        });
        let restore = move |lost: &Option<RunId>, _: Option<&Option<RunId>>| {
            let Some(run) = *lost else { return };
            let Some((_, id)) = self.newest.get_untracked().filter(|(newest, _)| *newest == run) else { return };
            spawn_local(async move {
                // Without its weights the outcome says that the network is gone.
                if let Ok((kept, report, weights)) = self.fetched(&id).await {
                    drop(self.open(kept, report, weights).await);
                }
            });
        };
        watch(move || lost.get(), restore, false);
    }

    /// A stored run with its weights, once its dataset is loaded.
    pub async fn fetched(self, id: &str) -> Result<(KeptRun, RunReport, Bulk), Failure> {
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
        Ok((KeptRun { record: (*record).clone(), curves: (*curves).clone() }, report, weights))
    }

    /// Returns the run's id in this visit.
    pub(super) async fn open(self, kept: KeptRun, report: RunReport, weights: Bulk) -> Result<RunId, Failure> {
        let run = self.store.open_run(run_of(&kept), Curves::from(&kept.curves), report, weights).await?;
        // From now on, test results belong to this run.
        self.newest.set(Some((run, kept.record.id)));
        Ok(run)
    }
}

/// The run as it was when it ended.
fn run_of(kept: &KeptRun) -> Run {
    let KeptRun { record, curves } = kept;
    let last_epoch = record.epochs.last();
    let plan = record.parameters.zip(last_epoch).map(|(parameters, last)| RunPlan {
        steps_per_epoch: last.step / last.epoch.saturating_add(1),
        total_steps: record.steps,
        parameters,
    });
    Run {
        config: Arc::new(record.config.clone()),
        has_weights: true,
        plan,
        progress: RunProgress {
            step: record.steps,
            epoch: last_epoch.map_or(0, |last| last.epoch),
            loss: curves.train_loss.last().map(|point| point.value as f32),
            accuracy: curves.train_accuracy.last().map(|point| point.value as f32),
            elapsed_ms: record.elapsed_ms,
            ..RunProgress::default()
        },
        epochs: record.epochs.clone(),
        adjustments: record.adjustments.clone(),
        best: record.best,
        continued_from: record.continued_from.clone(),
        ..Run::new(RunId::default(), record.config.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::runs::samples::kept;

    #[test]
    fn a_run_is_in_view_as_when_it_ended() {
        let kept = kept("one");
        let run = run_of(&kept);
        assert_eq!(*run.config, kept.record.config);
        assert!(run.has_weights);
        assert_eq!((run.progress.step, run.epochs.len()), (kept.record.steps, kept.record.epochs.len()));
        assert_eq!(Curves::from(&kept.curves).train_loss.points(), kept.curves.train_loss);
    }
}
