//! Configs and runs from outside: out of the page's address, or out of a file. Nothing of them is trusted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::limit::RUNS_LIMIT;
use super::record::{KeptRun, NAME_LIMIT, NOTE_LIMIT, is_finite, shortened};
use crate::protocol::RunConfig;
use crate::ui::state::{ADJUSTMENTS_LIMIT, EPOCHS_LIMIT};

/// Of a config in the page's address, encoded: browsers and messengers carry that much.
pub const LINK_LIMIT_BYTES: usize = 16_384;
/// Of a file. Five hundred runs with long curves take up to about 80 MB; of what people keep, a few.
pub const FILE_LIMIT_BYTES: usize = 100_000_000;
/// Letters of an id, of a dataset's name, and of what the environment says.
const WORDS_LIMIT: usize = 400;

/// Marks a file of runs, and the form that they are in.
pub const RUNS_FORMAT: &str = "kindling-runs-1";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    TooLong {
        limit_bytes: usize,
    },
    NotBase64,
    NotText,
    NotJson(String),
    NotConfig(String),
    /// The run at this place of the file, from 1.
    NotRun {
        place: usize,
        detail: String,
    },
    TooManyRuns {
        limit: usize,
    },
    /// The browser could not read the file.
    Unreadable,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Config(Box<RunConfig>),
    Runs(Vec<KeptRun>),
}

/// The value of `config=` for the page's address; none for a config that is too long for one.
pub fn config_to_link(config: &RunConfig) -> Option<String> {
    let text = serde_json::to_string(config).ok()?;
    let link = URL_SAFE_NO_PAD.encode(text);
    (link.len() <= LINK_LIMIT_BYTES).then_some(link)
}

/// The config in the query of the page's address, if there is one.
pub fn config_of_query(query: &str) -> Option<Result<RunConfig, Refusal>> {
    let mut pairs = query.trim_start_matches('?').split('&');
    pairs.find_map(|pair| pair.strip_prefix("config=")).map(config_of_link)
}

fn config_of_link(link: &str) -> Result<RunConfig, Refusal> {
    if link.len() > LINK_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: LINK_LIMIT_BYTES });
    }
    // Some programs fill up what they pass on.
    let bytes = URL_SAFE_NO_PAD.decode(link.trim_end_matches('=')).map_err(|_| Refusal::NotBase64)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::NotText)?;
    let value = serde_json::from_str(&text).map_err(|error| Refusal::NotJson(error.to_string()))?;
    config(value)
}

/// A file that holds a config, or runs as the page exports them.
pub fn parse_file(bytes: &[u8]) -> Result<Incoming, Refusal> {
    if bytes.len() > FILE_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: FILE_LIMIT_BYTES });
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| Refusal::NotJson(error.to_string()))?;
    if value.get("format").and_then(Value::as_str) != Some(RUNS_FORMAT) {
        return config(value).map(|config| Incoming::Config(Box::new(config)));
    }
    let runs = match value.get_mut("runs").map(Value::take) {
        Some(Value::Array(runs)) if runs.len() > RUNS_LIMIT => {
            return Err(Refusal::TooManyRuns { limit: RUNS_LIMIT });
        }
        Some(Value::Array(runs)) => runs,
        _ => return Err(Refusal::NotRun { place: 1, detail: "there is no list of runs".into() }),
    };
    let runs =
        runs.into_iter().zip(1..).map(|(run, place)| kept_run(run).map_err(|detail| Refusal::NotRun { place, detail }));
    runs.collect::<Result<_, _>>().map(Incoming::Runs)
}

fn config(value: Value) -> Result<RunConfig, Refusal> {
    RunConfig::deserialize(value).map_err(|error| Refusal::NotConfig(error.to_string()))
}

/// A run within the page's own limits.
fn kept_run(value: Value) -> Result<KeptRun, String> {
    let mut run = KeptRun::deserialize(value).map_err(|error| error.to_string())?;
    let record = &mut run.record;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if record.id.is_empty() || record.id.len() > WORDS_LIMIT || !record.id.chars().all(is_word) {
        return Err("its id has other than letters, digits and hyphens".into());
    }
    let numbers = [record.started_at, record.elapsed_ms];
    let are_finite = record.epochs.iter().chain(&record.best).all(is_finite) && numbers.iter().all(|it| it.is_finite());
    if !are_finite || !run.curves.is_sound() {
        return Err("its figures are not those of a run".into());
    }
    if record.epochs.len() > EPOCHS_LIMIT || record.adjustments.len() > ADJUSTMENTS_LIMIT {
        return Err("it has too many epochs or adjustments".into());
    }
    record.name = shortened(&record.name, NAME_LIMIT);
    record.note = shortened(&record.note, NOTE_LIMIT);
    let environment = &mut record.environment;
    for words in
        [&mut record.dataset_name, &mut environment.adapter, &mut environment.user_agent, &mut environment.build]
    {
        *words = shortened(words, WORDS_LIMIT);
    }
    Ok(run)
}

/// The text of a file of runs.
pub fn runs_to_file(runs: &[KeptRun]) -> String {
    serde_json::json!({ "format": RUNS_FORMAT, "runs": runs }).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ui::runs::record::tests::{kept, record};

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
}
