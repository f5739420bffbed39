//! The expert's settings: the run has what is chosen in the page, and a learning rate is found and applied.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::visitor::{arrive, click, expect_no_trouble, number, set, wait_until};

#[tokio::test]
async fn what_an_expert_chooses_is_what_the_run_has() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    set(&page, "field-max-steps", "12").await;
    open(&page, "group-schedule").await;
    set(&page, "field-schedule", "cosine").await;
    set(&page, "field-warm-up-steps", "3").await;
    open(&page, "group-loss").await;
    set(&page, "field-label-smoothing", "0.1").await;
    open(&page, "group-over-fitting").await;
    set(&page, "field-early-stopping", "validationAccuracy").await;
    set(&page, "field-patience", "4").await;
    page.wait_for::<bool>("!!document.querySelector('#rate-curve path.line.is-exact')", SHORT).await.unwrap();

    page.click("button", "Train").await.unwrap();
    page.wait_for_text("Reached the maximum of 12 steps", LONG).await.unwrap();
    let run: Value = page.run("return await kindling.currentRun()", json!(null)).await.unwrap();
    assert_eq!((&run["state"], &run["step"]), (&json!("finished"), &json!(12)));
    let config = &run["config"];
    assert_eq!(config["schedule"], json!({ "cosine": { "warmUpSteps": 3, "leastRate": 0 } }));
    assert_eq!(config["loss"], json!({ "crossEntropy": { "labelSmoothing": 0.1, "classWeights": "none" } }));
    let stopping = json!({ "metric": "validationAccuracy", "patience": 4, "leastImprovement": 0 });
    assert_eq!(config["earlyStopping"], stopping);

    // The mode is remembered.
    page.run::<Value>("location.reload()", json!(null)).await.ok();
    page.wait_for::<bool>("document.querySelector('#settings-mode-expert')?.checked", LONG).await.unwrap();
    page.ready().await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// The second epoch is spoiled by a learning rate at which training diverges.
#[tokio::test]
async fn a_run_stops_early_and_its_best_weights_are_restored() {
    const STEPS_PER_EPOCH: f64 = 540.0;
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    open(&page, "group-schedule").await;
    set(&page, "field-schedule", "constant").await;
    open(&page, "group-over-fitting").await;
    set(&page, "field-early-stopping", "validationAccuracy").await;
    set(&page, "field-patience", "1").await;
    page.click("button", "Train").await.unwrap();
    wait_until(&page, &number("Steps"), &format!("it > {STEPS_PER_EPOCH}"), LONG).await;
    page.run::<Value>("await kindling.adjust({ learningRate: 1 })", json!(null)).await.unwrap();

    page.wait_for_text("Early stopping after 1,080 steps", LONG).await.unwrap();
    page.wait_for_text("Best checkpoint: the weights of epoch 1 are kept.", SHORT).await.unwrap();
    let run: Value = page.run("return (await kindling.runs()).at(-1)", json!(null)).await.unwrap();
    assert_eq!((&run["ending"], &run["best"]), (&json!("earlyStopped"), &run["epochs"][0]));
    let accuracies: Vec<f64> =
        run["epochs"].as_array().unwrap().iter().map(|epoch| epoch["validationAccuracy"].as_f64().unwrap()).collect();
    assert!(matches!(accuracies[..], [good, spoilt] if good > 0.9 && spoilt < 0.5), "{accuracies:?}");

    let evaluated: f64 =
        page.run("return (await kindling.evaluate('validation')).accuracy", json!(null)).await.unwrap();
    assert!((evaluated - accuracies[0]).abs() < 1e-6, "{evaluated} is of other weights: {accuracies:?}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

#[tokio::test]
async fn a_learning_rate_is_found_and_taken_over() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    become_expert(&page).await;
    open(&page, "group-finder").await;
    click(&page, "#find-rate").await;
    let taken: String = page
        .wait_for("document.querySelector('#take-rate')?.innerText.match(/[0-9][0-9.e-]*/)?.[0]", LONG)
        .await
        .unwrap();
    page.wait_for::<bool>("!!document.querySelector('#rate-test path.line.is-exact')", SHORT).await.unwrap();
    click(&page, "#take-rate").await;
    let is_taken = format!("Number(document.querySelector('#field-learning-rate').value) === {taken}");
    page.wait_for::<bool>(&is_taken, SHORT).await.unwrap();

    // During a run there is no range test, but the learning rate and the augmentation can be changed.
    page.click("button", "Train").await.unwrap();
    page.wait_for::<bool>("document.querySelector('#find-rate').disabled", SHORT).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#adjust')", Duration::from_secs(60)).await.unwrap();
    open(&page, "adjust").await;
    set(&page, "adjust-learning-rate", "0.0005").await;
    page.wait_for::<bool>("document.querySelectorAll('#adjustments li').length === 1", SHORT).await.unwrap();
    let n_marks = "document.querySelectorAll('.charts .step-mark').length";
    page.wait_for::<bool>(&format!("{n_marks} === 2"), SHORT).await.unwrap();
    open(&page, "adjust-augment").await;
    let n_images = "document.querySelectorAll('#adjust-augment-preview canvas').length === 8";
    page.wait_for::<bool>(n_images, SHORT).await.unwrap();
    let is_warned = "!!document.querySelector('#adjust-flip-warning').innerText";
    for (strength, is_expected) in [("0.5", true), ("0", false)] {
        set(&page, "adjust-field-flip", strength).await;
        page.wait_for::<bool>(&format!("{is_warned} === {is_expected}"), SHORT).await.unwrap();
    }
    set(&page, "adjust-field-noise", "0.15").await;
    click(&page, "#apply-augment").await;
    page.wait_for_text("→ 0.15", SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("{n_marks} === 4"), SHORT).await.unwrap();
    page.wait_for::<bool>("document.querySelector('#apply-augment').disabled", SHORT).await.unwrap();
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    let kept: Value = page.run("return (await kindling.runs()).at(-1).adjustments", json!(null)).await.unwrap();
    assert_eq!((&kept[0]["learningRate"], &kept[0]["augment"]), (&json!(0.0005), &Value::Null), "{kept}");
    assert_eq!((&kept[1]["learningRate"], &kept[1]["augment"]["noise"]), (&json!(0.0005), &json!(0.15)), "{kept}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

async fn become_expert(page: &Page) {
    click(page, "#settings-mode-expert").await;
    page.wait_for::<bool>("!!document.querySelector('#group-optimizer')", SHORT).await.unwrap();
}

/// Opens a group.
async fn open(page: &Page, id: &str) {
    page.run::<Value>("document.getElementById(args).querySelector('summary').click()", json!(id)).await.unwrap();
}
