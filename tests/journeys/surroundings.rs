//! Browsers and hosts that do what others do not: they falsify canvases, translate pages, lack WebAssembly, answer with web pages. And visitors
//! who leave.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT, dist};
use crate::pictures::{drawn_one, drawn_zero};
use crate::runs::n_stored;
use crate::visitor::{arrive, draw, expect_no_trouble, number, wait_until};

/// A model to draw for, whose answers need not be right.
const TRAIN: &str = "await kindling.loadDataset('mnist'); await kindling.train({ network: 'mlp', maxSteps: 40 })";

/// Changes what pages read from a canvas, by at most so many levels; by 255 if the tab does not say otherwise.
const NOISE: &str = "
    const most = +(sessionStorage.getItem('noise') ?? 255);
    const original = CanvasRenderingContext2D.prototype.getImageData;
    CanvasRenderingContext2D.prototype.getImageData = function (...args) {
        const image = original.apply(this, args);
        let state = 1;
        image.data.forEach((level, place) => {
            state = (state * 16807) % 2147483647;
            image.data[place] = Math.max(0, Math.min(255, level + (state % (2 * most + 1)) - most));
        });
        return image;
    };";

#[tokio::test]
async fn a_browser_that_falsifies_canvases_is_told_of_and_slight_noise_changes_nothing() {
    let app = App::start().await;
    app.prepare_pages(NOISE).await;
    let page = arrive(&app, "?engine=cpu").await;
    page.run::<Value>(TRAIN, json!(null)).await.unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for_text("This browser falsifies what pages read from a canvas", SHORT).await.unwrap();
    let classify = "return await kindling.classify(document.createElement('canvas'), { kind: 'drawing' })";
    let refused = page.call::<Value>(classify, json!(null)).await.unwrap().unwrap_err();
    assert_eq!(refused.name, "BadImage");
    assert!(refused.message.contains("falsifies"), "{refused:?}");
    page.wait_for::<bool>(&format!("(await {}) === 1", n_stored("weights")), SHORT).await.unwrap();

    page.run::<Value>("sessionStorage.setItem('noise', 1)", json!(null)).await.unwrap();
    page.session().refresh().await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('.model-name')", LONG).await.unwrap();
    assert!(!page.run::<bool>("return document.body.innerText.includes('falsifies')", json!(null)).await.unwrap());
    draw(&page, &drawn_one()).await;
    page.wait_for::<bool>("/\\d/.test(document.querySelector('output')?.innerText)", SHORT).await.unwrap();
    app.finish(page).await;
}

/// What a browser's own translation does to a page, every 100 ms: it replaces each text by elements that hold another one.
const TRANSLATION: &str = "setInterval(() => {
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (texts.nextNode()) found.push(texts.currentNode);
        for (const text of found) {
            const parent = text.parentElement;
            if (!text.data.trim() || parent.closest('[translate=no], font, script, style, title')) continue;
            const [outer, inner] = [document.createElement('font'), document.createElement('font')];
            inner.textContent = text.data;
            outer.append(inner);
            text.replaceWith(outer);
        }
    }, 100);";

#[tokio::test]
async fn figures_and_answers_stay_true_while_the_browser_translates_the_page() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.run::<Value>(TRANSLATION, json!(null)).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('main font')", SHORT).await.unwrap();
    page.click("button", "Train").await.unwrap();
    let steps = number("Steps");
    // So many that it is sure of its answers.
    let seen = wait_until(&page, &steps, "it >= 300", LONG).await;
    wait_until(&page, &steps, &format!("it > {seen}"), SHORT).await;
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();

    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('main h1 font')", SHORT).await.unwrap();
    for strokes in [drawn_one(), drawn_zero()] {
        draw(&page, &strokes).await;
        // The engine's own answer for the same drawing.
        let agrees = "(async () => {
            const [first] = await kindling.classify(document.querySelector('[aria-label=\"Drawing pad\"]'), { kind: 'drawing' });
            return document.querySelector('output')?.innerText === first.label
                && document.querySelector('.probabilities .is-marked')?.innerText.startsWith(first.label);
        })()";
        page.wait_for::<bool>(&format!("await {agrees}"), SHORT).await.unwrap();
        page.click("button", "Clear").await.unwrap();
    }
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// The visible text of a page on which the app does not start, once it contains `text`.
async fn wait_for_stuck_text(page: &Page, text: &str) {
    let deadline = tokio::time::Instant::now() + SHORT;
    loop {
        let seen = page.session().execute("return document.body?.innerText ?? ''", Vec::new()).await;
        let seen = seen.map(|seen| seen.json().as_str().unwrap_or_default().to_owned()).unwrap_or_default();
        if seen.contains(text) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "the page says: {seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn where_the_app_cannot_start_the_page_says_why() {
    let app = App::start().await;
    let file = dist().join("index.html").canonicalize().unwrap();
    let page = app.open_address(&format!("file://{}", file.display())).await;
    wait_for_stuck_text(&page, "Kindling cannot run from a file").await;
    app.prepare_pages("delete globalThis.WebAssembly").await;
    let page = app.open("").await;
    wait_for_stuck_text(&page, "Kindling needs WebAssembly").await;
    app.finish_after_faults().await;
}

/// A copy of the build in which one file is a web page, as hosts answer for what is missing.
fn with_page_for(folder: &Path, is_missing: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(dist().canonicalize().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let copy = folder.join(&name);
        match name.as_str() {
            missing if is_missing(missing) => std::fs::write(copy, "<!DOCTYPE html><title>Not found</title>").unwrap(),
            _ => std::os::unix::fs::symlink(entry.path(), copy).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_a_program_is_never_taken_for_one() {
    let script = |name: &str| name.starts_with("app-") && name.ends_with(".js");
    let program = |name: &str| name.starts_with("app-") && name.ends_with(".wasm");
    for is_missing in [script as fn(&str) -> bool, program] {
        let folder = tempfile::tempdir().unwrap();
        with_page_for(folder.path(), is_missing);
        let app = App::start_in(folder.path()).await;
        let page = app.open("").await;
        wait_for_stuck_text(&page, "A part of Kindling could not be loaded").await;
        app.finish_after_faults().await;
    }
}

/// Whether the browser would ask now before it closes the page.
const ASKS: &str = "!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))";

#[tokio::test]
async fn who_closes_the_page_is_asked_until_the_run_has_a_checkpoint() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    // Browsers hold a page only for those who have used it.
    page.go_to("Data").await.unwrap();
    assert!(!page.run::<bool>(&format!("return {ASKS}"), json!(null)).await.unwrap(), "nothing would be lost");
    let begin = format!(
        "await kindling.loadDataset('mnist');
         return await new Promise(resolve => kindling.train({{ epochs: 20 }}, ({{ kind }}) => {{
             if (kind === 'started') resolve({ASKS});
         }}).catch(() => {{}}));"
    );
    assert!(page.run::<bool>(&begin, json!(null)).await.unwrap(), "before the first checkpoint");
    page.wait_for::<bool>(&format!("!({ASKS})"), LONG).await.unwrap();
    assert!(page.run::<u32>(&format!("return await {}", n_stored("checkpoints")), json!(null)).await.unwrap() > 0);
    page.run::<Value>("await kindling.stop()", json!(null)).await.unwrap();
    page.wait_for::<bool>("(await kindling.currentRun()).state === 'finished'", SHORT).await.unwrap();
    app.finish(page).await;
}
