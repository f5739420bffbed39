//! A grid of dataset images with their classes.

use std::sync::Arc;

use leptos::prelude::*;

use super::pixel_image::PixelImage;
use kindling_core::protocol::ImageBatch;

#[component]
pub fn ImageGrid(
    batch: ImageBatch,
    classes: Arc<Vec<String>>,
    /// The accessible name of the grid.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let shape = batch.shape;
    // `max(1)`: `chunks_exact` panics on 0, and a shape without values has no images anyway.
    let images = batch.pixels.chunks_exact(shape.n_values().max(1)).zip(&batch.labels);
    let items = images.map(|(pixels, label)| {
        let class = classes.get(usize::from(*label)).cloned().unwrap_or_else(|| label.to_string());
        view! {
            <li>
                <figure>
                    <PixelImage shape pixels=pixels.to_vec() name=class.clone() />
                    <figcaption aria-hidden="true">{class}</figcaption>
                </figure>
            </li>
        }
    });
    view! { <ul class="image-grid" aria-label=name>{items.collect::<Vec<_>>()}</ul> }
}
