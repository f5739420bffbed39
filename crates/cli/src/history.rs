//! What a run has reported so far: enough to write its record at the end, or to resume it later.

use kindling_core::config::RunConfig;
use kindling_core::protocol::{Adjustment, DatasetSummary, EpochReport, RunUpdate};
use kindling_core::runs::curves::{Curves, RunCurves};
use kindling_core::runs::record::{
    Environment, KeptRun, NetworkInput, RunEnding, RunRecord, push_adjustment, push_epoch,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    pub config: RunConfig,
    /// Milliseconds since 1970, UTC.
    pub started_at: f64,
    pub dataset_name: String,
    pub input: NetworkInput,
    pub environment: Environment,
    pub parameters: Option<u64>,
    pub steps: u32,
    pub elapsed_ms: f64,
    pub best: Option<EpochReport>,
    pub epochs: Vec<EpochReport>,
    pub adjustments: Vec<Adjustment>,
    pub curves: Curves,
}

impl History {
    pub fn new(config: RunConfig, dataset: &DatasetSummary, environment: Environment) -> Self {
        Self {
            config,
            started_at: now_ms(),
            dataset_name: dataset.name.clone(),
            input: NetworkInput::new(dataset),
            environment,
            parameters: None,
            steps: 0,
            elapsed_ms: 0.0,
            best: None,
            epochs: Vec::new(),
            adjustments: Vec::new(),
            curves: Curves::default(),
        }
    }

    pub fn receive(&mut self, update: &RunUpdate) {
        match update {
            RunUpdate::Started { parameters, .. } => self.parameters = Some(*parameters),
            RunUpdate::Progress(progress) => {
                self.steps = progress.step;
                self.elapsed_ms = progress.elapsed_ms;
                self.curves.push_progress(progress);
            }
            RunUpdate::Epoch(report) => {
                self.curves.push_epoch(report);
                if report.is_best {
                    self.best = Some(*report);
                }
                push_epoch(&mut self.epochs, *report);
            }
            RunUpdate::Adjusted(adjustment) => push_adjustment(&mut self.adjustments, *adjustment),
            RunUpdate::Finished(report) => {
                self.steps = report.steps;
                self.elapsed_ms = report.elapsed_ms;
            }
            _ => {}
        }
    }

    /// The run as it is stored once it has ended.
    pub fn kept(self, ending: RunEnding, weights_bytes: Option<u64>) -> KeptRun {
        let curves = RunCurves::new(&self.curves);
        let record = RunRecord {
            id: new_id(),
            started_at: self.started_at,
            dataset_name: self.dataset_name,
            config: self.config,
            parameters: self.parameters,
            steps: self.steps,
            elapsed_ms: self.elapsed_ms,
            ending,
            best: self.best,
            epochs: self.epochs,
            adjustments: self.adjustments,
            test: None,
            environment: self.environment,
            input: Some(self.input),
            continued_from: None,
            weights_bytes,
            name: String::new(),
            note: String::new(),
            is_starred: false,
        };
        KeptRun { record, curves }
    }
}

/// Ids sort by the ends of the runs, like the page's, and differ from those of other processes.
pub fn new_id() -> String {
    format!("{:011x}-{:06x}", now_ms() as u64, std::process::id() & 0xff_ffff)
}

pub fn now_ms() -> f64 {
    // A clock before 1970 is wrong anyway.
    std::time::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64() * 1_000.0).floor()
}
