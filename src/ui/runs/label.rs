//! What a run is called: the visitor's name for it, or how its config differs from that of the run before.

use serde_json::Value;

use super::difference::Difference;
use super::record::RunRecord;
use crate::ui::i18n::tr;

/// Differences that a label names; more are counted.
const NAMED: usize = 3;
/// Letters of a value.
const VALUE_LIMIT: usize = 24;

/// Tracked by the language. `differences` are those to the run before it; none where it is the first of its kind.
pub fn run_label(record: &RunRecord, differences: Option<&[Difference]>) -> String {
    if !record.name.is_empty() {
        return record.name.clone();
    }
    match differences {
        None => tr!(runs.first, network = record.config.network.name),
        Some([]) => tr!(runs.same_again),
        Some(differences) => {
            let named = differences.iter().take(NAMED).map(difference_text).collect::<Vec<_>>().join(", ");
            match differences.len().saturating_sub(NAMED) {
                0 => named,
                n_more => tr!(runs.and_more, count = n_more, named = named),
            }
        }
    }
}

/// `Learning rate 0.001 → 0.01`
pub fn difference_text(difference: &Difference) -> String {
    format!("{} {} → {}", path_text(&difference.path), value_text(&difference.before), value_text(&difference.after))
}

/// The settings' own names; what has none is called as in JSON.
fn path_text(path: &str) -> String {
    match path {
        "batchSize" => tr!(train.batch_size),
        "epochs" => tr!(train.epochs),
        "learningRate" => tr!(train.learning_rate),
        "optimizer" => tr!(train.optimizer),
        "seed" => tr!(train.seed),
        "weightDecay" => tr!(train.weight_decay),
        "maxSteps" => tr!(runs.max_steps),
        path => path.to_owned(),
    }
}

/// Short: of one of several kinds its name, of a long list its length.
fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.len()),
        Value::Object(kind) if kind.len() == 1 => kind.keys().next().cloned().unwrap_or_default(),
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
        check(json!(["flatten", "batchNorm"]), "[2]");
        check(json!({ "a": 1, "b": "long enough to be cut" }), "{\"a\":1,\"b\":\"long enough…");
    }
}
