//! Predictions and evaluations as JSON, for programs. Pure.

use serde_json::{Value, json};

use crate::page::understand::order::class_rows;
use kindling_core::metrics::ConfusionMatrix;
use kindling_core::metrics::rejection::fit_threshold;
use kindling_core::protocol::{Classification, Evaluation};

/// All classes by name with their probabilities, most probable first.
pub fn classification(classification: &Classification, classes: &[String]) -> Value {
    classification
        .classes
        .iter()
        .filter_map(|class| {
            let label = classes.get(usize::from(class.class))?;
            Some(json!({ "label": label, "probability": class.probability }))
        })
        .collect()
}

/// Loss, accuracy, and the metrics computed from the predictions. `confusion[label][predicted]` counts images.
pub fn evaluation(evaluation: &Evaluation, classes: &[String]) -> Value {
    let matrix = ConfusionMatrix::new(&evaluation.predictions, classes.len());
    let row = |label| (0..classes.len()).map(|predicted| matrix.count(label, predicted)).collect::<Vec<_>>();
    let confusion: Vec<_> = (0..classes.len()).map(row).collect();
    let per_class: Vec<_> = class_rows(&matrix)
        .iter()
        .zip(classes)
        .map(|(row, label)| {
            json!({
                "label": label, "precision": row.precision, "recall": row.recall, "f1": row.f1, "count": row.n_images,
            })
        })
        .collect();
    json!({
        "split": evaluation.split,
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy,
        "accuracyInterval": matrix.accuracy_interval().map(|(low, high)| [low, high]),
        "threshold": fit_threshold(&evaluation.predictions),
        "confusion": confusion,
        "perClass": per_class,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::{Bulk, ClassProbability, ImageShape, Prediction, SplitName};

    fn classes() -> Vec<String> {
        ["cat", "dog"].map(str::to_owned).to_vec()
    }

    #[test]
    fn classifications_name_their_classes() {
        let class = |class, probability| ClassProbability { class, probability };
        let found = Classification {
            classes: vec![class(1, 0.75), class(0, 0.25)],
            seen: Bulk::default(),
            shape: ImageShape { channels: 1, height: 1, width: 1 },
            treatment: None,
        };
        let expected = json!([{ "label": "dog", "probability": 0.75 }, { "label": "cat", "probability": 0.25 }]);
        assert_eq!(classification(&found, &classes()), expected);
    }

    #[test]
    fn evaluations_count_by_true_class_then_predicted() {
        let prediction = |label, predicted| Prediction { index: 0, label, predicted, confidence: 0.5, loss: 0.5 };
        let found = Evaluation {
            split: SplitName::Test,
            loss: 0.5,
            accuracy: 0.75,
            predictions: vec![prediction(0, 0), prediction(0, 0), prediction(0, 0), prediction(0, 1)],
        };
        let expected = json!({
            "split": "test",
            "loss": 0.5,
            "accuracy": 0.75,
            "accuracyInterval": kindling_core::metrics::wilson_interval(3, 4).map(|(low, high)| [low, high]),
            "threshold": 0.5,
            "confusion": [[3, 1], [0, 0]],
            "perClass": [
                { "label": "cat", "precision": 1.0, "recall": 0.75, "f1": f64::from(6.0_f32 / 7.0), "count": 4 },
                { "label": "dog", "precision": 0.0, "recall": null, "f1": 0.0, "count": 0 },
            ],
        });
        assert_eq!(evaluation(&found, &classes()), expected);
    }
}
