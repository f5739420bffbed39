//! Runs that begin with something of a kept run: with weights of its network, or with the network as a teacher.

use super::Runs;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, RunReport, RunUpdate, Teacher, TrainedWeights};

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

    /// Copies a config into the form and trains with it, with this teacher. Waits for the end of the run, which is stored as any other.
    ///
    /// # Errors
    ///
    /// As for any run; `BadNetwork` for a teacher of another dataset.
    pub async fn train_taught(
        self,
        config: RunConfig,
        teacher: Teacher,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.recipe.take(config.clone());
        self.store.train_taught(config, teacher, on_update).await
    }

    /// The network of a kept run as a teacher, once its dataset is loaded.
    ///
    /// # Errors
    ///
    /// Fails while a run is active, if the run or its weights are gone, or if its dataset cannot be loaded.
    pub async fn teacher(self, id: &str) -> Result<Teacher, Failure> {
        let (kept, _, weights) = self.fetched(id).await?;
        Ok(Teacher { network: kept.record.config.network, weights })
    }
}
