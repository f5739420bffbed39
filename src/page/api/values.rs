//! Partial values from a program: omitted fields keep their values, and unknown fields are refused by name. Pure.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use kindling_core::protocol::{Failure, FailureKind};
use kindling_core::search::space::name_of;

/// Parses a complete value.
pub fn read<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| bad(format!("{key}: {error}")))
}

/// Parses an object with any of the fields of `current`; omitted fields are those of `current`.
pub fn part<T: Serialize + DeserializeOwned>(key: &str, value: &Value, current: &T) -> Result<T, Failure> {
    let Value::Object(fields) = value else { return Err(bad(format!("{key}: not an object"))) };
    read(key, &overlaid(to_value(key, current)?, fields))
}

/// Parses one of several kinds, each with its own fields: `"adam"`, `{"adam": {"beta1": 0.8}}`. Omitted fields are those of `current` if it
/// is of the same kind, else those of `known`, which has one value of each kind.
pub fn kind<T>(key: &str, value: &Value, current: &T, known: &[T]) -> Result<T, Failure>
where
    T: Serialize + DeserializeOwned,
{
    let (name, fields) = match value {
        Value::String(name) => (name.as_str(), &Map::new()),
        Value::Object(object) if object.len() == 1 => match object.iter().next() {
            Some((name, Value::Object(fields))) => (name.as_str(), fields),
            _ => return Err(bad(format!("{key}: expected its values as an object"))),
        },
        _ => return Err(bad(format!("{key}: expected a name, or an object with a name as its one key"))),
    };
    let known = known.iter().map(|known| to_value(key, known)).collect::<Result<Vec<_>, _>>()?;
    let current = to_value(key, current)?;
    match known.iter().find(|known| name_of(known) == name) {
        Some(known) => {
            let base = if name_of(&current) == name { current } else { known.clone() };
            let whole = match base {
                Value::Object(kinds) => kinds.into_iter().map(|(name, base)| (name, overlaid(base, fields))).collect(),
                base if fields.is_empty() => base,
                _ => return Err(bad(format!("{key}: \"{name}\" has no values"))),
            };
            read(key, &whole)
        }
        None => {
            let names: Vec<String> = known.iter().map(|known| format!("\"{}\"", name_of(known))).collect();
            Err(bad(format!("{key}: no \"{name}\", only {}", names.join(", "))))
        }
    }
}

/// `base` with its fields overridden by `fields`.
fn overlaid(base: Value, fields: &Map<String, Value>) -> Value {
    match base {
        Value::Object(mut base) => {
            base.extend(fields.clone());
            Value::Object(base)
        }
        base => base,
    }
}

fn to_value<T: Serialize>(key: &str, value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| bad(format!("{key}: {error}")))
}

pub fn bad(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::BadConfig, detail)
}
