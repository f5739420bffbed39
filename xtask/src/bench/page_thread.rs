//! Whether the page stays responsive while the engine trains: the longest task of its thread.

use std::time::Duration;

use serde_json::json;

use super::table::{Table, figure};
use super::workload::{ONE_MINUTE, load_mnist};
use super::{Bench, Engine};
use crate::drive::{Page, Result};

/// The browser does not report shorter tasks, which are within the budget.
const BUDGET_MS: f64 = 50.0;

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let time = Duration::from_secs(if bench.is_quick { 5 } else { 30 });
    let mut table = Table::new(&["while training on the", "tasks over 50 ms", "longest"]);
    for engine in Engine::ALL {
        let tasks = bench.in_page(engine, async |_, page| long_tasks(page, time).await).await?;
        let longest = tasks.iter().copied().fold(0.0, f64::max);
        let longest = if tasks.is_empty() { "none".to_owned() } else { format!("{} ms", figure(longest)) };
        println!("   {}: {} tasks over {BUDGET_MS} ms, longest: {longest}", engine.name(), tasks.len());
        table.row([engine.name().to_owned(), tasks.len().to_string(), longest]);
    }
    Ok(format!(
        "{} on MNIST for {} s, with the charts in sight. Budget: no task over {BUDGET_MS:.0} ms.\n\n{table}",
        ONE_MINUTE.name,
        time.as_secs()
    ))
}

/// The durations of the long tasks.
async fn long_tasks(page: &Page, time: Duration) -> Result<Vec<f64>> {
    load_mnist(page).await?;
    page.run::<()>("window.journey.longTasks = []", json!(null)).await?;
    ONE_MINUTE.train_for(page, time).await?;
    page.run("return window.journey.longTasks.map(task => task.duration)", json!(null)).await
}
