//! The methods of `window.kindling` that make networks smaller: what the panel "Compress" does.

use leptos::prelude::untrack;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

use super::Page;
use super::glue::{call as notify, from_js};
use super::look::{PruneOptions, prune_options, run_option};
use super::methods::{listener, run_reporting};
use crate::page::compress::{Model, Point};
use crate::page::runs::Runs;
use kindling_core::protocol::{Failure, FailureKind};

/// The pruning curve of a run, by default of the one in view. The listener receives each point.
pub async fn pruning_curve(page: Page, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let id = id_of(page.runs, run_option(&from_js(&options)?)?)?;
    let model = model(page.runs, &id).await?;
    let on_point = move |point: Point| {
        if let Some(listener) = &listener {
            notify(listener, &json!(point));
        }
    };
    Ok(json!(model.curve(page.store, on_point).await?))
}

/// Removes channels of a run's network, by default that of the run in view, and trains it further.
pub async fn prune(page: Page, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let PruneOptions { run, keep, epochs } = prune_options(&from_js(&options)?)?;
    let id = id_of(page.runs, run)?;
    let model = model(page.runs, &id).await?;
    let (config, weights) = model.smaller(keep, epochs)?;
    run_reporting(listener, |on_update| page.runs.train_further(config, weights, on_update)).await
}

fn id_of(runs: Runs, asked: Option<String>) -> Result<String, Failure> {
    let in_view = || untrack(|| runs.in_view()).map(|record| record.id.clone());
    let none = || Failure::new(FailureKind::NoNetwork, "no run has ended with the current dataset");
    asked.or_else(in_view).ok_or_else(none)
}

async fn model(runs: Runs, id: &str) -> Result<Model, Failure> {
    runs.loaded().await;
    Model::of(runs, id).await
}
