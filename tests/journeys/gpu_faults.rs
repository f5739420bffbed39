//! A GPU that computes wrongly or is lost: the run ends with a named error, the page reports it, and continues without the GPU.

use serde_json::{Value, json};
use xtask::drive::Page;
use xtask::server::Fault;

use crate::app::{App, LONG, SHORT};
use crate::runs::n_stored;
use crate::visitor::{arrive, number, wait_until};

/// More steps than a broken GPU gets through.
const RUN: &str = "return await kindling.train({ batchSize: 20, maxSteps: 30 })";

/// The script that watches the GPU, which is served as a file of its own.
const WATCHER: &str = "/worker/gpu.js";

#[tokio::test]
async fn a_refused_shader_ends_the_run_and_the_page_continues_without_the_gpu() {
    let app = App::start().await;
    let from = "const module = original.apply(this, args);";
    let to = format!("args[0].code += ' This is no shader.'; {from}");
    app.spoil(WATCHER, Fault::Replace { from: from.into(), to }, None);
    let page = arrive(&app, "?engine=webgpu").await;

    // A single failure can be a glitch of the driver: the GPU is tried again.
    let rejection = run_fails(&page).await;
    assert_eq!(rejection.name, "GpuError", "{rejection:?}");
    assert!(rejection.message.contains("shader"), "{rejection:?}");
    page.wait_for_text("The training engine stopped and was started again.", SHORT).await.unwrap();
    page.control("alert", "The GPU reported an error, so its results cannot be trusted.*").await.unwrap();

    let rejection = run_fails(&page).await;
    assert_eq!(rejection.name, "GpuError", "{rejection:?}");
    continues_on_the_cpu(&page).await;
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_lost_gpu_ends_the_run_and_the_page_continues_without_it() {
    let app = App::start().await;
    let from = "device.lost.then(";
    let to = format!(
        "const submit = GPUQueue.prototype.submit;
         let submitsLeft = 60;
         GPUQueue.prototype.submit = function (...args) {{
             submit.apply(this, args);
             submitsLeft -= 1;
             if (submitsLeft === 0) device.destroy();
         }};
         {from}"
    );
    app.spoil(WATCHER, Fault::Replace { from: from.into(), to }, None);
    let page = arrive(&app, "?engine=webgpu").await;
    let rejection = run_fails(&page).await;
    assert_eq!(rejection.name, "DeviceLost", "{rejection:?}");
    page.control("alert", "The connection to the GPU was lost.*").await.unwrap();
    continues_on_the_cpu(&page).await;
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_gpu_that_is_lost_after_a_run_leaves_the_model() {
    let app = App::start().await;
    let from = "device.lost.then(";
    let to = format!("new BroadcastChannel('journey').onmessage = () => device.destroy(); {from}");
    app.spoil(WATCHER, Fault::Replace { from: from.into(), to }, None);
    let page = arrive(&app, "?engine=webgpu").await;
    let train =
        "await kindling.loadDataset('mnist'); await kindling.train({ network: 'mlp', batchSize: 20, maxSteps: 3 })";
    page.run::<Value>(train, json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("(await {}) === 1", n_stored("weights")), SHORT).await.unwrap();
    page.run::<Value>("new BroadcastChannel('journey').postMessage('')", json!(null)).await.unwrap();
    page.wait_for_text("The GPU could not be used, so the page continues on the CPU.", LONG).await.unwrap();

    page.wait_for::<bool>("(await kindling.currentRun())?.state === 'finished'", LONG).await.unwrap();
    page.go_to("Evaluate").await.unwrap();
    wait_until(&page, &number("Accuracy"), "it > 0", LONG).await;
    let engine: Value = page.run("return await kindling.ready()", json!(null)).await.unwrap();
    assert_eq!(engine["engine"], "cpu");
    app.finish_after_faults().await;
}

async fn run_fails(page: &Page) -> xtask::drive::Rejection {
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    page.call::<Value>(RUN, json!(null)).await.unwrap().expect_err("a run on a broken GPU came to its end")
}

/// Checks that the page reports that it continues without the GPU, and that one click trains again.
async fn continues_on_the_cpu(page: &Page) {
    let notice = "The GPU could not be used, so the page continues on the CPU.";
    page.wait_for_text(notice, SHORT).await.unwrap();
    let engine: Value = page.run("return await kindling.ready()", json!(null)).await.unwrap();
    assert_eq!((&engine["engine"], &engine["reason"]), (&json!("cpu"), &json!("gpu-failed")));
    page.click("button", "Train again").await.unwrap();
    wait_until(page, &number("Steps"), "it >= 5", LONG).await;
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    // All of it was reported as failures: nothing was left to the browser's console.
    let uncaught: Vec<String> = page.run("return window.journey.errors", json!(null)).await.unwrap();
    assert!(uncaught.is_empty(), "{uncaught:#?}");
}
