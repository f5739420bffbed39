//! Chooses the engine: asks the browser for a GPU, unless the visitor or the page's address says which engine to use.

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::page::preferences::EnginePreference;
use crate::page::state::{EngineChoice, EngineProgram, EngineReason};

/// What `?engine=` in the page's address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Webgpu,
    Program(EngineProgram),
}

pub fn asked_by_address() -> Option<Asked> {
    asked_by_query(&window().location().search().unwrap_or_default())
}

fn asked_by_query(query: &str) -> Option<Asked> {
    let value = query.trim_start_matches('?').split('&').find_map(|pair| pair.strip_prefix("engine="))?;
    match value {
        "webgpu" => Some(Asked::Webgpu),
        "webgpu-tuned" => Some(Asked::Program(EngineProgram::TunedGpu)),
        "webgpu-untuned" => Some(Asked::Program(EngineProgram::Gpu)),
        "cpu" => Some(Asked::Program(EngineProgram::Cpu)),
        _ => None,
    }
}

pub async fn choose(asked: Option<Asked>, preference: EnginePreference) -> EngineChoice {
    let chosen = |program, reason| EngineChoice { program, reason, may_tune: false };
    let gpu = |reason, findings: &Findings| EngineChoice {
        may_tune: is_hardware(findings),
        ..chosen(EngineProgram::Gpu, reason)
    };
    match (asked, preference) {
        (Some(Asked::Program(program)), _) => chosen(program, EngineReason::Address),
        (Some(Asked::Webgpu), _) => gpu(EngineReason::Address, &look().await),
        (None, EnginePreference::Webgpu) => gpu(EngineReason::Chosen, &look().await),
        (None, EnginePreference::Cpu) => chosen(EngineProgram::Cpu, EngineReason::Chosen),
        (None, EnginePreference::Automatic) => decide(&look().await),
    }
}

/// What the browser says of its GPU.
#[derive(Clone, Debug, Default, PartialEq)]
struct Findings {
    has_webgpu: bool,
    adapter: Option<Adapter>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Adapter {
    is_fallback: bool,
    /// Vendor, architecture, device and description, as far as the browser tells.
    names: String,
    has_timestamps: bool,
}

impl Adapter {
    fn is_software(&self) -> bool {
        let names = self.names.to_ascii_lowercase();
        self.is_fallback || SOFTWARE.iter().any(|name| names.contains(name))
    }
}

/// Renderers that compute on the CPU, by the names that they give themselves.
const SOFTWARE: [&str; 4] = ["swiftshader", "llvmpipe", "lavapipe", "basic render"];

fn decide(findings: &Findings) -> EngineChoice {
    let cpu = |reason| EngineChoice { program: EngineProgram::Cpu, reason, may_tune: false };
    let Some(adapter) = &findings.adapter else {
        return cpu(if findings.has_webgpu { EngineReason::NoAdapter } else { EngineReason::NoWebGpu });
    };
    if adapter.is_software() {
        return cpu(EngineReason::SoftwareAdapter);
    }
    if !adapter.has_timestamps {
        return cpu(EngineReason::NoTimestampQuery);
    }
    EngineChoice { program: EngineProgram::Gpu, reason: EngineReason::GpuFound, may_tune: true }
}

/// Software renderers are not tuned for: they would be at it for minutes.
fn is_hardware(findings: &Findings) -> bool {
    findings.adapter.as_ref().is_some_and(|adapter| !adapter.is_software())
}

/// Asks `navigator.gpu`. Through plain properties, as web-sys has WebGPU only behind an unstable flag.
async fn look() -> Findings {
    let gpu = property(&window().navigator(), "gpu");
    if gpu.is_undefined() || gpu.is_null() {
        return Findings::default();
    }
    Findings { has_webgpu: true, adapter: adapter(&gpu).await }
}

async fn adapter(gpu: &JsValue) -> Option<Adapter> {
    let request: Function = property(gpu, "requestAdapter").dyn_into().ok()?;
    let promise: Promise = request.call0(gpu).ok()?.dyn_into().ok()?;
    let adapter = JsFuture::from(promise).await.ok().filter(|adapter| adapter.is_object())?;
    let info = property(&adapter, "info");
    let names = ["vendor", "architecture", "device", "description"]
        .map(|name| property(&info, name).as_string().unwrap_or_default());
    let features = property(&adapter, "features");
    let has: Option<Function> = property(&features, "has").dyn_into().ok();
    let has_feature = |name: &str| {
        let answer = has.as_ref().and_then(|has| has.call1(&features, &name.into()).ok());
        answer.is_some_and(|answer| answer.is_truthy())
    };
    Some(Adapter {
        // Older browsers have it on the adapter.
        is_fallback: property(&info, "isFallbackAdapter").is_truthy()
            || property(&adapter, "isFallbackAdapter").is_truthy(),
        names: names.join(" "),
        has_timestamps: has_feature("timestamp-query"),
    })
}

fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(adapter: Option<Adapter>, program: EngineProgram, reason: EngineReason) {
        let may_tune = program == EngineProgram::Gpu;
        assert_eq!(decide(&Findings { has_webgpu: true, adapter }), EngineChoice { program, reason, may_tune });
    }

    fn gpu() -> Adapter {
        Adapter { is_fallback: false, names: "nvidia ampere".into(), has_timestamps: true }
    }

    #[test]
    fn a_real_gpu_is_used() {
        check(Some(gpu()), EngineProgram::Gpu, EngineReason::GpuFound);
    }

    #[test]
    fn a_software_adapter_is_not() {
        check(Some(Adapter { is_fallback: true, ..gpu() }), EngineProgram::Cpu, EngineReason::SoftwareAdapter);
        let names = "google SwiftShader".to_owned();
        check(Some(Adapter { names, ..gpu() }), EngineProgram::Cpu, EngineReason::SoftwareAdapter);
    }

    #[test]
    fn what_is_missing_is_the_reason() {
        check(Some(Adapter { has_timestamps: false, ..gpu() }), EngineProgram::Cpu, EngineReason::NoTimestampQuery);
        check(None, EngineProgram::Cpu, EngineReason::NoAdapter);
        assert_eq!(decide(&Findings::default()).reason, EngineReason::NoWebGpu);
    }

    #[test]
    fn only_hardware_is_tuned_for() {
        let may_tune = |adapter| is_hardware(&Findings { has_webgpu: true, adapter });
        assert!(may_tune(Some(gpu())));
        assert!(!may_tune(Some(Adapter { is_fallback: true, ..gpu() })));
        assert!(!may_tune(None));
    }

    #[test]
    fn the_address_names_an_engine() {
        assert_eq!(asked_by_query("?engine=cpu"), Some(Asked::Program(EngineProgram::Cpu)));
        assert_eq!(asked_by_query("?a=b&engine=webgpu"), Some(Asked::Webgpu));
        assert_eq!(asked_by_query("?engine=webgpu-tuned"), Some(Asked::Program(EngineProgram::TunedGpu)));
        assert_eq!(asked_by_query("?engine=quantum"), None);
        assert_eq!(asked_by_query(""), None);
    }
}
