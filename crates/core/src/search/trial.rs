//! One trial of a search: its picks, its progress, and its metrics on the validation split.

use serde::{Deserialize, Serialize};

use crate::config::Metric;
use crate::protocol::{EpochReport, FailureKind};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trial {
    /// One per field of the plan: the number of a range, or the index of a choice; `None` if the config does not have the field.
    pub picks: Vec<Option<f64>>,
    pub state: TrialState,
    /// One per completed epoch, in order.
    pub epochs: Vec<TrialEpoch>,
    /// Steps done.
    pub steps: u32,
    /// Excluding pauses.
    pub elapsed_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrialState {
    Waiting,
    Running,
    /// Completed: trained to its last epoch, or to its own early stopping.
    Done,
    /// Pruned: ended early because other trials did better.
    Cut,
    /// Ended by the visitor, or because the budget was spent.
    Ended,
    Failed(FailureKind),
}

/// The metrics at the end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrialEpoch {
    pub step: u32,
    /// `None` if not finite, since JSON has neither infinity nor NaN.
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

    /// The best metric of the first `n_epochs` epochs, or of all if there are fewer. The best epoch counts because a run keeps its best
    /// checkpoint.
    pub fn best_of(&self, n_epochs: u32, metric: Metric) -> Option<f64> {
        let figures = self.epochs.iter().take(n_epochs as usize).filter_map(|epoch| epoch.figure(metric));
        figures.reduce(|best, figure| if is_better(figure, best, metric) { figure } else { best })
    }

    pub fn best(&self, metric: Metric) -> Option<f64> {
        self.best_of(self.n_epochs(), metric)
    }

    /// Resets the trial to its state before it started.
    pub(super) fn reset(&mut self) {
        *self = Self::new(std::mem::take(&mut self.picks));
    }
}

impl TrialEpoch {
    pub(super) fn new(report: &EpochReport) -> Self {
        // A search needs a validation split, so there is an accuracy.
        let accuracy = report.validation_accuracy.unwrap_or_default();
        Self { step: report.step, loss: report.validation_loss, accuracy }
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
