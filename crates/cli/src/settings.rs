//! The config of a run, from a file or a preset, with changes.

use std::path::Path;

use kindling_core::config::RunConfig;
use kindling_core::config::{LossConfig, OptimizerConfig, ScheduleConfig};
use kindling_core::network::{PRESET_IDS, presets};
use kindling_core::protocol::DatasetSummary;
use kindling_core::runs::incoming::{self, Incoming};
use kindling_core::search::space::name_of;
use serde_json::{Value, json};

use crate::run_folder::{self, RUN};
use crate::text::counted;
use crate::trouble::Trouble;

/// Where a config comes from.
pub enum Source {
    File(Box<RunConfig>),
    /// Depends on the dataset.
    Preset(String),
}

impl Source {
    /// Reads the file at once, before anything slow begins.
    pub fn find(text: &str) -> Result<Self, Trouble> {
        let path = Path::new(text);
        // A preset's id goes before a file of the same name: the folder of an earlier run is often called like its preset.
        if PRESET_IDS.contains(&text) || !path.exists() {
            return Ok(Self::Preset(text.to_owned()));
        }
        let path = if path.is_dir() { path.join(RUN) } else { path.to_owned() };
        match run_folder::read(&path)? {
            Incoming::Config(config) => Ok(Self::File(config)),
            Incoming::Trained(run, _) => Ok(Self::File(Box::new(run.record.config))),
            Incoming::Runs(runs) => match <[_; 1]>::try_from(runs) {
                Ok([run]) => Ok(Self::File(Box::new(run.record.config))),
                Err(runs) => Err(Trouble::new(format!(
                    "{} holds {}: export one of them from the page.",
                    path.display(),
                    counted(runs.len(), "run")
                ))),
            },
        }
    }

    pub fn config(self, dataset: &DatasetSummary) -> Result<RunConfig, Trouble> {
        match self {
            Self::File(config) => Ok(*config),
            Self::Preset(id) => {
                let known = presets(dataset);
                let found = known.iter().find(|preset| preset.id == id).map(|preset| preset.config.clone());
                found.ok_or_else(|| {
                    let known: Vec<_> = known.iter().map(|preset| preset.id).collect();
                    Trouble::new(format!(
                        "{id} is neither a file nor a preset for {}. Its presets are {}.",
                        dataset.name,
                        known.join(", ")
                    ))
                })
            }
        }
    }
}

/// The config with changed values: `field=value`, where the value is JSON, or a string without its quotes.
pub fn changed(config: &RunConfig, changes: &[String]) -> Result<RunConfig, Trouble> {
    let mut whole = serde_json::to_value(config).map_err(|error| Trouble::new(error.to_string()))?;
    for change in changes {
        let (field, value) = change.split_once('=').ok_or_else(|| {
            Trouble::new(format!("--set {change} has no value: write FIELD=VALUE, for example --set epochs=3."))
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        match place(&mut whole, field) {
            Some(place) => merge(place, kind(field, &value).unwrap_or(value)),
            None => {
                let known: Vec<_> = whole.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
                return Err(Trouble::new(format!(
                    "--set {field}: a config has no such field. Its fields are {}.",
                    known.join(", ")
                )));
            }
        }
    }
    incoming::config(&whole).map_err(|refusal| match refusal {
        incoming::Refusal::NotConfig(detail) => {
            Trouble::new(format!("--set makes the config invalid ({detail}): see docs/api.md."))
        }
        refusal => Trouble::new(format!("--set makes the config invalid ({refusal:?}).")),
    })
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
        assert!(with(&["epochs"]).unwrap_err().contains("FIELD=VALUE"));
        assert!(with(&["epoch=7"]).unwrap_err().contains("epochs"));
        let refusal = with(&["epochs=many"]).unwrap_err();
        assert!(refusal.contains("many"), "{refusal}");
    }
}
