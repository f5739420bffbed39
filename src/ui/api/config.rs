//! Completes the config that a program passes to `kindling.train`: its keys over a preset's values. Pure.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::protocol::{Failure, FailureKind, InputKind, NetworkConfig, OptimizerConfig, RunConfig, SplitConfig};

/// Lays the keys of `options` over `base`, the dataset's default. Where `network` names a preset, that preset's config
/// takes the place of `base`: a preset is a network with its recipe. `preset` finds it by id.
pub fn complete(
    options: &Value,
    base: RunConfig,
    preset: impl Fn(&str) -> Option<RunConfig>,
) -> Result<RunConfig, Failure> {
    let Value::Object(options) = options else {
        return Err(bad("the config is not an object"));
    };
    let mut config = match options.get("network") {
        Some(Value::String(id)) => {
            let preset = preset(id).ok_or_else(|| bad(format!("network: no preset \"{id}\" for this dataset")))?;
            RunConfig { dataset: base.dataset, split: base.split, ..preset }
        }
        Some(network) => RunConfig { network: read::<NetworkConfig>("network", network)?, ..base },
        None => base,
    };
    for (key, value) in options {
        match key.as_str() {
            // Both done above and below, whatever the order of the keys.
            "network" | "momentum" => {}
            "dataset" => same(key, &read::<String>(key, value)?, &config.dataset)?,
            "split" => same(key, &read::<SplitConfig>(key, value)?, &config.split)?,
            "seed" => config.seed = read(key, value)?,
            "optimizer" => config.optimizer = optimizer(value, config.optimizer)?,
            "learningRate" => config.learning_rate = read(key, value)?,
            "weightDecay" => config.weight_decay = read(key, value)?,
            "batchSize" => config.batch_size = read(key, value)?,
            "epochs" => config.epochs = read(key, value)?,
            "maxSteps" => config.max_steps = read(key, value)?,
            unknown => return Err(bad(format!("unknown key \"{unknown}\""))),
        }
    }
    if let Some(value) = options.get("momentum") {
        match &mut config.optimizer {
            OptimizerConfig::Sgd { momentum } => *momentum = read("momentum", value)?,
            OptimizerConfig::Adam { .. } => return Err(bad("momentum: the optimizer is Adam, which has none")),
        }
    }
    Ok(config)
}

/// `"sgd"`, `"adam"`, or one of them with any of its values: `{"sgd": {"momentum": 0.5}}`.
fn optimizer(value: &Value, current: OptimizerConfig) -> Result<OptimizerConfig, Failure> {
    let (name, values) = match value {
        Value::String(name) => (name.as_str(), None),
        Value::Object(object) if object.len() == 1 => match object.iter().next() {
            Some((name, Value::Object(values))) => (name.as_str(), Some(values)),
            _ => return Err(bad("optimizer: expected its values as an object")),
        },
        _ => return Err(bad("optimizer: expected \"sgd\", \"adam\", or an object with one of these keys")),
    };
    let defaults = match (name, current) {
        ("sgd", OptimizerConfig::Sgd { .. }) | ("adam", OptimizerConfig::Adam { .. }) => current,
        ("sgd", OptimizerConfig::Adam { .. }) => OptimizerConfig::SGD,
        ("adam", OptimizerConfig::Sgd { .. }) => OptimizerConfig::ADAM,
        _ => return Err(bad(format!("optimizer: no \"{name}\", only \"sgd\" and \"adam\""))),
    };
    match values {
        None => Ok(defaults),
        Some(values) => {
            let mut whole = serde_json::to_value(defaults).map_err(|error| bad(format!("optimizer: {error}")))?;
            if let Some(Value::Object(whole)) = whole.get_mut(name) {
                whole.extend(values.clone());
            }
            read("optimizer", &whole)
        }
    }
}

/// A run is always for the current dataset as it is cut: a config that says otherwise is refused, not ignored.
fn same<T: PartialEq>(key: &str, wanted: &T, current: &T) -> Result<(), Failure> {
    if wanted == current {
        return Ok(());
    }
    Err(bad(format!("{key}: not that of the current dataset; load the dataset so first")))
}

fn read<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| bad(format!("{key}: {error}")))
}

/// The split of `kindling.loadDataset`'s options, over `current`.
pub fn complete_split(options: &Value, current: SplitConfig) -> Result<SplitConfig, Failure> {
    let options = match options {
        Value::Null => return Ok(current),
        Value::Object(options) => options,
        _ => return Err(bad("the options are not an object")),
    };
    if let Some(unknown) = options.keys().find(|key| *key != "split") {
        return Err(bad(format!("unknown key \"{unknown}\"")));
    }
    let empty = Map::new();
    let values = match options.get("split") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(values)) => values,
        Some(_) => return Err(bad("split: not an object")),
    };
    let mut whole = serde_json::to_value(current).map_err(|error| bad(format!("split: {error}")))?;
    if let Value::Object(whole) = &mut whole {
        whole.extend(values.clone());
    }
    read("split", &whole)
}

/// The kind of image of `kindling.classify`'s options; a photo unless they say otherwise.
pub fn input_kind(options: &Value) -> Result<InputKind, Failure> {
    let options = match options {
        Value::Null => return Ok(InputKind::Photo),
        Value::Object(options) => options,
        _ => return Err(bad("the options are not an object")),
    };
    if let Some(unknown) = options.keys().find(|key| *key != "kind") {
        return Err(bad(format!("unknown key \"{unknown}\"")));
    }
    match options.get("kind").map(Value::as_str) {
        None | Some(Some("photo")) => Ok(InputKind::Photo),
        Some(Some("drawing")) => Ok(InputKind::Drawing),
        Some(_) => Err(bad("kind: neither \"photo\" nor \"drawing\"")),
    }
}

fn bad(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::BadConfig, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{InitConfig, Layer};

    fn base() -> RunConfig {
        RunConfig {
            dataset: "mnist".into(),
            split: SplitConfig::default(),
            seed: 1,
            network: network("Quick", vec![Layer::Flatten]),
            optimizer: OptimizerConfig::ADAM,
            learning_rate: 0.002,
            weight_decay: 0.0,
            batch_size: 128,
            epochs: 3,
            max_steps: None,
        }
    }

    fn preset(id: &str) -> Option<RunConfig> {
        (id == "lenet").then(|| RunConfig {
            network: network("LeNet", vec![]),
            optimizer: OptimizerConfig::SGD,
            batch_size: 4,
            split: SplitConfig { seed: 99, ..SplitConfig::default() },
            ..base()
        })
    }

    fn network(name: &str, layers: Vec<Layer>) -> NetworkConfig {
        NetworkConfig { name: name.into(), layers, init: InitConfig::Pytorch }
    }

    fn check(options: Value, expected: RunConfig) {
        assert_eq!(complete(&options, base(), preset), Ok(expected), "{options}");
    }

    fn check_refused(options: Value, detail: &str) {
        let failure = complete(&options, base(), preset).expect_err(&options.to_string());
        assert_eq!(failure.kind, FailureKind::BadConfig);
        assert!(failure.detail.contains(detail), "{options}: {}", failure.detail);
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        check(json!({}), base());
        check(
            json!({ "epochs": 7, "maxSteps": 20, "learningRate": 0.1 }),
            RunConfig { epochs: 7, max_steps: Some(20), learning_rate: 0.1, ..base() },
        );
        check(json!({ "maxSteps": null }), base());
    }

    #[test]
    fn a_preset_brings_its_recipe_but_the_dataset_keeps_its_split() {
        let lenet = RunConfig { split: base().split, ..preset("lenet").unwrap() };
        check(json!({ "network": "lenet" }), lenet.clone());
        check(json!({ "batchSize": 64, "network": "lenet" }), RunConfig { batch_size: 64, ..lenet });
        check_refused(json!({ "network": "leenet" }), "no preset \"leenet\"");
    }

    #[test]
    fn a_network_can_be_given_as_data() {
        let described = json!({ "name": "Mine", "layers": ["flatten", { "classifier": { "bias": true } }] });
        let layers = vec![Layer::Flatten, Layer::Classifier { bias: true }];
        check(json!({ "network": described }), RunConfig { network: network("Mine", layers), ..base() });
        check_refused(json!({ "network": { "name": "Mine" } }), "network: missing field `layers`");
        check_refused(json!({ "network": 3 }), "network: ");
    }

    #[test]
    fn an_optimizer_is_a_name_or_a_name_with_values() {
        let sgd = |momentum| RunConfig { optimizer: OptimizerConfig::Sgd { momentum }, ..base() };
        check(json!({ "optimizer": "sgd" }), sgd(0.9));
        check(json!({ "momentum": 0.5, "optimizer": "sgd" }), sgd(0.5));
        check(json!({ "optimizer": { "sgd": { "momentum": 0.25 } } }), sgd(0.25));
        check(json!({ "optimizer": { "sgd": {} } }), sgd(0.9));
        check(
            json!({ "optimizer": { "adam": { "beta1": 0.8 } } }),
            RunConfig { optimizer: OptimizerConfig::Adam { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 }, ..base() },
        );
        check_refused(json!({ "optimizer": "lion" }), "no \"lion\"");
        check_refused(json!({ "optimizer": { "sgd": { "beta1": 1 } } }), "unknown field `beta1`");
        check_refused(json!({ "optimizer": { "sgd": 0.9 } }), "optimizer: ");
        check_refused(json!({ "momentum": 0.5 }), "momentum: ");
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named() {
        check_refused(json!({ "learning_rate": 0.1 }), "unknown key \"learning_rate\"");
        check_refused(json!({ "epochs": -1 }), "epochs: ");
        check_refused(json!({ "epochs": 1.5 }), "epochs: ");
        check_refused(json!({ "batchSize": "64" }), "batchSize: ");
        check_refused(json!({ "learningRate": null }), "learningRate: ");
        check_refused(json!("mnist"), "not an object");
    }

    #[test]
    fn a_whole_config_repeats_its_run_only_on_its_own_dataset() {
        check(serde_json::to_value(base()).unwrap(), base());
        check_refused(json!({ "dataset": "cifar10" }), "dataset: ");
        let other = SplitConfig { seed: 5, ..SplitConfig::default() };
        check_refused(json!({ "split": other }), "split: ");
    }

    #[test]
    fn images_are_photos_unless_said_to_be_drawings() {
        assert_eq!(input_kind(&Value::Null), Ok(InputKind::Photo));
        assert_eq!(input_kind(&json!({})), Ok(InputKind::Photo));
        assert_eq!(input_kind(&json!({ "kind": "drawing" })), Ok(InputKind::Drawing));
        for refused in [json!({ "kind": "Drawing" }), json!({ "kind": 1 }), json!({ "kin": "photo" }), json!("photo")] {
            assert_eq!(input_kind(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn a_split_can_be_given_in_part() {
        let seeded = SplitConfig { seed: 5, ..SplitConfig::default() };
        assert_eq!(complete_split(&json!({ "split": { "seed": 5 } }), SplitConfig::default()), Ok(seeded));
        assert_eq!(complete_split(&Value::Null, seeded), Ok(seeded));
        assert_eq!(complete_split(&json!({}), seeded), Ok(seeded));
        for refused in [json!({ "splits": {} }), json!({ "split": { "validation": 0.1 } }), json!([])] {
            assert_eq!(complete_split(&refused, seeded).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }
}
