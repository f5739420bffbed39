//! What the visitor's files leave open: how their images lie, and which labels of CIFAR-100 count.

use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::recipe::ending::may_replace;
use crate::page::recipe::use_recipe;
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::check_field::CheckField;
use crate::page::widgets::image_grid::ImageGrid;
use crate::page::widgets::show::Show;
use kindling_core::dataset::{Reading, Turn};
use kindling_core::protocol::question::Images;
use kindling_core::protocol::{DatasetSource, DatasetSummary, SplitName};

/// Images of the preview.
const N_IMAGES: u32 = 8;

/// Empty unless the dataset comes from files.
#[component]
pub fn ReadingForm(summary: Arc<DatasetSummary>) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let origin = store.dataset.with_untracked(|dataset| dataset.origin.clone());
    let Some((DatasetSource::Files { files, reading }, _)) = origin else { return ().into_any() };
    let read_as = summary.read_as;
    // What is done to the images as they are now, and which labels are wanted.
    let more = RwSignal::new(Turn::default());
    let is_coarse = RwSignal::new(read_as.is_coarse.unwrap_or_default());
    let differs = move || more.get() != Turn::default() || is_coarse.get() != read_as.is_coarse.unwrap_or_default();
    let apply = move |_: MouseEvent| {
        if !may_replace(store) {
            return;
        }
        let turn = read_as.turn.then(more.get_untracked());
        let reading = Reading { turn: Some(turn), is_coarse: is_coarse.get_untracked(), ..reading };
        let source = DatasetSource::Files { files: files.clone(), reading };
        spawn_local(async move { drop(store.load_dataset(source, recipe.split.get_untracked()).await) });
    };
    let batch = LocalResource::new(move || {
        let question = Images { split: SplitName::Train, class: None, offset: 0, count: N_IMAGES };
        // Engine failures are shown elsewhere on the page.
        async move { store.ask(question).await.ok() }
    });
    let classes = Arc::new(summary.classes.clone());
    let turn = move |next: Turn| move |_: MouseEvent| more.update(|more| *more = more.then(next));
    // Mirrored first, then turned, as the files will be read.
    let transform = move || {
        let Turn { quarters, is_mirrored } = more.get();
        format!("rotate({}deg) scaleX({})", u32::from(quarters) * 90, if is_mirrored { -1 } else { 1 })
    };
    view! {
        <section class="panel" aria-labelledby="reading-title">
            <h2 id="reading-title">{move_tr!(data.reading)}</h2>
            <p class="hint">
                {move || if read_as.turn == Turn::TRANSPOSED { tr!(data.reading_emnist) } else { tr!(data.reading_why) }}
            </p>
            <div class="turned" style=("--turn", transform)>
                {move || batch.get().flatten().map(|batch| view! {
                    <ImageGrid batch classes=classes.clone() name=Signal::derive(move_tr!(data.reading_preview)) />
                })}
            </div>
            <div class="controls">
                <button type="button" class="button" on:click=turn(Turn { quarters: 1, is_mirrored: false })>
                    {move_tr!(data.turn)}
                </button>
                <button type="button" class="button" on:click=turn(Turn { quarters: 0, is_mirrored: true })>
                    {move_tr!(data.mirror)}
                </button>
            </div>
            {read_as.is_coarse.is_some().then(|| view! {
                <CheckField
                    id="reading-coarse"
                    label=Signal::derive(move_tr!(data.coarse))
                    hint=Signal::derive(move_tr!(data.coarse_why))
                    value=is_coarse
                    on_change=move |is: bool| is_coarse.set(is)
                />
            })}
            <Show when=differs>
                <button type="button" class="button is-primary" on:click=apply.clone()>{move_tr!(data.read_again)}</button>
            </Show>
        </section>
    }
    .into_any()
}
