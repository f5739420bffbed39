//! What the next run will be: the dataset in view, its presets, and the settings as the visitor has them.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::catalog::Catalog;
use super::designer::editor::Editor;
use super::sources::served;
use super::state::{Load, NoticeKind};
use super::store::Store;
use crate::network::shape::{Survey, survey};
use crate::network::{Preset, presets};
use crate::protocol::{
    DatasetSource, DatasetSummary, Failure, FailureKind, NetworkConfig, RatePoint, RateTest, RunConfig, SplitConfig,
};

pub fn use_recipe() -> Recipe {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Recipe {
    /// The dataset that the next run is for: the current one, or the one that will be loaded.
    pub dataset: Memo<Option<Arc<DatasetSummary>>>,
    /// The presets that fit it.
    pub presets: Memo<Vec<Preset>>,
    /// Id of the chosen preset.
    pub preset: RwSignal<Option<&'static str>>,
    /// The settings of the next run; none until a dataset is in view.
    pub config: RwSignal<Option<RunConfig>>,
    /// The network in those settings.
    pub network: Memo<Option<NetworkConfig>>,
    /// What its layers put out and cost with the dataset in view, and what does not fit.
    pub survey: Memo<Option<Survey>>,
    /// What can be undone of it; `edit`, `undo` and `redo` are in the designer.
    pub editor: RwSignal<Editor>,
    /// The network's text as the visitor typed it, until it is taken.
    pub draft: RwSignal<Option<String>>,
    /// How the next dataset is cut.
    pub split: RwSignal<SplitConfig>,
    /// Whether a run was asked for and its dataset is still being loaded.
    pub is_starting: RwSignal<bool>,
    store: Store,
}

impl Recipe {
    /// Made once, beside the store.
    pub fn new(store: Store, catalog: Catalog) -> Self {
        let dataset = Memo::new(move |_| in_view(store, catalog));
        let presets = Memo::new(move |_| dataset.read().as_ref().map(|dataset| presets(dataset)).unwrap_or_default());
        let config = RwSignal::new(None::<RunConfig>);
        let network = Memo::new(move |_| config.read().as_ref().map(|config| config.network.clone()));
        let survey = Memo::new(move |_| {
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
            store,
        };
        // Another dataset begins with the preset that suits it best; its settings are not those of the one before.
        Effect::watch(
            move || presets.get(),
            move |presets, before, _| {
                if before != Some(presets)
                    && let Some(first) = presets.first()
                {
                    recipe.choose(first);
                    recipe.editor.set(Editor::default());
                }
            },
            true,
        );
        recipe
    }

    /// Takes a preset with all its settings. The network before it can be had back.
    pub fn choose(self, preset: &Preset) {
        if let Some(before) = self.network.get_untracked() {
            self.editor.update(|editor| editor.remember(before));
        }
        self.preset.set(Some(preset.id));
        self.config.set(Some(preset.config.clone()));
    }

    /// A figure of the settings, or the default where there are none yet.
    pub fn read<T: Default>(self, read: impl FnOnce(&RunConfig) -> T) -> T {
        self.config.read().as_ref().map(read).unwrap_or_default()
    }

    pub fn change(self, change: impl FnOnce(&mut RunConfig)) {
        self.config.update(|config| {
            if let Some(config) = config {
                change(config);
            }
        });
    }

    /// Tests learning rates for the settings, on the dataset that the engine has.
    pub async fn find_rate(self, on_progress: impl Fn(f32, &[RatePoint]) + 'static) -> Result<RateTest, Failure> {
        let config = self.complete_config();
        let config = config.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        self.store.find_rate(config, on_progress).await
    }

    /// Starts a run as the settings have it; loads the dataset first where there is none. A network that cannot be built is told of at
    /// once, before anything is loaded.
    pub fn start(self) {
        if self.is_starting.get_untracked() {
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
            // What goes wrong from here on is in the state, and the places show it.
            if let (Ok(()), Some(config)) = (ready, self.complete_config()) {
                drop(self.store.train(config, |_| {}).await);
            }
        });
    }

    /// Loads the dataset in view where the engine has none.
    pub async fn dataset_ready(self) -> Result<(), Failure> {
        if self.store.dataset.with_untracked(|dataset| dataset.current.is_some()) {
            return Ok(());
        }
        let in_view = self.dataset.get_untracked();
        let summary = in_view.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        let origin = self.store.dataset.with_untracked(|dataset| dataset.origin.clone());
        let source = match origin {
            // Lost with its engine.
            Some((source, _)) => source,
            None => served(summary.id.clone()),
        };
        self.store.load_dataset(source, self.split.get_untracked()).await.map(drop)
    }

    /// The settings, for the dataset as it is.
    fn complete_config(self) -> Option<RunConfig> {
        let config = self.config.get_untracked()?;
        self.store.dataset.with_untracked(|dataset| {
            let (current, (_, split)) = dataset.current.as_ref().zip(dataset.origin.as_ref())?;
            Some(RunConfig { dataset: current.id.clone(), split: *split, ..config })
        })
    }
}

/// The dataset that a visitor would say the page is about now.
fn in_view(store: Store, catalog: Catalog) -> Option<Arc<DatasetSummary>> {
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
        (None, None) => catalog.first(),
    }
}
