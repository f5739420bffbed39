//! The methods of `window.kindling` that concern images whose labels may be wrong: what the panel of the place Evaluate does.

use js_sys::Function;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

use super::glue::{call as notify, from_js};
use super::methods::{complete_config, listener};
use super::values::bad;
use crate::page::collect::collector::{Collector, collector};
use crate::page::collect::label_errors::{Found, N_FOLDS};
use crate::page::collect::programs::Refusal;
use crate::page::collect::review::Decision;
use crate::page::collect::suspects::{Suspect, of_checks, of_labels};
use crate::page::store::Store;
use kindling_core::dataset::image_checks::Flaw;
use kindling_core::label_errors::LabelError;
use kindling_core::protocol::question::CheckImages;
use kindling_core::protocol::{Failure, FailureKind, FoldProgress};

/// Finds label errors in the current dataset; the page shows them, too.
///
/// # Errors
///
/// As those of a run; `Canceled` if it is stopped.
pub async fn find(store: Store, options: JsValue, on_event: JsValue) -> Result<Value, Failure> {
    let listener: Option<Function> = listener(on_event)?;
    store.dataset_settled().await;
    let mut options = match from_js(&options)? {
        Value::Null => json!({}),
        options => options,
    };
    let folds = match options.as_object_mut().and_then(|options| options.remove("folds")) {
        None => N_FOLDS,
        Some(folds) => {
            folds.as_u64().and_then(|folds| u32::try_from(folds).ok()).ok_or_else(|| bad("folds is no number"))?
        }
    };
    let config = complete_config(store, &options, None)?;
    let on_progress = move |progress: FoldProgress| {
        if let Some(listener) = &listener {
            notify(listener, &progress_json(progress));
        }
    };
    store.ready().await?;
    let found = collector(store).find_label_errors(config, folds, on_progress).await?;
    Ok(found_json(&found))
}

fn progress_json(progress: FoldProgress) -> Value {
    json!({
        "kind": "progress", "fraction": progress.fraction, "fold": progress.fold, "folds": progress.folds,
        "imagesPerSecond": progress.images_per_second, "remainingMs": progress.remaining_ms,
    })
}

fn found_json(found: &Found) -> Value {
    let class = |class: u16| found.dataset.classes.get(usize::from(class)).cloned();
    let error = |(suspect, error): (Suspect, &LabelError)| {
        json!({
            "index": error.index, "image": suspect.id(), "label": class(error.label), "suggested": class(error.suggested),
            "probability": error.probability, "labelProbability": error.label_probability,
        })
    };
    let errors = &found.errors;
    json!({
        "errors": of_labels(errors).into_iter().zip(&errors.errors).map(error).collect::<Vec<_>>(),
        "count": errors.n_errors, "images": errors.n_images, "testImages": errors.n_test, "accuracy": errors.accuracy, "folds": errors.folds,
    })
}

/// Looks for copies and for images without content in the current dataset.
///
/// # Errors
///
/// There is no dataset, or the engine fails.
pub async fn check_images(store: Store) -> Result<Value, Failure> {
    store.dataset_settled().await;
    let dataset = store.dataset.with_untracked(|dataset| dataset.current.clone());
    let dataset = dataset.ok_or_else(|| Failure::new(FailureKind::NoDataset, "there is no dataset to check"))?;
    let checks = store.ask(CheckImages).await?;
    let class = |class: u16| dataset.classes.get(usize::from(class)).cloned();
    let flaw = |(suspect, flaw): (Suspect, &Flaw)| {
        let twin = flaw.twin.map(|twin| json!({ "index": twin.index, "label": class(twin.label) }));
        json!({ "index": flaw.index, "image": suspect.id(), "label": class(flaw.label), "kind": flaw.kind, "twin": twin })
    };
    let flaws: Vec<Value> = of_checks(&checks).into_iter().zip(&checks.flaws).map(flaw).collect();
    let counts: serde_json::Map<String, Value> = checks
        .counts
        .iter()
        .filter_map(|(kind, count)| Some((json!(kind).as_str()?.to_owned(), json!(count))))
        .collect();
    Ok(json!({ "flaws": flaws, "counts": counts, "images": checks.n_images, "comparesAll": checks.compares_all }))
}

/// Decides about an image of a project: `{ image, action: "keep" | "delete" }`, or `{ image, action: "relabel", label }`.
///
/// # Errors
///
/// If the project, the image or the class is gone, or the change cannot be stored.
pub async fn decide(collector: Collector, project: &str, options: &Value) -> Result<Value, Refusal> {
    let text = |key: &str| options.get(key).and_then(Value::as_str);
    let refused = |sentence: &str| Refusal::Engine(bad(sentence));
    let image = text("image").ok_or_else(|| refused("the image is no id"))?;
    let decision = match (text("action"), text("label")) {
        (Some("keep"), _) => Decision::Keep,
        (Some("delete"), _) => Decision::Delete,
        (Some("relabel"), Some(label)) => {
            let owner = collector.find(project);
            let class = owner.and_then(|owner| owner.class_named(label).map(|class| class.id.clone()));
            Decision::Relabel(class.ok_or_else(|| refused("the label is no class of the project"))?)
        }
        _ => return Err(refused(r#"the action is none of "keep", "relabel" with a label, and "delete""#)),
    };
    collector.decide(project, image, decision).await?;
    Ok(Value::Null)
}
