//! The plan of a search: its space, method and budget.

use serde::{Deserialize, Serialize};

use super::asha::Halving;
use super::space::{Field, SpaceError, check};
use crate::config::{Metric, RunConfig};

/// Maximum number of trials of a search.
pub const TRIALS_LIMIT: usize = 200;

/// Maximum number of epochs of a trial. A search is for short runs, and stores the metrics of every epoch.
pub const TRIAL_EPOCHS_LIMIT: u32 = 100;

/// Grid points per range: min, max.
pub const GRID_POINTS: (u32, u32) = (2, 50);

/// Everything that decides which trials a search draws. Together with the trials' results it determines the whole search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchPlan {
    /// The config that all trials share, except for the fields. Its epochs and step limit are those of a full run.
    pub base: RunConfig,
    pub fields: Vec<Field>,
    pub method: Method,
    /// Trials to draw, 1 to [`TRIALS_LIMIT`]; a grid has one per grid point.
    pub n_trials: u32,
    /// Epochs of a trial, 1 to [`TRIAL_EPOCHS_LIMIT`]. Validation happens at the end of an epoch, so no trial is shorter than one.
    pub epochs: u32,
    /// The objective metric. Always of the validation split, never of the test split.
    pub metric: Metric,
    pub budget: Budget,
    /// Seeds the drawing of the trials; their runs use the seed of the config.
    pub seed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Method {
    /// Grid search: every combination of `n_points` values per range and every choice.
    Grid { n_points: u32 },
    /// Random search. With few fields that matter it finds better configs than a grid (Bergstra and Bengio, 2012).
    Random,
    /// Random search whose bad trials are pruned early.
    Halving(Halving),
}

/// The budget of all trials together; the search ends when either limit is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    pub steps: Option<u64>,
    pub minutes: Option<f64>,
}

impl SearchPlan {
    /// Halving over a dozen trials of the run's length, with no fields yet and no budget.
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
    /// The fraction that is spent, 0 to 1; `None` without a limit.
    pub fn spent_fraction(&self, steps: u64, elapsed_ms: f64) -> Option<f64> {
        let of_steps = self.steps.map(|limit| steps as f64 / limit.max(1) as f64);
        let of_time = self.minutes.map(|limit| elapsed_ms / (limit * 60_000.0));
        let highest = of_steps.into_iter().chain(of_time).reduce(f64::max)?;
        Some(highest.clamp(0.0, 1.0))
    }
}

fn within(what: &'static str, number: u32, (min, max): (u32, u32)) -> Result<(), SpaceError> {
    if (min..=max).contains(&number) { Ok(()) } else { Err(SpaceError::OutOfRange { what, min, max }) }
}
