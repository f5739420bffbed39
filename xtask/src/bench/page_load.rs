//! Times from the navigation to the first paint, and to a ready engine.

use std::time::Duration;

use serde_json::json;

use super::table::{Table, all, figure, median};
use super::{Bench, Engine};
use crate::drive::{App, BrowserOptions, Page, Result};

const INTERACTIVE_BUDGET_MS: f64 = 1_000.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs before the page's own scripts: records when its API exists, and when the engine is ready. Both are counted from the navigation.
const WATCH: &str = "
    const bench = window.bench = {};
    const timer = setInterval(() => {
        if (!window.kindling) return;
        clearInterval(timer);
        bench.apiMs = performance.now();
        window.kindling.ready().then(() => { bench.readyMs = performance.now(); });
    }, 1);";

const READ: &str = "
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return { painted_ms: paint.startTime, interactive_ms: window.bench.apiMs, ready_ms: window.bench.readyMs };";

/// Times after the navigation.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Load {
    painted_ms: f64,
    interactive_ms: f64,
    ready_ms: f64,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let mut table =
        Table::new(&["", "first paint", "page interactive", "engine ready", "paint to ready, each", "budget"]);
    for engine in Engine::ALL {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..bench.times(5) {
            let app = App::start(&bench.places.dist, "/", &BrowserOptions::default()).await?;
            let result = load_twice(&app, engine).await;
            app.quit().await?;
            let [first_ms, again_ms] = result?;
            first.push(first_ms);
            again.push(again_ms);
        }
        for (visit, loads) in [("first visit", first), ("reload", again)] {
            let name = format!("{}, {visit}", engine.name());
            let each = |read: fn(&Load) -> f64| loads.iter().map(read).collect::<Vec<_>>();
            let paint = figure(median(&each(|load| load.painted_ms)));
            let interactive = figure(median(&each(|load| load.interactive_ms)));
            let ready = figure(median(&each(|load| load.ready_ms)));
            let to_ready = all(&each(|load| load.ready_ms - load.painted_ms));
            println!("   {name}: first paint {paint} ms, engine ready {ready} ms");
            table.row([name, paint, interactive, ready, to_ready, figure(INTERACTIVE_BUDGET_MS)]);
        }
    }
    Ok(format!(
        "Milliseconds from the navigation, medians, served by this machine without compression: the first contentful paint; the moment at which the \
         page's buttons work (`window.kindling` is there); and `kindling.ready()`. First visits are in a new browser each. The budget is for the time \
         between paint and ready.\n\n{table}"
    ))
}

async fn load_twice(app: &App, engine: Engine) -> Result<[Load; 2]> {
    app.browser().prepare_pages(WATCH).await?;
    let page = app.open(engine.query()).await?;
    let first = read(&page).await?;
    page.session().refresh().await?;
    Ok([first, read(&page).await?])
}

async fn read(page: &Page) -> Result<Load> {
    let is_painted = "performance.getEntriesByName('first-contentful-paint').length > 0";
    page.wait_for::<bool>(&format!("window.bench.readyMs > 0 && {is_painted}"), PATIENCE).await?;
    page.run(READ, json!(null)).await
}
