//! The search for label errors: started in the place Evaluate or by programs, and kept while the visitor is elsewhere.

use std::sync::Arc;

use leptos::prelude::*;

use super::collector::Collector;
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
    pub errors: LabelErrors,
}

impl Collector {
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
        let question = FindLabelErrors { config: Box::new(config), folds };
        let on_progress = move |progress| {
            self.search.update(|search| {
                if let Search::Running(latest) = search {
                    *latest = Some(progress);
                }
            });
            on_progress(progress);
        };
        let result = self.store.find_label_errors(question, on_progress).await;
        let result = result.map(|errors| Arc::new(Found { dataset, errors }));
        self.search.set(match &result {
            Ok(found) => Search::Done(found.clone()),
            Err(failure) if failure.kind == FailureKind::Canceled => Search::None,
            Err(failure) => Search::Failed(failure.clone()),
        });
        result
    }
}
