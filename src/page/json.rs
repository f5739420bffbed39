//! JSON text by way of [`serde_json::Value`]. serde generates code for each pair of type and format, and a run's config is made of many types, so
//! the page uses one format: `Value`, which run diffs, hyperparameter search and the API need anyway.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Writes a value as JSON text; `null` if it has no JSON form.
pub fn to_text<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).unwrap_or_default().to_string()
}

/// None if the text is not valid JSON or does not match the type.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value: Value = serde_json::from_str(text).ok()?;
    T::deserialize(&value).ok()
}
