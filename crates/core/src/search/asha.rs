//! Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2018, arXiv:1810.05934): prunes
//! trials that do badly at rungs, so that the compute goes to the promising ones.
//!
//! This is the stopping variant, since one engine trains one trial at a time and cannot set it aside: at each rung a trial continues if it
//! is in the top 1/η of all trials that have reached the rung, itself included, and is otherwise pruned for good. It never waits for other
//! trials. Until η trials have reached a rung there is no top 1/η, and every trial continues. A trial that failed on its way to a rung
//! ranks last there.

use serde::{Deserialize, Serialize};

use super::trial::{Trial, TrialState, is_better};
use crate::config::Metric;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Halving {
    /// η, the reduction factor: one in η trials continues at each rung, 2 to 10.
    pub factor: u32,
    /// r, the grace period: epochs before the first rung, at least 1.
    pub first_epochs: u32,
}

impl Default for Halving {
    /// The paper's η of 4 suits hundreds of trials.
    fn default() -> Self {
        Self { factor: 3, first_epochs: 1 }
    }
}

impl Halving {
    /// The epochs of each rung: r·ηᵏ, below the full length of a trial.
    pub fn rungs(&self, epochs: u32) -> impl Iterator<Item = u32> {
        let factor = self.factor.max(2);
        let next = move |rung: &u32| rung.checked_mul(factor);
        std::iter::successors(Some(self.first_epochs.max(1)), next).take_while(move |rung| *rung < epochs)
    }

    /// Whether the trial continues after its latest epoch; `others` are all other trials.
    pub fn continues<'a>(
        &self,
        trial: &Trial,
        others: impl Iterator<Item = &'a Trial>,
        epochs: u32,
        metric: Metric,
    ) -> bool {
        let Some(rung) = self.rungs(epochs).find(|rung| *rung == trial.n_epochs()) else { return true };
        let before = self.rungs(epochs).take_while(|lower| *lower < rung).last().unwrap_or(0);
        let own = trial.best_of(rung, metric);
        let (mut n_there, mut n_better) = (1_u32, 0_u32);
        for other in others {
            let is_failed = matches!(other.state, TrialState::Failed(_)) && other.n_epochs() >= before;
            if other.n_epochs() >= rung {
                n_there += 1;
                n_better += u32::from(match (other.best_of(rung, metric), own) {
                    (Some(other), Some(own)) => is_better(other, own, metric),
                    (Some(_), None) => true,
                    (None, _) => false,
                });
            } else if is_failed {
                n_there += 1;
            }
        }
        let factor = self.factor.max(2);
        n_there < factor || n_better < n_there / factor
    }
}

#[cfg(test)]
mod tests;
