//! The first minute on WebGPU with SwiftShader: the same page, fewer steps, and no error of the GPU.

use std::time::Duration;

use serde_json::{Value, json};

use xtask::drive::EngineWorker;

use crate::app::{App, LONG, SHORT};
use crate::pictures::{mnist, test_digit, write_bmp};
use crate::visitor::{answer, arrive, expect_no_trouble, fill, is_answered, number, pick_file, wait_until};

/// Steps of 50 images before predictions are made with the network.
const N_STEPS: f64 = 60.0;

/// Percent of the last batches' images at that step: chance is 10, and the network reaches 84 to 98, whatever the seed.
const ACCURACY_BAR: f64 = 70.0;

/// Maximum number of calls of WebGPU's `dispatchWorkgroups` in a single step of LeNet, batch 64, including its read. It takes 53, of which
/// the step itself takes 32, the predictions of the sample images 17, and the checkpoint of the pause 4.
const MAX_DISPATCHES: u32 = 54;

/// Where `src/worker/gpu.js` counts them, in the worker's global scope.
const DISPATCHES: &str = "__kindlingGpuCounters.dispatches";

/// Kernels are compiled first, in software.
const FIRST_STEP_LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn one_click_trains_on_webgpu_and_the_network_is_used() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=webgpu").await;
    fill(&page, "Batch size", 50).await;
    page.click("button", "Train").await.unwrap();
    let steps = number("Steps");
    wait_until(&page, &steps, "it >= 1", FIRST_STEP_LIMIT).await;

    page.click("button", "Pause").await.unwrap();
    page.control("status", "Paused").await.unwrap();
    let paused_at = wait_until(&page, &steps, "true", SHORT).await;
    page.click("button", "Step").await.unwrap();
    let step = wait_until(&page, &steps, &format!("it > {paused_at}"), SHORT).await;
    assert_eq!(step, paused_at + 1.0, "after a single step");
    page.control("status", "Paused").await.unwrap();

    page.click("button", "Resume").await.unwrap();
    wait_until(&page, &steps, &format!("it >= {N_STEPS}"), LONG).await;
    let accuracy = wait_until(&page, &number("Accuracy"), "true", SHORT).await;
    assert!(accuracy >= ACCURACY_BAR, "after {N_STEPS} steps {accuracy}% of a batch are right");
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();

    page.go_to("Predict").await.unwrap();
    page.click("tab", "Upload").await.unwrap();
    let dataset = mnist();
    let mut answers = Vec::new();
    for class in [0, 1, 7] {
        let path = write_bmp(&test_digit(&dataset, class, 0), &app.file(&format!("digit-{class}.bmp")));
        pick_file(&page, "Choose an image", &path).await;
        let is_right = is_answered(&page, &class.to_string()).await;
        answers.push((class, is_right, answer(&page).await));
    }
    assert!(answers.iter().filter(|(_, is_right, _)| *is_right).count() >= 2, "{answers:#?}");

    let engine: Value = page.run("return await kindling.ready()", json!(null)).await.unwrap();
    assert_eq!(engine["engine"], "webgpu", "{engine}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// A version of burn that fuses less, or a change here that burn fuses less of, fails this test.
#[tokio::test]
async fn a_step_of_the_lenet_takes_few_dispatches() {
    const UNTIL: &str =
        "const until = async condition => { while (!condition()) await new Promise(done => setTimeout(done, 20)); };";
    let app = App::start().await;
    let page = app.open("?engine=webgpu").await;
    let start = "
        await kindling.ready();
        await kindling.loadDataset('mnist');
        const run = window.counted = { step: 0, isPaused: false };
        kindling.train({ network: 'lenet', batchSize: 64, epochs: 1 }, event => {
            if (event.kind === 'progress') run.step = event.step;
            if (event.kind === 'paused') run.isPaused = true;
        }).catch(() => {});
        await until(() => run.step > 1);
        await kindling.pause();
        await until(() => run.isPaused);";
    page.run::<()>(&format!("{UNTIL}{start}"), json!(null)).await.unwrap();
    let mut worker = EngineWorker::attach(&page).await.unwrap();
    let mut each = Vec::new();
    for _ in 0..3 {
        let before: u32 = worker.evaluate(DISPATCHES).await.unwrap();
        let step = "
            const { step } = window.counted;
            window.counted.isPaused = false;
            await kindling.step();
            await until(() => window.counted.step === step + 1 && window.counted.isPaused);";
        page.run::<()>(&format!("{UNTIL}{step}"), json!(null)).await.unwrap();
        each.push(worker.evaluate::<u32>(DISPATCHES).await.unwrap() - before);
    }
    // Some steps also predict the sample images.
    let min = *each.iter().min().unwrap();
    assert!((1..=MAX_DISPATCHES).contains(&min), "{each:?}");
    app.finish(page).await;
}
