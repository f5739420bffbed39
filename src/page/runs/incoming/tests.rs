//! What comes in is taken whole or refused by kind, and never panics.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::page::runs::record::tests::{kept, record};

fn sample() -> RunConfig {
    record("").config
}

fn query(config: &RunConfig) -> String {
    format!("?engine=cpu&config={}", config_to_link(config).unwrap())
}

fn check_link(link: &str, expected: Refusal) {
    assert_eq!(config_of_link(link), Err(expected), "{link:.40}");
}

#[test]
fn a_config_travels_in_the_address() {
    assert_eq!(config_of_query(&query(&sample())), Some(Ok(sample())));
    assert_eq!(config_of_query("?engine=cpu"), None);
    assert_eq!(config_of_query(""), None);
}

#[test]
fn what_is_no_config_is_refused_by_kind() {
    check_link(&"A".repeat(LINK_LIMIT_BYTES + 1), Refusal::TooLong { limit_bytes: LINK_LIMIT_BYTES });
    check_link("%7B%7D", Refusal::NotBase64);
    check_link(&URL_SAFE_NO_PAD.encode([0xff, 0xfe]), Refusal::NotText);
    let not = |text: &str| config_of_link(&URL_SAFE_NO_PAD.encode(text)).unwrap_err();
    assert!(matches!(not("{"), Refusal::NotJson(_)));
    assert!(matches!(not(&"[".repeat(5_000)), Refusal::NotJson(_)));
    assert!(matches!(not("{}"), Refusal::NotConfig(detail) if detail.contains("missing field")));
    let mut unknown = serde_json::to_value(sample()).unwrap();
    unknown["speed"] = json!(9);
    assert!(matches!(not(&unknown.to_string()), Refusal::NotConfig(detail) if detail.contains("speed")));
}

#[test]
fn a_config_that_is_too_long_gets_no_link() {
    let mut config = sample();
    config.network.name = "n".repeat(LINK_LIMIT_BYTES);
    assert_eq!(config_to_link(&config), None);
}

#[test]
fn a_file_is_a_config_or_runs() {
    let config = serde_json::to_vec_pretty(&sample()).unwrap();
    assert_eq!(parse_file(&config), Ok(Incoming::Config(Box::new(sample()))));
    let runs = vec![kept("a-1"), kept("b-2")];
    assert_eq!(parse_file(runs_to_file(&runs).as_bytes()), Ok(Incoming::Runs(runs)));
    assert!(matches!(parse_file(b"\xff"), Err(Refusal::NotJson(_))));
}

/// The file of one run, changed.
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
    fn no_address_panics(text in "\\PC*") {
        let _ = config_of_query(&text);
        let _ = config_of_link(&text);
        let _ = config_of_link(&URL_SAFE_NO_PAD.encode(&text));
    }

    #[test]
    fn a_damaged_link_is_refused_or_another_config(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        n_kept in any::<prop::sample::Index>(),
    ) {
        let mut text = serde_json::to_vec(&sample()).unwrap();
        let place = place.index(text.len());
        text[place] = byte;
        let cut = n_kept.index(text.len());
        for damaged in [&text[..], &text[..cut]] {
            if let Ok(config) = config_of_link(&URL_SAFE_NO_PAD.encode(damaged)) {
                // What was taken can be handed on unchanged.
                prop_assert_eq!(config_of_query(&query(&config)), Some(Ok(config)));
            }
        }
    }

    #[test]
    fn any_rates_and_seeds_survive_the_address(rate in 1e-12_f64..1e3, decay in any::<f32>(), seed in any::<u32>()) {
        let decay = if decay.is_finite() { f64::from(decay) } else { 0.0 };
        let config = RunConfig { learning_rate: rate, weight_decay: decay, seed, ..sample() };
        prop_assert_eq!(config_of_query(&query(&config)), Some(Ok(config)));
    }

    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>()) {
        let _ = parse_file(&bytes);
        let mut file = runs_to_file(&[kept("a")]).into_bytes();
        let place = place.index(file.len());
        file.splice(place..place, bytes);
        let _ = parse_file(&file);
    }
}
