//! Milliseconds per training step, on both engines and natively.

use std::time::Duration;

use super::native::Native;
use super::steady::{WindowConfig, windows};
use super::table::{Table, all, figure, median};
use super::workload::{ALL, Workload};
use super::{Bench, Engine};
use crate::drive::Result;

const BUDGET_RATIO: f64 = 2.0;

pub async fn measure(bench: &Bench) -> Result<String> {
    let native = Native::build(bench)?;
    let plan = Plan::new(bench);
    let mut times =
        Table::new(&["network", "native, one thread", "CPU engine", "CPU engine / native", "WebGPU on SwiftShader"]);
    let mut each = Table::new(&["network", "on", "ms per step in each window"]);
    for workload in ALL {
        let mut medians = Vec::new();
        let mut note = |name: &str, windows: Vec<f64>| {
            println!("   {}, {name}: {} ms", workload.name, all(&windows));
            each.row([workload.name.to_owned(), name.to_owned(), all(&windows)]);
            medians.push(median(&windows));
        };
        note("native", plan.check(windows(&native.train_for(&workload, plan.time())?, plan.window))?);
        for engine in Engine::ALL {
            note(engine.name(), in_browser(bench, &plan, engine, &workload).await?);
        }
        let [native_ms, cpu_ms, webgpu_ms] = medians[..] else { return Err("a figure is missing".into()) };
        times.row([
            workload.name.to_owned(),
            figure(native_ms),
            figure(cpu_ms),
            format!("{}×", figure(cpu_ms / native_ms)),
            figure(webgpu_ms),
        ]);
    }
    Ok(format!(
        "Milliseconds per step, median of {} windows of at least {} s after {} s of warm-up; reading and drawing the losses is in it, \
         validation is not. Budget: LeNet on the CPU engine within {BUDGET_RATIO:.0}× of native. The LeNet's images are random bytes in CIFAR-10's \
         shape.\n\n{times}\n\n{each}",
        plan.n_windows,
        plan.window.window_ms / 1e3,
        plan.window.warm_up_ms / 1e3,
    ))
}

async fn in_browser(bench: &Bench, plan: &Plan, engine: Engine, workload: &Workload) -> Result<Vec<f64>> {
    let points = bench
        .in_page(engine, async |_, page| {
            workload.load(page).await?;
            workload.train_for(page, plan.time()).await
        })
        .await?;
    plan.check(windows(&points, plan.window))
}

struct Plan {
    n_windows: usize,
    window: WindowConfig,
}

impl Plan {
    fn new(bench: &Bench) -> Self {
        match bench.is_quick {
            true => Self { n_windows: 1, window: WindowConfig { warm_up_ms: 1_000.0, window_ms: 2_000.0 } },
            false => Self { n_windows: 5, window: WindowConfig { warm_up_ms: 3_000.0, window_ms: 4_000.0 } },
        }
    }

    /// Long enough for all windows, and for the overlap of the last report of each.
    fn time(&self) -> Duration {
        let window_ms = self.window.window_ms + 1_000.0;
        Duration::from_secs_f64((self.window.warm_up_ms + window_ms * self.n_windows as f64) / 1e3)
    }

    fn check(&self, mut windows: Vec<f64>) -> Result<Vec<f64>> {
        windows.truncate(self.n_windows);
        if windows.len() < self.n_windows {
            return Err(format!("only {} of {} windows of steps were timed", windows.len(), self.n_windows).into());
        }
        Ok(windows)
    }
}
