//! A run as it is kept: all that is needed to judge it, to compare it and to repeat it.

#[cfg(test)]
pub mod tests;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::curves::RunCurves;
use crate::page::state::{EndedRun, Outcome};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Adjustment, Ending, EngineKind, EpochReport, Evaluation, FailureKind};

/// Letters of a name that the visitor gives.
pub const NAME_LIMIT: usize = 80;
/// Letters of a note.
pub const NOTE_LIMIT: usize = 2_000;

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

/// Where a run was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub engine: Option<EngineKind>,
    /// As the browser names it; empty where the engine had not said it.
    pub adapter: String,
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

/// What only the page knows of a run that has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    pub id: String,
    pub started_at: f64,
    pub dataset_name: String,
    pub test: Option<TestResult>,
    pub environment: Environment,
}

impl KeptRun {
    /// None for a run without a step: there is nothing to compare.
    pub fn new(ended: EndedRun, circumstances: Circumstances) -> Option<Self> {
        let EndedRun { run, curves, outcome, weights } = ended;
        let (ending, steps, elapsed_ms) = match outcome {
            Outcome::Finished(report) => (report.ending.into(), report.steps, report.elapsed_ms),
            Outcome::Failed(failure) => (RunEnding::Failed(failure.kind), run.progress.step, run.progress.elapsed_ms),
            Outcome::Replaced => (RunEnding::Replaced, run.progress.step, run.progress.elapsed_ms),
        };
        if steps == 0 {
            return None;
        }
        let Circumstances { id, started_at, dataset_name, test, environment } = circumstances;
        let record = RunRecord {
            id,
            started_at,
            dataset_name,
            config: (*run.config).clone(),
            parameters: run.plan.map(|plan| plan.parameters),
            steps,
            elapsed_ms,
            ending,
            best: run.best.filter(is_finite),
            // JSON has no numbers that are not finite; the ending says that the loss was none.
            epochs: run.epochs.into_iter().filter(is_finite).collect(),
            adjustments: run.adjustments,
            test,
            environment,
            weights_bytes: weights.map(|weights| weights.len() as u64),
            name: String::new(),
            note: String::new(),
            is_starred: false,
        };
        Some(Self { record, curves: RunCurves::new(&curves) })
    }
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
