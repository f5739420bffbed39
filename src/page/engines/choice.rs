//! Chooses the engine: asks the browser for a GPU, unless the visitor or the page's address says which engine to use.

use js_sys::{Function, Promise};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::channel::parameter;
use crate::page::preferences::EnginePreference;
use crate::page::property::property;
use crate::page::state::{EngineChoice, EngineProgram, EngineReason};

/// What `?engine=` in the page's address asks for.
pub fn asked_by_address() -> Option<EngineProgram> {
    asked_by_query(&window().location().search().unwrap_or_default())
}

fn asked_by_query(query: &str) -> Option<EngineProgram> {
    match parameter(query, "engine")? {
        "webgpu" => Some(EngineProgram::Gpu),
        "cpu" => Some(EngineProgram::Cpu),
        _ => None,
    }
}

/// Chooses the engine. The names of the GPU come with it, if runs are raced on it.
pub async fn choose(asked: Option<EngineProgram>, preference: EnginePreference) -> (EngineChoice, String) {
    let pinned = |program, reason| (EngineChoice { program, reason, may_race: false }, String::new());
    match (asked, preference) {
        (Some(program), _) => pinned(program, EngineReason::Address),
        (None, EnginePreference::Webgpu) => pinned(EngineProgram::Gpu, EngineReason::Chosen),
        (None, EnginePreference::Cpu) => pinned(EngineProgram::Cpu, EngineReason::Chosen),
        (None, EnginePreference::Automatic) => {
            let findings = look().await;
            let choice = decide(&findings);
            (choice, findings.adapter.map(|adapter| adapter.names).unwrap_or_default())
        }
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
    let cpu = |reason| EngineChoice { program: EngineProgram::Cpu, reason, may_race: false };
    let Some(adapter) = &findings.adapter else {
        return cpu(if findings.has_webgpu { EngineReason::NoAdapter } else { EngineReason::NoWebGpu });
    };
    if adapter.is_software() {
        return cpu(EngineReason::SoftwareAdapter);
    }
    if !adapter.has_timestamps {
        return cpu(EngineReason::NoTimestampQuery);
    }
    EngineChoice { program: EngineProgram::Gpu, reason: EngineReason::GpuFound, may_race: true }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(adapter: Option<Adapter>, program: EngineProgram, reason: EngineReason) {
        let may_race = program == EngineProgram::Gpu;
        assert_eq!(decide(&Findings { has_webgpu: true, adapter }), EngineChoice { program, reason, may_race });
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
    fn the_address_names_an_engine() {
        assert_eq!(asked_by_query("?engine=cpu"), Some(EngineProgram::Cpu));
        assert_eq!(asked_by_query("?a=b&engine=webgpu"), Some(EngineProgram::Gpu));
        assert_eq!(asked_by_query("?engine=quantum"), None);
        assert_eq!(asked_by_query(""), None);
    }
}
