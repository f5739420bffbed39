//! The images to classify on the one side, with progress, and the table of answers on the other.

use js_sys::Array;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::File;

use super::table::BatchTable;
use super::work::Batch;
use crate::page::load_status::image_figures;
use crate::page::reactive::memo;
use crate::page::recipe::folder::Dropped;
use crate::page::recipe::sources::named;
use crate::page::text::failure::failure_text;
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::left_out::reason_text;
use crate::page::using::teaching::Teaching;
use crate::page::widgets::file_drop::listen_for_files;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::protocol::Views;

/// Refused files that are listed.
const REFUSED_LIMIT: usize = 200;

/// Where files, folders and archives are dropped or chosen.
#[component]
pub fn BatchInput(batch: Batch, #[prop(into)] views: Signal<Views>) -> impl IntoView {
    let store = batch.store;
    let has_network = memo(move |_| store.run.with(|run| run.has_network()));
    let take = move |files: Vec<(String, File)>| {
        if has_network.get_untracked() {
            batch.start(files, views.get_untracked());
        }
    };
    let is_over = listen_for_files(move |data| {
        let Some(dropped) = data.map(|data| Dropped::of(&data)).filter(|dropped| !dropped.is_empty()) else { return };
        spawn_local(async move { take(dropped.walk().await) });
    });
    let picker = move |text: fn() -> String, name: fn() -> String, is_folder: bool| {
        let input = NodeRef::<html::Input>::new();
        view! {
            <label class="button" class:is-disabled=move || !has_network.get()>
                {text}
                <input
                    node_ref=input
                    class="visually-hidden"
                    type="file"
                    multiple
                    prop:webkitdirectory=is_folder
                    disabled=move || !has_network.get()
                    aria-label=name
                    on:change=move |_| if let Some(input) = input.get_untracked() {
                        let files = input.files().map(|files| Array::from(&files)).unwrap_or_default();
                        let files = files.iter().map(|file| named(file.unchecked_into())).collect();
                        // Otherwise picking the same files again fires no event.
                        input.set_value("");
                        take(files);
                    }
                />
            </label>
        }
    };
    view! {
        <div class="drop-zone" class:is-over=move || is_over.get()>
            <Glyph icon=Icon::Upload />
            <p>{move_tr!(use_place.drop_many)}</p>
            <div class="controls">
                {picker(|| tr!(data.pick), || tr!(use_place.pick_many), false)}
                {picker(|| tr!(data.pick_folder), || tr!(use_place.pick_folder), true)}
            </div>
        </div>
        <BatchProgress batch />
    }
}

#[component]
fn BatchProgress(batch: Batch) -> impl IntoView {
    let figures = move || {
        let progress = batch.progress.get()?;
        Some((progress, image_figures(progress.done as u32, progress.total as u32, progress.rate())))
    };
    let outcome = move || {
        let finished = batch.finished.get()?;
        let rate = format!("{:.1}", finished.rate());
        let n_images = batch.rows.with(Vec::len);
        Some(tr!(use_place.many_done, count = count(n_images as u64), rate = rate))
    };
    view! {
        {move || figures().map(|(progress, text)| view! {
            <div class="load">
                <progress max=progress.total.to_string() value=progress.done.to_string() aria-label=move_tr!(use_place.many_bar)></progress>
                <p class="load-figures">{text}</p>
            </div>
        })}
        <Show when=move || batch.progress.with(Option::is_some)>
            <button type="button" class="button" on:click=move |_| batch.cancel()>{move_tr!(load.cancel)}</button>
        </Show>
        <p class="hint" role="status">{outcome}</p>
        {move || batch.failure.get().map(|failure| view! {
            <p class="failure" role="alert"><Glyph icon=Icon::Warning />{move || failure_text(&failure)}</p>
        })}
        <Show when=move || batch.refused.with(|refused| !refused.is_empty())>
            <details class="import-report">
                <summary>{move || tr!(collect.refused, count = count(batch.refused.with(Vec::len) as u64))}</summary>
                <ul class="left-out">
                    {move || batch.refused.get().into_iter().take(REFUSED_LIMIT).map(|(file, reason)| view! {
                        <li><span class="left-out-file">{file}</span>" "{move || reason_text(&reason)}</li>
                    }).collect_view()}
                </ul>
            </details>
        </Show>
    }
}

/// The table, or an invitation in its place.
#[component]
pub fn BatchResult(batch: Batch, teaching: Teaching) -> impl IntoView {
    let has_rows = memo(move |_| batch.rows.with(|rows| !rows.is_empty()));
    view! {
        <div class="batch-result">
            <Show when=move || has_rows.get() fallback=|| view! { <p class="hint">{move_tr!(use_place.many_first)}</p> }>
                <BatchTable batch teaching />
            </Show>
        </div>
    }
}
