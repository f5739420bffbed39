//! Conversions between Rust and JavaScript: methods that return promises, JSON in both directions, failures as errors.

use std::future::Future;

use js_sys::{Array, Error, Function, JSON, Object, Promise, Reflect};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Blob, File};

use kindling_core::protocol::{Failure, FailureKind};
use kindling_core::runs::run_event::{error_message, error_name};

#[wasm_bindgen]
extern "C" {
    /// Reports an error to the browser as an uncaught one.
    #[wasm_bindgen(js_name = reportError)]
    fn report_error(error: &JsValue);
}

/// Gives `object` a method of up to two arguments that returns a promise.
pub fn add_method<F>(object: &Object, name: &str, method: impl Fn(JsValue, JsValue) -> F + 'static)
where
    F: Future<Output = Result<JsValue, JsValue>> + 'static,
{
    let closure: Closure<dyn Fn(JsValue, JsValue) -> Promise> =
        Closure::new(move |first, second| future_to_promise(method(first, second)));
    // The object lives as long as the page, so its methods may too. Setting a key of a fresh object cannot fail.
    Reflect::set(object, &name.into(), &closure.into_js_value()).ok();
}

/// The failure as the `Error` that a promise is rejected with.
pub fn to_error(failure: Failure) -> JsValue {
    named_error(&error_name(&failure), &error_message(&failure))
}

pub fn named_error(name: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    error.set_name(name);
    error.into()
}

/// Converts through the browser's own JSON parser, which takes less code than walking the value and is as fast for values of this size.
/// Null becomes undefined, as for a method without a result.
pub fn to_js(value: &Value) -> JsValue {
    if value.is_null() {
        return JsValue::UNDEFINED;
    }
    JSON::parse(&value.to_string()).unwrap_or_default()
}

/// Undefined becomes null.
///
/// # Errors
///
/// Fails for values that JSON cannot represent, such as a function or a cycle.
pub fn from_js(value: &JsValue) -> Result<Value, Failure> {
    if value.is_undefined() {
        return Ok(Value::Null);
    }
    let text = JSON::stringify(value).ok().and_then(|text| text.as_string());
    text.and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| Failure::new(FailureKind::BadConfig, "the argument is no plain data"))
}

/// The files of an array or of a `FileList`. None if the value is something else, or if an element is not a file.
pub fn files(value: &JsValue) -> Option<Vec<File>> {
    if !(Array::is_array(value) || is(value, "FileList")) {
        return None;
    }
    Array::from(value).iter().map(|file| is(&file, "File").then(|| file.unchecked_into())).collect()
}

/// A blob or a file. None if the value is something else.
pub fn blob(value: JsValue) -> Option<Blob> {
    (is(&value, "Blob") || is(&value, "File")).then(|| value.unchecked_into())
}

/// Whether a value is of a class of the browser's, by its brand. A page that embeds this one has classes of its own, of which its objects are
/// instances: `instanceof` is false for all of them.
pub fn is(value: &JsValue, class: &str) -> bool {
    prototype_to_string(value) == format!("[object {class}]")
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["Object", "prototype", "toString"], js_name = call)]
    fn prototype_to_string(value: &JsValue) -> String;
}

/// Calls a listener. An exception that it throws is reported as an uncaught error, and the run continues.
pub fn call(listener: &Function, event: &Value) {
    if let Err(error) = listener.call1(&JsValue::UNDEFINED, &to_js(event)) {
        report_error(&error);
    }
}
