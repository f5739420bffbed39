//! WebGPU in the worker: whether it can be used, and everything that the GPU refuses, so that no wrong result passes for a
//! right one.

use std::cell::RefCell;

use burn::tensor::Device;
use js_sys::Reflect;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

use super::session::EngineDevice;
use crate::protocol::{EngineInfo, EngineKind, Failure, FailureKind};

/// Kernels that go to the GPU in one submission at most. burn's 32 make twice the submissions; many more would delay the
/// first of them.
const TASKS_MAX: usize = 64;

/// Tuned, the first step times the kernels that it meets, and the choice falls when the browser's event loop turns. The second meets
/// those within the chosen ones. The third runs what was chosen; the fourth shows that nothing is left. Otherwise one compiles all.
const WARM_UP_STEPS: u32 = if cfg!(feature = "tune") { 4 } else { 1 };

#[wasm_bindgen(module = "/src/engine/gpu.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = probe)]
    async fn probe_gpu() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = watch)]
    fn watch_gpu(on_failure: &JsValue);

    #[wasm_bindgen(js_name = allowSubgroups)]
    #[cfg(feature = "tune")]
    fn allow_subgroups();
}

thread_local! {
    /// What went wrong first; all else follows from it.
    static FAILURE: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Opens the GPU. `on_failure` hears, once, when its results can no longer be trusted.
pub async fn open(on_failure: impl FnOnce(Failure) + 'static) -> Result<(EngineDevice, EngineInfo), Failure> {
    let (info, max_buffer_bytes) = probe().await?;
    watch(on_failure);
    #[cfg(feature = "tune")]
    limit_tuning();
    choose_fusions()?;
    let device = Device::wgpu_options().tasks_max(TASKS_MAX).init_async().await;
    let device =
        device.map_err(|error| Failure::new(FailureKind::NoWebGpu, format!("the GPU cannot be opened: {error}")))?;
    Ok((EngineDevice { device, max_buffer_bytes, warm_up_steps: WARM_UP_STEPS }, info))
}

/// Has burn fuse what follows each other, and element-wise operations alone. By default it searches up to five threads of operations at
/// once, and may then give up on fusing any of them: the LeNet step took 77 dispatches so, and takes 66. And what it fuses with a
/// sum or a matrix product it runs one by one all the same, unless it tunes.
fn choose_fusions() -> Result<(), Failure> {
    use burn::cubecl::config::RuntimeConfig;

    let failed = |error: String| Failure::new(FailureKind::NoWebGpu, format!("fusion cannot be set up: {error}"));
    // Its fields can be set no other way.
    let config = r#"{ "fusion": { "beam_search": { "max_blocks": 1 } } }"#;
    burn::BurnConfig::try_set(serde_json::from_str(config).map_err(|error| failed(error.to_string()))?);
    if !cfg!(feature = "tune") {
        for name in ["Matmul", "Reduce", "ReduceBroadcasted"] {
            burn_cubecl::fusion::remove(name).map_err(|error| failed(error.to_string()))?;
        }
    }
    Ok(())
}

/// Tuning in seconds: coarse keys, few samples. Browsers' clocks are too coarse for more samples to say more.
#[cfg(feature = "tune")]
fn limit_tuning() {
    use burn::cubecl::config::autotune::{AutotuneConfig, AutotuneLevel, BenchConfig};
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

    allow_subgroups();
    let bench = BenchConfig { min_samples: 1, max_samples: 3, ..BenchConfig::default() };
    let autotune = AutotuneConfig { level: AutotuneLevel::Minimal, bench, ..AutotuneConfig::default() };
    // False only where somebody was faster; nothing of cubecl has run yet.
    CubeClRuntimeConfig::try_set(CubeClRuntimeConfig { autotune, ..CubeClRuntimeConfig::default() });
}

/// What the GPU complained about, if it did.
pub fn failure() -> Option<Failure> {
    FAILURE.with_borrow(Option::clone)
}

async fn probe() -> Result<(EngineInfo, u64), Failure> {
    let missing = |reason: String| Failure::new(FailureKind::NoWebGpu, reason);
    let found = probe_gpu().await.map_err(|error| missing(format!("WebGPU does not answer: {error:?}")))?;
    // The object is our own script's.
    let field = |name: &str| Reflect::get(&found, &name.into()).unwrap_or_default();
    if let Some(reason) = field("missing").as_string() {
        return Err(missing(reason));
    }
    let info = EngineInfo {
        kind: EngineKind::Webgpu,
        adapter: field("adapter").as_string().unwrap_or_default(),
        is_software: field("isSoftware").is_truthy(),
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
