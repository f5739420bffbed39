//! A run's progress and its state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Curves;
use kindling_core::config::RunConfig;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Adjustment, Bulk, EpochReport, Failure, RunId, RunReport};
use kindling_core::runs::record;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum RunState {
    #[default]
    Idle,
    /// Requested; no step has been trained yet.
    Preparing {
        run: Run,
        preparation: Option<Preparation>,
    },
    Training(Run),
    Paused(Run),
    Finished {
        run: Run,
        report: RunReport,
    },
    Failed {
        run: Run,
        failure: Failure,
    },
}

impl RunState {
    pub fn run(&self) -> Option<&Run> {
        match self {
            Self::Idle => None,
            Self::Preparing { run, .. }
            | Self::Training(run)
            | Self::Paused(run)
            | Self::Finished { run, .. }
            | Self::Failed { run, .. } => Some(run),
        }
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match self {
            Self::Idle => None,
            Self::Preparing { run, .. }
            | Self::Training(run)
            | Self::Paused(run)
            | Self::Finished { run, .. }
            | Self::Failed { run, .. } => Some(run),
        }
    }

    /// Whether a run is in progress, including paused ones.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Preparing { .. } | Self::Training(_) | Self::Paused(_))
    }

    /// Whether the engine holds a network that was trained, here or elsewhere, so that it can be evaluated and used.
    pub fn has_network(&self) -> bool {
        // A run about to resume from a checkpoint has no network yet.
        let is_preparing = matches!(self, Self::Preparing { .. });
        self.run().is_some_and(|run| run.is_in_engine && (run.has_weights || run.progress.step > 0) && !is_preparing)
    }
}

/// One run and its progress so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub config: Arc<RunConfig>,
    /// False once the engine that trained it is gone, and its weights with it.
    pub is_in_engine: bool,
    /// Whether it was opened with weights, like a network from a file, which has none of its steps.
    #[serde(default)]
    pub has_weights: bool,
    /// Known just before the first step.
    pub plan: Option<RunPlan>,
    pub progress: RunProgress,
    /// Reports of the completed epochs, at most [`record::EPOCHS_LIMIT`].
    pub epochs: Vec<EpochReport>,
    /// Changes made while it ran, at most [`record::ADJUSTMENTS_LIMIT`].
    pub adjustments: Vec<Adjustment>,
    /// The best of all completed epochs, whose weights are kept.
    pub best: Option<EpochReport>,
    /// The id of the record of the run from whose weights it continued.
    #[serde(default)]
    pub continued_from: Option<String>,
}

impl Run {
    pub fn new(id: RunId, config: RunConfig) -> Self {
        Self {
            id,
            config: Arc::new(config),
            is_in_engine: true,
            has_weights: false,
            plan: None,
            progress: RunProgress::default(),
            epochs: Vec::new(),
            adjustments: Vec::new(),
            best: None,
            continued_from: None,
        }
    }

    /// The completed fraction of the run, 0 to 1.
    pub fn fraction(&self) -> f64 {
        match self.plan {
            Some(plan) if plan.total_steps > 0 => {
                (f64::from(self.progress.step) / f64::from(plan.total_steps)).min(1.0)
            }
            _ => 0.0,
        }
    }

    pub(super) fn push_adjustment(&mut self, adjustment: Adjustment) {
        record::push_adjustment(&mut self.adjustments, adjustment);
    }

    pub(super) fn push_epoch(&mut self, report: EpochReport) {
        if report.is_best {
            self.best = Some(report);
        }
        record::push_epoch(&mut self.epochs, report);
    }
}

/// A part of a run that has to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNews {
    Checkpoint(Checkpoint),
    Ended(EndedRun),
}

impl RunNews {
    /// The run that it belongs to.
    pub fn run(&self) -> RunId {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.run.id,
            Self::Ended(ended) => ended.run.id,
        }
    }
}

/// A run in progress after a step, with everything needed to resume it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub run: Run,
    pub curves: Curves,
    pub step: u32,
    /// The engine's part of the checkpoint.
    pub bytes: Bulk,
}

/// A run that has ended, with its curves at that point.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRun {
    pub run: Run,
    pub curves: Curves,
    pub outcome: Outcome,
    /// Its final weights, as a safetensors file.
    pub weights: Option<Bulk>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Finished(RunReport),
    Failed(Failure),
    /// Another run or another dataset replaced it.
    Replaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    pub steps_per_epoch: u32,
    pub total_steps: u32,
    pub parameters: u64,
}

/// The newest progress report of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunProgress {
    /// Completed steps.
    pub step: u32,
    /// Current epoch, from 0.
    pub epoch: u32,
    /// Loss of the newest step.
    pub loss: Option<f32>,
    /// Training accuracy of the newest steps, 0 to 1.
    pub accuracy: Option<f32>,
    pub images_per_second: f64,
    pub elapsed_ms: f64,
    pub remaining_ms: f64,
}
