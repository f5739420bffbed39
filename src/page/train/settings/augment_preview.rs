//! A preview of data augmentation on training images of the dataset.

use kindling_core::protocol::question::Augment;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::GroupOpen;
use crate::page::reactive::{effect, memo};
use crate::page::recipe::use_recipe;
use crate::page::store::{Store, use_store};
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::move_tr;
use crate::page::widgets::image_grid::ImageGrid;
use crate::page::widgets::latest::Latest;
use crate::page::widgets::show::Show;
use kindling_core::config::AugmentConfig;
use kindling_core::protocol::{Failure, ImageBatch};

/// The number of images shown.
const N_IMAGES: u32 = 8;

/// The inputs of a preview.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wanted {
    config: AugmentConfig,
    /// The seed: another one augments the same images differently.
    draw: u32,
    /// The dataset's version.
    version: u32,
}

#[component]
pub fn AugmentPreview(
    /// Prefix of the DOM ids.
    id_prefix: &'static str,
    /// The augmentation as it is set now.
    config: Signal<Option<AugmentConfig>>,
) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_open = expect_context::<GroupOpen>().0;
    let draw = RwSignal::new(0_u32);
    let in_view = memo(move |_| recipe.dataset.read().as_ref().map(|dataset| dataset.id.clone()));
    let loaded = memo(move |_| {
        store.dataset.with(|dataset| {
            let current = dataset.current.as_ref().filter(|current| Some(&current.id) == in_view.read().as_ref())?;
            Some((dataset.version, Arc::new(current.classes.clone())))
        })
    });
    let wanted = memo(move |_| {
        let (version, _) = loaded.get().filter(|_| is_open.get())?;
        Some(Wanted { config: config.get()?, draw: draw.get(), version })
    });
    let previewer = Previewer::new(store);
    effect(move |_| previewer.want(wanted.get()));
    let is_loaded = memo(move |_| loaded.read().is_some());
    let images = move || match previewer.shown.get()? {
        Ok(batch) => {
            let (_, classes) = loaded.get()?;
            let name = Signal::derive(move_tr!(expert.augment_preview));
            Some(view! { <ImageGrid batch classes name /> }.into_any())
        }
        Err(failure) => Some(view! { <p class="failure" role="status">{failure_text(&failure)}</p> }.into_any()),
    };
    view! {
        <div class="augment-preview" id=format!("{id_prefix}augment-preview")>
            <p class="label">{move_tr!(expert.augment_preview)}</p>
            <Show when=move || is_loaded.get() fallback=LoadFirst>
                {images}
                <button
                    type="button"
                    class="button is-small"
                    id=format!("{id_prefix}augment-again")
                    on:click=move |_| draw.update(|draw| *draw = draw.wrapping_add(1))
                >
                    {move_tr!(expert.augment_again)}
                </button>
            </Show>
        </div>
    }
}

/// Shown while the dataset is not loaded; one click loads it.
#[component]
fn LoadFirst() -> impl IntoView {
    let recipe = use_recipe();
    let store = use_store();
    let is_loading = memo(move |_| store.dataset.with(|dataset| dataset.load.is_loading()));
    // The Data place shows progress and failure.
    let load = move |_| spawn_local(async move { drop(recipe.dataset_ready().await) });
    view! {
        <p class="hint">{move_tr!(expert.augment_no_images)}</p>
        <button type="button" class="button is-small" disabled=move || is_loading.get() on:click=load>
            {move_tr!(expert.augment_load)}
        </button>
    }
}

/// Requests previews one at a time: at most one question is pending, and of those requested meanwhile only the latest is asked.
#[derive(Clone, Copy)]
struct Previewer {
    store: Store,
    shown: RwSignal<Option<Result<ImageBatch, Failure>>>,
    latest: StoredValue<Latest<Wanted>>,
}

impl Previewer {
    fn new(store: Store) -> Self {
        Self { store, shown: RwSignal::new(None), latest: StoredValue::new(Latest::default()) }
    }

    fn want(self, wanted: Option<Wanted>) {
        let Some(wanted) = wanted else {
            self.latest.update_value(Latest::forget);
            return self.shown.set(None);
        };
        if let Some(wanted) = self.latest.try_update_value(|latest| latest.offer(wanted)).flatten() {
            self.ask(wanted);
        }
    }

    fn ask(self, Wanted { config, draw, .. }: Wanted) {
        spawn_local(async move {
            let shown = self.store.ask(Augment { config, count: N_IMAGES, seed: draw }).await;
            // None once the settings have been removed from the page.
            let Some(settled) = self.latest.try_update_value(Latest::settle) else { return };
            if settled.is_wanted && settled.next.is_none() {
                self.shown.try_set(Some(shown));
            }
            if let Some(wanted) = settled.next {
                self.ask(wanted);
            }
        });
    }
}
