//! Plain data as the text of JSON, by way of [`serde_json::Value`]. Every form that a type is read from or written to has code of its own, and
//! a run's config is many types: so there is one form, which differences, searches and programs need anyway.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What JSON cannot hold is null.
pub fn to_text<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).unwrap_or_default().to_string()
}

/// None for what is no JSON, or not that of the type.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value: Value = serde_json::from_str(text).ok()?;
    T::deserialize(&value).ok()
}
