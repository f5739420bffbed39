//! Configs and runs from outside: out of the page's address, or out of a file. Nothing of them is trusted.

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::limit::RUNS_LIMIT;
use super::record::{KeptRun, NAME_LIMIT, NOTE_LIMIT, is_finite, shortened};
use crate::page::json::to_text;
use crate::page::state::{ADJUSTMENTS_LIMIT, EPOCHS_LIMIT};
use kindling_core::config::RunConfig;
use kindling_core::network::shape::check_extent;

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
    let link = URL_SAFE_NO_PAD.encode(to_text(config));
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
    let value: Value = serde_json::from_str(&text).map_err(|error| Refusal::NotJson(error.to_string()))?;
    config(&value)
}

/// A file that holds a config, or runs as the page exports them.
pub fn parse_file(bytes: &[u8]) -> Result<Incoming, Refusal> {
    if bytes.len() > FILE_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: FILE_LIMIT_BYTES });
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| Refusal::NotJson(error.to_string()))?;
    if value.get("format").and_then(Value::as_str) != Some(RUNS_FORMAT) {
        return config(&value).map(|config| Incoming::Config(Box::new(config)));
    }
    let runs = match value.get_mut("runs").map(Value::take) {
        Some(Value::Array(runs)) if runs.len() > RUNS_LIMIT => {
            return Err(Refusal::TooManyRuns { limit: RUNS_LIMIT });
        }
        Some(Value::Array(runs)) => runs,
        _ => return Err(Refusal::NotRun { place: 1, detail: "there is no list of runs".into() }),
    };
    let runs = runs
        .into_iter()
        .zip(1..)
        .map(|(run, place)| kept_run(&run).map_err(|detail| Refusal::NotRun { place, detail }));
    runs.collect::<Result<_, _>>().map(Incoming::Runs)
}

fn config(value: &Value) -> Result<RunConfig, Refusal> {
    let config = RunConfig::deserialize(value).map_err(|error| Refusal::NotConfig(error.to_string()))?;
    check_extent(&config.network).map_err(|error| Refusal::NotConfig(error.to_string()))?;
    Ok(config)
}

/// A run within the page's own limits.
fn kept_run(value: &Value) -> Result<KeptRun, String> {
    let mut run = KeptRun::deserialize(value).map_err(|error| error.to_string())?;
    let record = &mut run.record;
    check_extent(&record.config.network).map_err(|error| error.to_string())?;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if record.id.is_empty() || record.id.len() > WORDS_LIMIT || !record.id.chars().all(is_word) {
        return Err("its id has other than letters, digits and hyphens".into());
    }
    let numbers = [record.started_at, record.elapsed_ms];
    let is_test_finite =
        record.test.is_none_or(|test| test.accuracy.is_finite() && test.loss.is_none_or(f32::is_finite));
    let are_finite = is_test_finite
        && record.epochs.iter().chain(&record.best).all(is_finite)
        && numbers.iter().all(|it| it.is_finite());
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
