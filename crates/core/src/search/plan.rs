//! What a search is asked to do.

use serde::{Deserialize, Serialize};

use super::asha::Halving;
use super::space::{Field, SpaceError, check};
use crate::config::{Metric, RunConfig};

/// Trials of one search at most.
pub const TRIALS_LIMIT: usize = 200;

/// Epochs of one trial at most: a search is for short runs, and keeps the figures of every epoch.
pub const TRIAL_EPOCHS_LIMIT: u32 = 100;

/// Values of each range in a grid.
pub const GRID_POINTS: (u32, u32) = (2, 50);

/// Everything that decides what a search tries. Together with the results of the trials it decides all that follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchPlan {
    /// The settings that all trials share, but for the fields; its epochs and step limit are those of a full run.
    pub base: RunConfig,
    pub fields: Vec<Field>,
    pub method: Method,
    /// Trials to draw, 1 to [`TRIALS_LIMIT`]; a grid has as many as it has points.
    pub n_trials: u32,
    /// Epochs of one trial, 1 to [`TRIAL_EPOCHS_LIMIT`]. Validation is at the end of an epoch, so no trial is shorter than one.
    pub epochs: u32,
    /// The figure of the validation split by which trials are compared. There is none of the test split.
    pub metric: Metric,
    pub budget: Budget,
    /// Seeds what is drawn; the runs have the seed of their config.
    pub seed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Method {
    /// Every combination, of so many values of each range.
    Grid { n_points: u32 },
    /// Drawn by chance. With few fields that matter it finds better ones than a grid (Bergstra and Bengio, 2012).
    Random,
    /// Drawn by chance, and those that do badly are ended early.
    Halving(Halving),
}

/// What all trials together may take; the search ends with what is spent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
}

impl SearchPlan {
    /// Halving of a dozen trials, as long as the run would be; no field yet, and no limit to what it may take.
    pub fn new(base: RunConfig) -> Self {
        Self {
            fields: Vec::new(),
            method: Method::Halving(Halving::default()),
            n_trials: 12,
            epochs: base.epochs.clamp(1, TRIAL_EPOCHS_LIMIT),
            metric: Metric::ValidationAccuracy,
            budget: Budget::default(),
            seed: 0,
            base,
        }
    }

    pub(super) fn check(&self) -> Result<(), SpaceError> {
        within("trials", self.n_trials, (1, TRIALS_LIMIT as u32))?;
        within("epochs of a trial", self.epochs, (1, TRIAL_EPOCHS_LIMIT))?;
        match self.method {
            Method::Grid { n_points } => within("points of a grid", n_points, GRID_POINTS)?,
            Method::Random => {}
            Method::Halving(halving) => {
                within("the share that goes on, 1 in", halving.factor, (2, 10))?;
                within("epochs before the first cut", halving.first_epochs, (1, TRIAL_EPOCHS_LIMIT))?;
            }
        }
        let Budget { steps, minutes } = self.budget;
        if steps == Some(0) || minutes.is_some_and(|minutes| minutes.is_nan() || minutes <= 0.0) {
            return Err(SpaceError::NoBudget);
        }
        check(&self.base, &self.fields)
    }
}

impl Budget {
    /// The share that is spent, 0 to 1; none where nothing is limited.
    pub fn spent_share(&self, steps: u64, elapsed_ms: f64) -> Option<f64> {
        let of_steps = self.steps.map(|limit| steps as f64 / limit.max(1) as f64);
        let of_time = self.minutes.map(|limit| elapsed_ms / (limit * 60_000.0));
        let most = of_steps.into_iter().chain(of_time).reduce(f64::max)?;
        Some(most.clamp(0.0, 1.0))
    }
}

fn within(what: &'static str, number: u32, (least, most): (u32, u32)) -> Result<(), SpaceError> {
    if (least..=most).contains(&number) { Ok(()) } else { Err(SpaceError::OutOfRange { what, least, most }) }
}
