//! The store in the browser's Cache API. All operations fail where the browser forbids it, as some do in private windows.

use js_sys::{ArrayBuffer, Uint8Array};
use kindling_session::{Store, StoreError};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::platform::scope;
use crate::dataset_cache;

/// Each record is a cached response, which a write replaces atomically.
#[derive(Default)]
pub struct CacheStore;

impl Store for CacheStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = JsFuture::from(open().await?.match_with_str(&url_of(name))).await.map_err(failed)?;
        // Undefined if there is no such record.
        let Ok(response) = found.dyn_into::<Response>() else { return Ok(None) };
        let buffer = JsFuture::from(response.array_buffer().map_err(failed)?).await.map_err(failed)?;
        let buffer: ArrayBuffer = buffer.dyn_into().map_err(failed)?;
        Ok(Some(Uint8Array::new(&buffer).to_vec()))
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let response = Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes))).map_err(failed)?;
        let request = Request::new_with_str(&url_of(name)).map_err(failed)?;
        JsFuture::from(open().await?.put_with_request(&request, &response)).await.map_err(failed)?;
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        JsFuture::from(open().await?.delete_with_str(&url_of(name))).await.map_err(failed)?;
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        dataset_cache::names().await.map_err(failed)
    }
}

async fn open() -> Result<Cache, StoreError> {
    dataset_cache::open().await.map_err(failed)
}

/// The cache needs URLs as keys. This one is never fetched.
fn url_of(name: &str) -> String {
    format!("{}/kindling-datasets/{name}", scope().location().origin())
}

fn failed(error: JsValue) -> StoreError {
    let reason = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    StoreError(reason.unwrap_or_else(|| "the browser gives no reason".to_owned()))
}
