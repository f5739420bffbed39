//! Images of the dataset with their predictions, a page at a time.

use kindling_core::protocol::question::ImagesAt;
use leptos::prelude::*;

use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::probability;
use crate::page::text::i18n::move_tr;
use crate::page::widgets::pager::{Pager, n_pages};
use crate::page::widgets::pixel_image::PixelImage;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{ImageBatch, Prediction};

/// Images per page: a few rows on a wide screen.
pub const PAGE_SIZE: usize = 24;

/// Shows the images of the predictions, in the given order. Only the images of the open page are fetched.
#[component]
pub fn Gallery(
    predictions: Vec<Prediction>,
    classes: Vec<String>,
    /// The list's accessible name.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let store = use_store();
    let pages = n_pages(predictions.len() as u32, PAGE_SIZE as u32);
    let page = RwSignal::new(0);
    let predictions = StoredValue::new(predictions);
    let classes = StoredValue::new(classes);
    let shown = move || {
        let first = page.get() as usize * PAGE_SIZE;
        predictions.with_value(|all| all.iter().skip(first).take(PAGE_SIZE).copied().collect::<Vec<_>>())
    };
    let images = LocalResource::new(move || {
        let indices = shown().iter().map(|prediction| prediction.index).collect();
        async move { store.ask(ImagesAt { indices }).await }
    });
    let list = move || {
        // The current images stay until those of a new page have arrived.
        images.get().map(|result| match result {
            Ok(batch) => view! { <GalleryList batch predictions classes name /> }.into_any(),
            Err(failure) => view! { <p role="alert" class="failure">{failure_text(&failure)}</p> }.into_any(),
        })
    };
    view! {
        <div class="gallery">
            {list}
            <Show when=move || { pages > 1 }>
                <Pager page n_pages=pages />
            </Show>
        </div>
    }
}

#[component]
fn GalleryList(
    batch: ImageBatch,
    predictions: StoredValue<Vec<Prediction>>,
    classes: StoredValue<Vec<String>>,
    name: Signal<String>,
) -> impl IntoView {
    let class =
        move |class: u16| classes.with_value(|classes| classes.get(usize::from(class)).cloned()).unwrap_or_default();
    let shape = batch.shape;
    let n_values = shape.n_values();
    let items = batch.indices.iter().enumerate().filter_map(|(place, index)| {
        let pixels = batch.pixels.get(place * n_values..(place + 1) * n_values)?.to_vec();
        let prediction =
            predictions.with_value(|all| all.iter().find(|prediction| prediction.index == *index).copied())?;
        let (label, predicted) = (class(prediction.label), class(prediction.predicted));
        let is_correct = prediction.label == prediction.predicted;
        let picture = label.clone();
        let pair = format!("{label} → {predicted}");
        Some(view! {
            <li>
                <figure class="gallery-item" class:is-wrong=!is_correct>
                    <PixelImage shape pixels name=picture />
                    <figcaption>
                        // In sight as the pairs above are written; in words for those who do not see it.
                        <span class="visually-hidden">
                            {move_tr!(gallery.label, class = label)}" "{move_tr!(gallery.predicted, class = predicted)}" "
                        </span>
                        <strong aria-hidden="true">{pair}</strong>
                        <span>{probability(prediction.confidence.into())}</span>
                    </figcaption>
                </figure>
            </li>
        })
    });
    view! { <ul class="gallery-list" aria-label=name>{items.collect::<Vec<_>>()}</ul> }
}
