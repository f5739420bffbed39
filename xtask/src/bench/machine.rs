//! The machine that figures were measured on, without anything that identifies its owner.

use std::fmt;

use serde_json::json;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::drive::{Page, Result};

pub struct Machine {
    date: String,
    processor: String,
    n_cores: usize,
    memory_bytes: u64,
    system: String,
    browser: String,
    adapter: String,
}

/// The name of WebGPU's adapter, whether or not the engine for it is there.
const ADAPTER: &str = "
    const adapter = await navigator.gpu?.requestAdapter();
    return adapter ? `${adapter.info.vendor} ${adapter.info.architecture}`.trim() : 'no adapter';";

impl Machine {
    pub async fn describe(page: &Page) -> Result<Self> {
        let kinds =
            RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::everything());
        let system = System::new_with_specifics(kinds);
        let processor = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
        let name = [System::name(), System::os_version()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let version = page.cdp().send_raw("Browser.getVersion", json!({})).await?;
        let version = version["product"].as_str().unwrap_or_default();
        Ok(Self {
            date: page.run("return new Date().toISOString().slice(0, 10)", json!(null)).await?,
            processor: if processor.is_empty() { System::cpu_arch() } else { processor },
            n_cores: std::thread::available_parallelism()?.get(),
            memory_bytes: system.total_memory(),
            system: name,
            browser: version.replace("HeadlessChrome/", "Chromium ").replace("Chrome/", "Chromium "),
            adapter: page.run(ADAPTER, json!(null)).await?,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, n_cores, memory_bytes, system, browser, adapter } = self;
        let memory_gib = *memory_bytes as f64 / f64::from(1 << 30);
        write!(
            formatter,
            "_{date}: {processor}, {n_cores} cores, {memory_gib:.0} GiB of memory, {system}, {browser}, headless; WebGPU on {adapter}._"
        )
    }
}
