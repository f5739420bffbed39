//! Properties of JavaScript objects that not every browser has.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// `undefined` where the object has no such property, or is `undefined` itself.
pub fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}
