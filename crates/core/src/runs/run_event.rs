//! The events of a run as JSON, for listeners of the page's `kindling.train` and for readers of `kindling train --json`.

use serde_json::{Value, json};

use crate::protocol::event::Preparation;
use crate::protocol::{EpochReport, Failure, RunReport, RunUpdate};

/// The update as the object that a listener receives; `kindling.d.ts` declares its type.
pub fn run_event(update: &RunUpdate) -> Value {
    match update {
        RunUpdate::Preparing(Preparation::BuildingNetwork) => preparing("buildingNetwork"),
        RunUpdate::Preparing(Preparation::CompilingKernels) => preparing("compilingKernels"),
        RunUpdate::Preparing(Preparation::LoadingWeights { received_bytes, total_bytes }) => json!({
            "kind": "preparing", "stage": "loadingWeights", "receivedBytes": received_bytes, "totalBytes": total_bytes,
        }),
        RunUpdate::Preparing(Preparation::ComputingFeatures { done, total, images_per_second }) => json!({
            "kind": "preparing", "stage": "computingFeatures", "done": done, "total": total, "imagesPerSecond": images_per_second,
        }),
        RunUpdate::Started { steps_per_epoch, total_steps, parameters } => json!({
            "kind": "started", "stepsPerEpoch": steps_per_epoch, "totalSteps": total_steps, "parameters": parameters,
        }),
        RunUpdate::Progress(progress) => {
            let event = with(of_kind("progress", json!(progress)), "loss", json!(progress.losses.last()));
            with(event, "accuracy", json!(progress.accuracy()))
        }
        RunUpdate::Epoch(report) => of_kind("epoch", json!(report)),
        RunUpdate::Samples(predictions) => json!({ "kind": "samples", "predictions": predictions }),
        // Without the pictures, which are large and only for display.
        RunUpdate::Layers(report) => json!({ "kind": "layers", "step": report.step, "layers": report.layers }),
        RunUpdate::Paused { step } => json!({ "kind": "paused", "step": step }),
        RunUpdate::Resumed => json!({ "kind": "resumed" }),
        // Only while the page races two engines, which its listeners are not told.
        RunUpdate::Held { step } => json!({ "kind": "held", "step": step }),
        RunUpdate::Checkpoint { step, .. } => json!({ "kind": "checkpoint", "step": step }),
        RunUpdate::Weights(bytes) => json!({ "kind": "weights", "bytes": bytes.len() }),
        RunUpdate::Opened => json!({ "kind": "opened" }),
        RunUpdate::Adjusted(adjustment) => of_kind("adjusted", json!(adjustment)),
        RunUpdate::Finished(report) => of_kind("finished", json!(report)),
        RunUpdate::Failed(failure) => {
            json!({ "kind": "failed", "name": error_name(failure), "message": error_message(failure) })
        }
    }
}

/// What `kindling.train` resolves with: the final report, with the reports of all epochs.
pub fn report(report: &RunReport, epochs: &[EpochReport]) -> Value {
    with(json!(report), "epochs", json!(epochs))
}

/// The stable name of a failure: the `name` of the error with which a promise is rejected.
pub fn error_name(failure: &Failure) -> String {
    failure.kind.name()
}

/// The failure's detail as a sentence.
pub fn error_message(failure: &Failure) -> String {
    let detail = failure.detail.trim();
    let mut rest = detail.chars();
    let Some(first) = rest.next() else {
        return format!("{}.", error_name(failure));
    };
    let word = detail.split(' ').next().unwrap_or_default();
    // The path of a field stays as it is: `learningRate`, `augment.flip`.
    let is_path =
        word.trim_end_matches(['.', ':', ',']).contains(|letter: char| letter == '.' || letter.is_uppercase());
    let first = if is_path { first.to_string() } else { first.to_uppercase().to_string() };
    let stop = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", rest.as_str())
}

fn preparing(stage: &str) -> Value {
    json!({ "kind": "preparing", "stage": stage })
}

fn of_kind(kind: &str, event: Value) -> Value {
    with(event, "kind", kind)
}

/// The object with one more field.
pub fn with(mut whole: Value, key: &str, value: impl Into<Value>) -> Value {
    if let Value::Object(fields) = &mut whole {
        fields.insert(key.to_owned(), value.into());
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AugmentConfig;
    use crate::protocol::{
        Adjustment, Ending, FailureKind, Histogram, LayerReport, LayersReport, Prediction, Progress, UnitCount,
    };

    const EPOCH: EpochReport = EpochReport {
        epoch: 0,
        step: 10,
        train_loss: 0.5,
        train_accuracy: 0.75,
        validation_loss: Some(0.25),
        validation_accuracy: Some(0.875),
        is_best: true,
        elapsed_ms: 1500.0,
    };

    fn check(update: RunUpdate, expected: Value) {
        assert_eq!(run_event(&update), expected);
    }

    #[test]
    fn events_have_their_kind_and_use_camel_case() {
        check(RunUpdate::Resumed, json!({ "kind": "resumed" }));
        check(
            RunUpdate::Preparing(Preparation::CompilingKernels),
            json!({ "kind": "preparing", "stage": "compilingKernels" }),
        );
        check(
            RunUpdate::Started { steps_per_epoch: 5, total_steps: 10, parameters: 61_706 },
            json!({ "kind": "started", "stepsPerEpoch": 5, "totalSteps": 10, "parameters": 61_706 }),
        );
        check(
            RunUpdate::Epoch(EPOCH),
            json!({
                "kind": "epoch", "epoch": 0, "step": 10, "trainLoss": 0.5, "trainAccuracy": 0.75,
                "validationLoss": 0.25, "validationAccuracy": 0.875, "isBest": true, "elapsedMs": 1500.0,
            }),
        );
        check(
            RunUpdate::Samples(vec![Prediction { index: 7, label: 1, predicted: 2, confidence: 0.5, loss: 1.0 }]),
            json!({
                "kind": "samples",
                "predictions": [{ "index": 7, "label": 1, "predicted": 2, "confidence": 0.5, "loss": 1.0 }],
            }),
        );
    }

    #[test]
    fn layer_statistics_are_numbers_without_pictures() {
        let histogram = Histogram { low: -0.5, high: 0.5, counts: vec![1, 2] };
        let layer = LayerReport {
            index: 3,
            activations: Some(histogram),
            dead_units: Some(UnitCount { count: 1, total: 4 }),
            ..LayerReport::default()
        };
        check(
            RunUpdate::Layers(LayersReport { step: 7, layers: vec![layer], image: Some(1), ..LayersReport::default() }),
            json!({ "kind": "layers", "step": 7, "layers": [{
                "index": 3, "weights": null, "gradients": null,
                "activations": { "low": -0.5, "high": 0.5, "counts": [1, 2] },
                "gradientNorm": null, "updateRatio": null, "deadUnits": { "count": 1, "total": 4 }, "saturated": null,
            }] }),
        );
    }

    #[test]
    fn adjustments_report_what_is_in_force() {
        let adjustment = Adjustment { step: 7, learning_rate: 0.5, weight_decay: 0.25, augment: None };
        let expected =
            json!({ "kind": "adjusted", "step": 7, "learningRate": 0.5, "weightDecay": 0.25, "augment": null });
        check(RunUpdate::Adjusted(adjustment), expected.clone());
        let augment = AugmentConfig { flip: 0.5, ..AugmentConfig::default() };
        let found = run_event(&RunUpdate::Adjusted(Adjustment { augment: Some(augment), ..adjustment }));
        assert_eq!((&found["augment"]["flip"], &found["augment"]["rotationDegrees"]), (&json!(0.5), &json!(0.0)));
    }

    #[test]
    fn progress_carries_every_loss_and_the_last_by_itself() {
        let (losses, accuracies) = (vec![2.5, 2.25], vec![0.25, 0.75]);
        let progress = Progress { step: 2, losses, accuracies, ..Progress::default() };
        let event = run_event(&RunUpdate::Progress(progress));
        assert_eq!((&event["losses"], &event["accuracies"]), (&json!([2.5, 2.25]), &json!([0.25, 0.75])));
        assert_eq!((&event["loss"], &event["accuracy"]), (&json!(2.25), &json!(0.5)));
        assert_eq!(event["imagesPerSecond"], json!(0.0));
        assert_eq!(run_event(&RunUpdate::Progress(Progress::default()))["loss"], Value::Null);
    }

    #[test]
    fn the_report_holds_its_epochs() {
        let run = RunReport {
            ending: Ending::StepLimit,
            steps: 10,
            best: Some(EPOCH),
            is_averaged: false,
            elapsed_ms: 1500.0,
        };
        let report = report(&run, &[EPOCH]);
        assert_eq!(report["ending"], json!("stepLimit"));
        assert_eq!(report["isAveraged"], json!(false));
        assert_eq!(report["best"]["validationAccuracy"], json!(0.875));
        assert_eq!(report["epochs"][0]["isBest"], json!(true));
    }

    #[test]
    fn failures_become_a_name_and_a_sentence() {
        let failure = |detail: &str| Failure::new(FailureKind::BadConfig, detail);
        assert_eq!(error_name(&failure("")), "BadConfig");
        assert_eq!(error_message(&failure("epochs: must be at least 1")), "Epochs: must be at least 1.");
        assert_eq!(error_message(&failure("learningRate must be above 0")), "learningRate must be above 0.");
        assert_eq!(error_message(&failure("augment.flip: no number")), "augment.flip: no number.");
        assert_eq!(error_message(&failure("why?")), "Why?");
        assert_eq!(error_message(&failure("")), "BadConfig.");
        check(
            RunUpdate::Failed(failure("no data")),
            json!({ "kind": "failed", "name": "BadConfig", "message": "No data." }),
        );
    }
}
