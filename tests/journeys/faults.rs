//! What a visitor sees when something breaks: files, hosts, cameras, engines.

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Camera, Rejection};
use xtask::server::Fault;

use crate::app::{App, SHORT};
use crate::runs::n_stored;
use crate::visitor::open_tab;

const LOAD_MNIST: &str = "return (await kindling.loadDataset('mnist')).counts.train";

/// Sets a file input's files by path.
async fn drop_files(page: &xtask::drive::Page, files: &[std::path::PathBuf]) {
    let input = page.control("file", "Dataset files*").await.unwrap();
    let paths: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
    input.send_keys(paths.join("\n")).await.unwrap();
}

#[tokio::test]
async fn a_cut_download_is_tried_again() {
    let app = App::start().await;
    app.spoil("train-images-idx3-ubyte.gz", Fault::Cut { after_bytes: 1_000_000 }, Some(1));
    app.spoil("t10k-labels-idx1-ubyte.gz", Fault::Status(503), Some(1));
    let page = app.open("?engine=cpu").await;
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    let n_tries = app.requests().iter().filter(|path| path.ends_with("train-images-idx3-ubyte.gz")).count();
    assert_eq!(n_tries, 2);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_part_of_the_page_that_is_missing_is_reported_and_can_be_fetched_again() {
    let app = App::start().await;
    app.spoil("split_network.wasm", Fault::Status(503), None);
    app.spoil("split_api.wasm", Fault::Status(503), None);
    let page = app.open("?engine=cpu").await;
    page.go_to("Network").await.unwrap();
    let alert = page.control("alert", "*").await.unwrap().text().await.unwrap();
    assert!(alert.contains("could not be fetched"), "{alert}");
    let rejection = page.call::<Value>("return await kindling.ready()", json!(null)).await.unwrap().unwrap_err();
    assert_eq!(rejection.name, "DownloadFailed", "{}", rejection.message);

    app.heal();
    page.click("button", "Try again").await.unwrap();
    page.wait_for::<bool>("document.querySelector('#network-title') !== null", SHORT).await.unwrap();
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_part_without_its_texts_is_reported_and_can_be_fetched_again() {
    let app = App::start().await;
    app.spoil("split_later.wasm", Fault::Status(503), None);
    let page = app.open("?engine=cpu").await;
    page.go_to("Network").await.unwrap();
    page.control("alert", "*").await.unwrap();
    app.heal();
    page.click("button", "Try again").await.unwrap();
    page.wait_for::<bool>("document.querySelector('#network-title') !== null", SHORT).await.unwrap();
    app.finish_after_faults().await;
}

#[tokio::test]
async fn an_engine_whose_wire_is_missing_is_reported_and_can_be_started_again() {
    let app = App::start().await;
    app.spoil("split_wire.wasm", Fault::Status(503), None);
    let page = app.open("?engine=cpu").await;
    let alert = page.control("alert", "*").await.unwrap().text().await.unwrap();
    assert!(alert.contains("a part of the page could not be fetched"), "{alert}");

    app.heal();
    page.click("button", "Try again").await.unwrap();
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn kept_runs_are_found_once_the_part_that_reads_them_can_be_fetched() {
    let app = App::start().await;
    // It would keep the part for the next visit.
    app.spoil("service-worker.js", Fault::Status(404), None);
    let page = app.open("?engine=cpu").await;
    page.run::<Value>("await kindling.loadDataset('mnist'); await kindling.train({ maxSteps: 3 })", json!(null))
        .await
        .unwrap();
    // Stored a moment after the run has ended.
    page.wait_for::<bool>(&format!("(await {}) === 1", n_stored("runs")), SHORT).await.unwrap();

    app.spoil("split_workbench.wasm", Fault::Status(503), None);
    page.session().refresh().await.unwrap();
    page.wait_for_text("It is tried again when a run ends.", SHORT).await.unwrap();
    app.heal();
    open_tab(&page, "runs").await;
    // The curves, of the same part, have a button of their own.
    let again = "document.querySelector('#panel-runs .failure-panel button').click()";
    page.run::<Value>(again, json!(null)).await.unwrap();
    page.wait_for::<bool>("document.querySelectorAll('#runs tbody tr').length === 1", SHORT).await.unwrap();
    app.finish_after_faults().await;
}

#[tokio::test]
async fn without_its_texts_in_another_language_the_page_is_in_english() {
    let app = App::start_with(BrowserOptions { language: "zh-CN".into(), ..Default::default() }, "/").await;
    app.spoil("split_chinese.wasm", Fault::Status(503), None);
    let page = app.open("?engine=cpu").await;
    page.wait_for_text("Evaluate", SHORT).await.unwrap();
    app.heal();
    page.session().refresh().await.unwrap();
    page.wait_for_text("训练", SHORT).await.unwrap();
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_download_that_keeps_failing_is_reported_and_can_be_repeated() {
    let app = App::start().await;
    app.spoil("train-images-idx3-ubyte.gz", Fault::Status(503), None);
    let page = app.open("?engine=cpu").await;
    let rejection = page.call::<u32>(LOAD_MNIST, json!(null)).await.unwrap().unwrap_err();
    assert_eq!(rejection.name, "DownloadFailed");
    app.heal();
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_file_with_a_wrong_hash_is_refused_and_not_kept() {
    let app = App::start().await;
    app.spoil("train-images-idx3-ubyte.gz", Fault::Corrupt { offset_bytes: 5_000_000 }, None);
    let page = app.open("?engine=cpu").await;
    let rejection = page.call::<u32>(LOAD_MNIST, json!(null)).await.unwrap().unwrap_err();
    assert_eq!(rejection.name, "WrongHash", "{}", rejection.message);
    app.heal();
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    app.finish_after_faults().await;
}

#[tokio::test]
async fn broken_files_of_the_visitor_are_named() {
    let app = App::start().await;
    let images = app.file("train-images-idx3-ubyte");
    let labels = app.file("train-labels-idx1-ubyte");
    // The header declares four billion images.
    std::fs::write(&images, [0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3]).unwrap();
    std::fs::write(&labels, [0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]).unwrap();
    let page = app.open("?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    drop_files(&page, &[images, labels]).await;
    page.wait_for_text("train-images-idx3-ubyte", SHORT).await.unwrap();
    let alert = page.control("alert", "*").await.unwrap().text().await.unwrap();
    assert!(alert.contains("train-images-idx3-ubyte"), "{alert}");

    let text = app.file("notes.txt");
    std::fs::write(&text, "not a dataset").unwrap();
    drop_files(&page, &[text]).await;
    page.wait_for_text("notes.txt", SHORT).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('.own-files [role=alert]')", SHORT).await.unwrap();
    // Who goes on has seen it.
    page.go_to("Train").await.unwrap();
    page.go_to("Data").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('.own-files')", SHORT).await.unwrap();
    page.wait_for::<bool>("!document.querySelector('[role=alert]')", SHORT).await.unwrap();
    // The page continues to work.
    assert_eq!(page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap(), 54_000);
    app.finish(page).await;
}

#[tokio::test]
async fn a_killed_engine_is_restarted_and_the_page_still_works() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap();
    let rejection = page
        .call::<Value>(
            "const worker = window.journey.workers.at(-1);
             return await kindling.train({ epochs: 3 }, event => {
                 if (event.kind !== 'progress') return;
                 worker.terminate();
                 // As the browser reports it: not from within another event.
                 setTimeout(() => worker.dispatchEvent(new ErrorEvent('error', { message: 'killed by the journey' })));
             });",
            json!(null),
        )
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(rejection.name, "EngineCrashed", "{rejection:?}");
    page.wait_for_text("started again", SHORT).await.unwrap();
    // The dataset is loaded again without the visitor, and training works again.
    let report: Value = page.run("return await kindling.train({ maxSteps: 5 })", json!(null)).await.unwrap();
    assert_eq!(report["steps"], 5);
    assert!(page.run::<u32>("return window.journey.workers.length", json!(null)).await.unwrap() >= 2);
    app.finish(page).await;
}

#[tokio::test]
async fn an_exploding_loss_ends_the_run_with_advice() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<u32>(LOAD_MNIST, json!(null)).await.unwrap();
    let rejection = page
        .call::<Value>(
            "return await kindling.train({ network: 'lenet', optimizer: 'sgd', learningRate: 1e9, batchSize: 32, maxSteps: 200 })",
            json!(null),
        )
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(rejection.name, "LossNotFinite");
    page.go_to("Train").await.unwrap();
    page.wait_for_text("learning rate", SHORT).await.unwrap();
    app.finish(page).await;
}

#[tokio::test]
async fn wrong_requests_are_rejected_by_name() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    let mut names = Vec::new();
    for request in [
        "await kindling.train({})",
        "await kindling.loadDataset('mnist'); await kindling.evaluate('test')",
        "await kindling.train({ epoch: 1 })",
        "await kindling.train({ batchSize: 0 })",
        "await kindling.train({ network: { name: 'x', layers: ['flatten'] } })",
        "await kindling.export('keras')",
        "await kindling.export('onnx')",
        "await kindling.import(new Blob())",
    ] {
        let rejection: Rejection = page.call::<Value>(request, json!(null)).await.unwrap().unwrap_err();
        assert!(rejection.message.contains(' '), "{rejection:?} is no sentence");
        names.push(rejection.name);
    }
    let expected =
        ["NoDataset", "NoNetwork", "BadConfig", "BadConfig", "BadNetwork", "BadConfig", "NoNetwork", "BadFile"];
    assert_eq!(names, expected);
    app.finish(page).await;
}

#[tokio::test]
async fn a_refused_camera_is_reported_and_the_page_continues() {
    camera_trouble(Camera::Refused).await;
}

#[tokio::test]
async fn a_missing_camera_is_reported_and_the_page_continues() {
    camera_trouble(Camera::Missing).await;
}

async fn camera_trouble(camera: Camera) {
    let app = App::start_with(BrowserOptions { camera, ..Default::default() }, "/").await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>("await kindling.loadDataset('mnist'); await kindling.train({ maxSteps: 20 })", json!(null))
        .await
        .unwrap();
    page.go_to("Predict").await.unwrap();
    page.click("tab", "Webcam").await.unwrap();
    page.click("button", "Start camera").await.unwrap();
    let alert = page.control("alert", "*").await.unwrap().text().await.unwrap();
    assert!(alert.to_lowercase().contains("camera"), "{alert}");
    page.click("tab", "Draw").await.unwrap();
    page.control("img", "Drawing pad").await.unwrap();
    app.finish(page).await;
}
