//! What monitoring costs: throughput with the panel open against closed, alternating in one run.

use std::time::Duration;

use serde_json::json;

use super::steered_run::{Pause, SteeredRun};
use super::table::{Table, all, figure, median};
use super::workload::ONE_MINUTE;
use super::{Bench, Engine};
use crate::drive::{Page, Result};

const BUDGET_FRACTION: f64 = 0.97;
const WARM_UP: Duration = Duration::from_secs(5);

/// Few validation images, so that almost nothing but steps takes time; some are needed for monitoring.
const LOAD: &str = "await kindling.loadDataset('mnist', { split: { validationFraction: 0.01 } })";

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut table =
        Table::new(&["engine", "ms per step, closed", "ms per step, open", "throughput, open / closed", "each"]);
    for engine in Engine::ALL {
        let plan = Plan::new(bench, engine);
        let pairs = bench.in_page(engine, async |_, page| by_turns(page, plan).await).await?;
        let ratios: Vec<f64> = pairs.iter().map(|pair| pair.closed_ms / pair.open_ms).collect();
        let of = |read: fn(&Pair) -> f64| figure(median(&pairs.iter().map(read).collect::<Vec<_>>()));
        println!("   {}: open / closed: {}", engine.name(), exact(&ratios));
        table.row([
            engine.name().to_owned(),
            of(|pair| pair.closed_ms),
            of(|pair| pair.open_ms),
            format!("{:.3}", median(&ratios)),
            exact(&ratios),
        ]);
    }
    Ok(format!(
        "{} on MNIST, “Inside the network” in sight with histograms, filters and feature maps, and closed, by turns in one run. Budget: at \
         least {BUDGET_FRACTION} of the throughput.\n\n{table}",
        ONE_MINUTE.name,
    ))
}

/// How long to train with the panel closed, then open, and how often.
#[derive(Clone, Copy)]
struct Plan {
    n_pairs: usize,
    window: Duration,
}

impl Plan {
    /// A window holds several snapshots: where a snapshot takes long, they are far apart.
    fn new(bench: &Bench<'_>, engine: Engine) -> Self {
        let seconds = match (engine, bench.is_quick) {
            (Engine::Cpu | Engine::TwoThreads, true) => 5,
            (Engine::Cpu | Engine::TwoThreads, false) => 15,
            (Engine::WebGpu, true) => 20,
            (Engine::WebGpu, false) => 90,
        };
        Self {
            n_pairs: bench.times(if engine == Engine::WebGpu { 3 } else { 5 }),
            window: Duration::from_secs(seconds),
        }
    }
}

/// Milliseconds per step.
struct Pair {
    closed_ms: f64,
    open_ms: f64,
}

async fn by_turns(page: &Page, plan: Plan) -> Result<Vec<Pair>> {
    page.run::<()>(LOAD, json!(null)).await?;
    let (run, _) = SteeredRun::start(page, &ONE_MINUTE.config(), WARM_UP).await?;
    // The first snapshot compiles kernels, and the page builds its views.
    watch(page, true).await?;
    let mut pause = until_seen(page, &run).await?;
    let mut pairs = Vec::new();
    for _ in 0..plan.n_pairs {
        let mut times = Vec::new();
        for is_open in [false, true] {
            watch(page, is_open).await?;
            let before = pause;
            pause = run.resume_for(plan.window).await?;
            times.push((pause.elapsed_ms - before.elapsed_ms) / f64::from(pause.step - before.step));
        }
        let [closed_ms, open_ms] = times[..] else { return Err("a figure is missing".into()) };
        println!("   closed, open: {} ms", all(&times));
        pairs.push(Pair { closed_ms, open_ms });
    }
    run.stop().await?;
    Ok(pairs)
}

async fn watch(page: &Page, is_open: bool) -> Result<()> {
    page.run("await kindling.watch(args)", json!(is_open)).await
}

/// Resumes until the page shows a snapshot.
async fn until_seen(page: &Page, run: &SteeredRun<'_>) -> Result<Pause> {
    for _ in 0..10 {
        let pause = run.resume_for(WARM_UP).await?;
        let script = "return !!document.querySelector('#inside [data-layer] [data-strip] canvas')";
        if page.run(script, json!(null)).await? {
            return Ok(pause);
        }
    }
    Err("no look inside the network has come".into())
}

/// Ratios near 1 differ in the third decimal.
fn exact(ratios: &[f64]) -> String {
    ratios.iter().map(|ratio| format!("{ratio:.3}")).collect::<Vec<_>>().join(", ")
}
