//! The datasets served with the page, as their descriptions say; their images are loaded by the engine.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::dataset::served::{self, ServedDataset};
use crate::protocol::{DatasetSummary, Failure, FailureKind, SplitCounts};

#[derive(Clone, Copy)]
pub struct Catalog {
    state: RwSignal<CatalogState>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum CatalogState {
    #[default]
    Loading,
    Ready(Vec<Arc<ServedDataset>>),
    Failed(Failure),
}

impl Catalog {
    /// Made once, beside the store; fetches the descriptions.
    pub fn new() -> Self {
        let catalog = Self { state: RwSignal::default() };
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

    /// The description of a dataset, tracked.
    pub fn find(self, id: &str) -> Option<Arc<ServedDataset>> {
        match &*self.state.read() {
            CatalogState::Ready(datasets) => datasets.iter().find(|dataset| dataset.id == id).cloned(),
            CatalogState::Loading | CatalogState::Failed(_) => None,
        }
    }

    /// What is known of a dataset before it is loaded, tracked.
    pub fn outline(self, id: &str) -> Option<Arc<DatasetSummary>> {
        self.find(id).map(|served| Arc::new(outline(&served)))
    }

    /// The dataset that the page begins with, tracked.
    pub fn first(self) -> Option<Arc<DatasetSummary>> {
        match &*self.state.read() {
            CatalogState::Ready(datasets) => datasets.first().map(|served| Arc::new(outline(served))),
            CatalogState::Loading | CatalogState::Failed(_) => None,
        }
    }
}

/// The counts per class are known only once the images are there.
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
    }
}

async fn fetch_catalog() -> Result<Vec<Arc<ServedDataset>>, Failure> {
    let bad = |error: crate::dataset::DatasetError| Failure::new(FailureKind::BadFile, error.to_string());
    let catalog = served::Catalog::parse(&fetch("datasets/catalog.json").await?).map_err(bad)?;
    let mut datasets = Vec::with_capacity(catalog.datasets.len());
    for id in &catalog.datasets {
        let description = fetch(&format!("datasets/{id}/dataset.json")).await?;
        datasets.push(Arc::new(ServedDataset::parse(id, &description).map_err(bad)?));
    }
    Ok(datasets)
}

async fn fetch(path: &str) -> Result<Vec<u8>, Failure> {
    let failed = |reason: &str| Failure::new(FailureKind::DownloadFailed, format!("{path}: {reason}"));
    let unreachable = |_: JsValue| failed("the server could not be reached");
    let response = JsFuture::from(window().fetch_with_str(path)).await.map_err(unreachable)?;
    let response: Response = response.dyn_into().map_err(unreachable)?;
    if !response.ok() {
        return Err(failed(&format!("the server answered {}", response.status())));
    }
    let text = JsFuture::from(response.text().map_err(unreachable)?).await.map_err(unreachable)?;
    Ok(text.as_string().unwrap_or_default().into_bytes())
}
