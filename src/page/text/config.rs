//! Names and values of the fields of a run's config in the visitor's language.

use serde_json::Value;

use crate::page::text::i18n::tr;

/// Maximum number of characters of a value.
const VALUE_LIMIT: usize = 24;

/// The name of a field as in the settings, or its path in JSON if it has none; tracks the language.
pub fn path_text(path: &str) -> String {
    match path {
        "batchSize" => tr!(train.batch_size),
        "batchesPerUpdate" => tr!(expert.batches_per_update),
        "clipNorm" => tr!(expert.clip_norm),
        "decay" => tr!(expert.decay),
        "emaDecay" => tr!(expert.ema_decay),
        "epochs" => tr!(train.epochs),
        "learningRate" => tr!(train.learning_rate),
        "loss" => tr!(train.loss),
        "maxSteps" => tr!(runs.max_steps),
        "network" => tr!(runs.network),
        "optimizer" => tr!(train.optimizer),
        "schedule" => tr!(expert.schedule),
        "seed" => tr!(train.seed),
        "weightDecay" => tr!(train.weight_decay),
        "augment.brightness" => tr!(expert.brightness),
        "augment.contrast" => tr!(expert.contrast),
        "augment.cutmix" => tr!(expert.cutmix),
        "augment.cutout" => tr!(expert.cutout),
        "augment.flip" => tr!(expert.flip),
        "augment.hue" => tr!(expert.hue),
        "augment.mixup" => tr!(expert.mixup),
        "augment.noise" => tr!(expert.noise),
        "augment.rotationDegrees" => tr!(expert.rotation),
        "augment.saturation" => tr!(expert.saturation),
        "augment.shearDegrees" => tr!(expert.shear),
        "augment.shift" => tr!(expert.shift),
        "augment.zoom" => tr!(expert.zoom),
        "adversarial" => tr!(expert.attack),
        "adversarial.share" => tr!(expert.attack_share),
        "adversarial.strength" => tr!(expert.attack_strength),
        "earlyStopping" => tr!(expert.early_stopping),
        "earlyStopping.leastImprovement" => tr!(expert.least_improvement),
        "earlyStopping.metric" => tr!(expert.early_stopping),
        "earlyStopping.patience" => tr!(expert.patience),
        "split.seed" => tr!(data.split_seed),
        path => deeper_text(path),
    }
}

/// The name of a field of one of several kinds (optimizers, losses, attacks).
fn deeper_text(path: &str) -> String {
    let (group, last) = (path.split('.').next().unwrap_or_default(), path.rsplit('.').next().unwrap_or_default());
    match (group, last) {
        ("optimizer", "momentum") => tr!(expert.momentum),
        ("optimizer", "beta1") => tr!(expert.beta1),
        ("optimizer", "beta2") => tr!(expert.beta2),
        ("optimizer", "alpha") => tr!(expert.alpha),
        ("optimizer", "epsilon") => tr!(expert.epsilon),
        ("loss", "labelSmoothing") => tr!(expert.label_smoothing),
        ("loss", "classWeights") => tr!(expert.class_weights),
        ("adversarial", "method") => tr!(expert.attack),
        ("adversarial", "steps") => tr!(expert.attack_steps),
        ("adversarial", "stepSize") => tr!(expert.attack_step_size),
        _ => path.to_owned(),
    }
}

/// A short form of a value: one of several kinds or a network is shortened to its name, a list to its length.
pub fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.len()),
        Value::Object(kind) if kind.len() == 1 => kind.keys().next().cloned().unwrap_or_default(),
        // Names an attack by its method, early stopping by its metric, a network by its name.
        Value::Object(whole) if !whole.is_empty() => {
            match ["method", "metric", "name"].iter().find_map(|key| whole.get(*key)) {
                Some(name) => return value_text(name),
                None => value.to_string(),
            }
        }
        value => value.to_string(),
    };
    if text.chars().count() <= VALUE_LIMIT {
        return text;
    }
    text.chars().take(VALUE_LIMIT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value, expected: &str) {
        assert_eq!(value_text(&value), expected);
    }

    #[test]
    fn values_are_short() {
        check(json!(0.001), "0.001");
        check(Value::Null, "–");
        check(json!("constant"), "constant");
        check(json!({ "sgd": { "momentum": 0.9, "nesterov": false } }), "sgd");
        check(json!({ "name": "LeNet", "layers": [], "init": "he" }), "LeNet");
        check(json!(["flatten", "batchNorm"]), "[2]");
        check(json!({ "method": { "pgd": { "steps": 5, "stepSize": 0.01 } }, "share": 1, "strength": 0.1 }), "pgd");
        check(json!({ "metric": "validationLoss", "patience": 5, "leastImprovement": 0 }), "validationLoss");
        check(json!({ "a": 1, "b": "long enough to be cut" }), "{\"a\":1,\"b\":\"long enough…");
    }
}
