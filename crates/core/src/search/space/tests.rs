//! Valid and invalid search spaces, and the configs that picks lead to.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{InitConfig, Layer, NetworkConfig, OptimizerConfig, ScheduleConfig};

fn base() -> RunConfig {
    let network =
        NetworkConfig { init: InitConfig::He, ..NetworkConfig::new("Small", vec![Layer::Dropout { rate: 0.4 }]) };
    RunConfig::new("mnist", network)
}

fn range(path: &str, least: f64, most: f64, is_log: bool, is_whole: bool) -> Field {
    Field { path: path.into(), values: Values::Range { least, most, is_log, is_whole } }
}

fn choices(path: &str, choices: Vec<Value>) -> Field {
    Field { path: path.into(), values: Values::Choices(choices) }
}

fn check_refused(field: Field, detail: &str) {
    let error = check(&base(), std::slice::from_ref(&field)).expect_err(detail);
    assert!(error.to_string().contains(detail), "{field:?}: {error}");
}

#[test]
fn fields_are_set_by_their_paths() {
    let fields = [
        range("learningRate", 1e-4, 1e-1, true, false),
        range("batchSize", 8.0, 64.0, true, true),
        range("network.layers.0.dropout.rate", 0.0, 0.5, false, false),
        range("augment.shift", 0.0, 0.2, false, false),
        choices("network.init", vec![json!("he"), json!("zeros")]),
        range("clipNorm", 0.1, 10.0, true, false),
    ];
    assert_eq!(check(&base(), &fields), Ok(()));
    let (config, is_there) = apply(&base(), &fields, &[0.01, 31.7, 0.25, 0.1, 1.0, 2.0]).unwrap();
    assert_eq!(is_there, [true; 6]);
    assert_eq!((config.learning_rate, config.batch_size, config.augment.shift), (0.01, 32, 0.1));
    assert_eq!(config.network.layers, [Layer::Dropout { rate: 0.25 }]);
    assert_eq!((config.network.init, config.clip_norm), (InitConfig::Zeros, Some(2.0)));
    let unchanged = RunConfig {
        learning_rate: 0.01,
        batch_size: 32,
        clip_norm: Some(2.0),
        network: config.network.clone(),
        augment: config.augment,
        ..base()
    };
    assert_eq!(config, unchanged, "nothing else changes");
}

#[test]
fn a_part_goes_with_its_kind() {
    let kinds = vec![json!(OptimizerConfig::ADAM), json!(OptimizerConfig::SGD)];
    // A part before its kind, as a visitor may have chosen them.
    let fields = [range("optimizer.momentum", 0.5, 0.99, false, false), choices("optimizer", kinds)];
    assert_eq!(check(&base(), &fields), Ok(()));
    let (adam, is_there) = apply(&base(), &fields, &[0.7, 0.0]).unwrap();
    assert_eq!((adam.optimizer, is_there), (OptimizerConfig::ADAM, vec![false, true]));
    let (sgd, is_there) = apply(&base(), &fields, &[0.7, 1.0]).unwrap();
    let expected = OptimizerConfig::Sgd { momentum: 0.7, nesterov: false };
    assert_eq!((sgd.optimizer, is_there), (expected, vec![true, true]));
    // Without the choice of an optimizer there is no momentum to set.
    check_refused(fields[0].clone(), "optimizer.momentum: the settings have no such field");
    let schedule = choices("schedule", vec![json!("constant"), json!(ScheduleConfig::ONE_CYCLE)]);
    let (config, _) = apply(&base(), &[schedule], &[1.0]).unwrap();
    assert_eq!(config.schedule, ScheduleConfig::ONE_CYCLE);
}

#[test]
fn spaces_that_make_no_sense_are_refused() {
    assert_eq!(check(&base(), &[]), Err(SpaceError::NoFields));
    let rate = range("learningRate", 0.1, 1.0, true, false);
    assert_eq!(check(&base(), &vec![rate.clone(); 13]), Err(SpaceError::TooManyFields));
    check_refused(range("learningRate", 0.1, 0.1, false, false), "less than");
    check_refused(range("learningRate", 0.1, f64::NAN, false, false), "less than");
    check_refused(range("weightDecay", 0.0, 0.1, true, false), "above 0");
    check_refused(range("learnRate", 0.0, 0.1, false, false), "no such field");
    check_refused(range("network.layers.1.dropout.rate", 0.0, 0.1, false, false), "no such field");
    check_refused(range("epochs", 1.0, 9.0, false, true), "sets it itself");
    check_refused(range("split.validationFraction", 0.1, 0.5, false, false), "sets it itself");
    check_refused(choices("decay", vec![json!("l2")]), "between 2 and 32 choices");
    check_refused(choices("decay", vec![json!("l2"), json!("l3")]), "unknown variant `l3`");
    check_refused(range("batchSize", 1.0, 9.5, false, false), "batchSize: invalid type");
    check_refused(range("seed", -3.0, 9.0, false, true), "seed: invalid value");
    check_refused(range("batchSize", 64.0, 8_192.0, true, true), "batchSize must be 1 to 4096");
    check_refused(range("augment.flip", 0.0, 2.0, false, false), "augment.flip must be 0 to 1");
    check_refused(range("network", 0.0, 1.0, false, false), "network: ");
    let twice = [rate.clone(), rate];
    assert_eq!(check(&base(), &twice), Err(SpaceError::Twice { path: "learningRate".into() }));
}

proptest! {
    #[test]
    fn picks_stay_in_their_range_and_lead_back_to_their_place(
        least in 1e-6..1e3_f64, factor in 1.5..1e6_f64, place in 0.0..=1.0_f64, is_log: bool,
    ) {
        let field = range("learningRate", least, least * factor, is_log, false);
        let pick = field.pick_at(place);
        prop_assert!((least..=least * factor).contains(&pick));
        // Picks have three significant digits, so the position is off by no more than that.
        prop_assert!((field.place(pick) - place).abs() < 0.02, "{pick}");
        prop_assert_eq!(field.pick_at(0.0), least);
        prop_assert_eq!(field.pick_at(1.0), least * factor);
    }

    #[test]
    fn every_whole_number_and_every_choice_can_be_picked(place in 0.0..=1.0_f64) {
        let whole = range("batchSize", 3.0, 17.0, true, true).pick_at(place);
        prop_assert!(whole.fract() == 0.0 && (3.0..=17.0).contains(&whole));
        let field = choices("decay", vec![json!("l2"), json!("decoupled"), json!("l2")]);
        prop_assert!(field.value(field.pick_at(place)).is_some());
    }
}
