//! The fields of a config that a search offers, each with a range around its current value.

use serde_json::{Value, json};

use super::space::{Field, Values, is_reserved, name_of, to_json};
use crate::config::fields::{self, MAX_BATCH_SIZE, Range, Searched};
use crate::config::{Activation, Decay, InitConfig, LossConfig, OptimizerConfig, RunConfig, ScheduleConfig};

/// Maximum number of offered fields. A deep network has hundreds of numbers; the most relevant fields come first.
const OFFERED_LIMIT: usize = 200;

/// Ranges of a layer's numbers by name, in any layer. All other ranges are in the table of fields.
const LAYER_RANGES: &[(&str, f64, f64)] = &[("rate", 0.0, 0.6), ("dropout", 0.0, 0.5)];

/// The fields of a new search: those that matter most for nearly every network.
pub fn first_fields(config: &RunConfig) -> Vec<Field> {
    let fields = offered_fields(config);
    let is_first = |field: &Field| ["learningRate", "batchSize"].contains(&field.path.as_str());
    fields.into_iter().filter(is_first).collect()
}

/// Every number and every choice of the config; whole kinds (optimizer, schedule, loss) come before their fields.
pub fn offered_fields(config: &RunConfig) -> Vec<Field> {
    let mut fields = Vec::new();
    visit("", &to_json(config), &mut fields);
    // How many layers are frozen follows from the blocks of the network.
    fields.retain(|field| field.path != "network.frozen");
    fields.sort_by_key(|field| (rank(&field.path), field.path.clone()));
    fields.truncate(OFFERED_LIMIT);
    fields
}

/// The numbers of the kinds that a field chooses between, such as the momentum of an optimizer other than the current one.
pub fn offered_within(field: &Field) -> Vec<Field> {
    let Values::Choices(choices) = &field.values else { return Vec::new() };
    let mut fields = Vec::new();
    for choice in choices.iter().filter(|choice| choice.is_object()) {
        visit(&field.path, choice, &mut fields);
    }
    fields.retain(|within| within.path != field.path);
    fields
}

/// Sort key: the most relevant fields first.
fn rank(path: &str) -> usize {
    let first = path.split('.').next().unwrap_or_default();
    let order = ["learningRate", "batchSize", "optimizer", "weightDecay", "schedule", "loss", "augment"];
    order.iter().position(|known| *known == first).unwrap_or(if first == "network" { 99 } else { 98 })
}

fn visit(path: &str, value: &Value, found: &mut Vec<Field>) {
    let last = path.rsplit('.').next().unwrap_or_default();
    if is_reserved(path) {
        return;
    }
    if let Some(choices) = choices_of(path, last, value) {
        found.push(Field { path: path.to_owned(), values: Values::Choices(choices) });
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                visit(&below, value, found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                visit(&format!("{path}.{place}"), value, found);
            }
        }
        // An optional number that is off.
        Value::Null => found.extend(known_range(path, last).and_then(|values| field(path, values))),
        // The batch size is already offered as a choice.
        Value::Number(number) if path != "batchSize" => {
            let is_whole = number.is_u64();
            found.extend(number.as_f64().and_then(|number| range(path, last, number, is_whole)));
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn range(path: &str, last: &str, now: f64, is_whole: bool) -> Option<Field> {
    let values = known_range(path, last).unwrap_or_else(|| {
        let (least, most, is_log) = if now <= 0.0 {
            // The current value, 0, suggests no range.
            (0.0, 1.0, false)
        } else if is_whole {
            ((now / 2.0).floor().max(1.0), (now * 2.0).max(2.0), true)
        } else {
            (now / 10.0, now * 10.0, true)
        };
        let (min, max) = fields::find(path).and_then(|field| field.range()).map_or((least, most), Range::ends);
        Values::Range { least: least.max(min), most: most.min(max), is_log, is_whole }
    });
    field(path, values)
}

/// The range that does not depend on the current value; `None` if there is none.
fn known_range(path: &str, last: &str) -> Option<Values> {
    let range = |least, most, is_log, is_whole| Some(Values::Range { least, most, is_log, is_whole });
    match fields::find(path).map(|field| (field.search, field.is_integer())) {
        Some((Searched::Linear(least, most), is_whole)) => range(least, most, false, is_whole),
        Some((Searched::Log(least, most), is_whole)) => range(least, most, true, is_whole),
        Some((Searched::Never | Searched::Unoffered | Searched::AroundPresent, _)) => None,
        None => {
            let known = LAYER_RANGES.iter().find(|(name, ..)| *name == last);
            known.and_then(|(_, least, most)| range(*least, *most, false, false))
        }
    }
}

fn field(path: &str, values: Values) -> Option<Field> {
    let is_empty = matches!(values, Values::Range { least, most, .. } if least >= most);
    (!is_empty).then(|| Field { path: path.to_owned(), values })
}

/// The choices of a field; `None` if it has none.
fn choices_of(path: &str, last: &str, now: &Value) -> Option<Vec<Value>> {
    let mut choices = match path {
        "batchSize" => return Some(batch_sizes(now.as_u64()?)),
        // The current kind keeps its own values.
        "optimizer" => of_each_kind(now, &[OptimizerConfig::ADAM, OptimizerConfig::SGD, OptimizerConfig::ADAM_W]),
        "schedule" => of_each_kind(now, &[ScheduleConfig::Constant, ScheduleConfig::COSINE, ScheduleConfig::ONE_CYCLE]),
        "loss" => of_each_kind(now, &[LossConfig::CROSS_ENTROPY, LossConfig::MeanSquaredError]),
        "decay" => of_each_kind(now, &[Decay::Decoupled, Decay::L2]),
        "network.init" => of_each_kind(now, &[InitConfig::Pytorch, InitConfig::He, InitConfig::Xavier]),
        _ if last == "activation" && now.is_string() => of_each_kind(now, &Activation::ALL),
        _ if last == "padding" => of_each_kind(now, &["valid", "same"]),
        _ if now.is_boolean() => vec![json!(false), json!(true)],
        _ => return None,
    };
    choices.truncate(super::space::CHOICES_LIMIT);
    Some(choices)
}

/// Powers of two around the current batch size.
fn batch_sizes(now: u64) -> Vec<Value> {
    let middle = now.clamp(8, u64::from(MAX_BATCH_SIZE) / 2).next_power_of_two();
    [middle / 4, middle / 2, middle, middle * 2].map(Value::from).to_vec()
}

fn of_each_kind<T: serde::Serialize>(now: &Value, known: &[T]) -> Vec<Value> {
    let known = known.iter().map(|kind| json!(kind)).filter(|kind| name_of(kind) != name_of(now));
    std::iter::once(now.clone()).chain(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layer, NetworkConfig, Padding};
    use crate::search::space::{FIELDS_LIMIT, check};

    fn config() -> RunConfig {
        let conv = Layer::Conv {
            filters: 6,
            kernel: 5,
            stride: 1,
            padding: Padding::Valid,
            dilation: 1,
            groups: 1,
            bias: true,
        };
        let layers = vec![conv, Layer::Activation(Activation::Relu), Layer::Dropout { rate: 0.4 }];
        RunConfig::new("mnist", NetworkConfig::new("Small", layers))
    }

    #[test]
    fn every_field_on_offer_can_be_searched() {
        let config = config();
        let fields = offered_fields(&config);
        for path in
            ["learningRate", "batchSize", "optimizer", "optimizer.adam.beta1", "weightDecay", "clipNorm", "seed"]
        {
            assert!(fields.iter().any(|field| field.path == path), "{path}");
        }
        for path in ["network.layers.0.conv.filters", "network.layers.1.activation", "network.layers.2.dropout.rate"] {
            assert!(fields.iter().any(|field| field.path == path), "{path}");
        }
        for some in fields.chunks(FIELDS_LIMIT) {
            assert_eq!(check(&config, some), Ok(()), "{some:?}");
        }
        let is_there = |path: &str| fields.iter().any(|field| field.path.starts_with(path));
        assert!(!is_there("epochs") && !is_there("maxSteps") && !is_there("dataset") && !is_there("split"));
    }

    #[test]
    fn a_search_begins_with_rate_and_batch() {
        let paths: Vec<_> = first_fields(&config()).into_iter().map(|field| field.path).collect();
        assert_eq!(paths, ["learningRate", "batchSize"]);
        assert_eq!(batch_sizes(64), [16, 32, 64, 128].map(Value::from));
        assert_eq!(batch_sizes(100), [32, 64, 128, 256].map(Value::from));
    }

    #[test]
    fn the_numbers_of_other_kinds_can_be_searched_with_them() {
        let config = config();
        let optimizer = offered_fields(&config).into_iter().find(|field| field.path == "optimizer").unwrap();
        let within = offered_within(&optimizer);
        let momentum = within.into_iter().find(|field| field.path == "optimizer.sgd.momentum").unwrap();
        assert_eq!(check(&config, &[optimizer, momentum.clone()]), Ok(()));
        assert!(check(&config, &[momentum]).is_err());
    }

    #[test]
    fn the_present_kind_keeps_its_values() {
        let mut config = config();
        config.optimizer = OptimizerConfig::Sgd { momentum: 0.5, nesterov: true };
        let optimizer = offered_fields(&config).into_iter().find(|field| field.path == "optimizer").unwrap();
        let Values::Choices(choices) = optimizer.values else { panic!("{optimizer:?}") };
        assert_eq!(choices[0], json!(config.optimizer));
        assert_eq!(choices.len(), 3);
    }
}
