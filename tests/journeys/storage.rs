//! Own images are safe: what is shown was stored, whether the storage is full, a write fails, or a tab dies while it saves.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::arrive;

/// JavaScript for PNG files of noise, so that each has its own bytes: `noisy(first, end, side)`.
const NOISY: &str = "const noisy = async (first, end, side) => {
    const files = [];
    const canvas = new OffscreenCanvas(side, side);
    const pen = canvas.getContext('2d');
    for (let number = first; number < end; number += 1) {
        const image = pen.createImageData(side, side);
        for (let place = 0; place < image.data.length; place += 65536) crypto.getRandomValues(image.data.subarray(place, place + 65536));
        for (let place = 3; place < image.data.length; place += 4) image.data[place] = 255;
        pen.putImageData(image, 0, 0);
        files.push(new File([await canvas.convertToBlob()], `${number}.png`));
    }
    return files;
};";

/// JavaScript for the ids of the records and of the files that are stored, in order, and the number of images that the page shows.
const STORED: &str = "const stored = async () => {
    const database = await new Promise((done, failed) => {
        const request = indexedDB.open('kindling');
        request.onsuccess = () => done(request.result);
        request.onerror = () => failed(request.error);
    });
    const keys = store => new Promise(done => {
        const request = database.transaction(store).objectStore(store).getAllKeys();
        request.onsuccess = () => done(request.result);
    });
    const found = [await keys('images'), await keys('image-files')];
    database.close();
    return found;
};
const shown = async () => (await kindling.projects())[0].classes[0].images;";

/// What is stored has its files, and as many images are shown; returns their number.
async fn expect_whole(page: &Page) -> u64 {
    let (records, files, n_shown): (Vec<String>, Vec<String>, u64) =
        page.run(&format!("{STORED} return [...await stored(), await shown()]"), json!(null)).await.unwrap();
    assert_eq!(records, files, "each record has its file");
    assert_eq!(records.len() as u64, n_shown);
    n_shown
}

/// A page whose writes may fail, with a project without images, and with so many files of so many pixels a side in `window.files`.
async fn with_noise(app: &App, files: [u32; 2]) -> Page {
    app.prepare_pages(FAULTY).await;
    let page = arrive(app, "?engine=cpu").await;
    page.go_to("Data").await.unwrap();
    let script = "window.files = await noisy(0, ...args); await kindling.createProject('Noise', ['noise']);";
    page.run::<Value>(&format!("{NOISY} {script}"), json!(files)).await.unwrap();
    page
}

/// Adds the files `window.files` to the first class; returns what became of them.
const ADD: &str = "const [{ id }] = await kindling.projects();
    try { return await kindling.addImages(id, { noise: window.files }) } catch ({ name, message }) { return { name, message } }";

#[tokio::test]
async fn a_full_storage_loses_nothing_that_was_shown_and_says_a_way_out() {
    let app = App::start().await;
    let page = with_noise(&app, [240, 100]).await;
    // Room for some of the files, and no longer for all of them.
    page.run::<Value>("Object.assign(window, { fault: 'quota', room: 150 })", json!(null)).await.unwrap();
    let refused: Value = page.run(ADD, json!(null)).await.unwrap();
    assert_eq!(refused["name"], "StorageFull", "{refused}");
    let n_kept = expect_whole(&page).await;
    assert!((1..240).contains(&n_kept), "{n_kept}");

    page.session().refresh().await.unwrap();
    page.wait_for_text("Your images", LONG).await.unwrap();
    assert_eq!(expect_whole(&page).await, n_kept, "the same after a reload");
    // The visitor adds one more by hand, and is told what helps.
    page.run::<Value>(
        &format!(
            "{NOISY}
             Object.assign(window, {{ fault: 'quota', room: 0 }});
             const transfer = new DataTransfer();
             (await noisy(0, 3, 200)).forEach(file => transfer.items.add(file));
             const input = document.querySelector('.class-card input[type=file]');
             input.files = transfer.files;
             input.dispatchEvent(new Event('change', {{ bubbles: true }}));"
        ),
        json!(null),
    )
    .await
    .unwrap();
    page.wait_for_text("There is no storage left", SHORT).await.unwrap();
    assert_eq!(expect_whole(&page).await, n_kept);

    let rest: Value = page
        .run(&format!("window.fault = null; {NOISY} window.files = await noisy(0, 3, 100); {ADD}"), json!(null))
        .await
        .unwrap();
    assert_eq!(rest["added"], 3, "{rest}");
    assert_eq!(expect_whole(&page).await, n_kept + 3);
    app.finish(page).await;
}

/// Runs before the page: while `window.fault` is `"abort"`, a transaction that writes an image file or a project is aborted once all of it is
/// written; while it is `"quota"`, each throws as soon as `window.room`, a number of such writes, is used up.
const FAULTY: &str = "
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function(...args) {
        const isWanted = ['image-files', 'projects'].includes(this.name);
        if (isWanted && window.fault === 'quota' && !(window.room-- > 0))
            throw new DOMException('no room', 'QuotaExceededError');
        const request = put.apply(this, args);
        const { transaction } = this;
        transaction.isWanted ||= isWanted && window.fault === 'abort';
        transaction.nOpen = (transaction.nOpen ?? 0) + 1;
        request.addEventListener('success', () => {
            if (--transaction.nOpen === 0 && transaction.isWanted) transaction.abort();
        });
        return request;
    };";

#[tokio::test]
async fn a_write_that_fails_is_told_and_leaves_no_half_of_an_image() {
    let app = App::start().await;
    let page = with_noise(&app, [20, 40]).await;
    for fault in ["abort", "quota"] {
        page.run::<Value>("window.fault = args", json!(fault)).await.unwrap();
        let refused: Value = page.run(ADD, json!(null)).await.unwrap();
        assert_eq!(refused["name"], "StorageFull", "{fault}: {refused}");
        assert_eq!(expect_whole(&page).await, 0, "{fault}");
        // A name that is not stored is not shown.
        let rename = "const field = document.getElementById('project-name');
             field.value = 'Other';
             field.dispatchEvent(new Event('change', { bubbles: true }));";
        page.run::<Value>(rename, json!(null)).await.unwrap();
        page.wait_for_text("There is no storage left", SHORT).await.unwrap();
        let name: String = page.run("return (await kindling.projects())[0].name", json!(null)).await.unwrap();
        assert_eq!(name, "Noise", "{fault}");
    }
    page.run::<Value>("window.fault = null", json!(null)).await.unwrap();
    let added: Value = page.run(ADD, json!(null)).await.unwrap();
    assert_eq!(added, json!({ "added": 20, "leftOut": [] }));
    assert_eq!(expect_whole(&page).await, 20);
    app.finish(page).await;
}

#[tokio::test]
async fn a_tab_that_dies_while_it_saves_leaves_whole_images_and_those_that_it_has_shown() {
    const N_FILES: u64 = 600;
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let first = page.session().window().await.unwrap();
    let second = page.session().new_tab().await.unwrap();
    page.session().switch_to_window(second).await.unwrap();
    page.session().goto(&format!("{}?engine=cpu#data", app.url())).await.unwrap();
    let files = format!("{NOISY} window.files = await noisy(0, args, 60);");
    page.run::<Value>(&format!("{files} await kindling.createProject('Noise', ['noise']);"), json!(N_FILES))
        .await
        .unwrap();
    let n_shown: u64 = page
        .run(
            &format!(
                "{STORED}
                 window.adding = (async () => {{ {ADD} }})();
                 for (;;) {{
                     await new Promise(done => setTimeout(done, 5));
                     const count = +document.querySelector('.class-count').innerText.split(' ')[0];
                     if (count > 64) return count;
                 }}"
            ),
            json!(null),
        )
        .await
        .unwrap();
    assert!(n_shown < N_FILES, "{n_shown}");
    // Ends the tab's process; the browser has no answer to that.
    page.session().goto("chrome://crash").await.ok();

    page.session().switch_to_window(first).await.unwrap();
    page.session().refresh().await.unwrap();
    page.run::<Value>("await kindling.ready()", json!(null)).await.unwrap();
    let n_kept = expect_whole(&page).await;
    assert!((n_shown..N_FILES).contains(&n_kept), "{n_shown} were shown, {n_kept} are there");
    // The project goes on.
    let added: Value =
        page.run(&format!("{NOISY} window.files = await noisy(0, 3, 60); {ADD}"), json!(null)).await.unwrap();
    assert_eq!(added["added"], 3, "{added}");
    assert_eq!(expect_whole(&page).await, n_kept + 3);
    app.finish(page).await;
}
