//! Runs that begin with given weights: those of a kept run, or those that are left of its network.

use leptos::task::spawn_local;

use super::Runs;
use crate::page::state::NoticeKind;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, FailureKind, RunReport, RunUpdate, TrainedWeights};

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

    /// Trains the network of a stored run further, with that run's hyperparameters. A failure before the first step is shown as a notice.
    pub fn continue_run(self, id: String) {
        spawn_local(async move {
            let loaded = match self.fetched(&id).await {
                Ok(_) => self.weights_of(&id).await,
                Err(failure) => Err(failure),
            };
            match loaded {
                // Later failures are in the state, and the places show them.
                Ok((config, weights)) => drop(self.train_further(config, weights, |_| {}).await),
                Err(failure) => self.store.notify(NoticeKind::Warning(failure)),
            }
        });
    }

    /// The config and the weights of a stored run.
    ///
    /// # Errors
    ///
    /// `NoNetwork` if its weights are not stored.
    pub async fn weights_of(self, id: &str) -> Result<(RunConfig, TrainedWeights), Failure> {
        self.loaded().await;
        let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are not there");
        let record = self.find(id).ok_or_else(gone)?;
        let classes = record.input.as_ref().map(|input| input.classes.clone()).ok_or_else(gone)?;
        let storage = self.storage().await.map_err(|_| gone())?;
        let bytes = storage.weights(id).await.ok().flatten().ok_or_else(gone)?;
        Ok((record.config.clone(), TrainedWeights { bytes, classes }))
    }
}
