//! Export and import: configs, links, and files of runs, weights and curves.

use js_sys::Array;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileList};

use super::row::RunRow;
use crate::page::download::{bytes, file_name, save_bytes, save_file};
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::runs::link::config_to_link;
use crate::page::runs::network_file::{may_hold_network, read_all};
use crate::page::runs::{Runs, use_runs};
use crate::page::state::{NoticeKind, RunNotice, RunState};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::file_drop::listen_for_files;
use kindling_core::protocol::{Failure, Scaling};
use kindling_core::runs::incoming::{Incoming, RUNS_LIMIT, Refusal, parse_file, runs_to_file};

const JSON: &str = "application/json";
const CSV: &str = "text/csv;charset=utf-8";

/// The actions on one run. They are not rebuilt when its name changes, because a click that commits the typed name would be lost.
#[component]
pub fn RunActions(row: Memo<Option<RunRow>>) -> impl IntoView {
    let (runs, recipe, store) = (use_runs(), use_recipe(), use_store());
    let is_taken = RwSignal::new(false);
    let take = move |_| {
        if let Some(row) = row.get_untracked() {
            recipe.take(row.record.config.clone());
            is_taken.set(true);
        }
    };
    let save_config = move |_| {
        if let Some(row) = row.get_untracked() {
            // A config is plain data, so serializing it as JSON does not fail.
            let text = serde_json::to_string_pretty(&row.record.config).unwrap_or_default();
            save_file(&file_name(&untrack(|| row.label()), "json"), JSON, &text);
        }
    };
    let save_curves = move |_| {
        let Some(row) = row.get_untracked() else { return };
        let label = untrack(|| row.label());
        spawn_local(async move {
            let curves = runs.curves_of(&row.record.id).await.unwrap_or_default();
            save_file(&file_name(&label, "csv"), CSV, &curves.to_csv(&label));
        });
    };
    let has_weights = memo(move |_| row.read().as_ref().is_some_and(|row| row.record.weights_bytes.is_some()));
    let save_weights = move |_| {
        let Some(row) = row.get_untracked() else { return };
        let label = untrack(|| row.label());
        spawn_local(async move {
            match runs.with_weights(&row.record.id).await {
                Some(bytes) => save_bytes(&file_name(&label, "safetensors"), &bytes),
                None => store.notify(NoticeKind::Runs(RunNotice::WeightsGone)),
            }
        });
    };
    let learn_on = move |_| {
        if let Some(row) = row.get_untracked() {
            runs.learn_on(row.record.id.clone());
        }
    };
    let is_active = move || store.run.with(RunState::is_active);
    let delete = move |_| {
        if let Some(row) = row.get_untracked() {
            runs.delete(row.record.id.clone(), untrack(|| row.label()));
        }
    };
    view! {
        <div class="controls">
            <button type="button" class="button is-primary" id="run-use" on:click=take>{move_tr!(runs.use_settings)}</button>
            <CopyLink row />
            <button type="button" class="button" id="run-curves" on:click=save_curves>{move_tr!(runs.save_curves)}</button>
            <button type="button" class="button" id="run-config" on:click=save_config>{move_tr!(runs.save_config)}</button>
            {move || has_weights.get().then(|| view! {
                <button
                    type="button"
                    class="button"
                    id="run-weights"
                    title=move_tr!(runs.save_weights_why)
                    on:click=save_weights
                >
                    {move_tr!(runs.save_weights)}
                </button>
                <button
                    type="button"
                    class="button"
                    id="run-further"
                    title=move_tr!(runs.train_further_why)
                    disabled=is_active
                    on:click=learn_on
                >
                    {move_tr!(runs.train_further)}
                </button>
            })}
            <button type="button" class="button" id="run-delete" on:click=delete>{move_tr!(runs.delete)}</button>
        </div>
        <p class="hint" role="status">{move || is_taken.get().then(|| tr!(runs.settings_taken))}</p>
    }
}

/// Copies a URL that opens the run's config to the clipboard, or shows the URL if the browser does not allow that.
#[component]
fn CopyLink(row: Memo<Option<RunRow>>) -> impl IntoView {
    let said = RwSignal::new(None::<Result<(), Option<String>>>);
    let copy = move |_| {
        let Some(link) = row.get_untracked().and_then(|row| link(&row.record.config)) else {
            said.set(Some(Err(None)));
            return;
        };
        spawn_local(async move {
            let copied = match clipboard() {
                Some(clipboard) => JsFuture::from(clipboard.write_text(&link)).await.is_ok(),
                None => false,
            };
            said.set(Some(if copied { Ok(()) } else { Err(Some(link)) }));
        });
    };
    view! {
        <button type="button" class="button" id="run-link" on:click=copy>{move_tr!(runs.copy_link)}</button>
        <span role="status">
            {move || said.get().map(|said| match said {
                Ok(()) => view! { <span class="hint">{move_tr!(runs.link_copied)}</span> }.into_any(),
                Err(None) => view! { <span class="hint">{move_tr!(runs.link_too_long)}</span> }.into_any(),
                Err(Some(link)) => view! {
                    <input type="text" readonly=true aria-label=move_tr!(runs.link) prop:value=link />
                }.into_any(),
            })}
        </span>
    }
}

/// None on a page without TLS.
fn clipboard() -> Option<web_sys::Clipboard> {
    let navigator = window().navigator();
    js_sys::Reflect::has(&navigator, &"clipboard".into()).ok()?.then(|| navigator.clipboard())
}

/// The page's own URL, with only the config in its query.
fn link(config: &kindling_core::config::RunConfig) -> Option<String> {
    let location = window().location();
    let page = format!("{}{}", location.origin().ok()?, location.pathname().ok()?);
    Some(format!("{page}?config={}#train", config_to_link(config)?))
}

/// Exports all runs to a file, and imports files of runs, a config, or a network, also where they are dropped.
#[component]
pub fn Transfer(has_runs: Memo<bool>) -> impl IntoView {
    let runs = use_runs();
    let (store, recipe) = (use_store(), use_recipe());
    let input = NodeRef::<html::Input>::new();
    let export =
        move |_| spawn_local(async move { save_file("kindling-runs.json", JSON, &runs_to_file(&runs.all().await)) });
    let is_busy = RwSignal::new(false);
    let take = move |files: Vec<File>| {
        if files.is_empty() || is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            let taken = take_files(files, runs, recipe).await;
            // Does nothing if the visitor has moved on to another place meanwhile.
            is_busy.try_set(false);
            match taken {
                Ok(()) => {}
                Err(Refused::File(refusal)) => store.notify(NoticeKind::Runs(RunNotice::FileRefused(refusal))),
                Err(Refused::Network(failure)) => store.notify(NoticeKind::Runs(RunNotice::NetworkRefused(failure))),
            }
        });
    };
    let import = move |_| {
        let Some(input) = input.get_untracked() else { return };
        take(listed(input.files()));
        // Lets the same file be chosen again.
        input.set_value("");
    };
    listen_for_files(move |data| take(listed(data.and_then(|data| data.files()))));
    view! {
        <div class="controls runs-transfer">
            <button type="button" class="button" id="runs-export" disabled=move || !has_runs.get() on:click=export>
                {move_tr!(runs.export)}
            </button>
            <label class="button">
                {move_tr!(runs.import)}
                <input
                    class="visually-hidden"
                    id="runs-import"
                    type="file"
                    multiple
                    accept=".json,.safetensors,.onnx,.zip,application/json"
                    node_ref=input
                    on:change=import
                />
            </label>
            <p class="hint" role="status">
                {move || if is_busy.get() { tr!(runs.importing) } else { tr!(runs.import_why) }}
            </p>
        </div>
    }
}

/// Why a file was not taken.
enum Refused {
    File(Refusal),
    Network(Failure),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::File(refusal)
    }
}

fn listed(files: Option<FileList>) -> Vec<File> {
    let files = files.map(|files| Array::from(&files)).unwrap_or_default();
    files.iter().map(|file| file.unchecked_into()).collect()
}

/// Takes runs or hyperparameters from one file, or else a network from one file or several.
async fn take_files(files: Vec<File>, runs: Runs, recipe: Recipe) -> Result<(), Refused> {
    let is_of_network = files.len() > 1 || files.iter().any(|file| may_hold_network(&file.name()));
    if is_of_network {
        let contents = read_all(&files).await?;
        return runs.import_any(contents, Scaling::default()).await.map(drop).map_err(Refused::Network);
    }
    let Some(file) = files.first() else { return Ok(()) };
    match parse_file(&bytes(file).await?)? {
        Incoming::Config(config) => recipe.take(*config),
        Incoming::Runs(imported) => {
            let lost = runs.n_pushed_out(&imported);
            // A browser that shows no dialogs has nobody to ask.
            let may = lost == 0
                || window()
                    .confirm_with_message(&tr!(runs.import_loses, count = lost, most = RUNS_LIMIT))
                    .unwrap_or(true);
            if may {
                runs.import(imported);
            }
        }
        // A file with weights has another name.
        Incoming::Trained(run, weights) => runs.import_trained(*run, weights),
    }
    Ok(())
}
