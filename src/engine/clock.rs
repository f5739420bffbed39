//! Time in the worker.

use js_sys::Promise;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, WorkerGlobalScope};

/// How soon a wait notices that it is no longer wanted.
const SLICE_MS: u32 = 100;

/// Milliseconds since the worker began.
pub fn now_ms() -> f64 {
    // Every browser with workers has it; without, rates and times read zero.
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Waits, or gives up soon after `signal` is aborted.
pub async fn sleep(duration_ms: u32, signal: &AbortSignal) {
    let mut remaining_ms = duration_ms;
    while remaining_ms > 0 && !signal.aborted() {
        let slice_ms = remaining_ms.min(SLICE_MS);
        let promise = Promise::new(&mut |resolve, _| {
            // Fails only without a function to call.
            scope().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, slice_ms as i32).ok();
        });
        // This promise is never rejected.
        JsFuture::from(promise).await.ok();
        remaining_ms -= slice_ms;
    }
}

pub fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
