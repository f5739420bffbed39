//! WebGPU in the worker: whether it is available, and detection of every error, so that no wrong result is taken for a right one.

use std::cell::RefCell;

use js_sys::Reflect;
use kindling_core::protocol::{EngineInfo, EngineKind, Failure, FailureKind};
use kindling_session::EngineDevice;
use kindling_train::device::gpu;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen(module = "/src/worker/gpu.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = probe)]
    async fn probe_gpu() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = watch)]
    fn watch_gpu(on_failure: &JsValue);
}

thread_local! {
    /// The first failure; later ones follow from it.
    static FAILURE: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Opens the GPU. `on_failure` is called once, when its results can no longer be trusted.
///
/// # Errors
///
/// If WebGPU is unavailable or the device cannot be opened.
pub async fn open(on_failure: impl FnOnce(Failure) + 'static) -> Result<(EngineDevice, EngineInfo), Failure> {
    let (info, max_buffer_bytes) = probe().await?;
    watch(on_failure);
    Ok((gpu::open(max_buffer_bytes).await?, info))
}

/// The first failure that the GPU reported, if any.
pub fn failure() -> Option<Failure> {
    FAILURE.with_borrow(Option::clone)
}

async fn probe() -> Result<(EngineInfo, u64), Failure> {
    let missing = |reason: String| Failure::new(FailureKind::NoWebGpu, reason);
    let found = probe_gpu().await.map_err(|error| missing(format!("WebGPU does not answer: {error:?}")))?;
    // The object comes from gpu.js.
    let field = |name: &str| Reflect::get(&found, &name.into()).unwrap_or_default();
    if let Some(reason) = field("missing").as_string() {
        return Err(missing(reason));
    }
    let info = EngineInfo {
        kind: EngineKind::Webgpu,
        adapter: field("adapter").as_string().unwrap_or_default(),
        is_software: field("isSoftware").is_truthy(),
        threads: 1,
    };
    Ok((info, field("maxBufferBytes").as_f64().unwrap_or_default() as u64))
}

fn watch(on_failure: impl FnOnce(Failure) + 'static) {
    let mut on_failure = Some(on_failure);
    let closure = Closure::<dyn FnMut(String, String)>::new(move |kind: String, message: String| {
        let kind = match kind.as_str() {
            "lost" => FailureKind::DeviceLost,
            "memory" => FailureKind::OutOfMemory,
            _ => FailureKind::GpuError,
        };
        let failure = Failure::new(kind, message);
        if let Some(on_failure) = on_failure.take() {
            FAILURE.set(Some(failure.clone()));
            on_failure(failure);
        }
    });
    watch_gpu(closure.into_js_value().unchecked_ref());
}
