//! Runs that continue from the weights of a kept run, whose dataset has grown since.

use std::sync::Arc;

use leptos::prelude::*;

use super::Runs;
use crate::page::state::NoticeKind;
use kindling_core::config::RunConfig;
use kindling_core::network::presets::{Preset, presets};
use kindling_core::protocol::question::EvaluateTrained;
use kindling_core::protocol::{
    DatasetSummary, Evaluation, Failure, FailureKind, RunReport, RunUpdate, SplitName, TrainedWeights,
};
use kindling_core::runs::record::RunRecord;

impl Runs {
    /// The newest kept run whose dataset has grown into the one at hand: of the visitor's own images, of the same name and shape. None once a run
    /// was trained on the one at hand. Tracked.
    pub fn grown_since(self) -> Option<Arc<RunRecord>> {
        self.store.dataset.with(|dataset| {
            let now = dataset.current.as_ref().filter(|now| now.import.is_some())?;
            let list = self.list.read();
            let newest = list.iter().rev().find(|record| record.config.dataset == now.id || has_grown(record, now))?;
            has_grown(newest, now).then(|| newest.clone())
        })
    }

    /// The weights of a kept run, and the classes that it knows.
    ///
    /// # Errors
    ///
    /// `NoNetwork` if the run or its weights are no longer stored.
    pub async fn trained(self, id: &str) -> Result<(Arc<RunRecord>, TrainedWeights), Failure> {
        let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are no longer there");
        let record = self.find(id).ok_or_else(gone)?;
        let classes = record.input.as_ref().ok_or_else(gone)?.classes.clone();
        let storage = self.storage().await.map_err(|_| gone())?;
        let bytes = storage.weights(id).await.ok().flatten().ok_or_else(gone)?;
        Ok((record, TrainedWeights { bytes, classes }))
    }

    /// Trains on the dataset at hand, from the weights of a kept run.
    ///
    /// # Errors
    ///
    /// As [`Runs::trained`]; weights of other layers than the config's; the failures of any run.
    pub async fn continued(
        self,
        id: &str,
        config: RunConfig,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        let (_, weights) = self.trained(id).await?;
        self.store.continue_run(config, id.to_owned(), weights, on_update).await
    }

    /// Evaluates the network of a kept run on the dataset at hand.
    ///
    /// # Errors
    ///
    /// As [`Runs::trained`]; a network for images of another shape.
    pub async fn evaluate_kept(self, id: &str, split: SplitName) -> Result<Evaluation, Failure> {
        let (record, weights) = self.trained(id).await?;
        let question = EvaluateTrained { split, config: Box::new(record.config.clone()), weights };
        self.store.ask(question).await
    }

    /// Continues a run from the page, and makes its config that of the next run. A failure is shown as a notice.
    pub async fn continue_here(self, record: Arc<RunRecord>) {
        let recipe = self.recipe;
        let Some((dataset, split)) = self.store.dataset.with_untracked(|dataset| {
            let split = dataset.origin.as_ref().map(|(_, split)| *split)?;
            dataset.current.clone().zip(Some(split))
        }) else {
            return;
        };
        let config = RunConfig { split, ..continued_config(&record.config, &dataset) };
        recipe.take(config.clone());
        recipe.is_starting.set(true);
        let started = move |_: &RunUpdate| {
            if recipe.is_starting.get_untracked() {
                recipe.is_starting.set(false);
            }
        };
        let ended = self.continued(&record.id, config, started).await;
        recipe.is_starting.set(false);
        // What happens during the run is in the state, and the stage shows it.
        if let Err(failure) = ended
            && failure.kind == FailureKind::NoNetwork
        {
            self.store.notify(NoticeKind::Warning(failure));
        }
    }
}

/// The settings with which a run goes on: those of the preset with its network, which suit the number of images, else its own.
pub fn continued_config(before: &RunConfig, dataset: &DatasetSummary) -> RunConfig {
    let suited = presets(dataset).into_iter().find(|preset| preset.config.network == before.network);
    let config = suited.map_or_else(|| before.clone(), |Preset { config, .. }| config);
    RunConfig { dataset: dataset.id.clone(), ..config }
}

fn has_grown(record: &RunRecord, now: &DatasetSummary) -> bool {
    let Some(before) = record.input.as_ref().filter(|_| record.weights_bytes.is_some()) else { return false };
    let is_other = record.config.dataset != now.id && record.dataset_name == now.name;
    is_other && before.shape == now.shape && before.classes.iter().any(|class| now.classes.contains(class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::dataset::DrawingStyle;
    use kindling_core::protocol::{ImageShape, SplitCounts};
    use kindling_core::runs::samples::record;

    fn dataset(name: &str, classes: &[&str]) -> DatasetSummary {
        DatasetSummary {
            id: "files-2".into(),
            name: name.into(),
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            shape: ImageShape { channels: 1, height: 2, width: 3 },
            counts: SplitCounts::default(),
            class_counts: Vec::new(),
            samples: Vec::new(),
            has_standard_test: false,
            style: DrawingStyle::Scene,
            read_as: Default::default(),
            import: Some(Default::default()),
        }
    }

    #[test]
    fn a_dataset_of_the_same_name_with_some_of_the_classes_has_grown() {
        let before = RunRecord { weights_bytes: Some(1), ..record("a") };
        assert!(has_grown(&before, &dataset("MNIST", &["1", "2"])));
        for other in [
            dataset("Pets", &["0", "1"]),
            dataset("MNIST", &["cat", "dog"]),
            DatasetSummary { id: before.config.dataset.clone(), ..dataset("MNIST", &["0", "1"]) },
            DatasetSummary { shape: ImageShape { channels: 3, height: 2, width: 3 }, ..dataset("MNIST", &["0"]) },
        ] {
            assert!(!has_grown(&before, &other), "{other:?}");
        }
        assert!(!has_grown(&record("a"), &dataset("MNIST", &["0", "1"])), "its weights are not kept");
    }

    #[test]
    fn it_goes_on_with_the_settings_of_its_preset_for_the_images_there_are_now() {
        let now = dataset("MNIST", &["0", "1"]);
        let own = RunConfig { learning_rate: 0.123, ..record("a").config };
        assert_eq!(continued_config(&own, &now), RunConfig { dataset: now.id.clone(), ..own });
        let preset = presets(&now).remove(0).config;
        let before = RunConfig { dataset: "files-1".into(), epochs: 77, ..preset.clone() };
        assert_eq!(continued_config(&before, &now), preset);
    }
}
