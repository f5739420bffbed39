//! Images of the dataset with their predictions, a page at a time.

use kindling_core::protocol::question::ImagesAt;
use leptos::prelude::*;

use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::percent;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::pixel_image::PixelImage;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{ImageBatch, Prediction};

/// Images per page: a few rows on a wide screen.
pub const PAGE_SIZE: usize = 24;

/// The number of pages for a list of `n_items`; an empty list has one empty page.
fn n_pages(n_items: usize) -> usize {
    n_items.div_ceil(PAGE_SIZE).max(1)
}

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
    let pages = n_pages(predictions.len());
    let page = RwSignal::new(0);
    let predictions = StoredValue::new(predictions);
    let classes = StoredValue::new(classes);
    let shown = move || {
        let first = page.get() * PAGE_SIZE;
        predictions.with_value(|all| all.iter().skip(first).take(PAGE_SIZE).copied().collect::<Vec<_>>())
    };
    let is_last = move || page.get() + 1 >= pages;
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
                <nav class="gallery-pages" aria-label=move_tr!(gallery.pages)>
                    <button
                        type="button"
                        class="button"
                        disabled=move || page.get() == 0
                        on:click=move |_| page.update(|page| *page = page.saturating_sub(1))
                    >
                        {move_tr!(gallery.previous)}
                    </button>
                    <span>{move || tr!(gallery.page, page = page.get() + 1, pages = pages)}</span>
                    <button
                        type="button"
                        class="button"
                        disabled=is_last
                        on:click=move |_| page.update(|page| *page += 1)
                    >
                        {move_tr!(gallery.next)}
                    </button>
                </nav>
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
        Some(view! {
            <li>
                <figure class="gallery-item" class:is-wrong=!is_correct>
                    <PixelImage shape pixels name=picture />
                    <figcaption>
                        <span>{move_tr!(gallery.label, class = label)}</span>
                        <span>{move_tr!(gallery.predicted, class = predicted)}</span>
                        <span>{percent(prediction.confidence.into())}</span>
                    </figcaption>
                </figure>
            </li>
        })
    });
    view! { <ul class="gallery-list" aria-label=name>{items.collect::<Vec<_>>()}</ul> }
}

#[cfg(test)]
mod tests {
    use super::{PAGE_SIZE, n_pages};

    #[test]
    fn a_full_page_needs_no_second_one() {
        assert_eq!(n_pages(0), 1);
        assert_eq!(n_pages(PAGE_SIZE), 1);
        assert_eq!(n_pages(PAGE_SIZE + 1), 2);
    }
}
