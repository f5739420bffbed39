//! The options of `kindling.evaluate`, `kindling.classify`, `kindling.classifyFiles`, `kindling.export`, `kindling.import`, `kindling.cost` and
//! `kindling.prune`. Pure.

use serde_json::Value;

use super::values::{bad, read};
use kindling_core::protocol::{Failure, InputKind, Scaling, Views};
use kindling_exchange::compress::Unit;

const TEST_TIME: &str = "testTimeAugmentation";

/// The options of `kindling.classify`. The default is a photo without test-time augmentation.
pub fn classify_options(options: &Value) -> Result<(InputKind, Views), Failure> {
    check_keys(options, &["kind", TEST_TIME])?;
    let kind = match options.get("kind").map(Value::as_str) {
        None | Some(Some("photo")) => InputKind::Photo,
        Some(Some("drawing")) => InputKind::Drawing,
        Some(_) => return Err(bad("kind: neither \"photo\" nor \"drawing\"")),
    };
    Ok((kind, views(options)?))
}

/// The options of `kindling.classifyFiles`. The default is no test-time augmentation, and a threshold that rejects nothing.
pub fn many_options(options: &Value) -> Result<(Views, f32), Failure> {
    check_keys(options, &["threshold", TEST_TIME])?;
    let threshold = options.get("threshold").map(|value| read::<f32>("threshold", value)).transpose()?.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&threshold) {
        return Err(bad("threshold: not between 0 and 1"));
    }
    Ok((views(options)?, threshold))
}

/// The options of `kindling.evaluate`: test-time augmentation, or the id of a kept run. The default is neither.
pub fn evaluate_options(options: &Value) -> Result<(Views, Option<String>), Failure> {
    check_keys(options, &[TEST_TIME, "run"])?;
    let run = run(options)?;
    match (views(options)?, run) {
        (Views::Several, Some(_)) => Err(bad(format!("{TEST_TIME}: not of a kept run"))),
        asked => Ok(asked),
    }
}

/// The options of `kindling.export`: the id of a run, and the paths of layers that stay in floats. The default is none.
pub fn export_options(options: &Value) -> Result<(Option<String>, Vec<String>), Failure> {
    const FLOAT_LAYERS: &str = "floatLayers";
    check_keys(options, &["run", FLOAT_LAYERS])?;
    let run = run(options)?;
    let float_layers = options.get(FLOAT_LAYERS).map(|value| read(FLOAT_LAYERS, value)).transpose()?;
    Ok((run, float_layers.unwrap_or_default()))
}

/// The options of `kindling.cost`: the id of a run. The default is none.
pub fn run_option(options: &Value) -> Result<Option<String>, Failure> {
    check_keys(options, &["run"])?;
    run(options)
}

fn run(options: &Value) -> Result<Option<String>, Failure> {
    options.get("run").map(|value| read("run", value)).transpose()
}

const UNIT: &str = "of";

/// The options of `kindling.pruningCurve`: the id of a run, and what is removed. The default is none, and channels.
pub fn curve_options(options: &Value) -> Result<(Option<String>, Unit), Failure> {
    check_keys(options, &["run", UNIT])?;
    Ok((run(options)?, unit(options)?))
}

fn unit(options: &Value) -> Result<Unit, Failure> {
    let Some(asked) = options.get(UNIT) else { return Ok(Unit::default()) };
    let known = Unit::ALL.into_iter().find(|unit| asked.as_str() == Some(unit.id()));
    known.ok_or_else(|| bad(format!("{UNIT}: neither \"channels\" nor \"weights\"")))
}

/// The options of `kindling.prune`.
#[derive(Clone, Debug, PartialEq)]
pub struct PruneOptions {
    pub run: Option<String>,
    pub unit: Unit,
    pub keep: f32,
    pub epochs: u32,
}

/// The defaults are half of the channels and one epoch.
pub fn prune_options(options: &Value) -> Result<PruneOptions, Failure> {
    check_keys(options, &["run", UNIT, "keep", "epochs"])?;
    let keep = options.get("keep").map_or(Ok(0.5), |value| read("keep", value))?;
    if !(keep > 0.0 && keep <= 1.0) {
        return Err(bad("keep: must be above 0 and at most 1"));
    }
    let epochs = options.get("epochs").map_or(Ok(1), |value| read("epochs", value))?;
    Ok(PruneOptions { run: run(options)?, unit: unit(options)?, keep, epochs })
}

/// The options of `kindling.import`: how a network of another tool expects its pixels.
pub fn import_options(options: &Value) -> Result<Scaling, Failure> {
    check_keys(options, &["mean", "std"])?;
    let numbers = |key: &str, default: Vec<f32>| match options.get(key) {
        None => Ok(default),
        Some(several @ Value::Array(_)) => read::<Vec<f32>>(key, several),
        Some(one) => read::<f32>(key, one).map(|number| vec![number]),
    };
    let Scaling { mean, std } = Scaling::default();
    Ok(Scaling { mean: numbers("mean", mean)?, std: numbers("std", std)? })
}

fn views(options: &Value) -> Result<Views, Failure> {
    match options.get(TEST_TIME).map(|value| read::<bool>(TEST_TIME, value)).transpose()? {
        Some(true) => Ok(Views::Several),
        Some(false) | None => Ok(Views::One),
    }
}

fn check_keys(options: &Value, known: &[&str]) -> Result<(), Failure> {
    let options = match options {
        Value::Null => return Ok(()),
        Value::Object(options) => options,
        _ => return Err(bad("the options are not an object")),
    };
    match options.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(bad(format!("unknown key \"{unknown}\""))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use kindling_core::protocol::FailureKind;

    #[test]
    fn images_are_photos_looked_at_once_unless_said_otherwise() {
        let check = |options, expected| assert_eq!(classify_options(&options), Ok(expected));
        check(Value::Null, (InputKind::Photo, Views::One));
        check(json!({}), (InputKind::Photo, Views::One));
        check(json!({ "kind": "drawing" }), (InputKind::Drawing, Views::One));
        check(json!({ "testTimeAugmentation": true }), (InputKind::Photo, Views::Several));
        for refused in [json!({ "kind": "Drawing" }), json!({ "kind": 1 }), json!({ "kin": "photo" }), json!("photo")] {
            assert_eq!(classify_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn evaluations_look_once_unless_said_otherwise() {
        assert_eq!(evaluate_options(&Value::Null), Ok((Views::One, None)));
        assert_eq!(evaluate_options(&json!({ "testTimeAugmentation": false })), Ok((Views::One, None)));
        assert_eq!(evaluate_options(&json!({ "testTimeAugmentation": true })), Ok((Views::Several, None)));
        assert_eq!(evaluate_options(&json!({ "run": "a1" })), Ok((Views::One, Some("a1".to_owned()))));
        let both = json!({ "run": "a1", "testTimeAugmentation": true });
        for refused in [both, json!({ "testTimeAugmentation": 1 }), json!({ "kind": "photo" }), json!(true)] {
            assert_eq!(evaluate_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn exports_quantize_all_layers_unless_said_otherwise() {
        assert_eq!(export_options(&Value::Null), Ok((None, vec![])));
        let options = json!({ "run": "a1", "floatLayers": ["0", "3.layers.1"] });
        assert_eq!(
            export_options(&options),
            Ok((Some("a1".to_owned()), vec!["0".to_owned(), "3.layers.1".to_owned()]))
        );
        for refused in [json!({ "floatLayers": "0" }), json!({ "floatLayers": [0] }), json!({ "layers": [] })] {
            assert_eq!(export_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn pixels_are_scaled_as_here_unless_said_otherwise() {
        assert_eq!(import_options(&Value::Null), Ok(Scaling::default()));
        let scaling = Scaling { mean: vec![0.0], std: vec![0.5, 0.25, 1.0] };
        assert_eq!(import_options(&json!({ "mean": 0, "std": [0.5, 0.25, 1] })), Ok(scaling));
        for refused in [json!({ "mean": "0" }), json!({ "std": [null] }), json!({ "scale": 1 }), json!(1)] {
            assert_eq!(import_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn many_images_are_rejected_below_a_threshold() {
        assert_eq!(many_options(&Value::Null), Ok((Views::One, 0.0)));
        let options = json!({ "threshold": 0.5, "testTimeAugmentation": true });
        assert_eq!(many_options(&options), Ok((Views::Several, 0.5)));
        for refused in [json!({ "threshold": 1.5 }), json!({ "threshold": "high" }), json!({ "kind": "photo" })] {
            assert_eq!(many_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn an_export_is_of_a_run() {
        assert_eq!(run_option(&Value::Null), Ok(None));
        assert_eq!(run_option(&json!({ "run": "a1" })), Ok(Some("a1".to_owned())));
        for refused in [json!({ "run": 1 }), json!({ "id": "a1" }), json!("a1")] {
            assert_eq!(run_option(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }

    #[test]
    fn half_of_the_channels_stay_unless_said_otherwise() {
        let default = PruneOptions { run: None, unit: Unit::Channels, keep: 0.5, epochs: 1 };
        assert_eq!(prune_options(&Value::Null), Ok(default));
        let all = json!({ "run": "a1", "of": "weights", "keep": 0.25, "epochs": 3 });
        let expected = PruneOptions { run: Some("a1".to_owned()), unit: Unit::Weights, keep: 0.25, epochs: 3 };
        assert_eq!(prune_options(&all), Ok(expected));
        assert_eq!(curve_options(&json!({ "of": "weights" })), Ok((None, Unit::Weights)));
        for refused in [
            json!({ "of": "filters" }),
            json!({ "keep": 0 }),
            json!({ "keep": 1.5 }),
            json!({ "epochs": -1 }),
            json!({ "share": 1 }),
        ] {
            assert_eq!(prune_options(&refused).unwrap_err().kind, FailureKind::BadConfig, "{refused}");
        }
    }
}
