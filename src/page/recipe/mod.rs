//! The next run: the dataset in view, the presets for it, and the visitor's settings.

pub mod catalog;
pub mod editor;
pub mod ending;
pub mod folder;
mod pending;
pub mod sources;

use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::reactive::{memo, watch};
use crate::page::recipe::catalog::Catalog;
use crate::page::recipe::editor::Editor;
use crate::page::recipe::pending::Pending;
use crate::page::recipe::sources::served;
use crate::page::state::{Load, NoticeKind, RunNotice, RunState};
use crate::page::store::Store;
use crate::page::widgets::refusals::Refusals;
use kindling_core::config::{NetworkConfig, RunConfig, SplitConfig};
use kindling_core::network::shape::{Survey, survey};
use kindling_core::network::{Preset, presets};
use kindling_core::protocol::{
    DatasetSource, DatasetSummary, Failure, FailureKind, ImageShape, Origin, RateProgress, RateTest,
};

pub fn use_recipe() -> Recipe {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Recipe {
    /// The dataset of the next run: the current one, or the one that will be loaded.
    pub dataset: Memo<Option<Arc<DatasetSummary>>>,
    /// The presets that fit it.
    pub presets: Memo<Vec<Preset>>,
    /// Id of the chosen preset.
    pub preset: RwSignal<Option<&'static str>>,
    /// The settings of the next run; None until a dataset is in view.
    pub config: RwSignal<Option<RunConfig>>,
    /// The network in those settings.
    pub network: Memo<Option<NetworkConfig>>,
    /// The output shape and cost of each layer for the dataset in view, and the first error.
    pub survey: Memo<Option<Survey>>,
    /// The network's undo history; `edit`, `undo` and `redo` are in the designer.
    pub editor: RwSignal<Editor>,
    /// The network as JSON text that the visitor has typed but not yet applied.
    pub draft: RwSignal<Option<String>>,
    /// How the next dataset is split.
    pub split: RwSignal<SplitConfig>,
    /// Whether a run was requested and its dataset is still loading.
    pub is_starting: RwSignal<bool>,
    /// Fields with a text that is no value: no run starts while there is one.
    pub refusals: Refusals,
    /// The served dataset to show while none is loaded, by its id.
    wanted: RwSignal<Option<String>>,
    /// A config to apply once its dataset comes into view.
    pending: StoredValue<Pending>,
    /// Finds datasets that are neither loaded nor served.
    finder: StoredValue<Option<Finder>>,
    store: Store,
    catalog: Catalog,
}

/// Loads the dataset of a config if it can be found again; returns whether it was.
pub type Finder = fn(Store, RunConfig) -> Pin<Box<dyn Future<Output = Result<bool, Failure>>>>;

impl Recipe {
    /// Made once, beside the store.
    pub fn new(store: Store, catalog: Catalog) -> Self {
        let wanted = RwSignal::new(None);
        let dataset = memo(move |_| in_view(store, catalog, wanted));
        let presets = memo(move |_| dataset.read().as_ref().map(|dataset| presets(dataset)).unwrap_or_default());
        let config = RwSignal::new(None::<RunConfig>);
        let network = memo(move |_| config.read().as_ref().map(|config| config.network.clone()));
        let survey = memo(move |_| {
            let dataset = dataset.get()?;
            Some(survey(network.read().as_ref()?, dataset.shape, dataset.classes.len()))
        });
        let recipe = Self {
            dataset,
            presets,
            preset: RwSignal::new(None),
            config,
            network,
            survey,
            editor: RwSignal::new(Editor::default()),
            draft: RwSignal::new(None),
            split: RwSignal::new(SplitConfig::default()),
            is_starting: RwSignal::new(false),
            refusals: Refusals::new(),
            wanted,
            pending: StoredValue::default(),
            finder: StoredValue::new(None),
            store,
            catalog,
        };
        // Another dataset starts with its first preset: the settings for the previous dataset do not carry over. Later presets do not tell datasets
        // apart: some depend on how many images are to train on, which changes when a dataset of the catalog is loaded and split.
        watch(
            move || presets.get(),
            move |presets, before| {
                if let Some(first) = presets.first()
                    && before.and_then(|before| before.first()) != Some(first)
                {
                    let in_view = &first.config.dataset;
                    match recipe.pending.try_update_value(|pending| pending.take(in_view)).flatten() {
                        Some(config) => recipe.set(config),
                        None => recipe.choose(first),
                    }
                    recipe.editor.set(Editor::default());
                }
            },
            true,
        );
        recipe
    }

    /// Sets what finds datasets that are neither loaded nor served.
    pub fn find_with(self, finder: Finder) {
        self.finder.set_value(Some(finder));
    }

    /// Replaces all settings by the preset's. The previous network can be restored with undo.
    pub fn choose(self, preset: &Preset) {
        self.remember();
        self.preset.set(Some(preset.id));
        self.config.set(Some(preset.config.clone()));
    }

    fn remember(self) {
        if let Some(before) = self.network.get_untracked() {
            self.editor.update(|editor| editor.remember(before));
        }
    }

    /// A value from the settings, or the type's default while there are none, tracked.
    pub fn read<T: Default>(self, read: impl FnOnce(&RunConfig) -> T) -> T {
        self.config.read().as_ref().map(read).unwrap_or_default()
    }

    pub fn change(self, change: impl FnOnce(&mut RunConfig)) {
        if let Some(config) = self.config.write().as_mut() {
            change(config);
        }
    }

    /// Runs an LR range test with the current settings, on the dataset that is loaded.
    pub async fn find_rate(self, on_progress: impl Fn(RateProgress) + 'static) -> Result<RateTest, Failure> {
        let config = self.complete_config();
        let config = config.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        self.store.find_rate(config, on_progress).await
    }

    /// Takes a whole config, such as a kept run's or a link's, and shows its dataset; loads that dataset if another one is loaded.
    pub fn take(self, config: RunConfig) {
        self.split.set(config.split);
        let cut = self.store.dataset.with_untracked(|dataset| {
            let cut = dataset.current.as_ref().zip(dataset.origin.clone());
            cut.map(|(current, (source, split))| (current.id.clone(), source, split))
        });
        let is_loading = self.store.dataset.with_untracked(|dataset| dataset.load.is_loading());
        match cut {
            Some((id, _, split)) if id == config.dataset && split == config.split => self.set(config),
            // Loading another dataset would end the run.
            Some(_) if self.store.run.with_untracked(RunState::is_active) => self.set(config),
            Some((id, source, _)) if id == config.dataset => {
                self.load(source, config.clone());
                self.set(config);
            }
            _ if self.is_in_view(&config.dataset) => self.set(config),
            None if !is_loading => {
                let id = config.dataset.clone();
                let is_known = untrack(|| self.catalog.find(&id).is_some());
                let has_catalog = untrack(|| self.catalog.first().is_some());
                if is_known || !has_catalog {
                    self.pending.update_value(|pending| pending.wait_for_catalog(config));
                    self.wanted.set(Some(id));
                } else {
                    self.set(config);
                }
            }
            _ if untrack(|| self.catalog.find(&config.dataset).is_some()) => {
                self.load(served(config.dataset.clone()), config.clone());
                self.pending.update_value(|pending| pending.wait_for_load(config));
            }
            _ => self.set(config),
        }
    }

    /// Makes a config that of the next run, whatever dataset is in view; notifies the visitor if it was made for another.
    fn set(self, config: RunConfig) {
        if !self.is_in_view(&config.dataset) {
            let dataset = config.dataset.clone();
            self.store.notify(NoticeKind::Runs(RunNotice::OtherDataset { dataset }));
        }
        self.remember();
        // The form has no teacher: what it starts learns from the labels alone.
        let config = RunConfig { distillation: None, ..config };
        let presets = self.presets.get_untracked();
        self.preset.set(presets.iter().find(|preset| preset.config.network == config.network).map(|preset| preset.id));
        self.config.set(Some(config));
    }

    fn is_in_view(self, dataset: &str) -> bool {
        self.dataset.get_untracked().is_some_and(|in_view| in_view.id == dataset)
    }

    /// Loads the dataset of a config, which may wait for it.
    fn load(self, source: DatasetSource, config: RunConfig) {
        spawn_local(async move {
            // The Data place shows progress and failure.
            if self.store.load_dataset(source, config.split).await.is_err() {
                self.pending.update_value(|pending| pending.load_failed(&config));
            }
        });
    }

    /// Starts a run with the current settings; loads the dataset first if there is none. A network that cannot be built is reported at
    /// once, before anything is loaded.
    pub fn start(self) {
        if self.is_starting.get_untracked() || self.refusals.hold_back() {
            return;
        }
        if let Some(error) = self.survey.get_untracked().and_then(|survey| survey.error) {
            self.store.notify(NoticeKind::Warning(error.into()));
            return;
        }
        self.is_starting.set(true);
        spawn_local(async move {
            let ready = self.dataset_ready().await;
            self.is_starting.set(false);
            // Later failures are in the state, and the places show them.
            if let (Ok(()), Some(config)) = (ready, self.complete_config()) {
                drop(self.store.train(config, |_| {}).await);
            }
        });
    }

    /// Loads the dataset in view if the engine has none.
    pub async fn dataset_ready(self) -> Result<(), Failure> {
        if self.store.dataset.with_untracked(|dataset| dataset.current.is_some()) {
            return Ok(());
        }
        let in_view = self.dataset.get_untracked();
        let summary = in_view.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        let origin = self.store.dataset.with_untracked(|dataset| dataset.origin.clone());
        let source = match origin {
            // The dataset was lost with its engine.
            Some((source, _)) if self.wanted.get_untracked().is_none() => source,
            _ => served(summary.id.clone()),
        };
        self.store.load_dataset(source, self.split.get_untracked()).await.map(drop)
    }

    /// Ensures that the dataset of a config is loaded and split as the config says. It is the current one, or a served one that is found by
    /// `served_id` or in the catalog.
    pub async fn dataset_for(self, config: &RunConfig, served_id: Option<String>) -> Result<(), Failure> {
        self.store.dataset_settled().await;
        let (origin, is_cut) = self.store.dataset.with_untracked(|dataset| {
            let is_current = dataset.current.as_ref().is_some_and(|current| current.id == config.dataset);
            let origin = dataset.origin.clone().filter(|_| is_current);
            let is_cut = origin.as_ref().is_some_and(|(_, split)| *split == config.split);
            (origin, is_cut)
        });
        if is_cut {
            return Ok(());
        }
        let known =
            served_id.or_else(|| untrack(|| self.catalog.find(&config.dataset)).map(|_| config.dataset.clone()));
        let source = origin.map(|(source, _)| source).or_else(|| known.map(served));
        if let Some(source) = source {
            return self.store.load_dataset(source, config.split).await.map(drop);
        }
        if let Some(find) = self.finder.get_value()
            && find(self.store, config.clone()).await?
        {
            return Ok(());
        }
        Err(Failure::new(FailureKind::NoDataset, format!("the dataset {} must be given again", config.dataset)))
    }

    /// A dataset with such images and classes: the loaded one, or one of the catalog. Without `names`, any names fit the loaded one.
    pub fn dataset_like(self, shape: ImageShape, names: Option<&[String]>, n_classes: usize) -> Option<Origin> {
        let loaded = self.store.dataset.with_untracked(|dataset| {
            let (current, (_, split)) = dataset.current.as_ref().zip(dataset.origin.as_ref())?;
            let is_like = current.shape == shape
                && current.classes.len() == n_classes
                && names.is_none_or(|names| current.classes == names);
            is_like.then(|| Origin { dataset: current.id.clone(), split: *split })
        });
        let served = || {
            let dataset = self.catalog.with_classes(shape, names?)?;
            Some(Origin { dataset, split: SplitConfig::default() })
        };
        loaded.or_else(served)
    }

    /// The settings, with the id and split of the loaded dataset; None if no dataset is loaded.
    pub fn complete_config(self) -> Option<RunConfig> {
        let config = self.config.get_untracked()?;
        self.store.dataset.with_untracked(|dataset| {
            let (current, (_, split)) = dataset.current.as_ref().zip(dataset.origin.as_ref())?;
            Some(RunConfig { dataset: current.id.clone(), split: *split, ..config })
        })
    }
}

/// The dataset in view: the one that is loading, else the loaded one, else the wanted one, else the catalog's first.
fn in_view(store: Store, catalog: Catalog, wanted: RwSignal<Option<String>>) -> Option<Arc<DatasetSummary>> {
    let (current, coming) = store.dataset.with(|dataset| {
        let coming = match &dataset.load {
            Load::Loading { source: DatasetSource::Served { id, .. }, .. } => Some(id.clone()),
            Load::Loading { .. } | Load::Idle | Load::Failed { .. } | Load::Canceled => None,
        };
        (dataset.current.clone(), coming)
    });
    match (coming, current) {
        (Some(id), _) => catalog.outline(&id),
        (None, Some(current)) => Some(current),
        (None, None) => wanted.get().and_then(|id| catalog.outline(&id)).or_else(|| catalog.first()),
    }
}
