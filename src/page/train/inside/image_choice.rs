//! The choice of the sample image whose feature maps are shown.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::train::samples::use_sample_images;
use crate::page::widgets::hint::Why;
use crate::page::widgets::pixel_image::PixelImage;
use kindling_core::protocol::{Command, ImageBatch, Watch};

/// Shows no images until they have been fetched.
#[component]
pub fn ImageChoice() -> impl IntoView {
    let batch = use_sample_images();
    view! {
        <section class="inside-images" aria-labelledby="inside-images-title">
            <h3 id="inside-images-title">{move_tr!(inside.image)}</h3>
            <Why text=key_tr!(inside.image_why) />
            {move || batch.get().flatten().map(|(batch, classes)| view! { <Choices batch classes /> })}
        </section>
    }
}

#[component]
fn Choices(batch: ImageBatch, classes: Vec<String>) -> impl IntoView {
    let store = use_store();
    let chosen = memo(move |_| store.inside.with(|inside| inside.watch.and_then(|watch| watch.image)));
    let shape = batch.shape;
    // `max(1)`: the chunk size must not be 0; a shape without values has no pixels.
    let images = batch.pixels.chunks_exact(shape.n_values().max(1)).zip(&batch.indices).zip(&batch.labels);
    let choices = images.map(|((pixels, &index), label)| {
        let class = classes.get(usize::from(*label)).cloned().unwrap_or_else(|| label.to_string());
        let choose = move |_| store.send(Command::Watch(Some(Watch { image: Some(index) })));
        view! {
            <li>
                <button
                    type="button"
                    data-image=index
                    aria-pressed=move || (chosen.get() == Some(index)).to_string()
                    on:click=choose
                >
                    <PixelImage
                        shape
                        pixels=pixels.to_vec()
                        name=Signal::derive(move || tr!(train.sample_of, class = class))
                    />
                </button>
            </li>
        }
    });
    view! { <ul>{choices.collect_view()}</ul> }
}
