//! Runs that begin with given weights, such as those that are left of a kept run's network.

use super::Runs;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, RunReport, RunUpdate, TrainedWeights};

impl Runs {
    /// Copies a config into the form and trains with it, from these weights on. Waits for the end of the run, which is stored as any other.
    ///
    /// # Errors
    ///
    /// As for any run; `BadNetwork` for weights of another network.
    pub async fn train_further(
        self,
        config: RunConfig,
        weights: TrainedWeights,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.recipe.take(config.clone());
        self.store.train_further(config, weights, on_update).await
    }
}
