//! Loads the network of a stored run into the engine again.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Runs;
use crate::page::state::{NoticeKind, Run, RunPlan, RunProgress, RunState};
use kindling_core::protocol::{Failure, FailureKind, RunId};
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

    /// Opens a stored run, after loading its dataset if necessary.
    ///
    /// # Errors
    ///
    /// Fails while another run is active, if the run or its weights are no longer stored, or if its dataset cannot be loaded.
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
        let run = self.store.open_run(run_of(&kept), Curves::from(&kept.curves), report, weights).await?;
        // From now on, test results belong to this run.
        self.newest.set_value(Some((run, id.to_owned())));
        Ok(())
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
        assert_eq!((run.progress.step, run.epochs.len()), (kept.record.steps, kept.record.epochs.len()));
        assert_eq!(Curves::from(&kept.curves).train_loss.points(), kept.curves.train_loss);
    }
}
