//! Names and values of the fields of a run's config in the visitor's language.

use serde_json::Value;

use crate::page::text::i18n::{text_of, tr};
use crate::page::text::layer::layer_title;
use kindling_core::config::NetworkConfig;
use kindling_core::config::fields::find;

/// Maximum number of characters of a value.
const VALUE_LIMIT: usize = 24;

/// The name of a field as in the settings, or its path in JSON if it has none; tracks the language.
pub fn path_text(path: &str) -> String {
    find(path).map_or_else(|| path.to_owned(), |field| text_of(field.text))
}

/// [`path_text`], and the names of the layers' parameters in this network.
pub fn path_text_in(path: &str, network: &NetworkConfig) -> String {
    layer_text(path, network).unwrap_or_else(|| path_text(path))
}

fn layer_text(path: &str, network: &NetworkConfig) -> Option<String> {
    if path == "network.init" {
        return Some(tr!(designer.init));
    }
    let (place, rest) = path.strip_prefix("network.layers.")?.split_once('.')?;
    let index: usize = place.parse().ok()?;
    let layer = network.layers.get(index)?;
    let parameter = match rest.rsplit('.').next()? {
        "activation" => tr!(parameter.activation),
        "bias" => tr!(parameter.bias),
        "dilation" => tr!(parameter.dilation),
        "dropout" => tr!(parameter.dropout),
        "features" => tr!(parameter.features),
        "filters" => tr!(parameter.filters),
        "groups" => tr!(parameter.groups),
        "heads" => tr!(parameter.heads),
        "kernel" => tr!(parameter.kernel),
        "mlpRatio" => tr!(parameter.mlp_ratio),
        "padding" => tr!(parameter.padding),
        "rate" => tr!(parameter.rate),
        "ratio" => tr!(parameter.ratio),
        "size" => tr!(parameter.size),
        "states" => tr!(parameter.states),
        "stride" => tr!(parameter.stride),
        "units" => tr!(parameter.units),
        _ => return None,
    };
    Some(tr!(search.of_layer, layer = layer_title(layer), number = index + 1, parameter = parameter))
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
        // A whole number that is stored as a decimal has none.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
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
    use kindling_core::config::{Layer, Padding, RunConfig, ScheduleConfig};
    use kindling_core::search::offer::offered_fields;

    fn check(value: Value, expected: &str) {
        assert_eq!(value_text(&value), expected);
    }

    #[test]
    fn everything_that_a_search_offers_has_a_name() {
        let layers = vec![
            Layer::Conv {
                filters: 8,
                kernel: 3,
                stride: 1,
                padding: Padding::Same,
                dilation: 1,
                groups: 1,
                bias: true,
            },
            Layer::Dropout { rate: 0.4 },
            Layer::TransformerBlock { heads: 2, mlp_ratio: 2, dropout: 0.1 },
            Layer::Classifier { bias: true },
        ];
        let network = NetworkConfig::new("Four", layers);
        let schedule = ScheduleConfig::ONE_CYCLE;
        let config = RunConfig { schedule, ..RunConfig::new("mnist", network) };
        let offered = offered_fields(&config);
        assert!(offered.len() > 20, "{offered:?}");
        for field in offered {
            let name = path_text_in(&field.path, &config.network);
            // A field of one word may be part of its name, as in "Learning rate schedule".
            let is_path = name == field.path || field.path.contains('.') && name.contains(&field.path);
            assert!(!is_path, "{} is named by its path", field.path);
        }
        assert_eq!(path_text_in("network.layers.1.dropout.rate", &config.network), "Dropout 0.4 (layer 2): Dropout p");
        assert_eq!(path_text("schedule.oneCycle.endDivisor"), "Final divisor (final_div_factor)");
    }

    #[test]
    fn values_are_short() {
        check(json!(0.001), "0.001");
        check(json!(10.0), "10");
        check(json!(0.0), "0");
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
