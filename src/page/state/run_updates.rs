//! Applies the engine's updates of the run in view.

use super::{AppState, Changed, Checkpoint, Curves, EndedRun, Outcome, Run, RunNews, RunPlan, RunProgress, RunState};
use kindling_core::protocol::{RunReport, RunUpdate};

impl AppState {
    /// Applies an update of the current run. The caller makes sure that the run is the current one and is active.
    pub(super) fn apply_run(&mut self, update: &RunUpdate) -> Changed {
        if self.is_moving {
            if matches!(update, RunUpdate::Preparing(_) | RunUpdate::Started { .. }) {
                return Changed::NOTHING;
            }
            self.is_moving = false;
        }
        let Some(run) = self.run.run_mut() else { return Changed::NOTHING };
        let mut changed = Changed { run: true, ..Changed::NOTHING };
        match update {
            RunUpdate::Preparing(preparation) => {
                let run = run.clone();
                self.run = RunState::Preparing { run, preparation: Some(*preparation) };
            }
            RunUpdate::Started { steps_per_epoch, total_steps, parameters } => {
                run.plan = Some(RunPlan {
                    steps_per_epoch: *steps_per_epoch,
                    total_steps: *total_steps,
                    parameters: *parameters,
                });
                self.run = RunState::Training(run.clone());
            }
            RunUpdate::Progress(progress) => {
                run.progress = RunProgress {
                    step: progress.step,
                    epoch: progress.epoch,
                    loss: progress.losses.last().copied().or(run.progress.loss),
                    accuracy: progress.accuracy().or(run.progress.accuracy),
                    images_per_second: progress.images_per_second,
                    elapsed_ms: progress.elapsed_ms,
                    remaining_ms: progress.remaining_ms,
                };
                self.curves.push_progress(progress);
                changed.curves = true;
            }
            RunUpdate::Epoch(report) => {
                run.push_epoch(*report);
                self.curves.push_epoch(report);
                changed.curves = true;
            }
            RunUpdate::Samples(predictions) => {
                self.samples.clone_from(predictions);
                changed = Changed { samples: true, ..Changed::NOTHING };
            }
            RunUpdate::Layers(report) => {
                self.inside.push(report.clone());
                changed = Changed { inside: true, ..Changed::NOTHING };
            }
            RunUpdate::Paused { step } => {
                run.progress.step = *step;
                self.run = RunState::Paused(run.clone());
            }
            RunUpdate::Resumed => self.run = RunState::Training(run.clone()),
            // It continues in a moment.
            RunUpdate::Held { .. } => changed = Changed::NOTHING,
            RunUpdate::Adjusted(adjustment) => run.push_adjustment(*adjustment),
            RunUpdate::Checkpoint { step, bytes } => {
                let (run, curves) = (run.clone(), self.curves.clone());
                self.news.push(RunNews::Checkpoint(Checkpoint { run, curves, step: *step, bytes: bytes.clone() }));
            }
            RunUpdate::Weights(bytes) => self.weights = Some(bytes.clone()),
            RunUpdate::Opened => {
                if let Some(report) = self.opening.take() {
                    let run = run.clone();
                    self.run = RunState::Finished { run, report };
                }
            }
            RunUpdate::Finished(report) => {
                run.progress.step = report.steps;
                run.progress.elapsed_ms = report.elapsed_ms;
                run.progress.remaining_ms = 0.0;
                run.best = report.best.or(run.best);
                let run = run.clone();
                self.end_run(run.clone(), Outcome::Finished(*report));
                self.run = RunState::Finished { run, report: *report };
            }
            RunUpdate::Failed(failure) => {
                let run = run.clone();
                self.end_run(run.clone(), Outcome::Failed(failure.clone()));
                self.run = RunState::Failed { run, failure: failure.clone() };
            }
        }
        changed
    }

    /// Restores what was known of the run that was just requested, when it resumes from a checkpoint.
    pub fn take_past(&mut self, past: Run, curves: Curves) -> Changed {
        let Some(run) = self.run.run_mut() else { return Changed::NOTHING };
        let Run { id, config, is_in_engine, .. } = run.clone();
        *run = Run { id, config, is_in_engine, ..past };
        self.curves = curves;
        Changed { run: true, curves: true, ..Changed::NOTHING }
    }

    /// Records from which run the one that was just requested continues.
    pub fn continues(&mut self, from: String) -> Changed {
        let Some(run) = self.run.run_mut() else { return Changed::NOTHING };
        run.continued_from = Some(from);
        Changed { run: true, ..Changed::NOTHING }
    }

    /// Restores an ended run that was just requested, with the report it ended with.
    pub fn open(&mut self, past: Run, curves: Curves, report: RunReport) -> Changed {
        self.opening = Some(report);
        self.take_past(past, curves)
    }

    /// Ends the current run, if it is active, because another run or dataset replaces it.
    pub(super) fn replace_run(&mut self) {
        if self.run.is_active()
            && let Some(run) = self.run.run().cloned()
        {
            self.end_run(run, Outcome::Replaced);
        }
    }

    pub(super) fn end_run(&mut self, run: Run, outcome: Outcome) {
        let weights = self.weights.take();
        // A run that was only being opened had already ended and is stored.
        if self.opening.take().is_some() {
            return;
        }
        self.news.push(RunNews::Ended(EndedRun { run, curves: self.curves.clone(), outcome, weights }));
    }
}
