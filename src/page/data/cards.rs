//! The datasets as cards: the visitor's own, if one is loaded, and those served with the page.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::reactive::memo;
use crate::page::recipe::catalog::{Catalog, CatalogState};
use crate::page::recipe::ending::may_replace;
use crate::page::recipe::sources::served;
use crate::page::recipe::use_recipe;
use crate::page::state::Load;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::pixel_image::PixelImage;
use kindling_core::dataset::ServedDataset;
use kindling_core::dataset::served::N_SAMPLES;
use kindling_core::protocol::question::Images;
use kindling_core::protocol::{DatasetSource, DatasetSummary, ImageShape, SplitName};

#[component]
pub fn DatasetCards() -> impl IntoView {
    let catalog = expect_context::<Catalog>();
    view! {
        {move || match catalog.state().get() {
            CatalogState::Loading => view! { <p class="hint" role="status">{move_tr!(data.catalog_loading)}</p> }.into_any(),
            CatalogState::Ready(datasets) => view! {
                <ul class="cards" aria-label=move_tr!(data.served)>
                    <OwnCard />
                    {datasets.into_iter().map(|dataset| view! { <DatasetCard dataset /> }).collect_view()}
                </ul>
            }.into_any(),
            CatalogState::Failed(failure) => view! {
                <div class="panel failure-panel" role="alert">
                    <p>{move || failure_text(&failure)}</p>
                    <button type="button" class="button" on:click=move |_| catalog.load()>{move_tr!(shell.try_again)}</button>
                </div>
            }.into_any(),
        }}
    }
}

/// The dataset of the visitor's own files, whose name can be changed. Empty unless it is loaded.
#[component]
fn OwnCard() -> impl IntoView {
    const NAME_LIMIT: usize = 80;
    let store = use_store();
    let own = memo(move |_| {
        store.dataset.with(|dataset| {
            let is_own = matches!(dataset.origin, Some((DatasetSource::Files { .. }, _)));
            dataset.current.clone().filter(|_| is_own).map(|current| (dataset.version, current))
        })
    });
    // Not rebuilt when it is renamed, which the keyboard focus would not survive.
    let version = memo(move |_| own.read().as_ref().map(|(version, _)| *version));
    let name = move || own.read().as_ref().map(|(_, current)| current.name.clone());
    let rename = move |text: String| {
        let text = text.trim();
        if !text.is_empty() {
            store.rename_dataset(text.to_owned());
        }
    };
    let card = move |summary: Arc<DatasetSummary>| {
        let n_images = summary.counts.train + summary.counts.validation + summary.counts.test;
        view! {
            <li class="card is-current">
                <OwnSamples summary=summary.clone() />
                <h2 class="visually-hidden">{name}</h2>
                <input
                    class="card-name"
                    type="text"
                    maxlength=NAME_LIMIT
                    autocomplete="off"
                    aria-label=move_tr!(data.own_name)
                    prop:value=name
                    on:change:target=move |event| rename(event.target().value())
                />
                <p class="hint">
                    {move_tr!(data.card, images = count(n_images), classes = summary.classes.len())}
                    <br />
                    {move || shape_text(summary.shape)}
                </p>
                <p class="card-state"><Glyph icon=Icon::Check />{move_tr!(data.is_loaded)}</p>
            </li>
        }
    };
    move || version.get().and_then(|_| own.get_untracked()).map(|(_, summary)| card(summary))
}

/// The first training images.
#[component]
fn OwnSamples(summary: Arc<DatasetSummary>) -> impl IntoView {
    let store = use_store();
    let batch = LocalResource::new(move || {
        let question = Images { split: SplitName::Train, class: None, offset: 0, count: N_SAMPLES };
        // Engine failures are shown elsewhere on the page.
        async move { store.ask(question).await.ok() }
    });
    let classes = StoredValue::new(summary.classes.clone());
    let images = move || {
        let batch = batch.get().flatten()?;
        let shape = batch.shape;
        let images = batch.pixels.chunks_exact(shape.n_values().max(1)).zip(&batch.labels).map(|(pixels, label)| {
            let class = classes.with_value(|all| all.get(usize::from(*label)).cloned()).unwrap_or_default();
            view! { <PixelImage shape pixels=pixels.to_vec() name=class /> }
        });
        Some(images.collect_view())
    };
    view! { <div class="card-samples">{images}</div> }
}

fn shape_text(shape: ImageShape) -> String {
    match shape.channels {
        1 => tr!(data.card_gray, width = shape.width, height = shape.height),
        _ => tr!(data.card_color, width = shape.width, height = shape.height),
    }
}

#[component]
fn DatasetCard(dataset: Arc<ServedDataset>) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let catalog = expect_context::<Catalog>();
    let id = dataset.id.clone();
    // A dataset that the browser has kept costs no download.
    let is_kept = {
        let id = id.clone();
        memo(move |_| catalog.is_kept(&id))
    };
    let is_current = {
        let id = id.clone();
        memo(move |_| store.dataset.with(|state| state.current.as_ref().is_some_and(|current| current.id == id)))
    };
    let is_coming = {
        let id = id.clone();
        memo(move |_| {
            store.dataset.with(|state| {
                matches!(&state.load, Load::Loading { source: DatasetSource::Served { id: coming, .. }, .. } if *coming == id)
            })
        })
    };
    let load = move |_| {
        if !may_replace(store) {
            return;
        }
        let source = served(id.clone());
        // Progress and failure are shown below the cards.
        spawn_local(async move { drop(store.load_dataset(source, recipe.split.get_untracked()).await) });
    };
    let shape = dataset.shape;
    let name = dataset.name.clone();
    let size = bytes(dataset.total_bytes());
    let n_classes = dataset.classes.len();
    let n_images = dataset.counts.train + dataset.counts.test;
    let samples = dataset.samples.as_ref().map(|file| format!("datasets/{}/{file}", dataset.id));
    let license = format!("datasets/{}/{}", dataset.id, dataset.license.file);
    let load_name = {
        let (name, size) = (name.clone(), size.clone());
        move || match is_kept.get() {
            true => tr!(data.load_kept_name, name = name),
            false => tr!(data.load_name, name = name, size = size),
        }
    };
    let load_text = move || if is_kept.get() { tr!(data.load_kept) } else { tr!(data.load, size = size) };
    view! {
        <li class="card" class:is-current=move || is_current.get()>
            {samples.map(|file| view! { <img class="card-samples" src=file alt="" width=N_SAMPLES * shape.width height=shape.height /> })}
            <h2>{name}</h2>
            <p class="hint">
                {move_tr!(data.card, images = count(n_images), classes = n_classes)}
                <br />
                {move || shape_text(shape)}
            </p>
            {move || match is_current.get() {
                true => view! { <p class="card-state"><Glyph icon=Icon::Check />{move_tr!(data.is_loaded)}</p> }.into_any(),
                false => view! {
                    <button
                        type="button"
                        class="button"
                        aria-label=load_name.clone()
                        disabled=move || is_coming.get()
                        on:click=load.clone()
                    >
                        {load_text.clone()}
                    </button>
                }.into_any(),
            }}
            <details>
                <summary>{move_tr!(data.about)}</summary>
                <p>{dataset.credit.clone()}</p>
                <p>{dataset.source.clone()}</p>
                <p><a href=license target="_blank">{dataset.license.name.clone()}</a></p>
                <p><a href=dataset.homepage.clone() target="_blank" rel="noopener noreferrer">{dataset.homepage.clone()}</a></p>
            </details>
        </li>
    }
}
