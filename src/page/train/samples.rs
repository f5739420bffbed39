//! A few validation images with the network's predictions during training.

use kindling_core::protocol::question::ImagesAt;
use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::percent;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::pixel_image::PixelImage;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{ImageBatch, Prediction};

/// Characters of a class's name that fit below an image of the strip.
const NAME_LIMIT: usize = 3;

/// The sample images of the current dataset, and the names of its classes.
pub type SampleImages = LocalResource<Option<(ImageBatch, Vec<String>)>>;

/// Fetches the images once for the whole place.
pub fn provide_sample_images() {
    let store = use_store();
    let version = memo(move |_| store.dataset.with(|dataset| (dataset.version, dataset.current.is_some())));
    let images: SampleImages = LocalResource::new(move || {
        // `get`, not `track`: a memo that has never been read has no dependencies.
        version.get();
        let summary = store.dataset.with_untracked(|dataset| dataset.current.clone());
        async move {
            let summary = summary.filter(|summary| !summary.samples.is_empty())?;
            // The page can train without these images; the failure is shown elsewhere.
            let batch = store.ask(ImagesAt { indices: summary.samples.clone() }).await.ok()?;
            Some((batch, summary.classes.clone()))
        }
    });
    provide_context(images);
}

pub fn use_sample_images() -> SampleImages {
    expect_context()
}

/// The images in one row, with the latest predictions. Empty until a dataset is loaded.
#[component]
pub fn SampleStrip() -> impl IntoView {
    let grid = |(batch, classes): (ImageBatch, Vec<String>)| {
        let n_images = batch.indices.len();
        view! {
            <section class="panel sample-strip" aria-labelledby="samples-title" translate="no">
                <div>
                    <h2 id="samples-title">{move_tr!(train.samples)}</h2>
                    <Score n_images />
                </div>
                <Images batch classes />
            </section>
        }
    };
    when_loaded(grid)
}

/// The images in rows, with the latest predictions and how sure they are.
#[component]
pub fn SampleGrid() -> impl IntoView {
    let has_images = loaded();
    let grid = |(batch, classes): (ImageBatch, Vec<String>)| {
        let n_images = batch.indices.len();
        view! {
            <div class="sample-grid" translate="no">
                <Score n_images />
                <Images batch classes />
            </div>
        }
    };
    view! {
        <Show when=move || !has_images.get()><p class="hint">{move_tr!(train.samples_later)}</p></Show>
        {when_loaded(grid)}
    }
}

fn loaded() -> Memo<bool> {
    let store = use_store();
    memo(move |_| store.dataset.with(|dataset| dataset.current.is_some()))
}

fn when_loaded<V: IntoView + 'static>(draw: impl Fn((ImageBatch, Vec<String>)) -> V + Send + 'static) -> impl IntoView {
    let has_dataset = loaded();
    let images = use_sample_images();
    move || images.get().flatten().filter(|_| has_dataset.get()).map(&draw)
}

/// How many of the images are classified correctly.
#[component]
fn Score(n_images: usize) -> impl IntoView {
    let store = use_store();
    let n_correct = memo(move |_| {
        store.samples.with(|samples| {
            let correct = samples.iter().filter(|prediction| prediction.label == prediction.predicted).count();
            (!samples.is_empty()).then_some(correct)
        })
    });
    view! {
        <p class="hint">
            {move || match n_correct.get() {
                Some(correct) => tr!(train.samples_right, right = correct, total = n_images),
                None => tr!(train.samples_wait),
            }}
        </p>
    }
}

#[component]
fn Images(batch: ImageBatch, classes: Vec<String>) -> impl IntoView {
    let store = use_store();
    let n_values = batch.shape.n_values();
    let images = batch.indices.iter().zip(&batch.labels).enumerate().filter_map(|(place, (index, label))| {
        let pixels = batch.pixels.get(place * n_values..(place + 1) * n_values)?.to_vec();
        Some((*index, *label, pixels))
    });
    let has_long_names = classes.iter().any(|name| name.chars().count() > NAME_LIMIT);
    let classes = StoredValue::new(classes);
    let shape = batch.shape;
    let item = move |(index, label, pixels): (u32, u16, Vec<u8>)| {
        let prediction = memo(move |_| {
            store.samples.with(|samples| samples.iter().find(|prediction| prediction.index == index).copied())
        });
        let name = class_name(classes, label);
        let picture = name.clone();
        view! {
            <li class="sample" class:is-wrong=move || prediction.get().is_some_and(|it| it.label != it.predicted)>
                <PixelImage shape pixels name=Signal::derive(move || tr!(train.sample_of, class = picture)) />
                {move || match prediction.get() {
                    None => view! { <span class="sample-text">{name.clone()}</span> }.into_any(),
                    Some(prediction) => view! { <Verdict prediction classes /> }.into_any(),
                }}
            </li>
        }
    };
    view! { <ul class="samples" class:has-long-names=has_long_names>{images.map(item).collect_view()}</ul> }
}

/// The prediction for one image. Correct and incorrect differ in icon and text, not only in color.
#[component]
fn Verdict(prediction: Prediction, classes: StoredValue<Vec<String>>) -> impl IntoView {
    let is_correct = prediction.label == prediction.predicted;
    let predicted = class_name(classes, prediction.predicted);
    view! {
        <span class="sample-text">
            <Glyph icon=if is_correct { Icon::Check } else { Icon::Cross } />
            <span class="visually-hidden">{move || if is_correct { tr!(train.right) } else { tr!(train.wrong) }}</span>
            <span class="sample-class">{predicted}</span>
            <span class="sample-confidence">{percent(prediction.confidence.into())}</span>
        </span>
    }
}

fn class_name(classes: StoredValue<Vec<String>>, class: u16) -> String {
    classes.with_value(|classes| classes.get(usize::from(class)).cloned()).unwrap_or_else(|| class.to_string())
}
