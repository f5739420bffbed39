//! Runs are raced on both devices in their first seconds, and move to the GPU where it is faster and computes the same. SwiftShader is disguised
//! as hardware here; engines are slowed, falsified and ended by scripts that run before them.

use serde::Deserialize;
use serde_json::{Value, json};
use xtask::drive::Page;
use xtask::server::Fault;

use crate::app::{App, LONG, SHORT};

/// Steps after the move whose losses are compared.
const AFTER: usize = 30;

/// Relative to the loss. The devices sum in different orders.
const TOLERANCE: f64 = 1e-3;

/// Records the losses of `window.watched`, each at its step, and where the GPU reported first. A step that is missing, or reported twice, is an
/// error.
const WATCH: &str = "
    const watched = window.watched = { losses: [], moved: null, returns: 0, gap: null, kinds: [], elapsedMs: 0 };
    const listen = event => {
        if (watched.kinds.at(-1) !== event.kind) watched.kinds.push(event.kind);
        if (event.kind !== 'progress') return;
        watched.elapsedMs = event.elapsedMs;
        const first = event.step - event.losses.length;
        if (first > watched.losses.length) watched.gap = first;
        if (first < watched.losses.length) watched.returns += 1;
        watched.losses.splice(first, Infinity, ...event.losses);
        kindling.ready().then(({ engine }) => { if (engine === 'webgpu' && watched.moved === null) watched.moved = first; });
    };";

/// Every step yields once to the worker's messages, which takes long here.
const SLOW_CPU: &str = "
    if (here.search.includes('engine_cpu')) {
      const post = MessagePort.prototype.postMessage;
      MessagePort.prototype.postMessage = function (...args) {
        const until = performance.now() + 200;
        while (performance.now() < until);
        return post.apply(this, args);
      };
    }";

const SLOW_GPU: &str = "
    if (here.search.includes('engine_gpu')) {
      const submit = GPUQueue.prototype.submit;
      GPUQueue.prototype.submit = function (...args) {
        const until = performance.now() + 40;
        while (performance.now() < until);
        return submit.apply(this, args);
      };
    }";

/// The GPU engine is told to load a dataset, and to train.
const DYING_GPU: &str = "
    let nTold = 0;
    addEventListener('message', () => {
      nTold += here.search.includes('engine_gpu') ? 1 : 0;
      if (nTold === 2) setTimeout(() => reportError(new Error('broken on purpose')), 1500);
    });";

#[derive(Debug, Deserialize)]
struct Watched {
    losses: Vec<f64>,
    /// The first step that the GPU reported.
    moved: Option<usize>,
    /// How often steps were reported again.
    returns: usize,
    gap: Option<usize>,
    /// The kinds of events, each once in a row.
    kinds: Vec<String>,
}

#[tokio::test]
async fn a_run_moves_to_a_faster_gpu_and_loses_no_step() {
    let app = App::start().await;
    let page = begin(&app, SLOW_CPU).await;
    page.wait_for_text("The GPU trains the same batches", LONG).await.unwrap();
    page.wait_for_text("Moved to the GPU: ", LONG).await.unwrap();
    page.wait_for_text("Time per step of this network", SHORT).await.unwrap();
    let n_before: usize = page.run("return window.watched.losses.length", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("window.watched.losses.length > {n_before} + {AFTER}"), LONG).await.unwrap();
    let raced = stop(&page).await;
    let moved = raced.moved.expect("the run never moved");
    assert_eq!((raced.gap, raced.returns), (None, 0));
    assert!(
        !raced.kinds.iter().any(|kind| ["paused", "resumed", "held"].contains(&kind.as_str())),
        "{:?}",
        raced.kinds
    );
    let ready = page.ready().await.unwrap();
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("webgpu"), &json!("gpu-found")));

    // The next run starts there, and so does the next visit.
    let first: Watched = page.run(&train(5), config()).await.unwrap();
    assert_eq!((first.losses.len(), first.moved), (5, Some(0)));
    page.session().refresh().await.unwrap();
    assert_eq!(page.ready().await.unwrap()["engine"], json!("webgpu"));
    app.heal();

    // On the CPU alone, from the same seed.
    page.session().goto(format!("{}?engine=cpu", app.url())).await.unwrap();
    page.ready().await.unwrap();
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    let n_steps = raced.losses.len().min(moved + AFTER);
    let alone: Watched = page.run(&train(n_steps), config()).await.unwrap();
    assert_eq!((alone.losses.len(), alone.moved), (n_steps, None));
    for (step, (raced, alone)) in raced.losses.iter().zip(&alone.losses).enumerate() {
        let difference = (raced - alone).abs() / alone;
        assert!(difference < TOLERANCE, "moved at step {moved}; step {step}: {raced}, and {alone} on the CPU");
    }
    app.finish(page).await;
}

#[tokio::test]
async fn a_run_stays_where_the_gpu_is_slower_and_the_next_one_is_not_raced() {
    let app = App::start().await;
    let page = begin(&app, SLOW_GPU).await;
    page.wait_for_text("Time per step of this network", LONG).await.unwrap();
    page.wait_for_text("Trains on the CPU", SHORT).await.unwrap();
    let watched = continues(&page).await;
    assert_eq!((watched.gap, watched.returns, watched.moved), (None, 0, None));
    stop(&page).await;

    page.run::<Value>(&start(), config()).await.unwrap();
    // Longer than it takes until a race begins.
    page.wait_for::<bool>("window.watched.elapsedMs > 4000", LONG).await.unwrap();
    page.wait_for_text("Time per step of this network", SHORT).await.unwrap();
    page.wait_for_text("Trains on the CPU", SHORT).await.unwrap();
    stop(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_gpu_that_computes_something_else_does_not_touch_the_run() {
    let app = App::start().await;
    let from = "const module = original.apply(this, args);";
    let to = format!("args[0].code = args[0].code.replaceAll(/\\blog\\(/g, '1.01 * log('); {from}");
    app.spoil("/worker/gpu.js", Fault::Replace { from: from.into(), to }, None);
    let page = begin(&app, "").await;
    page.wait_for_text("For the same step, the CPU computed a loss of ", LONG).await.unwrap();
    let watched = continues(&page).await;
    assert_eq!((watched.gap, watched.returns, watched.moved), (None, 0, None));
    stop(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_gpu_engine_that_dies_does_not_touch_the_run() {
    let app = App::start().await;
    let page = begin(&app, DYING_GPU).await;
    stays_after_a_failure(&app, &page).await;
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_gpu_that_refuses_a_kernel_does_not_touch_the_run() {
    let app = App::start().await;
    let from = "const module = original.apply(this, args);";
    let to = format!("args[0].code += ' This is no shader.'; {from}");
    app.spoil("/worker/gpu.js", Fault::Replace { from: from.into(), to }, None);
    let page = begin(&app, "").await;
    stays_after_a_failure(&app, &page).await;
    app.finish_after_faults().await;
}

async fn stays_after_a_failure(app: &App, page: &Page) {
    page.wait_for_text("The GPU could not be tried: ", LONG).await.unwrap();
    let watched = continues(page).await;
    assert_eq!((watched.gap, watched.returns, watched.moved), (None, 0, None));
    assert_eq!(page.ready().await.unwrap()["engine"], json!("cpu"));
    assert!(app.requests().iter().any(|path| path.contains("engine_gpu_bg.wasm")));
    stop(page).await;
}

/// Starts a long run on a machine whose GPU looks like hardware; `script` runs first, in the page and in each engine.
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
    let page = app.open("#train").await;
    let ready = page.ready().await.unwrap();
    // It needs no GPU yet.
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("cpu"), &json!("gpu-found")));
    assert!(!app.requests().iter().any(|path| path.contains("engine_gpu")));
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    page.run::<Value>(&start(), config()).await.unwrap();
    page
}

/// Begins a run of hours.
fn start() -> String {
    format!("{WATCH} window.run = kindling.train(args, listen);")
}

/// Trains so many steps.
fn train(n_steps: usize) -> String {
    format!("{WATCH} await kindling.train({{ ...args, maxSteps: {n_steps} }}, listen); return window.watched;")
}

/// A linear network, and a run of hours.
fn config() -> Value {
    let network = json!({ "name": "Linear", "layers": ["flatten", { "classifier": { "bias": true } }] });
    json!({ "network": network, "optimizer": "sgd", "learningRate": 0.01, "batchSize": 64, "epochs": 10_000, "schedule": "constant", "seed": 7 })
}

/// Waits for further steps of the run.
async fn continues(page: &Page) -> Watched {
    let step: usize = page.run("return window.watched.losses.length", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("window.watched.losses.length > {step} + 20"), LONG).await.unwrap();
    page.run("return window.watched", json!(null)).await.unwrap()
}

/// Stops the run, which must end without an error.
async fn stop(page: &Page) -> Watched {
    page.run("await kindling.stop(); await window.run; return window.watched", json!(null)).await.unwrap()
}
