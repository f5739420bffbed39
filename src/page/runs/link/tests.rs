//! A config in the URL is either decoded completely or refused with a reason; no input panics.

use kindling_core::runs::samples::record;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sample() -> RunConfig {
    record("").config
}

fn config_of_query(query: &str) -> Option<Result<RunConfig, Refusal>> {
    link_in(query).map(config_of_link)
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
                // An accepted config survives another round trip unchanged.
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
}
