//! Parses configs and runs from files. Nothing in them is trusted.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use super::record::{ADJUSTMENTS_LIMIT, EPOCHS_LIMIT, KeptRun, NAME_LIMIT, NOTE_LIMIT, NetworkInput, shortened};
use super::weights;
use crate::config::RunConfig;
use crate::dataset::{DrawingStyle, MAX_CLASSES, MAX_SIDE_PIXELS};
use crate::network::shape::check_extent;
use crate::protocol::{Bulk, EpochReport};

/// Maximum size of a file of runs. Five hundred runs with long curves take up to about 80 MB; typical files take a few.
const TEXT_LIMIT_BYTES: usize = 100_000_000;
/// Maximum size of any file: the weights of the largest network that may be trained, 100 million parameters, and its run.
pub const FILE_LIMIT_BYTES: usize = 500_000_000;
/// Maximum number of runs in a file, and of runs that the page keeps.
pub const RUNS_LIMIT: usize = 500;
/// Maximum length of an id, a class or dataset name, and each field of the environment.
const WORDS_LIMIT: usize = 400;

/// Identifies a file of runs and the version of its format.
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
    /// Position of the run in the file, from 1.
    NotRun {
        place: usize,
        detail: String,
    },
    TooManyRuns {
        limit: usize,
    },
    /// A safetensors file without a valid Kindling run.
    NotWeights(String),
    /// The file could not be read.
    Unreadable,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Config(Box<RunConfig>),
    Runs(Vec<KeptRun>),
    /// A run with its final weights.
    Trained(Box<KeptRun>, Bulk),
}

/// Parses a file that holds a config, runs, or a run with its weights.
///
/// # Errors
///
/// A [`Refusal`] that says what is wrong with the file; never a part of its content.
pub fn parse_file(bytes: &[u8]) -> Result<Incoming, Refusal> {
    if bytes.len() > FILE_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: FILE_LIMIT_BYTES });
    }
    if weights::is_safetensors(bytes) {
        let run = trained_run(bytes).map_err(Refusal::NotWeights)?;
        return Ok(Incoming::Trained(Box::new(run), bytes.to_vec().into()));
    }
    if bytes.len() > TEXT_LIMIT_BYTES {
        return Err(Refusal::TooLong { limit_bytes: TEXT_LIMIT_BYTES });
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

/// The run in the metadata of a weight file.
fn trained_run(bytes: &[u8]) -> Result<KeptRun, String> {
    let text = weights::run_text(bytes).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let run = kept_run(&value)?;
    run.record.report().map(|_| run).ok_or_else(|| "its run did not come to an end of its own".into())
}

/// Parses a config and checks the extent of its network. Whether it suits a dataset is checked when it is run.
///
/// # Errors
///
/// [`Refusal::NotConfig`].
pub fn config(value: &Value) -> Result<RunConfig, Refusal> {
    let config = RunConfig::deserialize(value).map_err(|error| Refusal::NotConfig(error.to_string()))?;
    check_extent(&config.network).map_err(|error| Refusal::NotConfig(error.to_string()))?;
    Ok(config)
}

/// Parses a run, checks it, and truncates its texts to the page's limits.
fn kept_run(value: &Value) -> Result<KeptRun, String> {
    let mut run = KeptRun::deserialize(value).map_err(|error| error.to_string())?;
    let record = &mut run.record;
    check_extent(&record.config.network).map_err(|error| error.to_string())?;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if record.id.is_empty() || record.id.len() > WORDS_LIMIT || !record.id.chars().all(is_word) {
        return Err("its id has other than letters, digits and hyphens".into());
    }
    let is_test_sound = record.test.is_none_or(|test| is_share(test.accuracy) && test.loss.is_none_or(f32::is_finite));
    let are_sound = is_test_sound
        && record.epochs.iter().chain(&record.best).all(is_sound)
        && (0.0..=LATEST_MS).contains(&record.started_at)
        && (0.0..=LATEST_MS).contains(&record.elapsed_ms);
    if !are_sound || !run.curves.is_sound() || !record.input.as_ref().is_none_or(is_input_sound) {
        return Err("its figures are not those of a run".into());
    }
    if record.epochs.len() > EPOCHS_LIMIT || record.adjustments.len() > ADJUSTMENTS_LIMIT {
        return Err("it has too many epochs or adjustments".into());
    }
    for class in record.input.iter_mut().flat_map(|input| &mut input.classes) {
        *class = shortened(class, WORDS_LIMIT);
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

/// The last moment that a browser's dates know, in milliseconds since 1970.
const LATEST_MS: f64 = 8.64e15;

/// A number in a file may exceed the range of its type, and what it can mean.
fn is_sound(report: &EpochReport) -> bool {
    let EpochReport { train_loss, train_accuracy, validation_loss, validation_accuracy, elapsed_ms, .. } = report;
    [Some(*train_loss), *validation_loss].iter().flatten().all(|loss| loss.is_finite())
        && [Some(*train_accuracy), *validation_accuracy].iter().flatten().all(|share| is_share(*share))
        && (0.0..=LATEST_MS).contains(elapsed_ms)
}

fn is_share(share: f32) -> bool {
    (0.0..=1.0).contains(&share)
}

/// Whether a dataset could have this shape, these classes and this style.
fn is_input_sound(input: &NetworkInput) -> bool {
    let sides = 1..=MAX_SIDE_PIXELS;
    let is_style_sound = match input.style {
        DrawingStyle::Scene | DrawingStyle::Letterbox => true,
        DrawingStyle::Figure(style) => {
            let figures = [style.ground, style.longer_side_pixels, style.center[0], style.center[1]];
            figures.iter().all(|figure| figure.is_finite())
        }
    };
    matches!(input.shape.channels, 1 | 3)
        && sides.contains(&input.shape.height)
        && sides.contains(&input.shape.width)
        && (1..=MAX_CLASSES).contains(&input.classes.len())
        && is_style_sound
}

/// Serializes runs to the text of a file.
pub fn runs_to_file(runs: &[KeptRun]) -> String {
    serde_json::json!({ "format": RUNS_FORMAT, "runs": runs }).to_string()
}
