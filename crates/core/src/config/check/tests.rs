//! The table, the check and the configs themselves agree.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::fields::{ConfigField, FIELDS, FieldDefault, FieldKind};
use super::*;
use crate::config::{ClassWeights, NetworkConfig};

fn base() -> RunConfig {
    let network = NetworkConfig::new("Empty", vec![]);
    RunConfig {
        max_steps: Some(100),
        clip_norm: Some(1.0),
        ema_decay: Some(0.9),
        early_stopping: Some(EarlyStopping::default()),
        adversarial: Some(AdversarialConfig::default()),
        distillation: Some(DistillationConfig::default()),
        sparsity: Some(SparsityConfig::default()),
        ..RunConfig::new("mnist", network)
    }
}

/// Configs that together have every field of the table.
fn of_every_kind() -> Vec<RunConfig> {
    let optimizers = OptimizerConfig::ALL.map(|optimizer| RunConfig { optimizer, ..base() });
    let schedules = ScheduleConfig::ALL.map(|schedule| RunConfig { schedule, ..base() });
    let losses = LossConfig::ALL.map(|loss| RunConfig { loss, ..base() });
    let attacks = AttackMethod::ALL.map(|method| {
        let adversarial = Some(AdversarialConfig { method, ..AdversarialConfig::default() });
        RunConfig { adversarial, ..base() }
    });
    optimizers.into_iter().chain(schedules).chain(losses).chain(attacks).collect()
}

/// The paths of a config's fields in JSON, without the names of kinds; each with the name of its kind, if it has one.
fn visit(path: &str, value: &Value, found: &mut Vec<(String, Option<String>, Value)>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if below == "network" {
            found.push((below, None, value.clone()));
            continue;
        }
        found.push((below.clone(), None, value.clone()));
        let is_choice = FIELDS.iter().any(|it| it.path == below && matches!(it.kind, FieldKind::Choice(_)));
        match value {
            Value::Object(kinds) if is_choice => {
                for (kind, values) in kinds {
                    let from = found.len();
                    visit(&below, values, found);
                    for (_, of, _) in &mut found[from..] {
                        of.get_or_insert_with(|| kind.clone());
                    }
                }
            }
            value => visit(&below, value, found),
        }
    }
}

fn fields_of(config: &RunConfig) -> Vec<(String, Option<String>, Value)> {
    let mut found = Vec::new();
    visit("", &json!(config), &mut found);
    found
}

fn in_table(path: &str) -> &'static ConfigField {
    let field = FIELDS.iter().find(|field| field.path == path);
    field.unwrap_or_else(|| panic!("{path}: the config has it, the table in config/fields.rs does not"))
}

#[test]
fn the_table_has_the_fields_that_configs_have() {
    let configs = of_every_kind();
    let found: BTreeSet<String> = configs.iter().flat_map(fields_of).map(|(path, ..)| path).collect();
    for path in &found {
        in_table(path);
    }
    for field in FIELDS {
        assert!(found.contains(field.path), "{}: the table has it, no config does", field.path);
    }
}

#[test]
fn the_table_has_the_defaults_that_configs_have() {
    let network = base().network;
    let plain = fields_of(&RunConfig::new("mnist", network));
    for (path, kind, value) in of_every_kind().iter().flat_map(fields_of) {
        let field = in_table(&path);
        match field.default {
            FieldDefault::Number(number) => {
                // An `f32` fraction is not exactly the same number as an `f64`.
                let is_equal = value.as_f64().is_some_and(|value| (value - number).abs() <= number * 1e-7);
                assert!(is_equal, "{path}: {value}, and {number} in the table");
            }
            FieldDefault::OfKind(kinds) => {
                let kind = kind.unwrap_or_else(|| panic!("{path} belongs to no kind"));
                let default = kinds.iter().find(|(name, _)| *name == kind).map(|(_, number)| *number);
                assert_eq!(value.as_f64(), default, "{path} of {kind}");
            }
            FieldDefault::Flag(flag) => assert_eq!(value, json!(flag), "{path}"),
            FieldDefault::Off => {
                assert!(plain.iter().any(|(it, _, value)| *it == path && value.is_null()), "{path} is not off");
            }
            FieldDefault::Name(_) | FieldDefault::Unset => {}
        }
    }
    // A kind that no config has would be stale.
    for field in FIELDS {
        let FieldDefault::OfKind(kinds) = field.default else { continue };
        for (kind, _) in kinds {
            let is_there = of_every_kind()
                .iter()
                .flat_map(fields_of)
                .any(|(path, of, _)| path == field.path && of.as_deref() == Some(*kind));
            assert!(is_there, "{}: no config has it with {kind}", field.path);
        }
    }
    for (path, _, value) in &plain {
        if let FieldDefault::Name(name) = in_table(path).default {
            let is_it = value.as_str() == Some(name) || value.get(name).is_some();
            assert!(is_it, "{path}: {value}, and {name} in the table");
        }
    }
}

#[test]
fn the_table_has_the_names_of_every_kind() {
    let name = |value: Value| match value {
        Value::String(name) => name,
        value => value.as_object().and_then(|kinds| kinds.keys().next()).unwrap().clone(),
    };
    let check = |path: &str, kinds: Vec<Value>| {
        let names: Vec<_> = kinds.into_iter().map(name).collect();
        let FieldKind::Choice(in_table) = in_table(path).kind else { panic!("{path} is no choice") };
        assert_eq!(in_table, names, "{path}");
    };
    check("optimizer", OptimizerConfig::ALL.map(|it| json!(it)).to_vec());
    check("schedule", ScheduleConfig::ALL.map(|it| json!(it)).to_vec());
    check("loss", LossConfig::ALL.map(|it| json!(it)).to_vec());
    check("adversarial.method", AttackMethod::ALL.map(|it| json!(it)).to_vec());
    check("decay", [Decay::Decoupled, Decay::L2].map(|it| json!(it)).to_vec());
    let weights = [ClassWeights::None, ClassWeights::Balanced, ClassWeights::Given(vec![])];
    check("loss.classWeights", weights.map(|it| json!(it)).to_vec());
}

#[test]
fn every_number_of_the_table_is_checked() {
    let checked: BTreeSet<_> = of_every_kind().iter().flat_map(numbers).map(|(path, _)| path).collect();
    let ranged: BTreeSet<_> = FIELDS.iter().filter(|field| field.range().is_some()).map(|field| field.path).collect();
    assert_eq!(checked, ranged);
    assert!(of_every_kind().iter().all(|config| check(config) == Ok(())));
}

#[test]
fn what_is_refused_is_named_with_its_range() {
    let check_refused = |config: RunConfig, sentence: &str| {
        let failure = check(&config).unwrap_err();
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::BadConfig, sentence));
    };
    check_refused(RunConfig { epochs: 10_001, ..base() }, "epochs must be 1 to 10000");
    check_refused(RunConfig { learning_rate: f64::NAN, ..base() }, "learningRate must be above 0 to 1e9");
    check_refused(RunConfig { clip_norm: Some(f64::INFINITY), ..base() }, "clipNorm must be above 0 to 1e9");
    check_refused(RunConfig { ema_decay: Some(1.0), ..base() }, "emaDecay must be 0 to below 1");
    let augment = AugmentConfig { hue: 0.6, ..AugmentConfig::default() };
    check_refused(RunConfig { augment, ..base() }, "augment.hue must be 0 to 0.5");
    let optimizer = OptimizerConfig::Sgd { momentum: 0.0, nesterov: true };
    check_refused(RunConfig { optimizer, ..base() }, "Nesterov's way needs a momentum greater than 0");
    let l2 = RunConfig { optimizer: OptimizerConfig::ADAM_W, decay: Decay::L2, ..base() };
    check_refused(l2, "AdamW's weight decay is decoupled: for L2, choose Adam");
    let rates = RunConfig { learning_rate: 10.0, weight_decay: 0.1, ..base() };
    check_refused(rates, "learning rate times weight decay must be less than 1");
}
