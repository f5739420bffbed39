//! The build works from any static host: from a sub-path, with no request to any other host.

use serde_json::{Value, json};
use xtask::drive::BrowserOptions;
use xtask::server::Fault;

use crate::app::{App, LONG, SHORT};

#[tokio::test]
async fn a_sub_path_of_a_plain_static_host_is_enough_and_no_other_host_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let net_log = folder.path().join("net-log.json");
    let app =
        App::start_with(BrowserOptions { net_log: Some(net_log.clone()), ..Default::default() }, "/a/sub/path/").await;
    let page = app.open("?engine=cpu").await;
    let counts: Value = page
        .run(
            "const dataset = await kindling.loadDataset('mnist');
             await kindling.train({ maxSteps: 3 }, () => {});
             return dataset.counts;",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(counts, json!({ "train": 54_000, "validation": 6_000, "test": 10_000 }));

    let requests = app.requests();
    assert!(requests.iter().any(|path| path.contains("engine_cpu")), "{requests:?}");
    assert!(requests.iter().all(|path| path.starts_with("/a/sub/path/") || path == "/favicon.ico"), "{requests:?}");
    let own_address = app.url();
    app.finish(page).await;

    // One event per line. The browser contacts hosts of its vendor by itself; requests of the page and its workers name their origin.
    let log = std::fs::read_to_string(&net_log).unwrap();
    let origin = own_address.trim_end_matches("/a/sub/path/");
    let asked_by_page = log.lines().filter(|line| line.contains(&format!("\"initiator\":\"{origin}")));
    let urls: Vec<&str> = asked_by_page
        .filter_map(|line| line.split_once("\"url\":\"")?.1.split('"').next())
        .filter(|url| url.starts_with("http") || url.starts_with("ws"))
        .collect();
    assert!(urls.iter().any(|url| url.contains("engine_cpu")), "the browser's log lacks the page's requests: {urls:?}");
    let foreign: Vec<_> = urls.iter().filter(|url| !url.starts_with(&own_address)).collect();
    assert!(foreign.is_empty(), "requests to other hosts: {foreign:?}");
}

#[tokio::test]
async fn the_second_visit_takes_the_dataset_from_the_cache() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    let n_requests = || app.requests().iter().filter(|path| path.ends_with("ubyte.gz")).count();
    assert_eq!(n_requests(), 4);
    page.session().refresh().await.unwrap();
    page.wait_for_text("The images are on this device already.", SHORT).await.unwrap();
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    assert_eq!(n_requests(), 4);
    app.finish(page).await;
}

#[tokio::test]
async fn a_machine_without_webgpu_trains_on_the_cpu_and_says_why() {
    let options = BrowserOptions { webgpu: xtask::drive::WebGpu::Absent, ..Default::default() };
    let app = App::start_with(options, "/").await;
    let page = app.open("").await;
    let ready: Value = page.run("return await kindling.ready()", json!(null)).await.unwrap();
    assert_eq!(ready["engine"], "cpu");
    assert!(ready["reason"] == "no-webgpu" || ready["reason"] == "no-adapter", "{ready}");
    page.wait_for_text("WebGPU", SHORT).await.unwrap();
    let report: Value = page
        .run("await kindling.loadDataset('mnist'); return await kindling.train({ maxSteps: 5 })", json!(null))
        .await
        .unwrap();
    assert_eq!(report["steps"], 5);
    app.finish(page).await;
}

#[tokio::test]
async fn a_software_adapter_is_used_only_when_asked_for() {
    let app = App::start().await;
    let page = app.open("").await;
    let ready: Value = page.run("return await kindling.ready()", json!(null)).await.unwrap();
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("cpu"), &json!("software-adapter")));
    app.finish(page).await;
}

/// Serves `engines.json` as `cargo xtask serve` does while it builds the GPU engine.
fn is_building(app: &App) {
    let (from, to) = (r#""coming":[]"#, r#""coming":["engine_gpu"]"#);
    app.spoil("engines.json", Fault::Replace { from: from.into(), to: to.into() }, None);
}

#[tokio::test]
async fn a_gpu_engine_that_is_still_being_built_is_taken_once_it_is_there() {
    let app = App::start().await;
    is_building(&app);
    let page = app.open("?engine=webgpu#train").await;
    let ready = page.ready().await.unwrap();
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("cpu"), &json!("gpu-coming")));
    page.wait_for_text("is still being built", SHORT).await.unwrap();
    app.heal();
    page.wait_for_text("GPU (WebGPU)", LONG).await.unwrap();
    let ready = page.ready().await.unwrap();
    assert_eq!((&ready["engine"], &ready["reason"]), (&json!("webgpu"), &json!("address")));
    app.finish(page).await;
}

#[tokio::test]
async fn a_gpu_engine_that_comes_after_a_run_is_offered() {
    let app = App::start().await;
    is_building(&app);
    let page = app.open("?engine=webgpu#train").await;
    let run = "await kindling.loadDataset('mnist'); await kindling.train({ maxSteps: 3 })";
    page.run::<Value>(run, json!(null)).await.unwrap();
    app.heal();
    page.wait_for_text("is there now", SHORT).await.unwrap();
    assert_eq!(page.ready().await.unwrap()["engine"], "cpu");
    page.control("button", "Use the GPU").await.unwrap().click().await.unwrap();
    page.wait_for_text("GPU (WebGPU)", LONG).await.unwrap();
    app.finish(page).await;
}
