//! The chosen layer in pictures: its filters, if they are the first ones, and its feature maps of the monitored image.

use leptos::prelude::*;

use super::image_choice::ImageChoice;
use super::tiles::Tiles;
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::layer::layer_title;
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;

#[component]
pub fn ChosenLayer(layers: Memo<Vec<(u32, Layer)>>, chosen: Memo<Option<u32>>) -> impl IntoView {
    let store = use_store();
    let title = move || {
        let index = chosen.get()?;
        let layers = layers.read();
        let (_, layer) = layers.iter().find(|(of, _)| *of == index)?;
        Some(format!("{} · {}", index + 1, layer_title(layer)))
    };
    let filters = memo(move |_| {
        store.inside.with(|inside| {
            let filters = inside.latest()?.filters.as_ref()?;
            (Some(filters.layer) == chosen.get()).then(|| filters.pictures.clone())
        })
    });
    let maps = memo(move |_| {
        store.inside.with(|inside| {
            let snapshot = inside.latest()?;
            // Until the next snapshot, the maps are still of the previous image.
            let is_of_image = snapshot.image == inside.watch.and_then(|watch| watch.image);
            let maps = snapshot.maps.iter().find(|maps| Some(maps.layer) == chosen.get()).filter(|_| is_of_image)?;
            Some(maps.pictures.clone())
        })
    });
    let filters_name = Signal::derive(move_tr!(inside.filters));
    let maps_name = Signal::derive(move || tr!(inside.maps_of, layer = chosen.get().unwrap_or_default() + 1));
    view! {
        <div class="inside-chosen">
            <h2>{title}</h2>
            <Show when=move || filters.read().is_some()>
                <section id="inside-filters" aria-labelledby="inside-filters-title">
                    <h3 id="inside-filters-title">{move_tr!(inside.filters)}</h3>
                    <Tiles pictures=filters is_signed=true name=filters_name />
                    <p class="hint">{move_tr!(inside.filters_why)}</p>
                </section>
            </Show>
            <section class="inside-maps" aria-labelledby="inside-maps-title">
                <h3 id="inside-maps-title">{move_tr!(inside.maps)}</h3>
                <Show
                    when=move || maps.read().is_some()
                    fallback=|| view! { <p class="hint">{move_tr!(inside.no_maps)}</p> }
                >
                    <Tiles pictures=maps is_signed=false name=maps_name />
                    <p class="hint">{move || maps.read().as_ref().map(|maps| {
                        tr!(inside.maps_shown, shown = maps.count, total = count(maps.total))
                    })}</p>
                </Show>
            </section>
            <ImageChoice />
        </div>
    }
}
