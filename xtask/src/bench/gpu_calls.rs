//! The calls of a step to WebGPU, and how long they keep the worker's thread busy.

use std::time::Duration;

use super::processes::{Process, ProcessKind};
use super::steered_run::SteeredRun;
use super::table::{Table, figure, median};
use super::workload::{LENET, ONE_MINUTE, Workload};
use super::{Bench, Engine};
use crate::drive::{App, EngineWorker, Page, Result};

const DISPATCHES_BUDGET: f64 = 60.0;
const WARM_UP: Duration = Duration::from_secs(3);
const WINDOW: Duration = Duration::from_secs(5);

/// Where `src/worker/gpu.js` counts, in the worker's global scope.
const COUNTERS: &str = "__kindlingGpuCounters";

/// The calls so far.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counters {
    dispatches: u32,
    submits: u32,
    buffer_writes: u32,
    shader_modules: u32,
    pipelines: u32,
}

/// What was counted between two pauses.
struct Window {
    steps: f64,
    reads: u32,
    before: Counters,
    after: Counters,
}

/// Counts per step, except for what is created once.
struct Found {
    dispatches: f64,
    submits: f64,
    buffer_writes: f64,
    reads: f64,
    pipelines: u32,
    shader_modules: u32,
    /// None if the system does not report it.
    host_ms: Option<f64>,
    wall_ms: f64,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut table = Table::new(&[
        "network",
        "dispatches",
        "submits",
        "buffer writes",
        "read-backs",
        "host ms",
        "wall ms on SwiftShader",
        "pipelines",
        "shader modules",
    ]);
    for workload in [LENET, ONE_MINUTE] {
        let found = bench.in_page(Engine::WebGpu, async |app, page| count(bench, app, page, &workload).await).await?;
        println!("   {}: {} dispatches a step", workload.name, figure(found.dispatches));
        table.row([
            workload.name.to_owned(),
            figure(found.dispatches),
            figure(found.submits),
            figure(found.buffer_writes),
            figure(found.reads),
            found.host_ms.map_or_else(|| "–".to_owned(), figure),
            figure(found.wall_ms),
            found.pipelines.to_string(),
            found.shader_modules.to_string(),
        ]);
    }
    Ok(format!(
        "Calls per training step, read-backs of the losses included: at most ten a second, so the slower a step, the more of them. Budget: \
         {DISPATCHES_BUDGET:.0} dispatches per LeNet step, falling. Host time is the worker's thread on a processor. Pipelines and shader modules are \
         all that the engine has made by then.\n\n{table}"
    ))
}

/// Dispatches since the engine started; the worker must not be in a step.
pub async fn dispatches(worker: &mut EngineWorker) -> Result<u32> {
    let counters: Counters = worker.evaluate(COUNTERS).await?;
    Ok(counters.dispatches)
}

async fn count(bench: &Bench<'_>, app: &App, page: &Page, workload: &Workload) -> Result<Found> {
    workload.load(page).await?;
    let (run, mut pause) = SteeredRun::start(page, &workload.config(), WARM_UP).await?;

    // Before the developer tools are attached, since they might cost time.
    let renderer = Process::find(app.browser().root_process(), ProcessKind::Renderer);
    let busy_ms = || renderer.and_then(Process::worker_busy_ms);
    let (mut host, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..bench.times(3) {
        let (before, before_busy_ms) = (pause, busy_ms());
        pause = run.resume_for(WINDOW).await?;
        let per_step = |taken_ms: f64| taken_ms / f64::from(pause.step - before.step);
        host.extend(busy_ms().zip(before_busy_ms).map(|(after, before)| per_step(after - before)));
        wall.push(per_step(pause.elapsed_ms - before.elapsed_ms));
    }

    let mut worker = EngineWorker::attach(page).await?;
    let mut counters: Counters = worker.evaluate(COUNTERS).await?;
    let mut windows = Vec::new();
    for _ in 0..bench.times(3) {
        let (before, before_counters) = (pause, counters);
        pause = run.resume_for(WINDOW).await?;
        counters = worker.evaluate(COUNTERS).await?;
        windows.push(Window {
            steps: f64::from(pause.step - before.step),
            reads: pause.n_reads - before.n_reads,
            before: before_counters,
            after: counters,
        });
    }
    run.stop().await?;
    let per_step = |read: fn(&Counters) -> u32| {
        let each = windows.iter().map(|window| f64::from(read(&window.after) - read(&window.before)) / window.steps);
        median(&each.collect::<Vec<_>>())
    };
    Ok(Found {
        dispatches: per_step(|counters| counters.dispatches),
        submits: per_step(|counters| counters.submits),
        buffer_writes: per_step(|counters| counters.buffer_writes),
        reads: median(&windows.iter().map(|window| f64::from(window.reads) / window.steps).collect::<Vec<_>>()),
        pipelines: counters.pipelines,
        shader_modules: counters.shader_modules,
        host_ms: (!host.is_empty()).then(|| median(&host)),
        wall_ms: median(&wall),
    })
}
