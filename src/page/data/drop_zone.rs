//! Where the visitor's own dataset files are dropped or picked.

use js_sys::Array;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{File, FileList, HtmlInputElement};

use super::image_options::ImageOptions;
use crate::page::load_status::LoadStatus;
use crate::page::recipe::ending::may_replace;
use crate::page::recipe::folder::Dropped;
use crate::page::recipe::sources::{FILES_LIMIT, dropped, named};
use crate::page::recipe::use_recipe;
use crate::page::runs::network_file::{is_network, read_all};
use crate::page::runs::{Runs, use_runs};
use crate::page::state::{NoticeKind, RunNotice};
use crate::page::store::{Store, use_store};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::file_drop::listen_for_files;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::dataset::{ImageReading, Reading};
use kindling_core::protocol::{DatasetSource, Scaling};

#[component]
pub fn DropZone(
    /// How many files were too many, until something else is loaded.
    n_too_many: RwSignal<Option<usize>>,
    /// Whether the visitor's files are loading or failed to load.
    has_status: Signal<bool>,
) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let runs = use_runs();
    let image_reading = RwSignal::new(store.dataset.with_untracked(|dataset| match &dataset.origin {
        Some((DatasetSource::Files { reading, .. }, _)) => reading.images,
        Some((DatasetSource::Served { .. }, _)) | None => ImageReading::default(),
    }));
    let take = move |files: Vec<(String, File)>| {
        if !files.is_empty() && files.iter().all(|(name, _)| is_network(name)) {
            return take_network(runs, store, files.into_iter().map(|(_, file)| file).collect());
        }
        n_too_many.set((files.len() > FILES_LIMIT).then_some(files.len()));
        if files.is_empty() || n_too_many.get_untracked().is_some() || !may_replace(store) {
            return;
        }
        let reading = Reading { images: image_reading.get_untracked(), ..Reading::default() };
        spawn_local(async move {
            let source = dropped(&files, reading).await;
            drop(store.load_dataset(source, recipe.split.get_untracked()).await);
        });
    };
    let is_over = listen_for_files(move |data| {
        let Some(dropped) = data.map(|data| Dropped::of(&data)).filter(|dropped| !dropped.is_empty()) else { return };
        spawn_local(async move { take(dropped.walk().await) });
    });
    view! {
        <section class="panel own-files" aria-labelledby="own-title">
            <h2 id="own-title">{move_tr!(data.own)}</h2>
            <div class="drop-zone" class:is-over=move || is_over.get()>
                <Glyph icon=Icon::Upload />
                <p>{move_tr!(data.drop)}</p>
                <div class="controls">
                    <Picker text=|| tr!(data.pick) name=|| tr!(data.pick_name) is_folder=false take />
                    <Picker text=|| tr!(data.pick_folder) name=|| tr!(data.pick_folder) is_folder=true take />
                </div>
            </div>
            {move || n_too_many.get().map(|files| view! {
                <p class="failure" role="alert">{move || tr!(data.too_many_files, files = files, most = FILES_LIMIT)}</p>
            })}
            <Show when=move || has_status.get() && n_too_many.get().is_none()><LoadStatus /></Show>
            <ImageOptions reading=image_reading />
            <p class="hint">{move_tr!(data.images_read)}</p>
            <details class="image-options">
                <summary>{move_tr!(data.other_formats)}</summary>
                <p class="hint">{move_tr!(data.formats_read)}</p>
            </details>
        </section>
    }
}

/// A network is no dataset, but a visitor who drops one means it.
fn take_network(runs: Runs, store: Store, files: Vec<File>) {
    spawn_local(async move {
        let taken = match read_all(&files).await {
            Ok(contents) => runs.import_any(contents, Scaling::default()).await.map_err(RunNotice::NetworkRefused),
            Err(refusal) => Err(RunNotice::FileRefused(refusal)),
        };
        if let Err(refused) = taken {
            store.notify(NoticeKind::Runs(refused));
        }
    });
}

/// A button that lets the visitor choose files, or a folder with all that is in it.
#[component]
fn Picker(
    text: fn() -> String,
    /// The accessible name of the field behind the button.
    name: fn() -> String,
    is_folder: bool,
    take: impl Fn(Vec<(String, File)>) + Copy + 'static,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let files = |files: FileList| -> Vec<(String, File)> {
        Array::from(&files).iter().map(|file| named(file.unchecked_into())).collect()
    };
    view! {
        <button
            type="button"
            class="button"
            on:click=move |_| if let Some(input) = input.get_untracked() { input.click() }
        >
            {move || text()}
        </button>
        <input
            node_ref=input
            class="visually-hidden"
            type="file"
            multiple
            prop:webkitdirectory=is_folder
            tabindex="-1"
            aria-label=name
            on:change:target=move |event| {
                let input: HtmlInputElement = event.target();
                take(input.files().map(files).unwrap_or_default());
                // Otherwise picking the same files again fires no event.
                input.set_value("");
            }
        />
    }
}
