//! The methods of `window.kindling`.

use kindling_core::protocol::question::Classify;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::Function;
use leptos::prelude::untrack;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::File;

use super::glue::{blob, call as notify, files, from_js, to_error, to_js};
use super::values::{bad, read};
use super::{
    Answering, Method, Page, answers, compress, config, current_run, label_errors, look, projects, search, watch,
};
use crate::channel::BUILD;
use crate::page::download;
use crate::page::export::{ExportOptions, export};
use crate::page::recipe::sources::{FILES_LIMIT, dropped, named, served};
use crate::page::runs::continuing::continued_config;
use crate::page::runs::interrupted::Interrupted;
use crate::page::runs::network_file::read_all;
use crate::page::runs::{Runs, refusal_text};
use crate::page::search::Searcher;
use crate::page::state::DatasetState;
use crate::page::store::Store;
use crate::page::text::advice::Names;
use crate::page::train::advice::advice_now;
use crate::page::using::batch::programs::classify_files;
use crate::page::widgets::image_input::read_image;
use kindling_core::config::{RunConfig, SplitConfig};
use kindling_core::dataset::{ImageReport, Reading};
use kindling_core::network::presets::presets;
use kindling_core::protocol::{
    Command, DatasetSummary, ExportTarget, Failure, FailureKind, RateProgress, RunReport, RunUpdate, SplitName,
};
use kindling_core::runs::incoming::{Incoming, parse_file};
use kindling_core::runs::record::EPOCHS_LIMIT;
use kindling_core::runs::run_event;

/// Maximum number of files that a network may consist of.
const IMPORTED_LIMIT: usize = 10;

/// Calls a method with its arguments; a method with fewer parameters ignores the rest.
pub fn call(page: Page, method: Method, first: JsValue, second: JsValue) -> Answering {
    let Page { store, runs, interrupted, searcher, .. } = page;
    searcher.restore();
    match method {
        Method::Ready => answer(ready(store)),
        Method::LoadDataset => answer(load_dataset(store, first, second)),
        Method::Train => answer(train(store, runs, first, second)),
        Method::FindLearningRate => answer(find_rate(store, first, second)),
        Method::CheckImages => answer(label_errors::check_images(store)),
        Method::FindLabelErrors => answer(label_errors::find(store, first, second)),
        Method::Search => answer(search(store, searcher, first, second)),
        Method::CurrentRun => answer(current_run(store)),
        Method::Advice => answer(advice(store)),
        Method::Pause => answer(pause(store, searcher)),
        Method::Resume => answer(resume(store, searcher)),
        Method::Step => answer(send(store, Command::Step)),
        Method::Stop => answer(stop(store, searcher)),
        Method::Adjust => answer(adjust(store, first)),
        Method::InterruptedRun => answer(interrupted_run(interrupted)),
        Method::ResumeRun => answer(resume_run(store, interrupted, first)),
        Method::Watch => answer(watch_layers(store, first)),
        Method::Evaluate => answer(evaluate(page, first, second)),
        Method::Classify => answer(classify(store, first, second)),
        Method::ClassifyFiles => answer(classify_many(store, first, second)),
        Method::Runs => answer(kept_runs(runs)),
        Method::OpenRun => answer(open_run(runs, first)),
        Method::ExportRun => Box::pin(async move { export_run(runs, first).await.map_err(to_error) }),
        Method::ImportRun => answer(import_run(runs, first)),
        Method::Export => Box::pin(async move { export_network(store, runs, first, second).await.map_err(to_error) }),
        Method::Cost => answer(compress::cost(page, first)),
        Method::PruningCurve => answer(compress::pruning_curve(page, first, second)),
        Method::Prune => answer(compress::prune(page, first, second)),
        Method::Import => answer(import(runs, first, second)),
        Method::Projects
        | Method::CreateProject
        | Method::AddClass
        | Method::AddImages
        | Method::ReviewImage
        | Method::UseProject
        | Method::ExportProject
        | Method::ImportProject
        | Method::DeleteProject => projects::call(store, runs, method, first, second),
    }
}

fn answer(result: impl Future<Output = Result<Value, Failure>> + 'static) -> Answering {
    let result: Pin<Box<dyn Future<Output = Result<Value, Failure>>>> = Box::pin(result);
    Box::pin(async { result.await.map(|value| to_js(&value)).map_err(to_error) })
}

async fn ready(store: Store) -> Result<Value, Failure> {
    let engine = store.ready().await?;
    Ok(json!({
        "engine": engine.info.kind,
        "adapter": engine.info.adapter,
        "threads": engine.info.threads,
        "reason": engine.choice.reason.name(),
        "build": BUILD,
    }))
}

async fn load_dataset(store: Store, source: JsValue, options: JsValue) -> Result<Value, Failure> {
    let (split, images) = config::load_options(&from_js(&options)?)?;
    let source = match (source.as_string(), files(&source)) {
        (Some(id), _) => served(id),
        (None, Some(files)) if files.len() > FILES_LIMIT => {
            return Err(bad(format!("{} files are too many: a dataset has at most {FILES_LIMIT}", files.len())));
        }
        (None, Some(files)) => {
            let reading = Reading { images, ..Reading::default() };
            dropped(&files.into_iter().map(named).collect::<Vec<_>>(), reading).await
        }
        (None, None) => return Err(bad("the dataset is neither the id of a served one nor a list of files")),
    };
    store.ready().await?;
    let dataset = store.load_dataset(source, split).await?;
    Ok(dataset_json(&dataset))
}

/// A dataset for programs.
pub fn dataset_json(dataset: &DatasetSummary) -> Value {
    json!({
        "id": dataset.id,
        "name": dataset.name,
        "classes": dataset.classes,
        "counts": dataset.counts,
        "shape": { "channels": dataset.shape.channels, "height": dataset.shape.height, "width": dataset.shape.width },
        "hasStandardTest": dataset.has_standard_test,
        "import": dataset.import.as_ref().map(ImageReport::to_json),
    })
}

async fn train(store: Store, runs: Runs, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let mut options = from_js(&options)?;
    let teacher = options.as_object_mut().and_then(|options| options.remove("teacher"));
    // After an engine was lost, the dataset is loading again.
    store.dataset_settled().await;
    let (options, from) = config::continued_run(options)?;
    if let Some(id) = from {
        if teacher.is_some() {
            let detail = "`from` and `teacher` exclude each other: a run continues from another one or learns from it";
            return Err(Failure::new(FailureKind::BadConfig, detail));
        }
        runs.loaded().await;
        let (record, _) = runs.trained(&id).await?;
        let (dataset, _) = current_dataset(store)?;
        let config = complete_config(store, &options, Some(continued_config(&record.config, &dataset)))?;
        store.ready().await?;
        return run_reporting(listener, |on_update| async move { runs.continued(&id, config, on_update).await }).await;
    }
    let teacher = match teacher {
        None => None,
        Some(id) => {
            let id: String = read("teacher", &id)?;
            runs.loaded().await;
            Some(runs.teacher(&id).await?)
        }
    };
    let config = complete_config(store, &options, None)?;
    store.ready().await?;
    run_reporting(listener, |on_update| async move {
        match teacher {
            None => store.train(config, on_update).await,
            Some(teacher) => store.train_taught(config, teacher, on_update).await,
        }
    })
    .await
}

/// Runs `run` and reports its updates to the listener. Resolves to the run's report with the reports of its epochs.
pub async fn run_reporting<R>(
    listener: Option<Function>,
    run: impl FnOnce(Box<dyn Fn(&RunUpdate)>) -> R,
) -> Result<Value, Failure>
where
    R: Future<Output = Result<RunReport, Failure>>,
{
    let epochs = Rc::new(RefCell::new(Vec::new()));
    let on_update = {
        let epochs = epochs.clone();
        move |update: &RunUpdate| {
            if let RunUpdate::Epoch(report) = update
                && epochs.borrow().len() < EPOCHS_LIMIT
            {
                epochs.borrow_mut().push(*report);
            }
            if let Some(listener) = &listener {
                notify(listener, &run_event::run_event(update));
            }
        }
    };
    let report = run(Box::new(on_update)).await?;
    Ok(run_event::report(&report, &epochs.borrow()))
}

/// The run that a reload or a lost engine interrupted; null if there is none.
async fn interrupted_run(interrupted: Interrupted) -> Result<Value, Failure> {
    interrupted.loaded().await;
    let newest = untrack(|| interrupted.newest());
    Ok(newest.map_or(Value::Null, |it| {
        json!({
            "step": it.run.progress.step,
            "totalSteps": it.run.plan.map(|plan| plan.total_steps),
            "savedAt": it.saved_at,
            "config": *it.run.config,
        })
    }))
}

async fn resume_run(store: Store, interrupted: Interrupted, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    interrupted.loaded().await;
    let newest = untrack(|| interrupted.newest());
    let newest = newest.ok_or_else(|| Failure::new(FailureKind::Canceled, "no run was interrupted"))?;
    store.ready().await?;
    run_reporting(listener, |on_update| async move { interrupted.resume_to_end(&newest.id, on_update).await }).await
}

async fn find_rate(store: Store, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    store.dataset_settled().await;
    let config = complete(store, &options)?;
    let on_progress = move |RateProgress { fraction, points }| {
        if let Some(listener) = &listener {
            notify(listener, &json!({ "kind": "points", "fraction": fraction, "points": points }));
        }
    };
    store.ready().await?;
    Ok(json!(store.find_rate(config, on_progress).await?))
}

/// The optional listener of methods that report progress.
pub fn listener(on_event: JsValue) -> Result<Option<Function>, Failure> {
    if on_event.is_undefined() || on_event.is_null() {
        return Ok(None);
    }
    on_event.dyn_into::<Function>().map(Some).map_err(|_| bad("the listener is not a function"))
}

/// The whole config of a run on the current dataset.
fn complete(store: Store, options: &JsValue) -> Result<RunConfig, Failure> {
    match from_js(options)? {
        Value::Null => complete_config(store, &json!({}), None),
        options => complete_config(store, &options, None),
    }
}

/// The config of a program, completed by `base`, or by the default for the dataset.
pub fn complete_config(store: Store, options: &Value, base: Option<RunConfig>) -> Result<RunConfig, Failure> {
    let (dataset, split) = current_dataset(store)?;
    let presets = presets(&dataset);
    let base = base.or_else(|| presets.first().map(|preset| preset.config.clone()));
    let base = base.ok_or_else(|| bad("no preset fits the images of this dataset"))?;
    let base = RunConfig { split, ..base };
    let preset = |id: &str| presets.iter().find(|preset| preset.id == id).map(|preset| preset.config.clone());
    config::complete(options, base, preset)
}

async fn search(store: Store, searcher: Searcher, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let options = from_js(&options)?;
    store.dataset_settled().await;
    let base = complete_config(store, options.get("config").unwrap_or(&json!({})), None)?;
    let (dataset, _) = current_dataset(store)?;
    let presets = presets(&dataset);
    let network = |id: &str| presets.iter().find(|preset| preset.id == id).map(|preset| json!(preset.config.network));
    let plan = search::complete_search(&options, base, network)?;
    store.ready().await?;
    let on_event = move |event: &Value| {
        if let Some(listener) = &listener {
            notify(listener, event);
        }
    };
    searcher.run(plan, on_event).await
}

/// Pauses the running search with its trial, or else the current run.
async fn pause(store: Store, searcher: Searcher) -> Result<Value, Failure> {
    if searcher.pause() { Ok(Value::Null) } else { send(store, Command::Pause).await }
}

/// Resumes the visitor's own run, which takes precedence over a paused search, or else the search.
async fn resume(store: Store, searcher: Searcher) -> Result<Value, Failure> {
    if !untrack(|| searcher.has_own_run()) && searcher.resume() {
        Ok(Value::Null)
    } else {
        send(store, Command::Resume).await
    }
}

/// Stops the current run, the search, and the LR range test.
async fn stop(store: Store, searcher: Searcher) -> Result<Value, Failure> {
    store.stop_range_test();
    searcher.stop();
    send(store, Command::Stop).await
}

async fn adjust(store: Store, values: JsValue) -> Result<Value, Failure> {
    let change = config::adjustment(&from_js(&values)?)?;
    let run = store.run.with_untracked(|run| run.run().filter(|_| run.is_active()).map(|run| run.id));
    // A trial of a search is judged by its config, which must not change while it runs.
    if let Some(run) = run.filter(|run| !store.is_trial(*run)) {
        store.send(Command::Adjust { run, change });
    }
    Ok(Value::Null)
}

/// Turns monitoring on or off, as opening and closing the panel "Network internals" does.
async fn watch_layers(store: Store, options: JsValue) -> Result<Value, Failure> {
    let sample = store.dataset.with_untracked(DatasetState::first_sample);
    send(store, Command::Watch(watch::watch(&from_js(&options)?, sample)?)).await
}

async fn current_run(store: Store) -> Result<Value, Failure> {
    Ok(store.run.with_untracked(current_run::current_run))
}

async fn advice(store: Store) -> Result<Value, Failure> {
    let classes = store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|it| it.classes.clone()));
    let network = store.run.with_untracked(|state| state.run().map(|run| run.config.network.clone()));
    let Some(network) = network else { return Ok(json!([])) };
    let names = Names { classes: &classes.unwrap_or_default(), network: &network };
    Ok(advice_now(store).iter().map(|advice| current_run::advice(advice, names)).collect())
}

async fn send(store: Store, command: Command) -> Result<Value, Failure> {
    store.send(command);
    Ok(Value::Null)
}

async fn evaluate(page: Page, split: JsValue, options: JsValue) -> Result<Value, Failure> {
    let Page { store, evaluations, runs, .. } = page;
    let (views, run) = look::evaluate_options(&from_js(&options)?)?;
    let split = match split.as_string().as_deref() {
        Some("validation") => SplitName::Validation,
        Some("test") => SplitName::Test,
        _ => return Err(bad("the split is neither \"validation\" nor \"test\"")),
    };
    if let Some(id) = run {
        runs.loaded().await;
        let (dataset, _) = current_dataset(store)?;
        return Ok(answers::evaluation(&runs.evaluate_kept(&id, split).await?, &dataset.classes));
    }
    let evaluated = evaluations.evaluate(split, views).await?;
    Ok(answers::evaluation(&evaluated.evaluation, &evaluated.classes))
}

async fn classify(store: Store, image: JsValue, options: JsValue) -> Result<Value, Failure> {
    let (kind, views) = look::classify_options(&from_js(&options)?)?;
    let (dataset, _) = current_dataset(store)?;
    let image = read_image(&image, kind).await?;
    let classification = store.ask(Classify { image, views }).await?;
    Ok(answers::classification(&classification, &dataset.classes))
}

async fn classify_many(store: Store, list: JsValue, options: JsValue) -> Result<Value, Failure> {
    let (views, threshold) = look::many_options(&from_js(&options)?)?;
    let files = files(&list).ok_or_else(|| bad("the images are no list of files"))?;
    classify_files(store, files.into_iter().map(named).collect(), views, threshold).await
}

async fn kept_runs(runs: Runs) -> Result<Value, Failure> {
    Ok(json!(runs.all().await))
}

/// Loads a stored run's network into the engine.
async fn open_run(runs: Runs, id: JsValue) -> Result<Value, Failure> {
    let id = id.as_string().ok_or_else(|| bad("the run is not named by its id"))?;
    runs.loaded().await;
    runs.opened(&id).await?;
    Ok(Value::Null)
}

/// A stored run with its weights as one file.
async fn export_run(runs: Runs, id: JsValue) -> Result<JsValue, Failure> {
    let id = id.as_string().ok_or_else(|| bad("the run is not named by its id"))?;
    runs.loaded().await;
    let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are not there");
    let bytes = runs.with_weights(&id).await.ok_or_else(gone)?;
    download::blob(download::BYTES, &bytes).map(JsValue::from).map_err(|_| gone())
}

/// The network of a run, by default of the one in view, as a file for other tools.
/// Opens the run that was asked for, by default the one in view. Returns its id.
pub async fn opened(runs: Runs, asked: Option<String>) -> Result<String, Failure> {
    let in_view = untrack(|| runs.in_view()).map(|record| record.id.clone());
    let none = || Failure::new(FailureKind::NoNetwork, "no run has ended with the current dataset");
    let id = asked.or_else(|| in_view.clone()).ok_or_else(none)?;
    if in_view.as_ref() != Some(&id) {
        runs.loaded().await;
        runs.opened(&id).await?;
    }
    Ok(id)
}

async fn export_network(store: Store, runs: Runs, format: JsValue, options: JsValue) -> Result<JsValue, Failure> {
    let format = format.as_string().and_then(|id| ExportTarget::of_id(&id));
    let format = format.ok_or_else(|| {
        let formats = ExportTarget::ALL.map(|format| format!("\"{}\"", format.id()));
        bad(format!("the format is none of {}", formats.join(", ")))
    })?;
    let (run, float_layers) = look::export_options(&from_js(&options)?)?;
    let id = opened(runs, run).await?;
    let file = export(store, runs, &id, ExportOptions { target: format, float_layers }).await?;
    let unmade = |_| Failure::new(FailureKind::OutOfMemory, "the browser cannot hold the file");
    download::blob(format.mime(), &file.bytes).map(JsValue::from).map_err(unmade)
}

/// Imports the runs of a file. Returns their ids, including those of runs that were already present.
async fn import_run(runs: Runs, file: JsValue) -> Result<Value, Failure> {
    let file = blob(file).ok_or_else(|| bad("the file is no Blob"))?;
    let refused = |refusal| Failure::new(FailureKind::BadFile, refusal_text(&refusal));
    let bytes = download::bytes(&file).await.map_err(refused)?;
    runs.loaded().await;
    match parse_file(&bytes).map_err(refused)? {
        Incoming::Config(_) => Err(bad("the file holds settings and no run: call train with them")),
        Incoming::Runs(imported) => {
            let ids: Vec<_> = imported.iter().map(|run| run.record.id.clone()).collect();
            runs.import(imported);
            Ok(json!(ids))
        }
        Incoming::Trained(run, weights) => {
            let id = run.record.id.clone();
            runs.import_trained(*run, weights);
            Ok(json!([id]))
        }
    }
}

/// Keeps the network of a file, or of several that belong together, and makes it the current one. Returns the id of its run.
async fn import(runs: Runs, model: JsValue, options: JsValue) -> Result<Value, Failure> {
    let scaling = look::import_options(&from_js(&options)?)?;
    let refused = |refusal| Failure::new(FailureKind::BadFile, refusal_text(&refusal));
    let contents = match (files(&model), blob(model.clone())) {
        (Some(files), _) if (1..=IMPORTED_LIMIT).contains(&files.len()) => read_all(&files).await.map_err(refused)?,
        (None, Some(blob)) => {
            let name = model.dyn_ref::<File>().map_or_else(|| "network".to_owned(), File::name);
            vec![(name, download::bytes(&blob).await.map_err(refused)?.into())]
        }
        _ => return Err(bad("the model is no Blob and no list of its files")),
    };
    runs.loaded().await;
    Ok(json!(runs.import_any(contents, scaling).await?))
}

/// The current dataset and its split.
fn current_dataset(store: Store) -> Result<(Arc<DatasetSummary>, SplitConfig), Failure> {
    store.dataset.with_untracked(|state| {
        let current = state.current.clone().zip(state.origin.as_ref().map(|(_, split)| *split));
        current.ok_or_else(|| Failure::new(FailureKind::NoDataset, "there is no dataset: call loadDataset first"))
    })
}
