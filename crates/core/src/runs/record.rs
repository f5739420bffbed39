//! The record of a run: everything needed to evaluate, compare and repeat it.

#[cfg(test)]
mod tests;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::curves::RunCurves;
use crate::config::{NetworkConfig, RunConfig, SplitConfig};
use crate::dataset::DrawingStyle;
use crate::network::shape::infer;
use crate::protocol::{
    Adjustment, DatasetSummary, Ending, EngineKind, EpochReport, Evaluation, FailureKind, ImageShape, RunReport,
};

/// Maximum length of the visitor's name for a run, in characters.
pub const NAME_LIMIT: usize = 80;
/// Maximum length of a note, in characters.
pub const NOTE_LIMIT: usize = 2_000;
/// Maximum number of stored epoch reports; beyond it, every other one of the older half is dropped.
pub const EPOCHS_LIMIT: usize = 1_000;
/// Maximum number of stored adjustments of a run; the oldest are dropped.
pub const ADJUSTMENTS_LIMIT: usize = 100;

/// A saved run without its curves, which are stored separately: they are long and rarely needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Unique, and in order of the runs' ends on one machine.
    pub id: String,
    /// Milliseconds since 1970, UTC.
    pub started_at: f64,
    pub dataset_name: String,
    pub config: RunConfig,
    pub parameters: Option<u64>,
    /// Steps done.
    pub steps: u32,
    /// Excluding pauses.
    pub elapsed_ms: f64,
    pub ending: RunEnding,
    /// The best epoch, whose weights were kept.
    pub best: Option<EpochReport>,
    pub epochs: Vec<EpochReport>,
    pub adjustments: Vec<Adjustment>,
    /// The evaluation on the test split, if the visitor ran one.
    pub test: Option<TestResult>,
    pub environment: Environment,
    /// `None` in older records.
    #[serde(default)]
    pub input: Option<NetworkInput>,
    /// The id of the run from whose weights it continued.
    #[serde(default)]
    pub continued_from: Option<String>,
    /// Size of the final weights, if they are stored.
    #[serde(default)]
    pub weights_bytes: Option<u64>,
    /// The visitor's name for the run.
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
    /// Another run or another dataset replaced it.
    Replaced,
    /// No run: its network came from a file of another program, or of another format.
    Imported,
    Failed(FailureKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// Mean cross-entropy; `None` if it is not finite.
    pub loss: Option<f32>,
    /// 0 to 1.
    pub accuracy: f32,
}

impl TestResult {
    pub fn new(evaluation: &Evaluation) -> Self {
        Self { loss: Some(evaluation.loss).filter(|loss| loss.is_finite()), accuracy: evaluation.accuracy }
    }
}

/// The network's input and output: enough to classify an image when the dataset is not loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkInput {
    pub shape: ImageShape,
    /// Class names, in the order of the network's outputs.
    pub classes: Vec<String>,
    /// How figures are laid out in the dataset's images; new images are prepared to match.
    pub style: DrawingStyle,
}

impl NetworkInput {
    pub fn new(dataset: &DatasetSummary) -> Self {
        Self { shape: dataset.shape, classes: dataset.classes.clone(), style: dataset.style }
    }
}

/// The environment in which a run was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub engine: Option<EngineKind>,
    /// The adapter's name as the engine reports it, with the number of threads on a CPU; empty if unknown.
    pub adapter: String,
    /// The browser, or the command line and its operating system.
    pub user_agent: String,
    /// Kindling's build.
    pub build: String,
}

/// A record with its curves, as exported and as the API returns it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptRun {
    #[serde(flatten)]
    pub record: RunRecord,
    pub curves: RunCurves,
}

/// Not derived: with `flatten`, serde would buffer the whole record and deserialize it again.
impl<'de> Deserialize<'de> for KeptRun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let record = RunRecord::deserialize(&value).map_err(Error::custom)?;
        let curves = value.get("curves").map(RunCurves::deserialize).transpose().map_err(Error::custom)?;
        Ok(Self { record, curves: curves.unwrap_or_default() })
    }
}

impl RunRecord {
    /// The engine's final report; `None` for a run that was replaced or failed.
    pub fn report(&self) -> Option<RunReport> {
        let ending = match self.ending {
            RunEnding::Completed | RunEnding::Imported => Ending::Completed,
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

/// What a network that was trained elsewhere is kept with: a record without a step.
#[derive(Clone, Debug)]
pub struct ImportedNetwork {
    /// A new one.
    pub id: String,
    /// Milliseconds since 1970, UTC.
    pub imported_at: f64,
    pub network: NetworkConfig,
    pub input: NetworkInput,
    /// The dataset that it is evaluated and trained on.
    pub dataset: String,
    pub dataset_name: String,
    pub split: SplitConfig,
    pub environment: Environment,
}

impl From<ImportedNetwork> for KeptRun {
    fn from(imported: ImportedNetwork) -> Self {
        let ImportedNetwork { id, imported_at, network, input, dataset, dataset_name, split, environment } = imported;
        let layers = infer(&network, input.shape, input.classes.len()).ok();
        let parameters = layers.map(|layers| layers.iter().map(|layer| layer.parameters).sum());
        let record = RunRecord {
            id,
            started_at: imported_at,
            dataset_name,
            config: RunConfig { split, ..RunConfig::new(dataset, network) },
            parameters,
            steps: 0,
            elapsed_ms: 0.0,
            ending: RunEnding::Imported,
            best: None,
            epochs: Vec::new(),
            adjustments: Vec::new(),
            test: None,
            environment,
            input: Some(input),
            continued_from: None,
            weights_bytes: None,
            name: String::new(),
            note: String::new(),
            is_starred: false,
        };
        Self { record, curves: RunCurves::default() }
    }
}

/// Appends the report of an epoch, keeping at most [`EPOCHS_LIMIT`].
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

/// Appends an adjustment, keeping at most [`ADJUSTMENTS_LIMIT`].
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

/// The first `limit` characters of a text.
pub fn shortened(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
