//! The page without a connection, as an installed app, and when its host has a new version of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Page};
use xtask::server::Fault;

use crate::app::{App, LONG, SHORT, dist};
use crate::pictures::drawn_one;
use crate::threads::wait_for_isolation;
use crate::visitor::{draw, expect_no_trouble};

/// Whether the service worker has kept the whole page.
const IS_KEPT: &str = "(async () => {
    for (const name of await caches.keys())
        if (name.startsWith('kindling-page') && await (await caches.open(name)).match('index.html')) return true;
})()";

#[tokio::test]
async fn a_reload_without_a_server_trains_evaluates_and_predicts() {
    let mut app = App::start_on_plain_host("/some/path/").await;
    let page = app.open("").await;
    wait_for_isolation(&page).await;
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    page.wait_for::<bool>(IS_KEPT, LONG).await.unwrap();

    app.stop_server();
    page.session().refresh().await.unwrap();
    page.wait_for_text("images of MNIST", SHORT).await.unwrap();
    assert!(page.run::<bool>("return crossOriginIsolated", json!(null)).await.unwrap());
    page.go_to("Network").await.unwrap();
    page.control("heading", "Network").await.unwrap();
    page.go_to("Train").await.unwrap();
    page.run::<Value>("await kindling.loadDataset('mnist'); await kindling.train({ maxSteps: 30 })", json!(null))
        .await
        .unwrap();
    page.go_to("Evaluate").await.unwrap();
    let n_images: u32 = page
        .run("return (await kindling.evaluate('test')).confusion.flat().reduce((a, b) => a + b)", json!(null))
        .await
        .unwrap();
    assert_eq!(n_images, 10_000);
    page.go_to("Predict").await.unwrap();
    draw(&page, &drawn_one()).await;
    page.wait_for::<bool>("/\\d/.test(document.querySelector('output')?.innerText)", SHORT).await.unwrap();
    page.go_to("Data").await.unwrap();
    page.control("heading", "Data").await.unwrap();
    expect_no_trouble(&page).await;

    // What was never used is not there, and says so.
    let export = "return await kindling.export('onnx').then(() => 'exported', error => error.name)";
    assert_eq!(page.run::<String>(export, json!(null)).await.unwrap(), "DownloadFailed");
    // The browser reports the requests that nobody answered.
    app.finish_after_faults().await;
}

#[tokio::test]
async fn browsers_can_install_the_page() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.wait_for::<bool>(IS_KEPT, LONG).await.unwrap();
    let manifest = page.cdp().send_raw("Page.getAppManifest", json!({})).await.unwrap();
    assert_eq!(manifest["errors"], json!([]), "{manifest}");
    let refusals = page.cdp().send_raw("Page.getInstallabilityErrors", json!({})).await.unwrap();
    assert_eq!(refusals["installabilityErrors"], json!([]));

    let icons = "
        const touch = document.querySelector('link[rel=apple-touch-icon]').href;
        const { icons } = await (await fetch(document.querySelector('link[rel=manifest]').href)).json();
        const sizes = [];
        for (const { src, sizes: stated, purpose } of [...icons, { src: touch, sizes: '180x180', purpose: 'touch' }]) {
            const { width, height } = await createImageBitmap(await (await fetch(src)).blob());
            sizes.push([`${width}x${height}`, stated, purpose ?? 'any']);
        }
        return sizes;";
    let icons: Vec<(String, String, String)> = page.run(icons, json!(null)).await.unwrap();
    for purpose in ["any", "maskable", "touch"] {
        assert!(icons.iter().any(|icon| icon.2 == purpose), "{icons:?}");
    }
    assert!(icons.iter().all(|(size, stated, _)| size == stated), "{icons:?}");
    app.finish(page).await;
}

#[tokio::test]
async fn a_browser_that_stores_nothing_trains() {
    let app = App::start_with(BrowserOptions { blocks_storage: true, ..Default::default() }, "/").await;
    let page = app.open("?engine=cpu#train").await;
    let train = "await kindling.loadDataset('mnist'); return await kindling.train({ maxSteps: 3 })";
    let report: Value = page.run(train, json!(null)).await.unwrap();
    assert_eq!(report["steps"], 3);
    let is_blocked = "try { await caches.keys(); return false } catch { return true }";
    assert!(page.run::<bool>(is_blocked, json!(null)).await.unwrap());
    app.finish_after_faults().await;
}

#[tokio::test]
async fn two_builds_are_never_mixed_and_the_new_one_is_taken_when_the_visitor_says_so() {
    let folder = tempfile::tempdir().unwrap();
    deploy(folder.path(), 1);
    let mut app = App::start_in(folder.path()).await;
    let page = app.open("?engine=cpu#train").await;
    page.wait_for::<bool>(IS_KEPT, LONG).await.unwrap();

    // The host has a part of the new version only: it is not taken.
    deploy(folder.path(), 2);
    app.spoil("/load.js", Fault::Replace { from: "version = 2".into(), to: "version = 3".into() }, None);
    page.session().refresh().await.unwrap();
    assert_eq!(versions(&page).await, [1, 1]);
    look_for_update(&page).await;
    assert!(!page.run::<bool>(HAS_UPDATE, json!(null)).await.unwrap());
    app.heal();

    // Complete, it waits for the end of the run.
    let train = "await kindling.loadDataset('mnist'); kindling.train({ epochs: 100 }).catch(() => {});";
    page.run::<Value>(train, json!(null)).await.unwrap();
    page.wait_for_text("Epoch 1 of 100", SHORT).await.unwrap();
    look_for_update(&page).await;
    assert!(page.run::<bool>(HAS_UPDATE, json!(null)).await.unwrap());
    let is_offered = format!("return document.body.innerText.includes({})", json!(OFFER));
    assert!(!page.run::<bool>(&is_offered, json!(null)).await.unwrap());
    page.run::<Value>("kindling.stop()", json!(null)).await.unwrap();
    page.wait_for_text(OFFER, SHORT).await.unwrap();

    // Another window shows the same version, and keeps it.
    let first = page.session().window().await.unwrap();
    let second = page.session().new_tab().await.unwrap();
    page.session().switch_to_window(second.clone()).await.unwrap();
    page.session().goto(app.url().as_str()).await.unwrap();
    assert_eq!(versions(&page).await, [1, 1]);
    page.session().switch_to_window(first.clone()).await.unwrap();
    page.click("button", "Reload the page").await.unwrap();
    page.wait_for_text("Other windows or tabs show this page", SHORT).await.unwrap();
    assert_eq!(versions(&page).await, [1, 1]);

    page.session().switch_to_window(second).await.unwrap();
    page.session().close_window().await.unwrap();
    page.session().switch_to_window(first).await.unwrap();
    page.click("button", "Reload the page").await.unwrap();
    wait_for_version(&page, 2).await;
    let n_kept = "(await caches.keys()).filter(name => name.startsWith('kindling-page')).length === 1";
    page.wait_for::<bool>(n_kept, SHORT).await.unwrap();
    page.ready().await.unwrap();

    // The new version was complete before it was taken.
    app.stop_server();
    page.session().refresh().await.unwrap();
    assert_eq!(versions(&page).await, [2, 2]);
    page.ready().await.unwrap();
    app.finish_after_faults().await;
}

#[tokio::test]
async fn a_new_build_is_taken_where_there_is_no_room_for_two() {
    let folder = tempfile::tempdir().unwrap();
    deploy(folder.path(), 1);
    let app = App::start_in(folder.path()).await;
    let page = app.open("?engine=cpu#train").await;
    page.wait_for::<bool>(IS_KEPT, LONG).await.unwrap();
    // From now on the page comes from its service worker.
    page.session().refresh().await.unwrap();
    assert_eq!(versions(&page).await, [1, 1]);

    let used_bytes: f64 = page.run("return (await navigator.storage.estimate()).usage", json!(null)).await.unwrap();
    let quota = json!({ "origin": app.url().trim_end_matches('/'), "quotaSize": used_bytes + 1e6 });
    page.cdp().send_raw("Storage.overrideQuotaForOrigin", quota).await.unwrap();
    deploy(folder.path(), 2);
    look_for_update(&page).await;
    page.wait_for_text(OFFER, SHORT).await.unwrap();
    page.click("button", "Reload the page").await.unwrap();
    wait_for_version(&page, 2).await;
    page.ready().await.unwrap();
    app.finish(page).await;
}

const OFFER: &str = "A new version of this page is ready.";

const HAS_UPDATE: &str = "return (await navigator.serviceWorker.getRegistration()).waiting !== null";

/// Puts a version of the build into a folder that is being served: two files state the version.
fn deploy(folder: &Path, version: u32) {
    copy(&dist(), folder);
    let meta = format!("<head><meta name=version content={version}>");
    edit(&folder.join("index.html"), |html| html.replacen("<head>", &meta, 1));
    edit(&folder.join("load.js"), |script| format!("{script}\nglobalThis.version = {version};\n"));
    xtask::offline::list(folder).unwrap();
}

fn edit(file: &Path, edit: impl Fn(String) -> String) {
    fs::write(file, edit(fs::read_to_string(file).unwrap())).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// The versions of the page's two files.
async fn versions(page: &Page) -> [u32; 2] {
    let both = "[Number(document.querySelector('meta[name=version]').content), globalThis.version]";
    page.wait_for(&format!("(it => it[1] && it)({both})"), SHORT).await.unwrap()
}

/// Asks the host for a new version, and waits until it was fetched or refused.
async fn look_for_update(page: &Page) {
    let look = "const registration = await navigator.serviceWorker.getRegistration();
                await registration.update().catch(() => {});";
    page.run::<Value>(look, json!(null)).await.unwrap();
    let is_done = "(await navigator.serviceWorker.getRegistration()).installing === null";
    page.wait_for::<bool>(is_done, LONG).await.unwrap();
}

/// Asks from outside of the page, which is loaded again meanwhile.
async fn wait_for_version(page: &Page, version: u32) {
    let deadline = tokio::time::Instant::now() + SHORT;
    let version_of_page = "return Number(document.querySelector('meta[name=version]')?.content)";
    loop {
        let found = page.session().execute(version_of_page, Vec::new()).await;
        if found.is_ok_and(|found| found.json() == &json!(version)) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the page is not loaded again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(versions(page).await, [version; 2]);
}
