//! `window.kindling`: the page's API for programs. Every method does what a button does, through the same store.
//!
//! `static/kindling.d.ts` has the types, `docs/api.md` explains them. This module only creates the object; the code of its methods is fetched
//! at the first call, as most visitors never call one.

mod answers;
mod compress;
mod config;
mod current_run;
mod glue;
mod label_errors;
mod look;
mod methods;
mod projects;
mod search;
mod values;
mod watch;

use std::future::Future;
use std::pin::Pin;

use js_sys::{Object, Reflect};
use leptos::prelude::window;
use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use self::glue::{add_method, named_error};
use crate::page::evaluations::Evaluations;
use crate::page::runs::Runs;
use crate::page::runs::interrupted::Interrupted;
use crate::page::search::Searcher;
use crate::page::store::Store;
use crate::page::text::i18n::fetch_later;

/// The parts of the page that the methods work on.
#[derive(Clone, Copy)]
pub struct Page {
    pub store: Store,
    pub evaluations: Evaluations,
    pub runs: Runs,
    pub interrupted: Interrupted,
    pub searcher: Searcher,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Ready,
    LoadDataset,
    Train,
    FindLearningRate,
    FindLabelErrors,
    CheckImages,
    Search,
    CurrentRun,
    Advice,
    Pause,
    Resume,
    Step,
    Stop,
    Adjust,
    InterruptedRun,
    ResumeRun,
    Watch,
    Evaluate,
    Classify,
    ClassifyFiles,
    Runs,
    OpenRun,
    ExportRun,
    ImportRun,
    Export,
    Import,
    Cost,
    PruningCurve,
    Prune,
    Projects,
    CreateProject,
    AddClass,
    AddImages,
    ReviewImage,
    UseProject,
    ExportProject,
    ImportProject,
    DeleteProject,
}

const METHODS: [(&str, Method); 38] = [
    ("ready", Method::Ready),
    ("loadDataset", Method::LoadDataset),
    ("train", Method::Train),
    ("findLearningRate", Method::FindLearningRate),
    ("findLabelErrors", Method::FindLabelErrors),
    ("checkImages", Method::CheckImages),
    ("search", Method::Search),
    ("currentRun", Method::CurrentRun),
    ("advice", Method::Advice),
    ("pause", Method::Pause),
    ("resume", Method::Resume),
    ("step", Method::Step),
    ("stop", Method::Stop),
    ("adjust", Method::Adjust),
    ("interruptedRun", Method::InterruptedRun),
    ("resumeRun", Method::ResumeRun),
    ("watch", Method::Watch),
    ("evaluate", Method::Evaluate),
    ("classify", Method::Classify),
    ("classifyFiles", Method::ClassifyFiles),
    ("runs", Method::Runs),
    ("openRun", Method::OpenRun),
    ("exportRun", Method::ExportRun),
    ("importRun", Method::ImportRun),
    ("export", Method::Export),
    ("import", Method::Import),
    ("cost", Method::Cost),
    ("pruningCurve", Method::PruningCurve),
    ("prune", Method::Prune),
    ("projects", Method::Projects),
    ("createProject", Method::CreateProject),
    ("addClass", Method::AddClass),
    ("addImages", Method::AddImages),
    ("reviewImage", Method::ReviewImage),
    ("useProject", Method::UseProject),
    ("exportProject", Method::ExportProject),
    ("importProject", Method::ImportProject),
    ("deleteProject", Method::DeleteProject),
];

/// Puts `kindling` on the window. It can be used immediately: methods that need an engine wait for it.
pub fn install(page: Page) {
    let kindling = Object::new();
    for (name, method) in METHODS {
        add_method(&kindling, name, move |first, second| called(page, method, first, second));
    }
    Object::freeze(&kindling);
    // If the window does not accept the property, the page works without its API.
    Reflect::set(&window(), &"kindling".into(), &kindling).ok();
}

async fn called(page: Page, method: Method, first: JsValue, second: JsValue) -> Result<JsValue, JsValue> {
    let call = fetched().await.map_err(|_| named_error("DownloadFailed", "a part of the page could not be fetched"))?;
    call(page, method, first, second).await
}

/// The methods, with the texts of what they report.
async fn fetched() -> Result<Call, SplitLoaderError> {
    let call = methods().await?;
    fetch_later().await?;
    Ok(call)
}

type Call = fn(Page, Method, JsValue, JsValue) -> Answering;

/// Boxed, so that the conversion to JavaScript is compiled once instead of for every method.
type Answering = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

#[wasm_split(api, fallible)]
fn methods() -> Result<Call, SplitLoaderError> {
    Ok(methods::call)
}
