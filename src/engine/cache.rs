//! Keeps downloaded files for the next visit, in the browser's Cache API, by their SHA-256. Does nothing where the browser
//! forbids it, as some do in private windows.

use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::clock;
use crate::dataset::served::ServedFile;

const NAME: &str = "kindling-datasets-v1";

/// Files kept at most; when there would be more, all are dropped first. The page serves fewer than a third of it.
const FILE_LIMIT: u32 = 32;

/// The file of an earlier visit, if it is there and whole.
pub async fn get(file: &ServedFile) -> Option<Vec<u8>> {
    let cache = open().await.ok()?;
    let url = url_of(file);
    let response: Response = JsFuture::from(cache.match_with_str(&url)).await.ok()?.dyn_into().ok()?;
    let buffer: ArrayBuffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?.dyn_into().ok()?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    if file.verify(&bytes).is_ok() {
        return Some(bytes);
    }
    // A damaged copy would be found damaged for ever; if it cannot be deleted, the download replaces it.
    JsFuture::from(cache.delete_with_str(&url)).await.ok();
    None
}

/// Keeps a file whose hash was checked, in the background.
pub fn keep(file: &ServedFile, bytes: &[u8]) {
    let body = Uint8Array::from(bytes);
    let url = url_of(file);
    wasm_bindgen_futures::spawn_local(async move {
        // No room, or no permission: then the next visit downloads again, as the first did.
        put(&url, &body).await.ok();
    });
}

async fn put(url: &str, body: &Uint8Array) -> Result<(), JsValue> {
    let mut cache = open().await?;
    let n_files = JsFuture::from(cache.keys()).await?.unchecked_into::<Array>().length();
    if n_files >= FILE_LIMIT {
        JsFuture::from(clock::scope().caches()?.delete(NAME)).await?;
        cache = open().await?;
    }
    let response = Response::new_with_opt_js_u8_array(Some(body))?;
    let request = Request::new_with_str(url)?;
    JsFuture::from(cache.put_with_request(&request, &response)).await?;
    Ok(())
}

async fn open() -> Result<Cache, JsValue> {
    // Outside secure contexts `caches` is undefined, whatever its declared type.
    let caches = js_sys::Reflect::get(&clock::scope(), &"caches".into())?;
    if caches.is_undefined() {
        return Err(caches);
    }
    let opening: Promise = caches.unchecked_into::<web_sys::CacheStorage>().open(NAME);
    JsFuture::from(opening).await?.dyn_into()
}

/// A cache wants addresses as keys. Nothing is ever fetched from this one.
fn url_of(file: &ServedFile) -> String {
    format!("{}/kindling-datasets/{}", clock::scope().location().origin(), file.sha256)
}
