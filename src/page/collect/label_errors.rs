//! The search for label errors: started in the place Evaluate or by programs, and kept while the visitor is elsewhere.

use std::sync::Arc;

use leptos::prelude::*;

use super::collector::Collector;
use crate::page::store::Store;
use kindling_core::config::RunConfig;
use kindling_core::protocol::question::FindLabelErrors;
use kindling_core::protocol::{DatasetSummary, Failure, FailureKind, FoldProgress, LabelErrors};

/// The networks that are trained, unless a program asks for another number: each learns from four fifths of the images.
pub const N_FOLDS: u32 = 5;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Search {
    #[default]
    None,
    Running(Option<FoldProgress>),
    Done(Arc<Found>),
    Failed(Failure),
}

/// Label errors of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub dataset: Arc<DatasetSummary>,
    /// That of the networks.
    pub config: RunConfig,
    pub errors: LabelErrors,
}

/// The config of the model at hand. Without validation there is no early stopping, so it is trained for as many epochs as the best checkpoint was.
pub fn config_of_run(store: Store) -> Option<RunConfig> {
    store.run.with_untracked(|state| {
        let run = state.run()?;
        let epochs = run.best.map_or(run.config.epochs, |best| best.epoch + 1);
        Some(RunConfig { epochs, ..(*run.config).clone() })
    })
}

impl Collector {
    /// What was found in the dataset at hand, tracked: the result of another one says nothing of it.
    pub fn found_here(self) -> Option<Arc<Found>> {
        let current = self.store.dataset.with(|dataset| dataset.current.clone())?;
        self.search.with(|search| match search {
            Search::Done(found) if found.dataset.id == current.id => Some(found.clone()),
            Search::None | Search::Running(_) | Search::Done(_) | Search::Failed(_) => None,
        })
    }

    /// Finds label errors in the dataset at hand with networks of this config; the page shows progress and result.
    ///
    /// # Errors
    ///
    /// There is no dataset, the config does not suit it, the search is canceled, or the engine fails.
    pub async fn find_label_errors(
        self,
        config: RunConfig,
        folds: u32,
        on_progress: impl Fn(FoldProgress) + 'static,
    ) -> Result<Arc<Found>, Failure> {
        let dataset = self.store.dataset.with_untracked(|dataset| dataset.current.clone());
        let dataset = dataset.ok_or_else(|| Failure::new(FailureKind::NoDataset, "there is no dataset to check"))?;
        self.search.set(Search::Running(None));
        let question = FindLabelErrors { config: Box::new(config.clone()), folds };
        let on_progress = move |progress| {
            self.search.update(|search| {
                if let Search::Running(latest) = search {
                    *latest = Some(progress);
                }
            });
            on_progress(progress);
        };
        let result = self.store.find_label_errors(question, on_progress).await;
        let result = result.map(|errors| Arc::new(Found { dataset, config, errors }));
        self.search.set(match &result {
            Ok(found) => Search::Done(found.clone()),
            Err(failure) if failure.kind == FailureKind::Canceled => Search::None,
            Err(failure) => Search::Failed(failure.clone()),
        });
        result
    }
}
