//! One try of a search: its settings, how far it came, and its figures on the validation split.

use serde::{Deserialize, Serialize};

use crate::config::Metric;
use crate::protocol::{EpochReport, FailureKind};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trial {
    /// For each field of the plan the number of its range, or the place of its choice; none where the settings have no such field.
    pub picks: Vec<Option<f64>>,
    pub state: TrialState,
    /// By epoch, the first one first.
    pub epochs: Vec<TrialEpoch>,
    /// Steps done.
    pub steps: u32,
    /// Pauses left out.
    pub elapsed_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrialState {
    Waiting,
    Running,
    /// To its last epoch, or until it no longer got better.
    Done,
    /// Ended early, as others did better.
    Cut,
    /// Ended by the visitor, or with the budget.
    Ended,
    Failed(FailureKind),
}

/// What is known at the end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrialEpoch {
    pub step: u32,
    /// JSON has no infinity: none where it is no number.
    pub loss: Option<f32>,
    pub accuracy: f32,
}

impl Trial {
    pub(super) fn new(picks: Vec<Option<f64>>) -> Self {
        Self { picks, state: TrialState::Waiting, epochs: Vec::new(), steps: 0, elapsed_ms: 0.0 }
    }

    pub fn n_epochs(&self) -> u32 {
        self.epochs.len() as u32
    }

    pub fn is_over(&self) -> bool {
        !matches!(self.state, TrialState::Waiting | TrialState::Running)
    }

    /// The best figure of the first `n_epochs` epochs, or of as many as there are: the weights of the best epoch are what a run keeps.
    pub fn best_of(&self, n_epochs: u32, metric: Metric) -> Option<f64> {
        let figures = self.epochs.iter().take(n_epochs as usize).filter_map(|epoch| epoch.figure(metric));
        figures.reduce(|best, figure| if is_better(figure, best, metric) { figure } else { best })
    }

    pub fn best(&self, metric: Metric) -> Option<f64> {
        self.best_of(self.n_epochs(), metric)
    }

    /// As if it had never begun.
    pub(super) fn reset(&mut self) {
        *self = Self::new(std::mem::take(&mut self.picks));
    }
}

impl TrialEpoch {
    pub(super) fn new(report: &EpochReport) -> Self {
        let loss = Some(report.validation_loss).filter(|loss| loss.is_finite());
        Self { step: report.step, loss, accuracy: report.validation_accuracy }
    }

    pub fn figure(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::ValidationLoss => self.loss.map(f64::from),
            Metric::ValidationAccuracy => Some(f64::from(self.accuracy)).filter(|accuracy| accuracy.is_finite()),
        }
    }
}

pub fn is_better(figure: f64, than: f64, metric: Metric) -> bool {
    match metric {
        Metric::ValidationLoss => figure < than,
        Metric::ValidationAccuracy => figure > than,
    }
}
