//! Images of a dataset with their classes, in a grid.

use std::sync::Arc;

use leptos::prelude::*;

use super::pixel_image::PixelImage;
use kindling_core::protocol::ImageBatch;

#[component]
pub fn ImageGrid(
    batch: ImageBatch,
    classes: Arc<Vec<String>>,
    /// What the grid is called.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let shape = batch.shape;
    // A shape without values has no images.
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
