//! Whether the page stays responsive while the engine trains: the longest task of its thread, at each place.

use std::time::Duration;

use serde_json::json;

use super::table::{Table, figure};
use super::workload::{ONE_MINUTE, load_mnist};
use super::{Bench, Engine};
use crate::drive::{Page, Result};

/// The browser does not report shorter tasks, which are within the budget.
const BUDGET_MS: f64 = 50.0;

/// Where a visitor goes in mid-run, in this order; the page opens at Train.
const PLACES: [&str; 5] = ["Data", "Network", "Evaluate", "Predict", "Train"];

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let time = Duration::from_secs(if bench.is_quick { 5 } else { 30 });
    let at_place = Duration::from_secs(if bench.is_quick { 2 } else { 6 });
    let mut table = Table::new(&["while training on the", "at", "tasks over 50 ms", "longest"]);
    for engine in Engine::ALL {
        let stays = bench.in_page(engine, async |_, page| stays(page, time, at_place).await).await?;
        for (place, tasks) in stays {
            let longest = tasks.iter().copied().fold(0.0, f64::max);
            let longest = if tasks.is_empty() { "none".to_owned() } else { format!("{} ms", figure(longest)) };
            println!("   {}, {place}: {} tasks over {BUDGET_MS} ms, longest: {longest}", engine.name(), tasks.len());
            table.row([engine.name().to_owned(), place, tasks.len().to_string(), longest]);
        }
    }
    Ok(format!(
        "{} on MNIST: {} s at Train with the charts in sight, then {} s at each place, the time in which it is first opened included. \
         Budget: no task over {BUDGET_MS:.0} ms.\n\n{table}",
        ONE_MINUTE.name,
        time.as_secs(),
        at_place.as_secs()
    ))
}

/// The durations of the long tasks in each stay.
async fn stays(page: &Page, time: Duration, at_place: Duration) -> Result<Vec<(String, Vec<f64>)>> {
    load_mnist(page).await?;
    forget_tasks(page).await?;
    ONE_MINUTE.train_for(page, time).await?;
    let mut stays = vec![("Train, from the start".to_owned(), long_tasks(page).await?)];
    page.run::<()>(START, ONE_MINUTE.config()).await?;
    for place in PLACES {
        forget_tasks(page).await?;
        page.go_to(place).await?;
        tokio::time::sleep(at_place).await;
        stays.push((place.to_owned(), long_tasks(page).await?));
    }
    page.run::<()>("await kindling.stop()", json!(null)).await?;
    Ok(stays)
}

/// Starts an endless run, and returns once it takes steps.
const START: &str = "
    await new Promise((resolve, reject) => {
        kindling.train(args, event => { if (event.kind === 'progress') resolve(); }).catch(reject);
    });";

async fn forget_tasks(page: &Page) -> Result<()> {
    page.run("window.journey.longTasks = []", json!(null)).await
}

async fn long_tasks(page: &Page) -> Result<Vec<f64>> {
    page.run("return window.journey.longTasks.map(task => task.duration)", json!(null)).await
}
