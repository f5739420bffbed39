//! Runs: how they start, continue and end for the callers that wait for them.

use std::rc::Rc;

use futures_channel::oneshot;
use leptos::prelude::*;

use super::{OnUpdate, RunWatch, Store, canceled};
use crate::page::state::{Checkpoint, Curves, Run, RunState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Bulk, Command, Failure, RunId, RunReport, RunStart, RunUpdate, Teacher, TrainedWeights};

/// The maximum number of trials that are remembered as such; older ones have ended and are stored nowhere.
const TRIALS_LIMIT: usize = 1_000;

impl Store {
    /// Starts a run and waits for its end. `on_update` receives its updates. Stops a run in progress first.
    pub async fn train(
        self,
        config: RunConfig,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.begin(config, RunStart::New, false, Rc::new(on_update))?.1.await
    }

    /// Like [`Store::train`], but continues from the weights of an ended run; `from` is the id of its record.
    pub async fn continue_run(
        self,
        config: RunConfig,
        from: String,
        weights: TrainedWeights,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        let (_, report) = self.begin(config, RunStart::Trained(weights), false, Rc::new(on_update))?;
        self.change(|state| state.continues(from));
        report.await
    }

    /// Like [`Store::train`], but begins with the given weights, such as those of a pruned network.
    pub async fn train_further(
        self,
        config: RunConfig,
        weights: TrainedWeights,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.begin(config, RunStart::Trained(weights), false, Rc::new(on_update))?.1.await
    }

    /// Like [`Store::train`], with a teacher for the config's distillation, by default the usual one.
    pub async fn train_taught(
        self,
        config: RunConfig,
        teacher: Teacher,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        let config = RunConfig { distillation: Some(config.distillation.unwrap_or_default()), ..config };
        self.begin(config, RunStart::Taught(Box::new(teacher)), false, Rc::new(on_update))?.1.await
    }

    /// Like [`Store::train`], for a trial of a search.
    pub async fn train_trial(
        self,
        config: RunConfig,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.begin(config, RunStart::New, true, Rc::new(on_update))?.1.await
    }

    /// Whether a run is a trial of a search, and not the visitor's own.
    pub fn is_trial(self, run: RunId) -> bool {
        self.trials.with_value(|trials| trials.contains(&run))
    }

    /// Like [`Store::train`], but resumes a run from a checkpoint. Returns the run's new id, and a future of its end.
    pub fn resume_run(
        self,
        Checkpoint { run, curves, bytes, .. }: Checkpoint,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<(RunId, impl Future<Output = Result<RunReport, Failure>>), Failure> {
        let (id, report) = self.begin((*run.config).clone(), RunStart::Checkpoint(bytes), false, Rc::new(on_update))?;
        self.change(|state| state.take_past(run, curves));
        Ok((id, report))
    }

    /// Makes the network of a finished run the current one, to classify and evaluate with. Waits until the engine has loaded it; returns the
    /// run's new id.
    pub async fn open_run(self, run: Run, curves: Curves, report: RunReport, weights: Bulk) -> Result<RunId, Failure> {
        let (id, opened) = self.wait_for_run(Rc::new(|_| {}))?;
        self.send(Command::Open { run: id, config: Box::new((*run.config).clone()), weights });
        self.change(|state| state.open(run, curves, report));
        opened.await.map(|_| id)
    }

    fn begin(
        self,
        config: RunConfig,
        start: RunStart,
        is_trial: bool,
        on_update: OnUpdate,
    ) -> Result<(RunId, impl Future<Output = Result<RunReport, Failure>>), Failure> {
        let (run, report) = self.wait_for_run(on_update)?;
        if is_trial {
            self.trials.update_value(|trials| {
                trials.insert(run);
                if trials.len() > TRIALS_LIMIT {
                    trials.pop_first();
                }
            });
        }
        self.send(Command::Train { run, config: Box::new(config), start, is_kept: !is_trial });
        Ok((run, report))
    }

    /// Creates the id of a new run. The caller that waits for the previous run is told that it was canceled.
    fn wait_for_run(
        self,
        on_update: OnUpdate,
    ) -> Result<(RunId, impl Future<Output = Result<RunReport, Failure>>), Failure> {
        self.expect_engine()?;
        let (done, report) = oneshot::channel();
        let replaced = self.waiting.try_update_value(|waiting| {
            waiting.n_runs = waiting.n_runs.wrapping_add(1);
            let id = RunId(waiting.n_runs);
            (id, waiting.run.replace(RunWatch { id, on_update, done }))
        });
        let Some((run, before)) = replaced else { return Err(canceled("the page is closing")) };
        if let Some(before) = before {
            before.done.send(Err(canceled("another run was started"))).ok();
        }
        let report = async { report.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the run"))) };
        Ok((run, report))
    }

    pub(super) fn notify_run(self, run: RunId, update: &RunUpdate) {
        let watch = self.waiting.with_value(|waiting| {
            waiting.run.as_ref().filter(|watch| watch.id == run).map(|watch| watch.on_update.clone())
        });
        let Some(on_update) = watch else { return };
        on_update(update);
        match update {
            RunUpdate::Finished(report) => self.end_run(Ok(*report)),
            RunUpdate::Opened => {
                let report = self.run.with_untracked(|run| match run {
                    RunState::Finished { report, .. } => Ok(*report),
                    _ => Err(canceled("another run took its place")),
                });
                self.end_run(report);
            }
            RunUpdate::Failed(failure) => self.end_run(Err(failure.clone())),
            RunUpdate::Preparing(_)
            | RunUpdate::Started { .. }
            | RunUpdate::Progress(_)
            | RunUpdate::Epoch(_)
            | RunUpdate::Samples(_)
            | RunUpdate::Layers(_)
            | RunUpdate::Paused { .. }
            | RunUpdate::Resumed
            | RunUpdate::Held { .. }
            | RunUpdate::Adjusted(_)
            | RunUpdate::Checkpoint { .. }
            | RunUpdate::Weights(_) => {}
        }
    }

    pub(super) fn end_run(self, result: Result<RunReport, Failure>) {
        let watch = self.waiting.try_update_value(|waiting| waiting.run.take()).flatten();
        if let Some(watch) = watch {
            watch.done.send(result).ok();
        }
    }
}
