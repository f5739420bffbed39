//! Files are accepted whole or rejected with a reason, and never panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::runs::samples::{kept, record};

fn sample() -> RunConfig {
    record("").config
}

#[test]
fn a_file_is_a_config_or_runs() {
    let config = serde_json::to_vec_pretty(&sample()).unwrap();
    assert_eq!(parse_file(&config), Ok(Incoming::Config(Box::new(sample()))));
    let runs = vec![kept("a-1"), kept("b-2")];
    assert_eq!(parse_file(runs_to_file(&runs).as_bytes()), Ok(Incoming::Runs(runs)));
    assert!(matches!(parse_file(b"\xff"), Err(Refusal::NotJson(_))));
}

/// Parses a file of one modified run.
fn with(change: impl FnOnce(&mut Value)) -> Result<Incoming, Refusal> {
    let mut run = serde_json::to_value(kept("a")).unwrap();
    change(&mut run);
    parse_file(json!({ "format": RUNS_FORMAT, "runs": [run] }).to_string().as_bytes())
}

#[test]
fn runs_beyond_the_limits_are_refused_or_shortened() {
    let is_refused = |result| matches!(result, Err(Refusal::NotRun { place: 1, .. }));
    assert!(is_refused(with(|run| run["id"] = json!("../a"))));
    assert!(is_refused(with(|run| run["steps"] = json!(-1))));
    let point = json!({ "step": 1, "value": 1 });
    assert!(is_refused(with(|run| run["curves"]["trainLoss"] = json!(vec![point; 5_000]))));
    assert!(is_refused(parse_file(json!({ "format": RUNS_FORMAT }).to_string().as_bytes())));
    assert!(is_refused(with(|run| run["epochs"][0]["validationLoss"] = json!(1e39))));
    assert!(with(|run| run["epochs"][0]["validationLoss"] = Value::Null).is_ok());
    for (field, figure) in [("trainAccuracy", 7.0), ("validationAccuracy", -0.1), ("elapsedMs", -1.0)] {
        assert!(is_refused(with(|run| run["epochs"][0][field] = json!(figure))), "{field}");
    }
    // Before 1970, and after the last date that a browser knows.
    for moment in [-1.0, -1e18, 1e16] {
        assert!(is_refused(with(|run| run["startedAt"] = json!(moment))), "{moment}");
    }
    let many = vec![Value::Null; RUNS_LIMIT + 1];
    let many = json!({ "format": RUNS_FORMAT, "runs": many }).to_string();
    assert_eq!(parse_file(many.as_bytes()), Err(Refusal::TooManyRuns { limit: RUNS_LIMIT }));
    match with(|run| run["note"] = json!("é".repeat(5_000))) {
        Ok(Incoming::Runs(runs)) => assert_eq!(runs[0].record.note.chars().count(), NOTE_LIMIT),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>()) {
        let _ = parse_file(&bytes);
        let mut file = runs_to_file(&[kept("a")]).into_bytes();
        let place = place.index(file.len());
        file.splice(place..place, bytes);
        let _ = parse_file(&file);
    }
}
