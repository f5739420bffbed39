//! Adversarial training, advice from the curves, and the augmentation of the visitor's images.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::{arrive, click, expect_no_trouble, set};

#[tokio::test]
async fn a_network_is_trained_against_attacks() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    set(&page, "field-max-steps", "12").await;
    set(&page, "field-attack", "pgd").await;
    set(&page, "field-attack-strength", "0.2").await;
    set(&page, "field-attack-share", "0.25").await;
    set(&page, "field-attack-steps", "2").await;
    page.click("button", "Train").await.unwrap();
    page.wait_for_text("Reached the maximum of 12 steps", LONG).await.unwrap();
    let run: Value = page.run("return await kindling.currentRun()", json!(null)).await.unwrap();
    let expected = json!({ "method": { "pgd": { "steps": 2, "stepSize": 0.025 } }, "strength": 0.2, "share": 0.25 });
    assert_eq!(run["config"]["adversarial"], expected);

    // The mean over several views is also evaluated, and the page says so.
    page.go_to("Evaluate").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#understand-views')", SHORT).await.unwrap();
    // The evaluation that begins on arrival must be over.
    page.wait_for::<bool>("document.querySelector('.ask .button')?.disabled === false", LONG).await.unwrap();
    click(&page, "#understand-views").await;
    page.click("button", "Evaluate").await.unwrap();
    page.wait_for_text("With test-time augmentation.", LONG).await.unwrap();
    let refused = "try { await kindling.evaluate('validation', { views: 5 }); return 'answered' } catch (error) { return error.name }";
    assert_eq!(page.run::<String>(refused, json!(null)).await.unwrap(), "BadConfig");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_rate_that_is_much_too_high_is_reported_with_its_figures_and_the_way_to_it() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    set(&page, "field-preset", "lenet").await;
    set(&page, "field-optimizer", "adam").await;
    set(&page, "field-batch-size", "32").await;
    set(&page, "field-learning-rate", "1").await;
    set(&page, "field-max-steps", "160").await;
    page.click("button", "Train").await.unwrap();
    page.wait_for_text("Reached the maximum of 160 steps", LONG).await.unwrap();
    page.wait_for_text("The learning rate seems too high: at 1.00 ", SHORT).await.unwrap();
    let advice: Value = page.run("return await kindling.advice()", json!(null)).await.unwrap();
    assert_eq!(advice[0]["kind"], json!("rateTooHigh"));
    // The live region is polite, so a screen reader is not interrupted.
    let is_polite = "document.querySelector('#advice').closest('[aria-live]').getAttribute('aria-live') === 'polite'";
    page.wait_for::<bool>(is_polite, SHORT).await.unwrap();
    page.run::<Value>("document.querySelector('#advice [data-setting]').click()", json!(null)).await.unwrap();
    page.wait_for::<bool>("document.activeElement?.id === 'field-learning-rate'", SHORT).await.unwrap();
    let rate: String =
        page.run("return document.querySelector('#field-learning-rate').value", json!(null)).await.unwrap();
    assert_eq!(rate, "1", "advice changes nothing by itself");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn augmentation_is_shown_on_the_visitors_images() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    page.run::<Value>("document.querySelector('#group-augment summary').click()", json!(null)).await.unwrap();
    page.wait_for_text("Once the images are loaded", SHORT).await.unwrap();
    page.click("button", "Load the images").await.unwrap();
    let n_images = "document.querySelectorAll('#augment-preview canvas').length === 8";
    page.wait_for::<bool>(n_images, LONG).await.unwrap();
    let plain = pixels(&page).await;
    set(&page, "field-rotation", "90").await;
    wait_for_other_pixels(&page, &plain).await;
    let rotated = pixels(&page).await;
    click(&page, "#augment-again").await;
    wait_for_other_pixels(&page, &rotated).await;
    set(&page, "field-rotation", "0").await;
    let same = format!("{PIXELS} === {}", json!(plain));
    page.wait_for::<bool>(&same, SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// All pixels of the preview as one text.
const PIXELS: &str =
    "[...document.querySelectorAll('#augment-preview canvas')].map((canvas) => canvas.toDataURL()).join()";

async fn pixels(page: &Page) -> String {
    page.run(&format!("return {PIXELS}"), json!(null)).await.unwrap()
}

async fn wait_for_other_pixels(page: &Page, before: &str) {
    let differ = format!("(pixels => pixels && pixels !== {})({PIXELS})", json!(before));
    page.wait_for::<bool>(&format!("!!{differ}"), SHORT).await.unwrap();
}

async fn become_expert(page: &Page) {
    click(page, "#settings-mode-expert").await;
    page.wait_for::<bool>("!!document.querySelector('#group-adversarial')", SHORT).await.unwrap();
}
