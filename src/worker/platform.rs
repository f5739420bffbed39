//! The browser as the session's platform: messages to the page, tasks, time, and downloads.

use js_sys::Promise;
use kindling_core::protocol::{Event, Failure, ImageInput};
use kindling_session::retry::Trouble;
use kindling_session::{Download, Freshness, Platform};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, RequestCache, RequestInit, Response, WorkerGlobalScope};

use super::decode;
use super::store::CacheStore;
use crate::channel;

/// A dedicated web worker.
#[derive(Default)]
pub struct Browser {
    store: CacheStore,
}

impl Platform for Browser {
    type Store = CacheStore;
    type Download = BrowserDownload;

    fn emit(&self, event: Event) {
        channel::post(&event);
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn now_ms(&self) -> f64 {
        channel::now_ms()
    }

    async fn sleep(&self, duration_ms: u32) {
        let promise = Promise::new(&mut |resolve, _| {
            // Fails only if there is no function to call.
            scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, duration_ms as i32).ok();
        });
        // This promise is never rejected.
        JsFuture::from(promise).await.ok();
    }

    async fn yield_now(&self) {
        channel::macrotask().await;
    }

    fn served_url(&self, path: &str) -> String {
        // The worker's script lies beside the page.
        path.to_owned()
    }

    async fn fetch(&self, url: &str, freshness: Freshness) -> Result<BrowserDownload, Trouble> {
        let abort = Abort(AbortController::new().map_err(no_answer)?);
        let options = RequestInit::new();
        options.set_signal(Some(&abort.0.signal()));
        match freshness {
            Freshness::Any => {}
            Freshness::Reload => options.set_cache(RequestCache::Reload),
            Freshness::NoStore => options.set_cache(RequestCache::NoStore),
        }
        let response = JsFuture::from(scope().fetch_with_str_and_init(url, &options)).await.map_err(no_answer)?;
        let response: Response = response.dyn_into().map_err(no_answer)?;
        if !response.ok() {
            return Err(Trouble::Status(response.status()));
        }
        let stream = response.body().ok_or_else(|| Trouble::NoAnswer("the answer is empty".to_owned()))?;
        Ok(BrowserDownload { reader: stream.get_reader().unchecked_into(), _abort: abort })
    }

    async fn decode(&self, file: &[u8]) -> Result<Option<ImageInput>, Failure> {
        decode::decode(file).await
    }

    fn store(&self) -> &CacheStore {
        &self.store
    }
}

/// The body of a response, as a stream.
pub struct BrowserDownload {
    reader: ReadableStreamDefaultReader,
    _abort: Abort,
}

impl Download for BrowserDownload {
    async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let result = JsFuture::from(self.reader.read()).await.map_err(no_answer)?;
        let field = |name: &str| js_sys::Reflect::get(&result, &name.into()).map_err(no_answer);
        if field("done")?.is_truthy() {
            return Ok(None);
        }
        let chunk: js_sys::Uint8Array = field("value")?.dyn_into().map_err(no_answer)?;
        Ok(Some(chunk.to_vec()))
    }
}

/// Aborts a request when dropped; has no effect on a completed one.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn no_answer(error: JsValue) -> Trouble {
    let reason = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    Trouble::NoAnswer(reason.unwrap_or_else(|| "for no stated reason".to_owned()))
}

pub fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
