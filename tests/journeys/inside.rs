//! Monitoring the network while it trains: opened, watched with an image, closed; nothing is measured while it is closed.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::{Key, expect_no_trouble, open_tab, press};

/// Trains for a long time, and counts the snapshots.
const START: &str = "
    await kindling.loadDataset('mnist');
    const seen = window.seen = { snapshots: 0, last: null, elapsedMs: 0 };
    kindling.train({ epochs: 100 }, event => {
        if (event.kind === 'layers') { seen.snapshots += 1; seen.last = event; }
        if (event.kind === 'progress') seen.elapsedMs = event.elapsedMs;
    });";

#[tokio::test]
async fn the_network_is_monitored_only_while_somebody_watches() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>(START, json!(null)).await.unwrap();
    page.wait_for::<bool>("window.seen.elapsedMs > 3000", LONG).await.unwrap();
    assert_eq!(snapshots(&page).await, 0, "closed at first");

    open_by_keyboard(&page).await;
    page.wait_for::<bool>("document.querySelectorAll('#inside [data-layer]').length >= 5", LONG).await.unwrap();
    what_a_program_receives(&page).await;
    strips_grow(&page).await;
    // The filters of the first layer, which are not all of one color.
    page.wait_for::<bool>(&varies("#inside-filters canvas"), SHORT).await.unwrap();
    choose_another_image(&page).await;

    open_tab(&page, "images").await;
    nothing_comes(&page).await;

    // Opened by a program. Leaving the place ends the monitoring.
    let n_snapshots = snapshots(&page).await;
    page.run::<Value>("await kindling.watch(true)", json!(null)).await.unwrap();
    page.wait_for::<bool>("document.querySelector('#tab-inside').ariaSelected === 'true'", SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("window.seen.snapshots > {n_snapshots}"), SHORT).await.unwrap();
    page.go_to("Data").await.unwrap();
    nothing_comes(&page).await;
    // On return the tab is shown as before, and monitoring goes on.
    let n_snapshots = snapshots(&page).await;
    page.go_to("Train").await.unwrap();
    page.wait_for::<bool>(&format!("window.seen.snapshots > {n_snapshots}"), SHORT).await.unwrap();

    page.run::<Value>("await kindling.stop()", json!(null)).await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    the_model_is_at_hand_after_the_run(&page).await;
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Goes to the tab with an arrow key, from the one that is shown.
async fn open_by_keyboard(page: &Page) {
    page.run::<Value>("document.querySelector('#tab-images').focus()", json!(null)).await.unwrap();
    press(page, Key::ArrowLeft).await;
    page.wait_for::<bool>("document.activeElement.id === 'tab-inside'", SHORT).await.unwrap();
}

async fn snapshots(page: &Page) -> u32 {
    page.run("return window.seen.snapshots", json!(null)).await.unwrap()
}

/// Checks that the statistics of a learned layer are in a sensible range.
async fn what_a_program_receives(page: &Page) {
    page.wait_for::<bool>("window.seen.snapshots > 0", SHORT).await.unwrap();
    let layer: Value = page.run("return window.seen.last.layers[0]", json!(null)).await.unwrap();
    assert_eq!(layer["index"], json!(0));
    let total: u64 = layer["weights"]["counts"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert!(total > 50, "{layer}");
    let ratio = layer["updateRatio"].as_f64().unwrap();
    assert!((1e-6..1.0).contains(&ratio), "{ratio}");
    assert!(layer["gradientNorm"].as_f64().unwrap() > 0.0, "{layer}");
}

/// Each snapshot adds a column, and the figures change.
async fn strips_grow(page: &Page) {
    let strip = "[data-layer=\"1\"] [data-strip=\"weights\"] canvas";
    let n_columns = format!(
        "(canvas => {{
            const {{ width, height }} = canvas;
            const {{ data }} = canvas.getContext('2d').getImageData(0, 0, width, height);
            const isUsed = x => [...Array(height).keys()].some(y => data[4 * (y * width + x) + 3] > 0);
            return [...Array(width).keys()].filter(isUsed).length;
        }})(document.querySelector('{strip}'))"
    );
    let before: u32 = page.wait_for(&n_columns, SHORT).await.unwrap();
    let figures = "document.querySelector('[data-layer=\"1\"] .inside-figures').innerText";
    let said: String = page.run(&format!("return {figures}"), json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("{n_columns} > {before}"), SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("{figures} !== {}", json!(said)), SHORT).await.unwrap();
}

/// The feature maps of the chosen image replace those of the first.
async fn choose_another_image(page: &Page) {
    let maps = ".inside-maps canvas";
    page.wait_for::<bool>(&varies(maps), SHORT).await.unwrap();
    page.run::<Value>("document.querySelectorAll('.inside-images button')[3].click()", json!(null)).await.unwrap();
    let pressed = "document.querySelectorAll('.inside-images button')[3].ariaPressed === 'true'";
    page.wait_for::<bool>(pressed, SHORT).await.unwrap();
    // They disappear at once, and are back with the next snapshot.
    let n_snapshots = snapshots(page).await;
    page.wait_for::<bool>(&format!("window.seen.snapshots > {n_snapshots}"), SHORT).await.unwrap();
    page.wait_for::<bool>(&varies(maps), SHORT).await.unwrap();
}

/// After the run, and after the tab was hidden, the layers are those of the model at hand, a channel can be enlarged, and another image chosen.
async fn the_model_is_at_hand_after_the_run(page: &Page) {
    page.wait_for_text("The current model, with", SHORT).await.unwrap();
    open_tab(page, "images").await;
    open_tab(page, "inside").await;
    page.wait_for_text("The current model, with", SHORT).await.unwrap();
    page.wait_for::<bool>(&varies(".inside-maps canvas"), SHORT).await.unwrap();
    page.run::<Value>("document.querySelector('#inside-filters .tile').click()", json!(null)).await.unwrap();
    page.wait_for::<bool>(&varies("#inside-filters .tile-enlarged canvas"), SHORT).await.unwrap();
    page.run::<Value>("document.querySelectorAll('.inside-images button')[5].click()", json!(null)).await.unwrap();
    page.wait_for::<bool>(&varies(".inside-maps canvas"), SHORT).await.unwrap();
}

/// Seconds of training pass without a snapshot; one that was under way may still arrive.
async fn nothing_comes(page: &Page) {
    let now: f64 = page.run("return window.seen.elapsedMs", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("window.seen.elapsedMs > {}", now + 500.0), LONG).await.unwrap();
    let n_snapshots = snapshots(page).await;
    page.wait_for::<bool>(&format!("window.seen.elapsedMs > {}", now + 4_500.0), LONG).await.unwrap();
    assert_eq!(snapshots(page).await, n_snapshots, "nothing is measured while nobody watches");
}

/// JavaScript that tests whether a canvas has more than one color.
fn varies(canvas: &str) -> String {
    format!(
        "(canvas => {{
            if (!canvas) return false;
            const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return new Set(data).size > 3;
        }})(document.querySelector({}))",
        json!(canvas)
    )
}
