//! The browser's cache of dataset files: an engine keeps the files there, the page only asks which there are.

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, CacheStorage, Request};

const NAME: &str = "kindling-datasets-v1";

/// Opens the cache.
///
/// # Errors
///
/// Where the browser forbids it, as some do in private windows.
pub async fn open() -> Result<Cache, JsValue> {
    // Outside secure contexts `caches` is undefined, despite its declared type.
    let caches = Reflect::get(&js_sys::global(), &"caches".into())?;
    if caches.is_undefined() {
        return Err(js_sys::Error::new("this page may not keep files").into());
    }
    let opening: Promise = caches.unchecked_into::<CacheStorage>().open(NAME);
    JsFuture::from(opening).await?.dyn_into()
}

/// The names of the files that are there, in no particular order.
///
/// # Errors
///
/// As [`open`].
pub async fn names() -> Result<Vec<String>, JsValue> {
    let requests = JsFuture::from(open().await?.keys()).await?.unchecked_into::<Array>();
    let url = |request: JsValue| request.dyn_into::<Request>().ok().map(|request| request.url());
    let name = |url: String| url.rsplit('/').next().map(str::to_owned);
    Ok(requests.iter().filter_map(url).filter_map(name).collect())
}
