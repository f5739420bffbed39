//! Kernels are tuned beside a long run, which moves to them, and back if they fail or are slower. SwiftShader is disguised as hardware
//! here; tuning takes little time for a linear network.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use xtask::drive::Page;
use xtask::server::Fault;

use crate::app::{App, LONG};

const TUNED: &str = "engine_gpu_tuned_bg.wasm";
const UNTUNED: &str = "engine_gpu_bg.wasm";

/// The page's text once tuned kernels are known to be faster or slower.
const MEASURED: &str = " times as fast";

/// Tuning is slow in software.
const TUNING_LIMIT: Duration = Duration::from_secs(480);

/// Steps after the move whose losses are compared.
const AFTER: usize = 50;

/// Relative to the loss. Other kernels sum in another order.
const TOLERANCE: f64 = 1e-3;

/// Records the losses of `window.watched`, each at its step; a step that is missing, or is reported twice where none may be, is an error.
const WATCH: &str = "
    const watched = window.watched = { losses: [], moved: null, returns: 0 };
    const listen = event => {
        if (event.kind !== 'progress') return;
        const first = event.step - event.losses.length;
        if (first > watched.losses.length) watched.gap = first;
        if (first < watched.losses.length) watched.returns += 1;
        watched.losses.splice(first, Infinity, ...event.losses);
        kindling.ready().then(({ isTuned }) => { if (isTuned && watched.moved === null) watched.moved = first; });
    };";

/// Counts the messages to the tuned engine: the dataset, the steps to repeat, their end; then the run moves. Other engines count nothing.
const COUNT: &str = "
    const MOVE = 4;
    let nTold = 0;
    addEventListener('message', () => { nTold += here.search.includes('tuned') ? 1 : 0; });";

#[derive(Debug, Deserialize)]
struct Watched {
    losses: Vec<f64>,
    /// The first step that the tuned engine reported.
    moved: Option<usize>,
    /// How often steps were reported again.
    returns: usize,
    gap: Option<usize>,
}

#[tokio::test]
async fn a_long_run_moves_to_tuned_kernels_and_loses_nothing() {
    let app = App::start().await;
    let page = begin(&app, "").await;
    page.wait_for_text("Timing several ways to compute each layer", LONG).await.unwrap();
    page.wait_for_text(MEASURED, TUNING_LIMIT).await.unwrap();
    let tuned = stop(&page).await;
    let moved = tuned.moved.expect("the run never moved");
    assert_eq!((tuned.gap, tuned.returns), (None, 0));
    assert_eq!((n_started(&app, UNTUNED), n_started(&app, TUNED)), (1, 1));

    // Untuned, from the same seed.
    page.control("checkbox", "Tune for this graphics processor").await.unwrap().click().await.unwrap();
    let n_steps = tuned.losses.len().min(moved + AFTER);
    let again =
        format!("{WATCH} await kindling.train({{ ...args, maxSteps: {n_steps} }}, listen); return window.watched;");
    let untuned: Watched = page.run(&again, config()).await.unwrap();
    assert_eq!((untuned.losses.len(), untuned.moved), (n_steps, None));
    for (step, (tuned, untuned)) in tuned.losses.iter().zip(&untuned.losses).enumerate() {
        let difference = (tuned - untuned).abs() / untuned;
        assert!(difference < TOLERANCE, "moved at step {moved}; step {step}: {tuned}, and {untuned} untuned");
    }
    app.finish(page).await;
}

#[tokio::test]
async fn a_run_that_is_slower_with_tuned_kernels_moves_back() {
    let app = App::start().await;
    // Slow after the run has moved.
    let page = begin(
        &app,
        &format!(
            "{COUNT}
             const submit = GPUQueue.prototype.submit;
             GPUQueue.prototype.submit = function (...args) {{
               const until = performance.now() + (nTold >= MOVE ? 300 : 0);
               while (performance.now() < until);
               return submit.apply(this, args);
             }};"
        ),
    )
    .await;
    page.wait_for_text("so it trains without", TUNING_LIMIT).await.unwrap();
    let (step, watched) = continues(&page).await;
    assert!(watched.moved.is_some_and(|moved| moved < step), "{watched:?}");
    assert_eq!((watched.gap, watched.returns), (None, 0));
    is_back(&app, &page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn tuned_kernels_that_the_gpu_refuses_do_not_touch_the_run() {
    let app = App::start().await;
    let from = "const module = original.apply(this, args);";
    let to = format!("if (location.href.includes('tuned')) args[0].code += ' This is no shader.'; {from}");
    app.spoil("/worker/gpu.js", Fault::Replace { from: from.into(), to }, None);
    let page = begin(&app, "").await;
    page.wait_for_text("Tuning for this graphics processor failed", LONG).await.unwrap();
    let (_, watched) = continues(&page).await;
    assert_eq!((watched.gap, watched.returns, watched.moved), (None, 0, None));
    assert!(!is_ticked(&page).await);
    // It would also be rejected in the next visit.
    page.session().refresh().await.unwrap();
    page.ready().await.unwrap();
    assert!(!is_ticked(&page).await);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn tuned_kernels_that_compute_something_else_do_not_touch_the_run() {
    let app = App::start().await;
    let from = "const module = original.apply(this, args);";
    let to = format!(
        "if (location.href.includes('tuned')) args[0].code = args[0].code.replaceAll(/\\blog\\(/g, '1.01 * log('); {from}"
    );
    app.spoil("/worker/gpu.js", Fault::Replace { from: from.into(), to }, None);
    let page = begin(&app, "").await;
    page.wait_for_text("Tuned for this graphics processor, a step gave a loss of ", TUNING_LIMIT).await.unwrap();
    let (_, watched) = continues(&page).await;
    assert_eq!((watched.gap, watched.returns, watched.moved), (None, 0, None));
    app.finish(page).await;
}

#[tokio::test]
async fn a_tuned_engine_that_is_lost_gives_the_run_back() {
    let app = App::start().await;
    let page = begin(
        &app,
        &format!(
            "{COUNT}
             addEventListener('message', () => {{
               if (nTold === MOVE) setTimeout(() => reportError(new Error('broken on purpose')), 1500);
             }});"
        ),
    )
    .await;
    page.wait_for_text("Tuning for this graphics processor failed", TUNING_LIMIT).await.unwrap();
    page.wait_for::<bool>("window.watched.returns === 1", LONG).await.unwrap();
    let (_, watched) = continues(&page).await;
    assert!(watched.moved.is_some() && watched.gap.is_none(), "{watched:?}");
    is_back(&app, &page).await;
    app.finish_after_faults().await;
}

/// Starts a long run on a GPU that looks like hardware; `script` runs first, in the page and in each engine.
async fn begin(app: &App, script: &str) -> Page {
    let from = "const here = new URL(import.meta.url);";
    let to = format!(
        "{from}
         for (const name of ['vendor', 'architecture', 'device', 'description', 'isFallbackAdapter']) {{
           Object.defineProperty(GPUAdapterInfo.prototype, name, {{ get: () => (name === 'vendor' ? 'hardware' : '') }});
         }}
         {script}"
    );
    app.spoil("load.js", Fault::Replace { from: from.into(), to }, None);
    let page = app.open("").await;
    let ready = page.ready().await.unwrap();
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("webgpu"), &json!("gpu-found")));
    let start = format!(
        "await kindling.loadDataset('mnist'); {WATCH}
         window.run = kindling.train(args, listen);"
    );
    page.run::<Value>(&start, config()).await.unwrap();
    page
}

/// A linear network, and a run of hours.
fn config() -> Value {
    let network = json!({ "name": "Linear", "layers": ["flatten", { "classifier": { "bias": true } }] });
    json!({ "network": network, "optimizer": "sgd", "learningRate": 0.01, "batchSize": 64, "epochs": 1000, "schedule": "constant", "seed": 7 })
}

/// Checks that the run continues from the returned step; then it is stopped.
async fn continues(page: &Page) -> (usize, Watched) {
    let step: usize = page.run("return window.watched.losses.length", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("window.watched.losses.length > {step} + 20"), LONG).await.unwrap();
    (step, stop(page).await)
}

/// The same untuned engine is in use again.
async fn is_back(app: &App, page: &Page) {
    let ready = page.ready().await.unwrap();
    assert_eq!((&ready["engine"], &ready["isTuned"]), (&json!("webgpu"), &json!(false)));
    assert_eq!((n_started(app, UNTUNED), n_started(app, TUNED)), (1, 1));
}

/// Stops the run, which must end without an error.
async fn stop(page: &Page) -> Watched {
    page.run("await kindling.stop(); await window.run; return window.watched", json!(null)).await.unwrap()
}

async fn is_ticked(page: &Page) -> bool {
    page.control("checkbox", "Tune for this graphics processor").await.unwrap().is_selected().await.unwrap()
}

fn n_started(app: &App, engine: &str) -> usize {
    app.requests().iter().filter(|path| path.contains(engine)).count()
}
