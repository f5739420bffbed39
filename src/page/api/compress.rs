//! The methods of `window.kindling` that weigh networks and make them smaller: what the panel "Compress" does.

use leptos::prelude::untrack;
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

use super::Page;
use super::glue::{call as notify, from_js};
use super::look::{PruneOptions, curve_options, prune_options, run_option};
use super::methods::{listener, opened, run_reporting};
use crate::page::compress::{Int8Cost, Model, Point, Size, quantized};
use crate::page::runs::Runs;
use kindling_core::protocol::{Failure, FailureKind, Measurement};

/// Size and speed of a run's network, by default of the one in view, in floats and in integers of 8 bits.
pub async fn cost(page: Page, options: JsValue) -> Result<Value, Failure> {
    let Page { store, runs, .. } = page;
    let id = opened(runs, run_option(&from_js(&options)?)?).await?;
    let gone = || Failure::new(FailureKind::NoNetwork, "the run is no longer there");
    let size = runs.find(&id).map(|record| Size::of(&record)).ok_or_else(gone)?;
    let measurement = Model::of(runs, &id).await?.measure(store).await?;
    let Int8Cost { n_bytes, ms_per_image, proof } = quantized(store, runs, &id).await?;
    let int8 = json!({
        "bytes": n_bytes,
        "msPerImage": ms_per_image,
        "images": proof.n_images,
        "agreement": proof.agreement(),
        "accuracy": proof.int8_accuracy(),
        "floatAccuracy": proof.float_accuracy(),
    });
    Ok(json!(Cost { size, measurement, int8 }))
}

#[derive(Serialize)]
struct Cost {
    #[serde(flatten)]
    size: Size,
    #[serde(flatten)]
    measurement: Measurement,
    int8: Value,
}

/// The pruning curve of a run, by default of the one in view. The listener receives each point.
pub async fn pruning_curve(page: Page, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let (run, unit) = curve_options(&from_js(&options)?)?;
    let id = id_of(page.runs, run)?;
    let model = model(page.runs, &id).await?;
    let on_point = move |point: Point| {
        if let Some(listener) = &listener {
            notify(listener, &json!(point));
        }
    };
    Ok(json!(model.curve(page.store, unit, on_point).await?))
}

/// Removes channels or weights of a run's network, by default that of the run in view, and trains it further.
pub async fn prune(page: Page, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener = listener(on_event)?;
    let PruneOptions { run, unit, keep, epochs } = prune_options(&from_js(&options)?)?;
    let id = id_of(page.runs, run)?;
    let model = model(page.runs, &id).await?;
    let (config, weights) = model.smaller(unit, keep, epochs)?;
    run_reporting(listener, |on_update| async move { page.runs.train_further(config, &id, weights, on_update).await })
        .await
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
