//! Completes the config that a program passes to `kindling.train`: its keys override a preset's values. Pure.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::values::{bad, kind, part, read};
use kindling_core::config::check::check_number;
use kindling_core::config::{
    AdversarialConfig, AttackMethod, AugmentConfig, LossConfig, NetworkConfig, OptimizerConfig, RunConfig,
    ScheduleConfig, SplitConfig,
};
use kindling_core::dataset::ImageReading;
use kindling_core::protocol::{Failure, ValueChange};

/// Overrides the values of `base`, the dataset's default config, with the keys of `options`. If `network` names a preset, that
/// preset's config replaces `base`: a preset is a network with its recipe. `preset` finds it by id.
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
            // Handled above and below, so that the order of the keys does not matter.
            "network" | "momentum" => {}
            "dataset" => same(key, &read::<String>(key, value)?, &config.dataset)?,
            "split" => same(key, &read::<SplitConfig>(key, value)?, &config.split)?,
            "seed" => config.seed = read(key, value)?,
            "optimizer" => config.optimizer = kind(key, value, &config.optimizer, &OptimizerConfig::ALL)?,
            "learningRate" => config.learning_rate = read(key, value)?,
            "weightDecay" => config.weight_decay = read(key, value)?,
            "batchSize" => config.batch_size = read(key, value)?,
            "epochs" => config.epochs = read(key, value)?,
            "maxSteps" => config.max_steps = read(key, value)?,
            "loss" => config.loss = kind(key, value, &config.loss, &LossConfig::ALL)?,
            "decay" => config.decay = read(key, value)?,
            "schedule" => config.schedule = kind(key, value, &config.schedule, &ScheduleConfig::ALL)?,
            "clipNorm" => config.clip_norm = read(key, value)?,
            "batchesPerUpdate" => config.batches_per_update = read(key, value)?,
            "emaDecay" => config.ema_decay = read(key, value)?,
            "pretrainedRateShare" => config.pretrained_rate_share = read(key, value)?,
            "earlyStopping" => config.early_stopping = optional(key, value, config.early_stopping)?,
            "augment" => config.augment = part(key, value, &config.augment)?,
            "adversarial" => config.adversarial = adversarial(key, value, config.adversarial)?,
            "distillation" => config.distillation = optional(key, value, config.distillation)?,
            "sparsity" => config.sparsity = optional(key, value, config.sparsity)?,
            unknown => return Err(bad(format!("unknown key \"{unknown}\""))),
        }
    }
    if let Some(value) = options.get("momentum") {
        match config.optimizer.momentum_mut() {
            Some(momentum) => *momentum = read("momentum", value)?,
            None => return Err(bad("momentum: the optimizer has none")),
        }
    }
    Ok(config)
}

/// Takes the id of the run to continue from the options of `kindling.train`.
pub fn continued_run(options: Value) -> Result<(Value, Option<String>), Failure> {
    let mut options = if options.is_null() { Value::Object(Map::new()) } else { options };
    let from = options.as_object_mut().and_then(|options| options.remove("from")).filter(|from| !from.is_null());
    let from = from.map(|from| read("from", &from)).transpose()?;
    Ok((options, from))
}

/// None for null. Omitted values are those of `current`, or the defaults.
fn optional<T: Default + Serialize + DeserializeOwned>(
    key: &str,
    value: &Value,
    current: Option<T>,
) -> Result<Option<T>, Failure> {
    if value.is_null() { Ok(None) } else { part(key, value, &current.unwrap_or_default()).map(Some) }
}

/// None for null. Omitted values are those of `current`, or the defaults. The method is a name or a name with values.
fn adversarial(
    key: &str,
    value: &Value,
    current: Option<AdversarialConfig>,
) -> Result<Option<AdversarialConfig>, Failure> {
    if value.is_null() {
        return Ok(None);
    }
    let current = current.unwrap_or_default();
    let Some(given) = value.get("method") else { return part(key, value, &current).map(Some) };
    let method = kind("adversarial.method", given, &current.method, &AttackMethod::ALL)?;
    let mut rest = value.clone();
    if let Value::Object(fields) = &mut rest {
        fields.remove("method");
    }
    part(key, &rest, &AdversarialConfig { method, ..current }).map(Some)
}

/// Refuses a config for another dataset or split: a run always uses the current ones.
fn same<T: PartialEq>(key: &str, wanted: &T, current: &T) -> Result<(), Failure> {
    if wanted == current {
        return Ok(());
    }
    Err(bad(format!("{key}: not that of the current dataset; load the dataset so first")))
}

/// The options of `kindling.loadDataset`; omitted values are the defaults.
pub fn load_options(options: &Value) -> Result<(SplitConfig, ImageReading), Failure> {
    let (mut split, mut images) = (SplitConfig::default(), ImageReading::default());
    let options = match options {
        Value::Null => return Ok((split, images)),
        Value::Object(options) => options,
        _ => return Err(bad("the options are not an object")),
    };
    for (key, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "split" => split = part(key, value, &split)?,
            "images" => images = part(key, value, &images)?,
            unknown => return Err(bad(format!("unknown key \"{unknown}\""))),
        }
    }
    Ok((split, images))
}

/// The new values for the current run in the argument of `kindling.adjust`.
pub fn adjustment(options: &Value) -> Result<ValueChange, Failure> {
    let Value::Object(options) = options else { return Err(bad("the values are not an object")) };
    let mut change = ValueChange::default();
    for (key, value) in options {
        match key.as_str() {
            "learningRate" => change.learning_rate = Some(read::<f64>(key, value)?),
            "weightDecay" => change.weight_decay = Some(read::<f64>(key, value)?),
            "augment" => change.augment = Some(read::<AugmentConfig>(key, value)?),
            unknown => return Err(bad(format!("unknown key \"{unknown}\""))),
        }
    }
    change.learning_rate.map_or(Ok(()), |rate| check_number("learningRate", rate))?;
    change.weight_decay.map_or(Ok(()), |decay| check_number("weightDecay", decay))?;
    change.augment.map_or(Ok(()), |augment| augment.check())?;
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use kindling_core::config::fields::FIELDS;
    use kindling_core::config::{ClassWeights, Decay, DistillationConfig, EarlyStopping, Layer, SparsityConfig};
    use kindling_core::dataset::Framing;
    use kindling_core::protocol::FailureKind;

    fn base() -> RunConfig {
        let network = network("Quick", vec![Layer::Flatten]);
        RunConfig { seed: 1, learning_rate: 0.002, batch_size: 128, epochs: 3, ..RunConfig::new("mnist", network) }
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
        NetworkConfig::new(name, layers)
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
    fn every_field_of_a_config_is_a_key() {
        let whole = serde_json::to_value(base()).unwrap();
        for field in FIELDS.iter().filter(|field| !field.path.contains('.')) {
            check(json!({ field.path: whole[field.path] }), base());
        }
        // Each key is applied: a config in which all values differ is reproduced.
        let other = RunConfig {
            seed: 9,
            optimizer: OptimizerConfig::LION,
            learning_rate: 0.5,
            weight_decay: 0.25,
            batch_size: 7,
            epochs: 2,
            max_steps: Some(4),
            loss: LossConfig::MeanSquaredError,
            decay: Decay::L2,
            schedule: ScheduleConfig::COSINE,
            clip_norm: Some(2.0),
            batches_per_update: 3,
            ema_decay: Some(0.5),
            early_stopping: Some(EarlyStopping::default()),
            augment: AugmentConfig { flip: 0.5, ..AugmentConfig::default() },
            adversarial: Some(AdversarialConfig::default()),
            distillation: Some(DistillationConfig::default()),
            sparsity: Some(SparsityConfig::default()),
            ..base()
        };
        check(serde_json::to_value(&other).unwrap(), other);
    }

    #[test]
    fn the_run_to_continue_is_no_part_of_the_config() {
        assert_eq!(continued_run(Value::Null), Ok((json!({}), None)));
        assert_eq!(continued_run(json!({ "epochs": 3 })), Ok((json!({ "epochs": 3 }), None)));
        assert_eq!(continued_run(json!({ "epochs": 3, "from": "a" })), Ok((json!({ "epochs": 3 }), Some("a".into()))));
        assert_eq!(continued_run(json!({ "from": 3 })).unwrap_err().kind, FailureKind::BadConfig);
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
        let sgd = |momentum| RunConfig { optimizer: OptimizerConfig::Sgd { momentum, nesterov: false }, ..base() };
        check(json!({ "optimizer": "sgd" }), sgd(0.9));
        check(json!({ "momentum": 0.5, "optimizer": "sgd" }), sgd(0.5));
        check(json!({ "optimizer": { "sgd": { "momentum": 0.25 } } }), sgd(0.25));
        check(json!({ "optimizer": { "sgd": {} } }), sgd(0.9));
        check(
            json!({ "optimizer": { "adam": { "beta1": 0.8 } } }),
            RunConfig { optimizer: OptimizerConfig::Adam { beta1: 0.8, beta2: 0.999, epsilon: 1e-8 }, ..base() },
        );
        check(json!({ "optimizer": "lion" }), RunConfig { optimizer: OptimizerConfig::LION, ..base() });
        let muon = OptimizerConfig::Muon { momentum: 0.9, adam_rate_share: 0.015 };
        check(json!({ "optimizer": "muon", "momentum": 0.9 }), RunConfig { optimizer: muon, ..base() });
        check_refused(json!({ "optimizer": "adan" }), "no \"adan\", only \"sgd\", \"adam\", \"adamW\"");
        check_refused(json!({ "optimizer": { "sgd": { "beta1": 1 } } }), "unknown field `beta1`");
        check_refused(json!({ "optimizer": { "sgd": 0.9 } }), "optimizer: ");
        check_refused(json!({ "momentum": 0.5 }), "momentum: ");
    }

    #[test]
    fn losses_and_schedules_are_given_as_optimizers_are() {
        let loss = LossConfig::CrossEntropy { label_smoothing: 0.1, class_weights: ClassWeights::None };
        check(json!({ "loss": { "crossEntropy": { "labelSmoothing": 0.1 } } }), RunConfig { loss, ..base() });
        let given = ClassWeights::Given(vec![1.0, 2.0]);
        let loss = LossConfig::CrossEntropy { label_smoothing: 0.0, class_weights: given };
        let weights = json!({ "given": [1, 2] });
        check(json!({ "loss": { "crossEntropy": { "classWeights": weights } } }), RunConfig { loss, ..base() });
        check(json!({ "loss": "meanSquaredError" }), RunConfig { loss: LossConfig::MeanSquaredError, ..base() });
        check(json!({ "schedule": "oneCycle" }), RunConfig { schedule: ScheduleConfig::ONE_CYCLE, ..base() });
        let schedule = ScheduleConfig::Cosine { warm_up_steps: 50, least_rate: 0.0 };
        check(json!({ "schedule": { "cosine": { "warmUpSteps": 50 } } }), RunConfig { schedule, ..base() });
        check_refused(json!({ "schedule": { "constant": { "factor": 1 } } }), "\"constant\" has no values");
        check_refused(json!({ "schedule": "linear" }), "schedule: no \"linear\"");
        check_refused(json!({ "loss": { "crossEntropy": { "smoothing": 0.1 } } }), "unknown field `smoothing`");
    }

    #[test]
    fn the_extras_are_off_unless_asked_for() {
        check(
            json!({ "decay": "l2", "clipNorm": 1, "batchesPerUpdate": 4, "emaDecay": 0.99 }),
            RunConfig {
                decay: Decay::L2,
                clip_norm: Some(1.0),
                batches_per_update: 4,
                ema_decay: Some(0.99),
                ..base()
            },
        );
        let patient = EarlyStopping { patience: 9, ..EarlyStopping::default() };
        check(json!({ "earlyStopping": { "patience": 9 } }), RunConfig { early_stopping: Some(patient), ..base() });
        check(json!({ "earlyStopping": null, "clipNorm": null, "emaDecay": null }), base());
        check_refused(json!({ "earlyStopping": true }), "earlyStopping: not an object");
        let augment = AugmentConfig { flip: 0.5, ..AugmentConfig::default() };
        check(json!({ "augment": { "flip": 0.5 } }), RunConfig { augment, ..base() });
        check_refused(json!({ "augment": { "flop": 0.5 } }), "unknown field `flop`");
    }

    #[test]
    fn an_attack_is_given_as_its_method_with_values() {
        let attack = |method, strength, share| RunConfig {
            adversarial: Some(AdversarialConfig { method, strength, share }),
            ..base()
        };
        check(json!({ "adversarial": {} }), attack(AttackMethod::Fgsm, 0.1, 0.5));
        check(json!({ "adversarial": { "strength": 0.3, "share": 1 } }), attack(AttackMethod::Fgsm, 0.3, 1.0));
        let pgd = AttackMethod::Pgd { steps: 3, step_size: 0.025 };
        check(json!({ "adversarial": { "method": { "pgd": { "steps": 3 } } } }), attack(pgd, 0.1, 0.5));
        check(json!({ "adversarial": { "method": "pgd", "share": 0.25 } }), attack(AttackMethod::PGD, 0.1, 0.25));
        check(json!({ "adversarial": null }), base());
        check_refused(json!({ "adversarial": true }), "adversarial: not an object");
        check_refused(json!({ "adversarial": { "method": "cw" } }), "adversarial.method: no \"cw\"");
        check_refused(json!({ "adversarial": { "epsilon": 0.1 } }), "unknown field `epsilon`");
    }

    #[test]
    fn a_lesson_is_given_by_its_values() {
        let taught = |temperature, weight| RunConfig {
            distillation: Some(DistillationConfig { temperature, weight }),
            ..base()
        };
        check(json!({ "distillation": {} }), taught(4.0, 0.7));
        check(json!({ "distillation": { "temperature": 2 } }), taught(2.0, 0.7));
        check(json!({ "distillation": null }), base());
        check_refused(json!({ "distillation": { "alpha": 0.5 } }), "unknown field `alpha`");
    }

    #[test]
    fn a_sparsity_is_given_by_its_values() {
        let sparse = |target, ramp| RunConfig { sparsity: Some(SparsityConfig { target, ramp }), ..base() };
        check(json!({ "sparsity": {} }), sparse(0.8, 0.5));
        check(json!({ "sparsity": { "target": 0.95 } }), sparse(0.95, 0.5));
        check(json!({ "sparsity": null }), base());
        check_refused(json!({ "sparsity": { "final": 0.5 } }), "unknown field `final`");
    }

    #[test]
    fn configs_from_before_the_extras_still_read() {
        let mut old = serde_json::to_value(base()).unwrap();
        let extras =
            ["loss", "decay", "schedule", "clipNorm", "batchesPerUpdate", "emaDecay", "earlyStopping", "augment"];
        for key in extras.into_iter().chain(["adversarial", "distillation", "sparsity", "pretrainedRateShare"]) {
            assert!(old.as_object_mut().unwrap().remove(key).is_some(), "{key}");
        }
        assert_eq!(serde_json::from_value::<RunConfig>(old).unwrap(), base());
        let sgd = serde_json::from_value::<OptimizerConfig>(json!({ "sgd": { "momentum": 0.9 } })).unwrap();
        assert_eq!(sgd, OptimizerConfig::SGD);
    }

    #[test]
    fn values_can_be_adjusted_one_by_one() {
        let none = ValueChange::default();
        let rate = ValueChange { learning_rate: Some(0.1), ..none };
        assert_eq!(adjustment(&json!({ "learningRate": 0.1 })), Ok(rate));
        assert_eq!(adjustment(&json!({ "weightDecay": 0 })), Ok(ValueChange { weight_decay: Some(0.0), ..none }));
        let flip = AugmentConfig { flip: 0.5, ..AugmentConfig::default() };
        let flipped = ValueChange { augment: Some(flip), ..none };
        assert_eq!(adjustment(&json!({ "augment": { "flip": 0.5 } })), Ok(flipped));
        let off = ValueChange { augment: Some(AugmentConfig::default()), ..rate };
        assert_eq!(adjustment(&json!({ "augment": {}, "learningRate": 0.1 })), Ok(off));
        for refused in [
            json!({ "momentum": 0.1 }),
            json!({ "learningRate": 0 }),
            json!({ "weightDecay": -1 }),
            json!({ "augment": { "flop": 0.5 } }),
            json!({ "augment": { "flip": 1.5 } }),
            json!({ "augment": null }),
            json!(1),
        ] {
            assert_eq!(adjustment(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
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
    fn a_split_can_be_given_in_part() {
        let seeded = SplitConfig { seed: 5, ..SplitConfig::default() };
        let images = ImageReading::default();
        assert_eq!(load_options(&json!({ "split": { "seed": 5 } })), Ok((seeded, images)));
        assert_eq!(load_options(&Value::Null), Ok((SplitConfig::default(), images)));
        let large = ImageReading { side: Some(96), framing: Some(Framing::Letterbox), ..images };
        let given = json!({ "images": { "size": 96, "framing": "letterbox" } });
        assert_eq!(load_options(&given), Ok((SplitConfig::default(), large)));
        for refused in [
            json!({ "splits": {} }),
            json!({ "split": { "validation": 0.1 } }),
            json!({ "images": { "size": "large" } }),
            json!({ "images": { "side": 96 } }),
            json!([]),
        ] {
            assert_eq!(load_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }
}
