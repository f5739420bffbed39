//! Memory while training on MNIST: the engine's wasm heap, and the browser's processes.

use std::time::Duration;

use serde_json::json;

use super::processes::{Process, ProcessKind};
use super::table::{Table, megabytes};
use super::workload::{ONE_MINUTE, load_mnist};
use super::{Bench, Engine};
use crate::drive::{App, EngineWorker, Page, Result};

const HEAP_BUDGET_MB: u64 = 400;

struct Found {
    heap_bytes: u64,
    renderer_bytes: Option<u64>,
    gpu_bytes: Option<u64>,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let time = Duration::from_secs(if bench.is_quick { 3 } else { 20 });
    let mut table = Table::new(&["engine", "wasm heap", "page's process, most", "GPU process, most", "heap's budget"]);
    for engine in Engine::ALL {
        let found = bench.in_page(engine, async |app, page| use_memory(app, page, time).await).await?;
        let shown = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), megabytes);
        println!("   {}: wasm heap {}", engine.name(), megabytes(found.heap_bytes));
        table.row([
            engine.name().to_owned(),
            megabytes(found.heap_bytes),
            shown(found.renderer_bytes),
            shown(found.gpu_bytes),
            format!("{HEAP_BUDGET_MB} MB"),
        ]);
    }
    Ok(format!(
        "MNIST loaded, {} s of “One minute”, one evaluation of the validation split. The heap is the engine's wasm memory, which never shrinks. The \
         processes' figures are the most that was resident: the page's has the browser's own code, the page and the worker in it; the GPU process \
         that of SwiftShader, which is its device's memory, too.\n\n{table}",
        time.as_secs()
    ))
}

async fn use_memory(app: &App, page: &Page, time: Duration) -> Result<Found> {
    load_mnist(page).await?;
    ONE_MINUTE.train_for(page, time).await?;
    page.run::<()>("await kindling.evaluate('validation')", json!(null)).await?;
    let peak = |kind| Process::find(app.browser().root_process(), kind).and_then(Process::peak_bytes);
    // Before the developer tools search for the heap, since that takes memory, too.
    let (renderer_bytes, gpu_bytes) = (peak(ProcessKind::Renderer), peak(ProcessKind::Gpu));
    let heap_bytes = EngineWorker::attach(page).await?.wasm_heap_bytes().await?;
    Ok(Found { heap_bytes, renderer_bytes, gpu_bytes })
}
