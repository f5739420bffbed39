//! One run as far as it has come, and what state it is in.

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
    /// Asked for; nothing is trained yet.
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

    /// Whether a run is under way, paused included.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Preparing { .. } | Self::Training(_) | Self::Paused(_))
    }

    /// Whether the engine has a network that was trained for at least one step: it can be asked and used.
    pub fn has_network(&self) -> bool {
        // One that is about to go on from a checkpoint has no network yet.
        let is_preparing = matches!(self, Self::Preparing { .. });
        self.run().is_some_and(|run| run.is_in_engine && run.progress.step > 0 && !is_preparing)
    }
}

/// One run as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub config: Arc<RunConfig>,
    /// False once the engine that trained it is gone, and the weights with it.
    pub is_in_engine: bool,
    /// Known once the first step is about to start.
    pub plan: Option<RunPlan>,
    pub progress: RunProgress,
    /// Reports of the completed epochs, at most [`EPOCHS_LIMIT`].
    pub epochs: Vec<EpochReport>,
    /// What was changed while it ran, at most [`ADJUSTMENTS_LIMIT`].
    pub adjustments: Vec<Adjustment>,
    /// The best of all completed epochs: its weights are kept.
    pub best: Option<EpochReport>,
}

impl Run {
    pub fn new(id: RunId, config: RunConfig) -> Self {
        Self {
            id,
            config: Arc::new(config),
            is_in_engine: true,
            plan: None,
            progress: RunProgress::default(),
            epochs: Vec::new(),
            adjustments: Vec::new(),
            best: None,
        }
    }

    /// Share of the run that is done, 0 to 1.
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

/// What is to be kept of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNews {
    Checkpoint(Checkpoint),
    Ended(EndedRun),
}

impl RunNews {
    /// The run that it is of.
    pub fn run(&self) -> RunId {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.run.id,
            Self::Ended(ended) => ended.run.id,
        }
    }
}

/// A run under way, as it is after a step: enough to go on with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub run: Run,
    pub curves: Curves,
    pub step: u32,
    /// The engine's part.
    pub bytes: Bulk,
}

/// A run that is over, with its curves as they were then.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedRun {
    pub run: Run,
    pub curves: Curves,
    pub outcome: Outcome,
    /// Those it ended with, as a safetensors file.
    pub weights: Option<Bulk>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Finished(RunReport),
    Failed(Failure),
    /// Another run or another dataset took its place.
    Replaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    pub steps_per_epoch: u32,
    pub total_steps: u32,
    pub parameters: u64,
}

/// The newest figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunProgress {
    /// Steps done.
    pub step: u32,
    /// Epoch under way, from 0.
    pub epoch: u32,
    /// Loss of the newest step.
    pub loss: Option<f32>,
    /// Train accuracy of the newest steps, 0 to 1.
    pub accuracy: Option<f32>,
    pub images_per_second: f64,
    pub elapsed_ms: f64,
    pub remaining_ms: f64,
}
