//! The search space: fields of a run's config, each with the values to try.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::RunConfig;
use crate::config::check::check_ranges;
use crate::config::fields::{self, Searched};
use crate::decimal::rounded;
use crate::protocol::{Failure, FailureKind};

/// Maximum number of fields of a search. With the number of trials that a search can afford, the effects of more fields cannot be
/// separated.
pub const FIELDS_LIMIT: usize = 12;

/// Maximum number of choices of a field.
pub const CHOICES_LIMIT: usize = 32;

/// A field of the config, with the values to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// The path from the root of the config, as in JSON: `learningRate`, `network.layers.2.conv.filters`. The name of a kind may be left
    /// out: `optimizer.momentum` is the momentum of any optimizer that has one.
    pub path: String,
    pub values: Values,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Values {
    /// Numbers from `least` to `most`, both included.
    Range {
        least: f64,
        most: f64,
        /// Whether the scale is logarithmic, so that equal ratios are equally likely instead of equal differences.
        is_log: bool,
        is_whole: bool,
    },
    /// Values as in the config's JSON.
    Choices(Vec<Value>),
}

/// Why a search space is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    #[error("no field is searched")]
    NoFields,
    #[error("more than {FIELDS_LIMIT} fields")]
    TooManyFields,
    #[error("{path}: given twice")]
    Twice { path: String },
    #[error("{path}: the settings have no such field")]
    Unknown { path: String },
    #[error("{path}: a search sets it itself")]
    Reserved { path: String },
    #[error("{path}: the least value must be less than the greatest")]
    EmptyRange { path: String },
    #[error("{path}: a logarithmic range must begin above 0")]
    LogOfZero { path: String },
    #[error("{path}: between 2 and {CHOICES_LIMIT} choices are needed")]
    BadChoices { path: String },
    #[error("{path}: {detail}")]
    BadValue { path: String, detail: String },
    #[error("{n_points} combinations, at most {limit} are tried: fewer fields or points are needed")]
    TooManyPoints { n_points: u64, limit: usize },
    #[error("{what} must be from {min} to {max}")]
    OutOfRange { what: &'static str, min: u32, max: u32 },
    #[error("the budget must be greater than 0")]
    NoBudget,
}

impl From<SpaceError> for Failure {
    fn from(error: SpaceError) -> Self {
        Self::new(FailureKind::BadConfig, error.to_string())
    }
}

impl Field {
    /// The config's value for a pick. A pick is a number of a range, or the index of a choice.
    pub fn value(&self, pick: f64) -> Option<Value> {
        match &self.values {
            Values::Range { is_whole: true, .. } => Some(Value::from(pick.round() as i64)),
            Values::Range { .. } => Some(Value::from(pick)),
            Values::Choices(choices) => choices.get(pick as usize).cloned(),
        }
    }

    /// The position of a pick between the field's ends, 0 to 1.
    pub fn place(&self, pick: f64) -> f64 {
        let fraction = match &self.values {
            Values::Range { least, most, is_log: true, .. } => (pick / least).ln() / (most / least).ln(),
            Values::Range { least, most, .. } => (pick - least) / (most - least),
            Values::Choices(choices) => pick / (choices.len().saturating_sub(1)).max(1) as f64,
        };
        if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The pick at a position from 0 to 1: the inverse of `place`.
    pub fn pick_at(&self, place: f64) -> f64 {
        match &self.values {
            // The exact ends, without rounding.
            Values::Range { least, .. } if place <= 0.0 => *least,
            Values::Range { most, .. } if place >= 1.0 => *most,
            Values::Range { least, most, is_log, is_whole } => {
                let pick = if *is_log { least * (most / least).powf(place) } else { least + place * (most - least) };
                // Rounding errors may put a power just outside the ends.
                let pick = pick.clamp(*least, *most);
                if *is_whole { pick.round() } else { three_digits(pick).clamp(*least, *most) }
            }
            Values::Choices(choices) => {
                let n_choices = choices.len();
                ((place * n_choices as f64) as usize).min(n_choices.saturating_sub(1)) as f64
            }
        }
    }

    fn check(&self) -> Result<(), SpaceError> {
        let path = || self.path.clone();
        match &self.values {
            // Also matches NaN.
            Values::Range { least, most, .. } if !(least.is_finite() && most.is_finite() && least < most) => {
                Err(SpaceError::EmptyRange { path: path() })
            }
            Values::Range { least, is_log: true, .. } if *least <= 0.0 => Err(SpaceError::LogOfZero { path: path() }),
            Values::Range { .. } => Ok(()),
            Values::Choices(choices) if (2..=CHOICES_LIMIT).contains(&choices.len()) => Ok(()),
            Values::Choices(_) => Err(SpaceError::BadChoices { path: path() }),
        }
    }
}

/// Rounds to three significant digits: a learning rate of 0.00123 says as much as 0.0012345678, and is readable.
fn three_digits(number: f64) -> f64 {
    rounded(number, 3)
}

/// Checks that trials can be drawn from a space. Every field must be in `base`, or in a kind that another field chooses.
///
/// # Errors
///
/// [`SpaceError`], naming the field where one is at fault.
pub fn check(base: &RunConfig, fields: &[Field]) -> Result<(), SpaceError> {
    if fields.is_empty() {
        return Err(SpaceError::NoFields);
    }
    if fields.len() > FIELDS_LIMIT {
        return Err(SpaceError::TooManyFields);
    }
    let mut config = to_json(base);
    for (place, field) in fields.iter().enumerate() {
        let path = || field.path.clone();
        if is_reserved(&field.path) {
            return Err(SpaceError::Reserved { path: path() });
        }
        if fields.iter().take(place).any(|other| other.path == field.path) {
            return Err(SpaceError::Twice { path: path() });
        }
        field.check()?;
        let is_chosen_with = |other: &Field| match &other.values {
            Values::Choices(choices) => choices.iter().any(|choice| {
                let mut choice = choice.clone();
                let rest = field.path.strip_prefix(&other.path).and_then(|rest| rest.strip_prefix('.'));
                rest.is_some_and(|rest| find(&mut choice, rest).is_some())
            }),
            Values::Range { .. } => false,
        };
        if find(&mut config, &field.path).is_none() && !fields.iter().any(is_chosen_with) {
            return Err(SpaceError::Unknown { path: path() });
        }
    }
    // The ends and choices of every field must be valid in the config.
    for field in fields {
        let n_choices = if let Values::Choices(choices) = &field.values { choices.len() } else { 2 };
        for place in 0..n_choices {
            let pick = match &field.values {
                Values::Range { least, most, .. } => {
                    if place == 0 {
                        *least
                    } else {
                        *most
                    }
                }
                Values::Choices(_) => place as f64,
            };
            let (config, _) = apply(base, std::slice::from_ref(field), &[pick])?;
            check_ranges(&config)
                .map_err(|failure| SpaceError::BadValue { path: field.path.clone(), detail: failure.detail })?;
        }
    }
    Ok(())
}

/// Whether a field must not be searched: the data and the length of a trial must not be chosen by validation.
pub fn is_reserved(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    fields::find(first).is_some_and(|field| field.search == Searched::Never)
}

/// The config with a pick for every field, and which of the fields the config has: an optimizer may have no momentum, for example.
///
/// # Errors
///
/// When a value has the wrong type. Ranges are not checked.
pub fn apply(base: &RunConfig, fields: &[Field], picks: &[f64]) -> Result<(RunConfig, Vec<bool>), SpaceError> {
    let mut config = to_json(base);
    let mut is_there = vec![false; fields.len()];
    // Set a kind before its own fields.
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_by_key(|place| fields.get(*place).map_or(0, |field| field.path.split('.').count()));
    for place in order {
        let (Some(field), Some(pick)) = (fields.get(place), picks.get(place)) else { continue };
        let Some(value) = field.value(*pick) else {
            return Err(SpaceError::BadChoices { path: field.path.clone() });
        };
        if let Some(found) = find(&mut config, &field.path) {
            *found = value;
            if let Some(is_there) = is_there.get_mut(place) {
                *is_there = true;
            }
        }
    }
    // `check` applies the fields one by one, so its error can name the field.
    let config = RunConfig::deserialize(&config).map_err(|error| SpaceError::BadValue {
        path: fields.first().filter(|_| fields.len() == 1).map(|field| field.path.clone()).unwrap_or_default(),
        detail: error.to_string(),
    })?;
    Ok((config, is_there))
}

/// Whether the config's current value at this path is a whole number.
pub fn is_whole_number(config: &RunConfig, path: &str) -> bool {
    find(&mut to_json(config), path).is_some_and(|value| value.is_u64())
}

/// A config is plain data, so serialization cannot fail.
pub(super) fn to_json(config: &RunConfig) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

/// The value at a path. An object with one key is a kind with its fields; the path may leave out the kind's name.
pub(super) fn find<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let below = match value {
        Value::Array(items) => items.get_mut(first.parse::<usize>().ok()?)?,
        Value::Object(fields) => {
            if fields.len() == 1 && !fields.contains_key(first) {
                return find(fields.values_mut().next()?, path);
            }
            fields.get_mut(first)?
        }
        _ => return None,
    };
    match rest {
        Some(rest) => find(below, rest),
        None => Some(below),
    }
}

/// The name of an enum variant as serde writes it: a string, or an object with one key.
pub fn name_of(kind: &Value) -> &str {
    match kind {
        Value::String(name) => name,
        Value::Object(object) => object.keys().next().map_or("", String::as_str),
        _ => "",
    }
}

#[cfg(test)]
mod tests;
