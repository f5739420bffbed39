//! The dataset that the engine holds, and the load in progress.

use std::sync::Arc;

use super::{AppState, Changed};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{DatasetSource, DatasetSummary, Failure};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetState {
    /// The dataset that the engine holds.
    pub current: Option<Arc<DatasetSummary>>,
    /// The source and the split of the current dataset, to load it again after a crash.
    pub origin: Option<(DatasetSource, SplitConfig)>,
    pub load: Load,
    /// Incremented each time a dataset is set: images and answers of an older version belong to another dataset.
    pub version: u32,
    /// The name that the visitor gave to a dataset of files, with the dataset's id.
    pub given_name: Option<(String, String)>,
}

impl DatasetState {
    /// The first of the sample images, whose predictions are reported during training.
    pub fn first_sample(&self) -> Option<u32> {
        self.current.as_ref()?.samples.first().copied()
    }
}

impl AppState {
    /// Forgets that the latest load failed, which the visitor knows by now.
    pub fn forget_failed_load(&mut self) -> Changed {
        let has_failed = matches!(self.dataset.load, Load::Failed { .. });
        if has_failed {
            self.dataset.load = Load::Idle;
        }
        Changed { dataset: has_failed, ..Changed::NOTHING }
    }

    /// Gives the current dataset another name, which it keeps when it is loaded again.
    pub fn rename_dataset(&mut self, name: String) -> Changed {
        let Some(current) = &mut self.dataset.current else { return Changed::NOTHING };
        self.dataset.given_name = Some((current.id.clone(), name.clone()));
        Arc::make_mut(current).name = name;
        Changed { dataset: true, ..Changed::NOTHING }
    }
}

/// The state of the latest load. The previous dataset stays current until a load succeeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Load {
    #[default]
    Idle,
    Loading {
        source: DatasetSource,
        split: SplitConfig,
        stage: LoadStage,
    },
    Failed {
        source: DatasetSource,
        failure: Failure,
    },
    Canceled,
}

impl Load {
    /// What is loading or failed to load.
    pub fn source(&self) -> Option<&DatasetSource> {
        match self {
            Self::Loading { source, .. } | Self::Failed { source, .. } => Some(source),
            Self::Idle | Self::Canceled => None,
        }
    }

    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoadStage {
    Asked,
    Downloading { received_bytes: u64, total_bytes: Option<u64>, bytes_per_second: f64 },
    Retrying { attempt: u32, attempts: u32, failure: Failure },
    Parsing,
    Decoding { done: u32, total: u32, images_per_second: f64 },
}
