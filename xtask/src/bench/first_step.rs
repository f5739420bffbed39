//! How long a visitor waits: from the call or the click to the first step's loss.

use std::time::Duration;

use serde_json::json;

use super::table::{Table, all, figure, median};
use super::workload::load_mnist;
use super::{Bench, Engine};
use crate::drive::{Page, Result};

const CLICK_BUDGET_MS: f64 = 2_000.0;
const PATIENCE: Duration = Duration::from_secs(120);

/// Trains until the first loss arrives, and returns the time.
const FIRST_LOSS: &str = "
    let firstMs = null;
    const start = performance.now();
    await kindling.train({}, event => {
        if (event.kind !== 'progress' || firstMs !== null) return;
        firstMs = performance.now() - start;
        kindling.stop();
    });
    return firstMs;";

/// After the next click, checks at each frame whether the first chart has a curve, and records when it was painted.
const WATCH_CHART: &str = "
    window.bench = {};
    document.addEventListener('click', event => {
        const look = () => {
            if (document.querySelector('.chart .chart-empty')) requestAnimationFrame(look);
            else requestAnimationFrame(now => { window.bench.waitedMs = now - event.timeStamp; });
        };
        look();
    }, { capture: true, once: true });";

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut table = Table::new(&["MNIST, “One minute”", "median ms", "each", "budget ms"]);
    let mut note = |name: String, values: &[f64], budget: &str| {
        println!("   {name}: {} ms", all(values));
        table.row([name, figure(median(values)), all(values), budget.to_owned()]);
    };
    let clicks = bench.in_page(Engine::Cpu, async |_, page| click_to_chart(bench, page).await).await?;
    note("CPU engine: from the click on Train to the loss on the chart".into(), &clicks, &figure(CLICK_BUDGET_MS));
    for engine in Engine::ALL {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..bench.times(3) {
            let [first_ms, again_ms] = bench.in_page(engine, async |_, page| call_to_loss(page).await).await?;
            first.push(first_ms);
            again.push(again_ms);
        }
        note(format!("{}: from `train()` to the first loss", engine.name()), &first, "");
        note(format!("{}: the same, second run", engine.name()), &again, "");
    }
    Ok(format!(
        "The click comes after a reload, with MNIST in the browser's cache, once the engine is ready: the dataset is read, unpacked and cut in that \
         time. The calls come with the dataset loaded, each in a new browser; on WebGPU they compile all kernels first.\n\n{table}"
    ))
}

async fn click_to_chart(bench: &Bench<'_>, page: &Page) -> Result<Vec<f64>> {
    load_mnist(page).await?;
    let mut waited = Vec::new();
    for _ in 0..bench.times(5) {
        page.session().refresh().await?;
        page.ready().await?;
        page.wait_for_text("images of MNIST", PATIENCE).await?;
        page.run::<()>(WATCH_CHART, json!(null)).await?;
        page.click("button", "Train").await?;
        waited.push(page.wait_for("window.bench.waitedMs", PATIENCE).await?);
        page.run::<()>("await kindling.stop()", json!(null)).await?;
    }
    Ok(waited)
}

async fn call_to_loss(page: &Page) -> Result<[f64; 2]> {
    load_mnist(page).await?;
    Ok([page.run(FIRST_LOSS, json!(null)).await?, page.run(FIRST_LOSS, json!(null)).await?])
}
