//! How far a run has come, in plain numbers that are stored in its checkpoints as they are.

/// The report of the best network, as bytes.
mod best;

use serde::{Deserialize, Serialize};

use super::early_stopping::Patience;
use super::optimizer::Rates;
use super::plan::Plan;
use super::tally::EpochTally;
use kindling_core::config::RunConfig;
use kindling_core::config::schedule::Plateau;
use kindling_core::protocol::EpochReport;

/// The position between two steps of a run. The order of the fields is that of the bytes in checkpoints that visitors have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Steps done.
    pub step: u32,
    /// The current epoch.
    pub epoch: u32,
    /// The base rates of the schedule: the config's, or the values that they were changed to.
    pub rates: Rates,
    /// The learning rate of the last step.
    pub last_learning_rate: f64,
    pub plateau: Plateau,
    pub patience: Patience,
    pub epoch_tally: EpochTally,
    /// The report of the best network so far.
    #[serde(with = "best")]
    pub best: Option<EpochReport>,
}

impl Position {
    /// Before the first step.
    pub fn new(config: &RunConfig) -> Self {
        Self {
            step: 0,
            epoch: 0,
            rates: Rates { learning_rate: config.learning_rate, weight_decay: config.weight_decay },
            last_learning_rate: config.learning_rate,
            plateau: Plateau::new(),
            patience: Patience::new(),
            epoch_tally: EpochTally::default(),
            best: None,
        }
    }

    /// Whether a run with this plan and config reaches this position.
    pub fn is_in(&self, plan: &Plan, config: &RunConfig) -> bool {
        let begin = u64::from(self.epoch) * u64::from(plan.steps_per_epoch);
        let steps_of_epoch = begin..=begin + u64::from(plan.steps_per_epoch);
        self.epoch < config.epochs && self.step <= plan.total_steps && steps_of_epoch.contains(&u64::from(self.step))
    }

    /// Steps done in the current epoch.
    pub fn step_in_epoch(&self, plan: &Plan) -> u32 {
        self.step - self.epoch * plan.steps_per_epoch
    }
}
