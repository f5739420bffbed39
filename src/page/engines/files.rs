//! Which engines the page's host has, each named by its content, and which of them are still being built behind the page.

use std::collections::BTreeMap;

use js_sys::Promise;
use leptos::prelude::window;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, Response};

use crate::page::json;
use crate::page::state::{EngineChoice, EngineProgram, EngineReason};
use kindling_core::protocol::EngineKind;

/// What `engines.json` says, beside the page.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct EngineFiles {
    /// The digest of each engine's files.
    engines: BTreeMap<String, String>,
    /// Those that `cargo xtask serve` will add.
    coming: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    There,
    Coming,
    Absent,
}

impl EngineFiles {
    /// Asks the host at once; the future waits for its answer. Without one the engines are taken for there.
    pub fn fetch() -> impl Future<Output = Option<Self>> {
        let options = RequestInit::new();
        // It is what tells an old engine in the browser's cache from a new one.
        options.set_cache(RequestCache::NoStore);
        received(window().fetch_with_str_and_init("engines.json", &options))
    }

    pub fn presence(&self, program: EngineProgram) -> Presence {
        let name = program.name();
        if self.coming.iter().any(|coming| coming == name) {
            Presence::Coming
        } else if self.engines.is_empty() || self.engines.contains_key(name) {
            Presence::There
        } else {
            Presence::Absent
        }
    }

    /// Where an engine's worker starts.
    pub fn url(&self, program: EngineProgram) -> String {
        let threads = match program {
            EngineProgram::CpuThreads { count } => format!("&threads={count}"),
            EngineProgram::Cpu | EngineProgram::Gpu => String::new(),
        };
        self.worker_url(program.name()) + threads.as_str()
    }

    /// Where a worker of the page's build starts.
    fn worker_url(&self, name: &str) -> String {
        let digest = self.engines.get(name).map_or_else(String::new, |digest| format!("&digest={digest}"));
        format!("load.js?js={name}.js{digest}")
    }

    /// The CPU engine for so many threads: the one with a single thread where the host has no other, or says nothing of it.
    pub fn cpu(&self, n_threads: u32) -> EngineProgram {
        let threads = EngineProgram::CpuThreads { count: n_threads };
        let is_there = self.engines.contains_key(threads.name());
        if n_threads > 1 && is_there { threads } else { EngineProgram::Cpu }
    }

    /// The choice, or the CPU as long as the chosen engine is not there. The CPU gets `n_threads`.
    pub fn settle(&self, choice: EngineChoice, n_threads: u32) -> EngineChoice {
        let cpu = |reason| EngineChoice { program: self.cpu(n_threads), reason, may_race: false };
        match self.presence(choice.program) {
            _ if choice.program.kind() == EngineKind::Cpu => cpu(choice.reason),
            Presence::Coming => cpu(EngineReason::GpuComing),
            Presence::Absent => cpu(EngineReason::GpuNotBuilt),
            Presence::There => choice,
        }
    }
}

/// Where the worker starts that writes networks as files for other tools.
pub async fn exporter_url() -> String {
    EngineFiles::fetch().await.unwrap_or_default().worker_url("exporter")
}

async fn received(response: Promise) -> Option<EngineFiles> {
    let response: Response = JsFuture::from(response).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?;
    json::from_text(&text.as_string()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: EngineChoice =
        EngineChoice { program: EngineProgram::Gpu, reason: EngineReason::GpuFound, may_race: true };

    fn check(files: &str, program: EngineProgram, reason: EngineReason) {
        let files: EngineFiles = json::from_text(files).unwrap();
        let may_race = program == EngineProgram::Gpu;
        assert_eq!(files.settle(GPU, 1), EngineChoice { program, reason, may_race }, "{files:?}");
    }

    #[test]
    fn the_cpu_stands_in_until_the_engine_is_there() {
        let coming = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_gpu"] }"#;
        check(coming, EngineProgram::Cpu, EngineReason::GpuComing);
        let absent = r#"{ "engines": { "engine_cpu": "1" }, "coming": [] }"#;
        check(absent, EngineProgram::Cpu, EngineReason::GpuNotBuilt);
        let all = r#"{ "engines": { "engine_cpu": "1", "engine_gpu": "2" }, "coming": [] }"#;
        check(all, EngineProgram::Gpu, EngineReason::GpuFound);
    }

    #[test]
    fn an_engine_is_fetched_by_its_content() {
        let files: EngineFiles = json::from_text(r#"{ "engines": { "engine_cpu": "1f" }, "coming": [] }"#).unwrap();
        assert_eq!(files.url(EngineProgram::Cpu), "load.js?js=engine_cpu.js&digest=1f");
    }

    #[test]
    fn without_word_of_the_host_all_are_taken_for_there() {
        let files = EngineFiles::default();
        assert_eq!(files.settle(GPU, 1), GPU);
        assert_eq!(files.url(EngineProgram::Gpu), "load.js?js=engine_gpu.js");
    }

    #[test]
    fn the_cpu_gets_its_threads_where_the_host_has_the_engine_for_them() {
        let settle = |files: &str, program, n_threads| {
            let files: EngineFiles = json::from_text(files).unwrap();
            let choice = EngineChoice { program, reason: EngineReason::Chosen, may_race: false };
            files.settle(choice, n_threads).program
        };
        let (cpu, gpu) = (EngineProgram::Cpu, EngineProgram::Gpu);
        let three = EngineProgram::CpuThreads { count: 3 };
        let both = r#"{ "engines": { "engine_cpu": "1", "engine_cpu_threads": "2" }, "coming": ["engine_gpu"] }"#;
        assert_eq!(settle(both, cpu, 3), three);
        assert_eq!(settle(both, cpu, 1), cpu);
        assert_eq!(settle(both, gpu, 3), three, "it stands in for the GPU");
        let coming = r#"{ "engines": { "engine_cpu": "1" }, "coming": ["engine_cpu_threads"] }"#;
        assert_eq!(settle(coming, cpu, 3), cpu);
        let absent = r#"{ "engines": { "engine_cpu": "1" }, "coming": [] }"#;
        assert_eq!(settle(absent, cpu, 3), cpu);
        assert_eq!(EngineFiles::default().cpu(3), cpu, "the host says nothing");

        let files: EngineFiles = json::from_text(both).unwrap();
        assert_eq!(files.url(three), "load.js?js=engine_cpu_threads.js&digest=2&threads=3");
    }
}
