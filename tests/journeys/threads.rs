//! The CPU engine with threads: where the host isolates the page, where a service worker does, and where nothing does.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::Page;
use xtask::server::Fault;

use crate::app::{App, LONG, SHORT};
use crate::resume::interrupt;

/// Trains a few steps of a network with all that is computed on threads, and returns the losses.
const LOSSES: &str = "
    const losses = [];
    await kindling.loadDataset('mnist');
    await kindling.train({ network: 'batch-norm', batchSize: 64, maxSteps: 12, epochs: 1, seed: 5 }, (event) => {
        if (event.kind === 'progress') losses.push(...event.losses);
    });
    return losses;";

/// Resumes the interrupted run, and returns the losses of the rest.
const REST: &str = "
    const losses = [];
    await kindling.resumeRun((event) => { if (event.kind === 'progress') losses.push(...event.losses); });
    return losses;";

/// Whether the build has the engine with threads. It lacks it only where the standard library's source could not be had, which `cargo xtask test`
/// says.
fn is_built() -> bool {
    let is_built = App::has_file("engine_cpu_threads.js");
    let is_excused = std::env::var_os("KINDLING_WITHOUT_THREADS").is_some();
    assert!(is_built || is_excused, "this build has no engine with threads: run `cargo xtask build`");
    if !is_built {
        println!("skipped: this build has no engine with threads");
    }
    is_built
}

/// Engine and number of threads.
async fn engine(page: &Page) -> (Value, Value) {
    let ready = page.ready().await.unwrap();
    (ready["engine"].clone(), ready["threads"].clone())
}

/// How often a file was requested.
fn n_requests(app: &App, path_end: &str) -> usize {
    let is_wanted = |path: &&String| path.split('?').next().is_some_and(|path| path.ends_with(path_end));
    app.requests().iter().filter(is_wanted).count()
}

#[tokio::test]
async fn an_isolated_page_trains_with_threads_and_repeats_a_run() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    let page = app.open("?engine=cpu&threads=2#train").await;
    assert!(page.run::<bool>("return crossOriginIsolated", json!(null)).await.unwrap());
    assert_eq!(engine(&page).await, (json!("cpu"), json!(2)));
    page.wait_for_text("2 threads", SHORT).await.unwrap();
    assert!(n_requests(&app, "/engine_cpu_threads_bg.wasm") >= 1);
    assert_eq!(n_requests(&app, "/engine_cpu_bg.wasm"), 0);

    let first: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    let second: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    assert_eq!(first.len(), 12);
    assert_eq!(first, second);
    let adapter: String =
        page.run("return (await kindling.runs()).at(-1).environment.adapter", json!(null)).await.unwrap();
    assert_eq!(adapter, "SIMD, 2 threads");
    assert_eq!(n_requests(&app, "/"), 1, "a host with headers needs no other load of the page");
    app.finish(page).await;
}

#[tokio::test]
async fn a_run_on_threads_resumes_after_a_reload_bit_for_bit() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    let page = app.open("?engine=cpu&threads=2#train").await;
    let whole: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    let config = json!({ "network": "batch-norm", "batchSize": 64, "maxSteps": 12, "epochs": 1, "seed": 5 });
    let step = interrupt(&page, &config, 5).await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(2)));
    let rest: Vec<f64> = page.run(REST, json!(null)).await.unwrap();
    assert_eq!(rest, whole[step..]);
    app.finish(page).await;
}

#[tokio::test]
async fn the_visitor_chooses_the_number_of_threads() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    let page = app.open("?engine=cpu#train").await;
    // All cores but one, and at least two.
    let automatic = page.ready().await.unwrap()["threads"].as_u64().unwrap();
    let n_cores: u64 = page.run("return navigator.hardwareConcurrency", json!(null)).await.unwrap();
    assert_eq!(automatic, if n_cores < 2 { 1 } else { (n_cores - 1).clamp(2, 32) });

    let choose = |count: &'static str| {
        let script = "const field = document.getElementById('engine-threads');
             field.value = args;
             field.dispatchEvent(new Event('change', { bubbles: true }));";
        page.run::<Value>(script, json!(count))
    };
    page.wait_for::<bool>("document.getElementById('engine-threads') !== null", SHORT).await.unwrap();
    let shown = "return document.getElementById('engine-threads').placeholder";
    assert_eq!(page.run::<String>(shown, json!(null)).await.unwrap(), automatic.to_string());
    choose("3").await.unwrap();
    page.wait_for_text("3 threads", LONG).await.unwrap();
    choose("1").await.unwrap();
    page.wait_for_text("1 thread", LONG).await.unwrap();
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    assert!(n_requests(&app, "/engine_cpu_bg.wasm") >= 1, "one thread needs no shared memory");

    page.session().refresh().await.unwrap();
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)), "the choice is remembered");
    page.wait_for::<bool>("document.getElementById('engine-threads')?.value === '1'", SHORT).await.unwrap();
    choose("").await.unwrap();
    page.wait_for::<bool>(&format!("(await kindling.ready()).threads === {automatic}"), LONG).await.unwrap();
    app.finish(page).await;
}

#[tokio::test]
async fn without_isolation_the_page_trains_on_one_core_and_says_why() {
    let app = App::start_on_plain_host("/").await;
    app.spoil("service-worker.js", Fault::Status(404), None);
    let page = app.open("?engine=cpu#train").await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    page.wait_for_text("threads need a page that its host isolates", SHORT).await.unwrap();
    let losses: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    assert!(!losses.is_empty());
    assert!(!page.run::<bool>("return crossOriginIsolated", json!(null)).await.unwrap());
    assert_eq!(n_requests(&app, "/engine_cpu_threads_bg.wasm"), 0);
    assert_eq!(n_requests(&app, "/"), 1, "there is nothing to load the page again for");
    // The browser reports the missing file.
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_service_worker_isolates_the_page_where_the_host_does_not() {
    if !is_built() {
        return;
    }
    let app = App::start_on_plain_host("/some/path/").await;
    let page = app.open("?engine=cpu&threads=2#train").await;
    wait_for_isolation(&page).await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(2)));
    let losses: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    assert!(!losses.is_empty());
    assert_eq!(n_requests(&app, "/some/path/"), 2, "the page is loaded once more, at the first visit only");

    page.session().refresh().await.unwrap();
    assert_eq!(engine(&page).await, (json!("cpu"), json!(2)));
    let hash: String = page.run("return location.search + location.hash", json!(null)).await.unwrap();
    assert_eq!(hash, "?engine=cpu&threads=2#train");
    app.finish(page).await;
}

#[tokio::test]
async fn a_service_worker_that_comes_late_leaves_the_visit_alone() {
    let app = App::start_on_plain_host("/").await;
    app.spoil("service-worker.js", Fault::Stall { after_bytes: 100 }, None);
    let page = app.open("?engine=cpu#train").await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    assert_eq!(n_requests(&app, "/"), 1);
    app.heal();
    app.finish_after_faults().await;
}

/// Asks from outside of the page, which is loaded again meanwhile.
pub async fn wait_for_isolation(page: &Page) {
    let deadline = tokio::time::Instant::now() + SHORT;
    loop {
        let isolated = page.session().execute("return crossOriginIsolated", Vec::new()).await;
        if isolated.is_ok_and(|isolated| isolated.json() == &json!(true)) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "the page is not isolated");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn threads_that_do_not_start_are_done_without() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    replace(&app, "worker/threads.js", r#"postMessage("started");"#, "");
    let page = app.open("?engine=cpu&threads=3#train").await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    page.wait_for_text("1 of 3 threads", SHORT).await.unwrap();
    let losses: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    assert!(!losses.is_empty());
    app.finish(page).await;
}

#[tokio::test]
async fn a_thread_that_ends_costs_the_engine_and_not_the_page() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    replace(&app, "worker/threads.js", "runThread();", "throw new Error('the thread has ended');");
    let page = app.open("?engine=cpu&threads=2#train").await;
    // The engine waits for its thread for ever; the page does not.
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    page.wait_for_text("the thread has ended", SHORT).await.unwrap();
    let losses: Vec<f64> = page.run(LOSSES, json!(null)).await.unwrap();
    assert!(!losses.is_empty());
    app.finish(page).await;
}

#[tokio::test]
async fn the_engine_with_one_thread_replaces_one_that_cannot_be_fetched() {
    if !is_built() {
        return;
    }
    let app = App::start().await;
    app.spoil("engine_cpu_threads_bg.wasm", Fault::Status(503), None);
    let page = app.open("?engine=cpu&threads=2#train").await;
    assert_eq!(engine(&page).await, (json!("cpu"), json!(1)));
    page.wait_for_text("1 thread", SHORT).await.unwrap();
    app.finish_after_faults().await;
}

fn replace(app: &App, path_end: &str, from: &str, to: &str) {
    app.spoil(path_end, Fault::Replace { from: from.into(), to: to.into() }, None);
}
