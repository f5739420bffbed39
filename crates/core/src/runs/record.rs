//! A run as it is kept: all that is needed to judge it, to compare it and to repeat it.

#[cfg(test)]
mod tests;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::curves::RunCurves;
use crate::config::RunConfig;
use crate::dataset::DrawingStyle;
use crate::protocol::{
    Adjustment, DatasetSummary, Ending, EngineKind, EpochReport, Evaluation, FailureKind, ImageShape, RunReport,
};

/// Letters of a name that the visitor gives.
pub const NAME_LIMIT: usize = 80;
/// Letters of a note.
pub const NOTE_LIMIT: usize = 2_000;
/// Completed epochs whose reports are kept; of longer runs, every other one of the older half goes.
pub const EPOCHS_LIMIT: usize = 1_000;
/// Changes while a run was under way that are kept: the last ones.
pub const ADJUSTMENTS_LIMIT: usize = 100;

/// A kept run without its curves, which are stored apart: they are long and seldom needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Unique, and in the order of the runs' ends on one machine.
    pub id: String,
    /// Milliseconds since 1970, UTC.
    pub started_at: f64,
    pub dataset_name: String,
    pub config: RunConfig,
    pub parameters: Option<u64>,
    /// Steps done.
    pub steps: u32,
    /// Pauses left out.
    pub elapsed_ms: f64,
    pub ending: RunEnding,
    /// The epoch whose weights were kept.
    pub best: Option<EpochReport>,
    pub epochs: Vec<EpochReport>,
    pub adjustments: Vec<Adjustment>,
    /// Of the test set, where the visitor asked for it.
    pub test: Option<TestResult>,
    pub environment: Environment,
    /// None in runs from before it was kept.
    #[serde(default)]
    pub input: Option<NetworkInput>,
    /// Size of the weights that it ended with, where they are kept.
    #[serde(default)]
    pub weights_bytes: Option<u64>,
    /// Given by the visitor.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub is_starred: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunEnding {
    Completed,
    StepLimit,
    Stopped,
    EarlyStopped,
    /// Another run or another dataset took its place.
    Replaced,
    Failed(FailureKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// Mean cross-entropy; none where it is not a finite number.
    pub loss: Option<f32>,
    /// 0 to 1.
    pub accuracy: f32,
}

impl TestResult {
    pub fn new(evaluation: &Evaluation) -> Self {
        Self { loss: Some(evaluation.loss).filter(|loss| loss.is_finite()), accuracy: evaluation.accuracy }
    }
}

/// What the network takes and what it answers with: enough to classify an image where the dataset is not at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkInput {
    pub shape: ImageShape,
    /// Their names, in the order of the network's outputs.
    pub classes: Vec<String>,
    /// How the dataset shows what it shows; images are prepared alike.
    pub style: DrawingStyle,
}

impl NetworkInput {
    pub fn new(dataset: &DatasetSummary) -> Self {
        Self { shape: dataset.shape, classes: dataset.classes.clone(), style: dataset.style }
    }
}

/// Where a run was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub engine: Option<EngineKind>,
    /// As the browser names it; empty where the engine had not said it.
    pub adapter: String,
    /// The browser, or the command line and its system.
    pub user_agent: String,
    /// Kindling's.
    pub build: String,
}

/// A record with its curves, as it is exported and as programs see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptRun {
    #[serde(flatten)]
    pub record: RunRecord,
    pub curves: RunCurves,
}

/// Not derived: that would read the whole record once more, out of serde's own buffer.
impl<'de> Deserialize<'de> for KeptRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let record = RunRecord::deserialize(&value).map_err(Error::custom)?;
        let curves = value.get("curves").map(RunCurves::deserialize).transpose().map_err(Error::custom)?;
        Ok(Self { record, curves: curves.unwrap_or_default() })
    }
}

impl RunRecord {
    /// What the engine said at its end; none of a run that did not come to an end of its own.
    pub fn report(&self) -> Option<RunReport> {
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

/// Adds the report of an epoch to those of a run, of which at most [`EPOCHS_LIMIT`] are kept.
pub fn push_epoch(epochs: &mut Vec<EpochReport>, report: EpochReport) {
    epochs.push(report);
    if epochs.len() > EPOCHS_LIMIT {
        let older_half = EPOCHS_LIMIT / 2;
        let mut position = 0;
        epochs.retain(|_| {
            position += 1;
            position > older_half || position % 2 == 0
        });
    }
}

/// Adds a change to those of a run, of which at most [`ADJUSTMENTS_LIMIT`] are kept.
pub fn push_adjustment(adjustments: &mut Vec<Adjustment>, adjustment: Adjustment) {
    if adjustments.len() >= ADJUSTMENTS_LIMIT {
        adjustments.remove(0);
    }
    adjustments.push(adjustment);
}

impl From<Ending> for RunEnding {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Completed => Self::Completed,
            Ending::StepLimit => Self::StepLimit,
            Ending::Stopped => Self::Stopped,
            Ending::EarlyStopped => Self::EarlyStopped,
        }
    }
}

pub fn is_finite(report: &EpochReport) -> bool {
    let figures = [report.train_loss, report.train_accuracy, report.validation_loss, report.validation_accuracy];
    figures.iter().all(|figure| figure.is_finite()) && report.elapsed_ms.is_finite()
}

/// The first letters of a text, as many as are kept of it.
pub fn shortened(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
