//! An interrupted run resumes: after a reload, bit for bit on the CPU, closely on WebGPU; after a lost engine, on the next one.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::runs::n_stored;

/// Small steps, and so many that the first checkpoint, which comes after a second, comes long before the end on a fast machine, too.
const CONFIG: &str = "{ network: 'lenet', batchSize: 8, maxSteps: 12_000, epochs: 5, optimizer: 'adam' }";
const N_STEPS: u32 = 12_000;

/// The outcome of a run that no script awaits.
const END: &str = "document.querySelector('.outcome')?.innerText";

#[tokio::test]
async fn a_run_resumes_after_a_reload_as_if_it_had_never_been_interrupted() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    let whole = weights_fingerprint(&page, &format!("await kindling.train({CONFIG});")).await;

    begin(&page).await;
    let saved = wait_for_checkpoint(&page).await;
    page.session().refresh().await.unwrap();
    page.wait_for_text("A run was interrupted", LONG).await.unwrap();
    let offered: Value = page.run("return await kindling.interruptedRun()", json!(null)).await.unwrap();
    assert!(offered["step"].as_u64().unwrap() >= saved, "{offered}");
    assert_eq!(offered["config"]["batchSize"], 8);

    page.click("button", "Resume after step *").await.unwrap();
    page.wait_for::<bool>(&format!("{END}?.length > 0"), LONG).await.unwrap();
    let rest = weights_fingerprint(&page, "").await;
    assert_eq!(rest, whole, "the run that was broken off came to the same network");
    let n_steps = "(await kindling.runs()).at(-1)";
    let kept: Value = page.run(&format!("return {n_steps}"), json!(null)).await.unwrap();
    assert_eq!(kept["steps"], N_STEPS);
    let first = kept["curves"]["trainLoss"][0]["step"].as_f64().unwrap();
    assert!(first <= f64::from(N_STEPS) / 500.0, "its curve begins at the beginning: {first}");
    assert_eq!(
        page.run::<Value>("return (await kindling.interruptedRun()) ?? null", json!(null)).await.unwrap(),
        Value::Null
    );
    app.finish(page).await;
}

/// Steps of the brief run, each of which takes long on SwiftShader.
const BRIEF_STEPS: usize = 12;

/// The step after which the run is interrupted.
const BREAK: usize = 5;

/// Relative to the loss. A read may end one fused kernel and begin another, which rounds differently; from then on, differences are like those
/// between the engines. On the CPU, a run that lost Adam's moments, or the state of dropout's or augmentation's generator, was off by 4% and more.
const TOLERANCE: f64 = 1e-3;

#[tokio::test]
async fn a_run_on_webgpu_resumes_after_a_reload_within_tolerance() {
    let app = App::start().await;
    let page = app.open("?engine=webgpu").await;
    let whole = losses(&page, "await kindling.loadDataset('mnist'); await kindling.train(args, listen);").await;
    assert_eq!(whole.len(), BRIEF_STEPS + 1);

    let step = interrupt(&page, &brief(), BREAK).await;
    let rest = losses(&page, "await kindling.resumeRun(listen);").await;
    assert_eq!(rest.len(), whole.len() - step);
    for (rest, whole) in rest.iter().zip(&whole[step..]) {
        let difference = (rest - whole).abs() / whole;
        assert!(difference < TOLERANCE, "broken off after step {step}: {rest}, unbroken: {whole}");
    }
    app.finish(page).await;
}

/// Begins a run, steps through it one by one, and loads the page anew after step `at`. Returns the step that the run can resume after.
pub async fn interrupt(page: &Page, config: &Value, at: usize) -> usize {
    // Paused before its first step, the run is single-stepped, and each pause makes a checkpoint.
    let one_by_one = "
        let tell;
        const pause = () => new Promise(resolve => { tell = resolve; });
        let paused = pause();
        kindling.train(args.config, event => {
            if (event.kind === 'preparing') kindling.pause();
            if (event.kind === 'paused') tell(event.step);
        }).catch(() => {});
        while (await paused < args.step) { paused = pause(); await kindling.step(); }
        return await paused;";
    assert_eq!(page.run::<usize>(one_by_one, json!({ "config": config, "step": at })).await.unwrap(), at);
    page.session().refresh().await.unwrap();
    page.wait_for_text("A run was interrupted", LONG).await.unwrap();
    let offered: Value = page.run("return await kindling.interruptedRun()", json!(null)).await.unwrap();
    let step = offered["step"].as_u64().unwrap() as usize;
    // The last checkpoint may not have reached the storage.
    assert!((at - 1..=at).contains(&step), "{offered}");
    step
}

/// A config with all kinds of state that a step leaves for the next ones: moments, running statistics, an average, and the generators of dropout
/// and augmentation. No bias before the batch norm: its gradient is nothing but rounding, and Adam makes steps of it.
fn brief() -> Value {
    let layers = json!([
        { "conv": { "filters": 4, "kernel": 5, "stride": 2, "padding": "valid", "bias": false } },
        "batchNorm",
        { "activation": "relu" },
        { "dropout": { "rate": 0.2 } },
        "flatten",
        { "classifier": { "bias": true } },
    ]);
    json!({
        "network": { "name": "Brief", "layers": layers },
        "optimizer": "adam",
        "learningRate": 0.01,
        "batchSize": 16,
        "epochs": 1,
        "maxSteps": BRIEF_STEPS,
        "emaDecay": 0.9,
        "augment": { "shift": 0.1, "noise": 0.05 },
        "seed": 7,
    })
}

/// The losses of a run's steps on WebGPU, and finally the loss of the averaged weights on the validation images. `train` passes events to
/// `listen`; the brief config is `args`.
async fn losses(page: &Page, train: &str) -> Vec<f64> {
    let script = format!(
        "const ready = await kindling.ready();
         if (ready.engine !== 'webgpu') throw new Error('got ' + JSON.stringify(ready));
         const losses = [];
         const listen = event => {{ if (event.kind === 'progress') losses.push(...event.losses); }};
         {train}
         return [...losses, (await kindling.evaluate('validation')).loss];"
    );
    page.run(&script, brief()).await.unwrap()
}

#[tokio::test]
async fn a_run_resumes_after_its_engine_was_killed() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    begin(&page).await;
    let saved = wait_for_checkpoint(&page).await;
    let kill = "const worker = window.journey.workers.at(-1);
        worker.terminate();
        worker.dispatchEvent(new ErrorEvent('error', { message: 'killed by the journey' }));";
    page.run::<Value>(kill, json!(null)).await.unwrap();
    page.wait_for_text("A run was interrupted", LONG).await.unwrap();
    let report: Value = page.run("return await kindling.resumeRun()", json!(null)).await.unwrap();
    assert_eq!(report["steps"], N_STEPS, "from step {saved} on");
    app.finish(page).await;
}

#[tokio::test]
async fn a_run_that_was_discarded_stays_gone() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    begin(&page).await;
    wait_for_checkpoint(&page).await;
    page.session().refresh().await.unwrap();
    page.wait_for_text("A run was interrupted", LONG).await.unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for_text("a run was interrupted after step", SHORT).await.unwrap();
    page.go_to("Train").await.unwrap();
    page.click("button", "Discard").await.unwrap();
    page.wait_for::<bool>("!document.querySelector('.interrupted')", SHORT).await.unwrap();
    // The storage is emptied a moment later.
    page.wait_for::<bool>(&format!("(await {}) === 0", n_stored("checkpoints")), SHORT).await.unwrap();
    app.finish(page).await;
}

/// Starts a run without waiting for it.
async fn begin(page: &Page) {
    let start = format!(
        "window.checkpoint = null;
         kindling.train({CONFIG}, (event) => {{ if (event.kind === 'checkpoint') window.checkpoint = event.step; }}).catch(() => {{}});"
    );
    page.run::<Value>(&start, json!(null)).await.unwrap();
}

async fn wait_for_checkpoint(page: &Page) -> u64 {
    let step = page.wait_for::<u64>("window.checkpoint", LONG).await.unwrap();
    // It is made before it is stored.
    page.wait_for::<bool>(&format!("(await {}) > 0", n_stored("checkpoints")), SHORT).await.unwrap();
    step
}

/// The network's evaluation on the whole validation split, with all the digits that JSON has.
async fn weights_fingerprint(page: &Page, before: &str) -> Value {
    let script = format!(
        "await kindling.ready(); if (!(await kindling.currentRun())) await kindling.loadDataset('mnist'); {before}
         const {{ loss, accuracy, confusion }} = await kindling.evaluate('validation');
         return [loss, accuracy, confusion.flat().join()];"
    );
    page.run(&script, json!(null)).await.unwrap()
}
