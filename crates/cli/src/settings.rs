//! The config of a run, from a file or a preset, with changes.

use std::path::Path;

use kindling_core::config::check::check;
use kindling_core::config::fields::{ConfigField, FIELDS, FieldKind, find};
use kindling_core::config::{LossConfig, OptimizerConfig, RunConfig, ScheduleConfig};
use kindling_core::dataset::{DrawingStyle, ReadAs};
use kindling_core::network::{PRESET_IDS, presets};
use kindling_core::protocol::{DatasetSummary, ImageShape, SplitCounts};
use kindling_core::runs::incoming::{self, Incoming, Refusal};
use kindling_core::runs::record::{KeptRun, NetworkInput};
use kindling_core::runs::run_event::error_message;
use kindling_core::search::space::name_of;
use serde_json::{Value, json};

use crate::run_folder::{self, RUN};
use crate::text::counted;
use crate::trouble::Trouble;

/// Where a config comes from.
pub enum Source {
    File(Box<Found>),
    /// Depends on the dataset.
    Preset(String),
}

/// A config in a file.
pub struct Found {
    config: RunConfig,
    /// Of a run.
    input: Option<NetworkInput>,
}

impl From<KeptRun> for Found {
    fn from(run: KeptRun) -> Self {
        Self { config: run.record.config, input: run.record.input }
    }
}

impl Source {
    /// Reads the file at once, before anything slow begins.
    pub fn find(text: &str) -> Result<Self, Trouble> {
        let path = Path::new(text);
        // A preset's id goes before a file of the same name: the folder of an earlier run is often called like its preset.
        if PRESET_IDS.contains(&text) {
            return Ok(Self::Preset(text.to_owned()));
        }
        if !path.exists() {
            let known = PRESET_IDS.join(", ");
            return Err(Trouble::usage(format!(
                "{text} is neither a file nor a preset: give a file, or one of the presets {known}."
            )));
        }
        let path = if path.is_dir() { path.join(RUN) } else { path.to_owned() };
        let found = match run_folder::read(&path)? {
            Incoming::Config(config) => Found { config: *config, input: None },
            Incoming::Trained(run, _) => Found::from(*run),
            Incoming::Runs(runs) => match <[_; 1]>::try_from(runs) {
                Ok([run]) => Found::from(run),
                Err(runs) => {
                    return Err(Trouble::new(format!(
                        "{} holds {}: export one of them from the page.",
                        path.display(),
                        counted(runs.len(), "run")
                    )));
                }
            },
        };
        Ok(Self::File(Box::new(found)))
    }

    pub fn config(&self, dataset: &DatasetSummary) -> Result<RunConfig, Trouble> {
        match self {
            Self::File(found) => Ok(found.config.clone()),
            Self::Preset(id) => {
                let known = presets(dataset);
                let found = known.iter().find(|preset| preset.id == id).map(|preset| preset.config.clone());
                found.ok_or_else(|| {
                    let known: Vec<_> = known.iter().map(|preset| preset.id).collect();
                    Trouble::new(format!(
                        "The preset {id} does not suit {}: choose one of {}.",
                        dataset.name,
                        known.join(", ")
                    ))
                })
            }
        }
    }

    /// The config for a dataset that suits every preset, to check changes before the dataset itself is read. Which fields a config has does not
    /// depend on the dataset.
    pub fn sample(&self) -> Option<RunConfig> {
        let dataset = DatasetSummary {
            id: "sample".to_owned(),
            name: "sample".to_owned(),
            classes: vec!["one".to_owned(), "two".to_owned()],
            shape: ImageShape { channels: 3, height: 32, width: 32 },
            counts: SplitCounts { train: 10_000, validation: 1_000, test: 1_000 },
            class_counts: Vec::new(),
            samples: Vec::new(),
            has_standard_test: false,
            style: DrawingStyle::Scene,
            read_as: ReadAs::default(),
            import: None,
        };
        self.config(&dataset).ok()
    }

    /// The input of the run whose config it is.
    pub fn input(&self) -> Option<&NetworkInput> {
        match self {
            Self::File(found) => found.input.as_ref(),
            Self::Preset(_) => None,
        }
    }
}

/// The names of the fields in which two configs differ, apart from the dataset.
pub fn differences(one: &RunConfig, other: &RunConfig) -> Vec<String> {
    let [Value::Object(one), Value::Object(other)] = [json!(one), json!(other)] else { return Vec::new() };
    let fields = one.into_iter().filter(|(name, value)| other.get(name) != Some(value)).map(|(name, _)| name);
    fields.filter(|name| name != "dataset").collect()
}

/// The config with changed values: `field=value`, where the value is JSON, or a string without its quotes.
pub fn changed(config: &RunConfig, changes: &[String]) -> Result<RunConfig, Trouble> {
    if changes.is_empty() {
        return Ok(config.clone());
    }
    let changed = changes.iter().try_fold(config.clone(), |config, change| with_change(&config, change))?;
    let invalid = |sentence: String| Trouble::usage(format!("{sentence} Change it with --set."));
    check(&changed).map_err(|failure| invalid(error_message(&failure)))?;
    Ok(changed)
}

fn with_change(config: &RunConfig, change: &str) -> Result<RunConfig, Trouble> {
    let (field, value) = change.split_once('=').ok_or_else(|| {
        Trouble::usage(format!("--set {change} has no value: write FIELD=VALUE, for example --set epochs=3."))
    })?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    let mut whole = serde_json::to_value(config).map_err(|error| Trouble::new(error.to_string()))?;
    match place(&mut whole, field) {
        Some(place) => merge(place, kind(field, &value).unwrap_or(value)),
        None => return Err(no_field(field, &mut whole)),
    }
    incoming::config(&whole).map_err(|refusal| {
        let why = match refusal {
            Refusal::NotConfig(detail) => detail,
            refusal => format!("{refusal:?}"),
        };
        let way_out = match find(field).and_then(expected) {
            Some(expected) => format!("{field} is {expected}"),
            None => "docs/api.md has all fields with their values".to_owned(),
        };
        Trouble::usage(format!("--set {change} makes the config invalid ({why}): {way_out}."))
    })
}

/// The error for a path at which the config has nothing.
fn no_field(field: &str, whole: &mut Value) -> Trouble {
    let part = find(field).and_then(|known| known.path.rsplit_once('.')).map(|(part, _)| part);
    let Some(part) = part else { return unknown_field(field, whole) };
    let way_out = match part {
        "distillation" => "give a --teacher".to_owned(),
        _ => format!("set {part} to one that has it first, with another --set before this one"),
    };
    let present = whole.pointer(&format!("/{}", part.replace('.', "/"))).cloned().unwrap_or_default();
    Trouble::usage(format!("--set {field}: {part} is {present} here, and has no such field: {way_out}."))
}

/// The error for a path that no config has. Names the fields of the innermost part of the path that is there.
fn unknown_field(field: &str, whole: &mut Value) -> Trouble {
    let mut parts = std::iter::successors(field.rsplit_once('.'), |(part, _)| part.rsplit_once('.'));
    let there = parts.find_map(|(part, _)| Some((part, names_in(place(whole, part)?))));
    let (part, mut known) = there.unwrap_or_else(|| ("", names_in(whole)));
    if known.is_empty() {
        // The part is off, or of a kind without fields.
        let inside = FIELDS.iter().filter(|field| field.path.rsplit_once('.').is_some_and(|(of, _)| of == part));
        known = inside.map(|field| field.name().to_owned()).collect();
    }
    let what = if part.is_empty() { "a config" } else { part };
    if known.is_empty() {
        return Trouble::usage(format!("--set {field}: {what} has no fields. Set it as a whole: --set {what}=VALUE."));
    }
    Trouble::usage(format!("--set {field}: {what} has no such field. Its fields are {}.", known.join(", ")))
}

/// The names of the fields of a part; those of its kind, if the name of that is its only key.
fn names_in(part: &Value) -> Vec<String> {
    let Some(fields) = part.as_object() else { return Vec::new() };
    let of_kind =
        Some(fields).filter(|fields| fields.len() == 1).and_then(|fields| fields.values().next()?.as_object());
    of_kind.unwrap_or(fields).keys().cloned().collect()
}

/// What a field takes; `None` for parts with fields of their own.
fn expected(field: &ConfigField) -> Option<String> {
    let expected = match field.kind {
        FieldKind::Integer(range) => format!("a whole number, {range}"),
        FieldKind::Number(range) => format!("a number, {range}"),
        FieldKind::Flag => "true or false".to_owned(),
        FieldKind::Choice(names) => format!("one of {}", names.join(", ")),
        FieldKind::Text => "a text".to_owned(),
        FieldKind::Part => return None,
    };
    let or_off = if field.is_optional() { ", or null" } else { "" };
    Some(format!("{expected}{or_off}"))
}

/// The value at a path such as `optimizer.momentum`. The name of a kind, as in `optimizer.sgd.momentum`, may be left out.
fn place<'a>(whole: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(whole, |value, name| {
        let fields = value.as_object_mut()?;
        if fields.contains_key(name) || fields.len() != 1 {
            return fields.get_mut(name);
        }
        fields.values_mut().next()?.as_object_mut()?.get_mut(name)
    })
}

/// An optimizer, schedule or loss by its name alone, with its defaults.
fn kind(field: &str, name: &Value) -> Option<Value> {
    let all: Vec<Value> = match field {
        "optimizer" => OptimizerConfig::ALL.iter().map(|kind| json!(kind)).collect(),
        "schedule" => ScheduleConfig::ALL.iter().map(|kind| json!(kind)).collect(),
        "loss" => LossConfig::ALL.iter().map(|kind| json!(kind)).collect(),
        _ => Vec::new(),
    };
    all.into_iter().find(|kind| name.as_str() == Some(name_of(kind)))
}

/// Replaces a value. The fields of an object replace those of the same names in it, and leave the others.
fn merge(place: &mut Value, value: Value) {
    match (place, value) {
        (Value::Object(fields), Value::Object(others)) if others.keys().all(|name| fields.contains_key(name)) => {
            for (name, other) in others {
                merge(fields.entry(name).or_insert(Value::Null), other);
            }
        }
        (place, value) => *place = value,
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::config::NetworkConfig;
    use serde_json::json;

    use super::*;

    fn config() -> RunConfig {
        RunConfig::new("mnist", NetworkConfig::new("Tiny", Vec::new()))
    }

    fn with(changes: &[&str]) -> Result<RunConfig, String> {
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        changed(&config(), &changes).map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn fields_are_changed_by_their_json() {
        let found = with(&["epochs=7", "dataset=files-1", "maxSteps=30"]).unwrap();
        assert_eq!((found.epochs, found.dataset.as_str(), found.max_steps), (7, "files-1", Some(30)));
        assert_eq!(json!(with(&["decay=l2"]).unwrap())["decay"], json!("l2"));
    }

    #[test]
    fn a_kind_is_set_by_its_name_and_a_part_by_its_fields() {
        let found = json!(with(&["optimizer=sgd", "optimizer.momentum=0.5", "split.seed=4"]).unwrap());
        assert_eq!((&found["optimizer"]["sgd"]["momentum"], &found["split"]["seed"]), (&json!(0.5), &json!(4)));
        let found = json!(
            with(&["schedule=cosine", r#"schedule={"cosine":{"warmUpSteps":9}}"#, r#"split={"seed":3}"#]).unwrap()
        );
        assert_eq!(found["schedule"]["cosine"], json!({ "warmUpSteps": 9, "leastRate": 0.0 }));
        assert_eq!(found["split"]["validationFraction"], json!(0.1_f32));
        assert!(with(&["optimizer=sgb"]).is_err() && with(&["optimizer.speed=1"]).is_err());
    }

    #[test]
    fn what_changes_nothing_says_what_would() {
        let refusal = |change: &str| changed(&config(), &[change.to_owned()]).unwrap_err();
        let check = |change: &str, parts: &[&str]| {
            let trouble = refusal(change);
            assert_eq!(trouble.exit_code(), crate::trouble::USAGE);
            assert!(parts.iter().all(|part| trouble.to_string().contains(part)), "{trouble}");
        };
        check("epochs", &["FIELD=VALUE"]);
        check("epoch=7", &["a config has no such field", "epochs"]);
        check("split.sed=1", &["split has no such field. Its fields are ", "validationFraction", "seed"]);
        check("optimizer.speed=1", &["optimizer has no such field. Its fields are beta1, beta2, epsilon."]);
        check("optimizer.sgd.speed=1", &["optimizer has no such field. Its fields are beta1"]);
        check("earlyStopping.wait=3", &["earlyStopping has no such field. Its fields are metric, patience, "]);
        check("schedule.speed=1", &["schedule has no such field. Its fields are epochs, factor, "]);
        check("network.layers.0.size=1", &["network.layers has no fields", "--set network.layers=VALUE"]);
        check("epochs.x=1", &["epochs has no fields", "--set epochs=VALUE"]);
        check("epochs=many", &["many", "epochs is a whole number, 1 to 10000"]);
        check("epochs=1.5", &["1.5", "whole number"]);
        check("maxSteps=x", &["or null"]);
        check("optimizer=sgb", &["one of sgd, adam"]);
        check("optimizer.momentum=0.5", &["optimizer is", "adam", "set optimizer"]);
        check("earlyStopping.patience=3", &["earlyStopping is null here"]);
        check("distillation.weight=1", &["--teacher"]);
        check("learningRate=-1", &["learningRate must be above 0 to 1e9"]);
        check("network=5", &["docs/api.md"]);
    }

    #[test]
    fn every_preset_is_known_before_the_dataset_is() {
        for id in PRESET_IDS {
            let sample = Source::Preset(id.to_owned()).sample().unwrap();
            assert!(changed(&sample, &["epochs=3".to_owned(), "optimizer=sgd".to_owned()]).is_ok(), "{id}");
        }
    }

    #[test]
    fn differences_are_named_by_their_fields() {
        let other = changed(&config(), &["epochs=7".to_owned(), "dataset=x".to_owned()]).unwrap();
        assert_eq!(differences(&config(), &other), ["epochs"]);
        assert!(differences(&other, &other).is_empty());
    }
}
