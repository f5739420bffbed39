//! The fields of a config that a search can be offered, each with a range around what it is now.

use serde_json::{Value, json};

use super::space::{Field, Values, is_reserved, name_of, to_json};
use crate::config::{Activation, Decay, InitConfig, LossConfig, OptimizerConfig, RunConfig, ScheduleConfig};

/// Fields on offer at most: a deep network has hundreds of numbers, and the first ones are those one would think of.
const OFFERED_LIMIT: usize = 200;

/// Fields that a range around the present value would not suit: the least, the greatest, and whether factors count.
const RANGES: &[(&str, f64, f64, bool)] = &[
    ("weightDecay", 1e-5, 1e-1, true),
    ("clipNorm", 0.1, 10.0, true),
    ("emaDecay", 0.9, 0.999, false),
    ("batchesPerUpdate", 1.0, 8.0, false),
    ("seed", 0.0, 9.0, false),
    ("augment.flip", 0.0, 0.5, false),
    ("augment.shift", 0.0, 0.2, false),
    ("augment.rotationDegrees", 0.0, 20.0, false),
    ("augment.zoom", 0.0, 0.3, false),
    ("augment.shearDegrees", 0.0, 15.0, false),
    ("augment.brightness", 0.0, 0.4, false),
    ("augment.contrast", 0.0, 0.4, false),
    ("augment.saturation", 0.0, 0.4, false),
    ("augment.hue", 0.0, 0.1, false),
    ("augment.noise", 0.0, 0.2, false),
    ("augment.cutout", 0.0, 0.5, false),
    ("augment.mixup", 0.0, 0.5, false),
    ("augment.cutmix", 0.0, 1.0, false),
];

/// Ranges of fields with these names, wherever they are.
const NAMED_RANGES: &[(&str, f64, f64, bool)] = &[
    ("momentum", 0.5, 0.99, false),
    ("beta1", 0.8, 0.98, false),
    ("beta2", 0.9, 0.999, false),
    ("alpha", 0.9, 0.999, false),
    ("labelSmoothing", 0.0, 0.2, false),
    ("rate", 0.0, 0.6, false),
    ("dropout", 0.0, 0.5, false),
    ("rise", 0.1, 0.5, false),
    ("warmUpSteps", 0.0, 500.0, false),
    ("threshold", 0.0, 0.01, false),
    ("leastRate", 0.0, 1e-4, false),
    ("leastImprovement", 0.0, 0.01, false),
];

/// What a search begins with: what matters most for nearly every network.
pub fn first_fields(config: &RunConfig) -> Vec<Field> {
    let fields = offered_fields(config);
    let is_first = |field: &Field| ["learningRate", "batchSize"].contains(&field.path.as_str());
    fields.into_iter().filter(is_first).collect()
}

/// Every number and every choice of the config, the whole kinds (optimizer, schedule, loss) before what they are made of.
pub fn offered_fields(config: &RunConfig) -> Vec<Field> {
    let mut fields = Vec::new();
    visit("", &to_json(config), &mut fields);
    fields.sort_by_key(|field| (rank(&field.path), field.path.clone()));
    fields.truncate(OFFERED_LIMIT);
    fields
}

/// The numbers of the kinds that a field chooses between, such as the momentum of an optimizer that is not the present one.
pub fn offered_within(field: &Field) -> Vec<Field> {
    let Values::Choices(choices) = &field.values else { return Vec::new() };
    let mut fields = Vec::new();
    for choice in choices.iter().filter(|choice| choice.is_object()) {
        visit(&field.path, choice, &mut fields);
    }
    fields.retain(|within| within.path != field.path);
    fields
}

/// The order in which one would look for them.
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
        // Off, and a number where it is on.
        Value::Null if ["clipNorm", "emaDecay"].contains(&path) => found.extend(range(path, last, 0.0, false)),
        // Numbers that are off or on, as choices are above.
        Value::Number(number) if path != "batchSize" => {
            let is_whole = number.is_u64();
            found.extend(number.as_f64().and_then(|number| range(path, last, number, is_whole)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn range(path: &str, last: &str, now: f64, is_whole: bool) -> Option<Field> {
    let known = RANGES
        .iter()
        .find(|(known, ..)| *known == path)
        .or_else(|| NAMED_RANGES.iter().find(|(known, ..)| *known == last))
        .map(|(_, least, most, is_log)| (*least, *most, *is_log));
    let (least, most, is_log) = match known {
        Some(known) => known,
        // Nothing is known of it but that it is 0.
        None if now <= 0.0 => (0.0, 1.0, false),
        None if is_whole => ((now / 2.0).floor().max(1.0), (now * 2.0).max(2.0), true),
        None => (now / 10.0, now * 10.0, true),
    };
    let values = Values::Range { least, most, is_log, is_whole };
    (least < most).then(|| Field { path: path.to_owned(), values })
}

/// The kinds that a field can be, where it is one of several kinds.
fn choices_of(path: &str, last: &str, now: &Value) -> Option<Vec<Value>> {
    let mut choices = match path {
        "batchSize" => return Some(batch_sizes(now.as_u64()?)),
        // The kind that is chosen now keeps its own values.
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

/// Powers of two around the present one.
fn batch_sizes(now: u64) -> Vec<Value> {
    let middle = now.clamp(8, 2_048).next_power_of_two();
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
        RunConfig::new("mnist", NetworkConfig { name: "Small".into(), layers, init: InitConfig::Pytorch })
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
