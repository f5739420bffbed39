//! The config of a run, from a file or a preset, with changes.

use std::path::Path;

use kindling_core::config::RunConfig;
use kindling_core::network::presets;
use kindling_core::protocol::DatasetSummary;
use kindling_core::runs::incoming::{self, Incoming};
use serde_json::Value;

use crate::run_folder::{self, RUN};
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
        if !path.exists() {
            return Ok(Self::Preset(text.to_owned()));
        }
        let path = if path.is_dir() { path.join(RUN) } else { path.to_owned() };
        match run_folder::read(&path)? {
            Incoming::Config(config) => Ok(Self::File(config)),
            Incoming::Trained(run, _) => Ok(Self::File(Box::new(run.record.config))),
            Incoming::Runs(runs) => match <[_; 1]>::try_from(runs) {
                Ok([run]) => Ok(Self::File(Box::new(run.record.config))),
                Err(runs) => Err(Trouble::new(format!(
                    "{} holds {} runs: export one of them from the page.",
                    path.display(),
                    runs.len()
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
        match whole.as_object_mut().and_then(|fields| fields.get_mut(field)) {
            Some(place) => *place = value,
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

#[cfg(test)]
mod tests {
    use kindling_core::config::{InitConfig, NetworkConfig};
    use serde_json::json;

    use super::*;

    fn config() -> RunConfig {
        RunConfig::new("mnist", NetworkConfig { name: "Tiny".into(), layers: Vec::new(), init: InitConfig::Pytorch })
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
    fn what_changes_nothing_says_what_would() {
        assert!(with(&["epochs"]).unwrap_err().contains("FIELD=VALUE"));
        assert!(with(&["epoch=7"]).unwrap_err().contains("epochs"));
        let refusal = with(&["epochs=many"]).unwrap_err();
        assert!(refusal.contains("many"), "{refusal}");
    }
}
