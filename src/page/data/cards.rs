//! The datasets served with the page, as cards.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ending::may_replace;
use crate::page::reactive::memo;
use crate::page::recipe::catalog::{Catalog, CatalogState};
use crate::page::recipe::sources::served;
use crate::page::recipe::use_recipe;
use crate::page::state::Load;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use kindling_core::dataset::ServedDataset;
use kindling_core::protocol::DatasetSource;

#[component]
pub fn DatasetCards() -> impl IntoView {
    let catalog = expect_context::<Catalog>();
    view! {
        {move || match catalog.state().get() {
            CatalogState::Loading => view! { <p class="hint" role="status">{move_tr!(data.catalog_loading)}</p> }.into_any(),
            CatalogState::Ready(datasets) => view! {
                <ul class="cards" aria-label=move_tr!(data.served)>
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

#[component]
fn DatasetCard(dataset: Arc<ServedDataset>) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let id = dataset.id.clone();
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
    let license = format!("datasets/{}/{}", dataset.id, dataset.license.file);
    let load_name = {
        let (name, size) = (name.clone(), size.clone());
        move || tr!(data.load_name, name = name, size = size)
    };
    view! {
        <li class="card" class:is-current=move || is_current.get()>
            <h2>{name}</h2>
            <p class="hint">
                {move_tr!(data.card, images = count(n_images), classes = n_classes)}
                <br />
                {move || match shape.channels {
                    1 => tr!(data.card_gray, width = shape.width, height = shape.height),
                    _ => tr!(data.card_color, width = shape.width, height = shape.height),
                }}
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
                        {move_tr!(data.load, size = size)}
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
