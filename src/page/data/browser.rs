//! Browses the dataset's images by split and class, a page at a time.

use kindling_core::protocol::question::Images;
use std::sync::Arc;

use leptos::prelude::*;

use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::image_grid::ImageGrid;
use crate::page::widgets::pager::{Pager, n_pages};
use crate::page::widgets::segments::{Segment, Segments};
use kindling_core::protocol::{DatasetSummary, ImageBatch, SplitName};

/// Images per page.
const PAGE_SIZE: u32 = 40;

#[component]
pub fn ImageBrowser(summary: Arc<DatasetSummary>) -> impl IntoView {
    let store = use_store();
    let split = RwSignal::new(SplitName::Train);
    let class = RwSignal::new(None::<u16>);
    let page = RwSignal::new(0_u32);
    // Another split or class starts at its first page.
    let choose_split = move |chosen| {
        split.set(chosen);
        page.set(0);
    };
    let choose_class = move |chosen| {
        class.set(chosen);
        page.set(0);
    };
    let batch = LocalResource::new(move || {
        let question =
            Images { split: split.get(), class: class.get(), offset: page.get() * PAGE_SIZE, count: PAGE_SIZE };
        // Engine failures are shown elsewhere on the page.
        async move { store.ask(question).await.ok() }
    });
    let pages = move || batch.get().flatten().map_or(1, |batch| n_pages(batch.total, PAGE_SIZE));
    let classes = Arc::new(summary.classes.clone());
    let grid = {
        let classes = classes.clone();
        // The current images stay until those of another page have arrived.
        move || batch.get().flatten().map(|batch| view! { <Page batch classes=classes.clone() /> })
    };
    let splits = vec![
        Segment { value: SplitName::Train, id: "browser-train", name: || tr!(data.train) },
        Segment { value: SplitName::Validation, id: "browser-validation", name: || tr!(data.validation) },
        Segment { value: SplitName::Test, id: "browser-test", name: || tr!(data.test) },
    ];
    view! {
        <section class="panel" aria-labelledby="browser-title">
            <h2 id="browser-title">{move_tr!(data.browse)}</h2>
            <div class="browse-tools">
                <Segments
                    name="browser-split"
                    legend=Signal::derive(move_tr!(data.part))
                    is_legend_hidden=true
                    segments=splits
                    value=Signal::derive(move || Some(split.get()))
                    on_change=choose_split
                />
                <label class="inline-field">
                    <span>{move_tr!(data.class)}</span>
                    <select on:change:target=move |event| choose_class(event.target().value().parse().ok())>
                        <option value="">{move_tr!(data.all_classes)}</option>
                        {classes.iter().enumerate().map(|(position, name)| view! {
                            <option value=position.to_string()>{name.clone()}</option>
                        }).collect_view()}
                    </select>
                </label>
            </div>
            {grid}
            <Pager page n_pages=Signal::derive(pages) />
        </section>
    }
}

#[component]
fn Page(batch: ImageBatch, classes: Arc<Vec<String>>) -> impl IntoView {
    if batch.indices.is_empty() {
        return view! { <p class="hint">{move_tr!(data.no_images)}</p> }.into_any();
    }
    view! { <ImageGrid batch classes name=Signal::derive(move_tr!(data.browse)) /> }.into_any()
}
