//! The datasets served with the page, by their description files. The engine loads their images.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::dataset_cache;
use crate::page::reactive::memo;
use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::served::{self, ServedDataset};
use kindling_core::protocol::{DatasetSummary, Failure, FailureKind, ImageShape, SplitCounts};

#[derive(Clone, Copy)]
pub struct Catalog {
    state: RwSignal<CatalogState>,
    /// The ids of the datasets whose files the browser has kept.
    kept: RwSignal<BTreeSet<String>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum CatalogState {
    #[default]
    Loading,
    Ready(Vec<Arc<ServedDataset>>),
    Failed(Failure),
}

impl Catalog {
    /// Starts fetching the descriptions. Made once, beside the store.
    pub fn new() -> Self {
        let catalog = Self { state: RwSignal::default(), kept: RwSignal::default() };
        catalog.load();
        catalog
    }

    pub fn load(self) {
        self.state.set(CatalogState::Loading);
        spawn_local(async move {
            self.state.set(match fetch_catalog().await {
                Ok(datasets) => CatalogState::Ready(datasets),
                Err(failure) => CatalogState::Failed(failure),
            });
        });
    }

    pub fn state(self) -> Signal<CatalogState> {
        self.state.into()
    }

    /// Whether the fetch of the descriptions has succeeded or failed. Fetches that are not urgent wait for it, so as not to delay it.
    pub fn settled(self) -> Memo<bool> {
        memo(move |before: Option<&bool>| before == Some(&true) || !matches!(*self.state.read(), CatalogState::Loading))
    }

    /// The description of a dataset, tracked.
    pub fn find(self, id: &str) -> Option<Arc<ServedDataset>> {
        match &*self.state.read() {
            CatalogState::Ready(datasets) => datasets.iter().find(|dataset| dataset.id == id).cloned(),
            CatalogState::Loading | CatalogState::Failed(_) => None,
        }
    }

    /// Whether the browser has kept the files of a dataset, so that none is downloaded; tracked.
    pub fn is_kept(self, id: &str) -> bool {
        self.kept.read().contains(id)
    }

    /// Finds the datasets that the browser has kept.
    pub async fn look_for_kept(self) {
        // A browser that cannot tell has kept none.
        let names = dataset_cache::names().await.unwrap_or_default();
        let is_kept = |dataset: &&Arc<ServedDataset>| dataset.files.iter().all(|file| names.contains(&file.sha256));
        let kept = self.state.with_untracked(|state| match state {
            CatalogState::Ready(datasets) => datasets.iter().filter(is_kept).map(|it| it.id.clone()).collect(),
            CatalogState::Loading | CatalogState::Failed(_) => BTreeSet::new(),
        });
        self.kept.set(kept);
    }

    /// The id of the first dataset with such images and such names of classes, untracked.
    pub fn with_classes(self, shape: ImageShape, names: &[String]) -> Option<String> {
        match &*self.state.read_untracked() {
            CatalogState::Ready(datasets) => {
                let found = datasets.iter().find(|it| it.shape == shape && it.classes == names);
                found.map(|dataset| dataset.id.clone())
            }
            CatalogState::Loading | CatalogState::Failed(_) => None,
        }
    }

    /// A preliminary summary of a dataset that is not loaded, tracked.
    pub fn outline(self, id: &str) -> Option<Arc<DatasetSummary>> {
        self.find(id).map(|served| Arc::new(outline(&served)))
    }

    /// The dataset that the page shows first, tracked.
    pub fn first(self) -> Option<Arc<DatasetSummary>> {
        match &*self.state.read() {
            CatalogState::Ready(datasets) => datasets.first().map(|served| Arc::new(outline(served))),
            CatalogState::Loading | CatalogState::Failed(_) => None,
        }
    }
}

/// Counts per class are unknown until the images are loaded.
fn outline(served: &ServedDataset) -> DatasetSummary {
    DatasetSummary {
        id: served.id.clone(),
        name: served.name.clone(),
        classes: served.classes.clone(),
        shape: served.shape,
        counts: SplitCounts { train: served.counts.train, validation: 0, test: served.counts.test },
        class_counts: Vec::new(),
        samples: Vec::new(),
        has_standard_test: served.counts.test > 0,
        // A placeholder: the style is determined from the images.
        style: DrawingStyle::Scene,
        read_as: Default::default(),
        import: None,
    }
}

async fn fetch_catalog() -> Result<Vec<Arc<ServedDataset>>, Failure> {
    let bad = |error: kindling_core::dataset::DatasetError| Failure::new(FailureKind::BadFile, error.to_string());
    let catalog = served::Catalog::parse(&fetch("datasets/catalog.json").await?).map_err(bad)?;
    // All fetches are started before the first is awaited.
    let under_way: Vec<_> =
        catalog.datasets.iter().map(|id| (id, fetch(&format!("datasets/{id}/dataset.json")))).collect();
    let mut datasets = Vec::with_capacity(under_way.len());
    for (id, description) in under_way {
        datasets.push(Arc::new(ServedDataset::parse(id, &description.await?).map_err(bad)?));
    }
    Ok(datasets)
}

/// Starts the request at once, not when the future is first polled.
fn fetch(path: &str) -> impl Future<Output = Result<Vec<u8>, Failure>> + use<> {
    let (path, response) = (path.to_owned(), window().fetch_with_str(path));
    received(path, JsFuture::from(response))
}

async fn received(path: String, response: JsFuture) -> Result<Vec<u8>, Failure> {
    let failed = |reason: &str| Failure::new(FailureKind::DownloadFailed, format!("{path}: {reason}"));
    let unreachable = |_: JsValue| failed("the server could not be reached");
    let response = response.await.map_err(unreachable)?;
    let response: Response = response.dyn_into().map_err(unreachable)?;
    if !response.ok() {
        return Err(failed(&format!("the server answered {}", response.status())));
    }
    let text = JsFuture::from(response.text().map_err(unreachable)?).await.map_err(unreachable)?;
    Ok(text.as_string().unwrap_or_default().into_bytes())
}
