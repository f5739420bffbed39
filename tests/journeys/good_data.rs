//! A visitor's images have a wrong label and one that shows nothing: the page points them out, and the visitor decides.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::own_images::{shape, zip};
use crate::pictures::bmp;
use crate::visitor::{arrive, expect_no_trouble, pick_file, set};

/// Thirty disks and thirty stripes; one more disk lies among the stripes, and a blank image among the disks.
fn folders() -> Vec<(String, Vec<u8>)> {
    let of_class = |class| (0..30).map(move |number| (format!("{class}/{number}.bmp"), shape(class, number)));
    let mut files: Vec<_> = ["disk", "stripes"].into_iter().flat_map(of_class).collect();
    files.push(("stripes/wrong.bmp".into(), shape("disk", 41)));
    files.push(("disk/blank.bmp".into(), bmp(32, 32, |_, _| [120, 120, 120])));
    files
}

/// The numbers of disks and stripes in the project.
async fn counts(page: &Page) -> Value {
    page.run(
        "const [{ classes }] = await kindling.projects();
         return ['disk', 'stripes'].map(name => classes.find(it => it.name === name).images)",
        json!(null),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_wrong_label_is_pointed_out_and_corrected() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    std::fs::write(app.file("Shapes.zip"), zip(&folders())).unwrap();
    page.go_to("Data").await.unwrap();
    pick_file(&page, "Project file, or a zip with one folder per class", &app.file("Shapes.zip")).await;
    page.wait_for_text("62 images are in the project Shapes now", LONG).await.unwrap();
    page.run::<Value>("await kindling.ready()", json!(null)).await.unwrap();
    // All images are learned in turn, as the accuracy of a test says nothing here.
    let all = "await kindling.useProject((await kindling.projects())[0].id, { split: { testFraction: 0 } })";
    page.run::<Value>(all, json!(null)).await.unwrap();
    page.wait_for_text("Dataset summary: Shapes", LONG).await.unwrap();

    page.click("button", "Check the images").await.unwrap();
    page.wait_for_text("1 image is blank.", SHORT).await.unwrap();
    the_blank_image_is_filtered(&page).await;
    page.click("button", "Keep disk").await.unwrap();
    page.wait_for_text("Decided in this project: 1 kept, 0 relabeled, 0 deleted.", SHORT).await.unwrap();

    let report: Value =
        page.run("return await kindling.train({ network: 'features', epochs: 20 })", json!(null)).await.unwrap();
    assert!(report["best"]["validationAccuracy"].as_f64().unwrap() > 0.7, "{report}");
    incorrect_predictions_are_filtered(&page).await;
    page.go_to("Evaluate").await.unwrap();
    page.click("button", "Find label errors").await.unwrap();
    page.wait_for_text("Cross-validation accuracy:", LONG).await.unwrap();
    page.wait_for_text("stripes → disk", SHORT).await.unwrap();
    assert_eq!(counts(&page).await, json!([31, 31]));
    page.click("button", "Relabel as disk").await.unwrap();
    page.wait_for_text("1 kept, 1 relabeled, 0 deleted.", SHORT).await.unwrap();
    assert_eq!(counts(&page).await, json!([32, 30]));
    page.wait_for::<bool>("!document.querySelector('.suspect')", SHORT).await.unwrap();
    page.click("button", "Undo").await.unwrap();
    page.wait_for_text("1 kept, 0 relabeled, 0 deleted.", SHORT).await.unwrap();
    assert_eq!(counts(&page).await, json!([31, 31]));
    page.click("button", "Relabel as disk").await.unwrap();
    page.wait_for_text("1 kept, 1 relabeled, 0 deleted.", SHORT).await.unwrap();

    // The decisions are kept, and the corrected images are another dataset, which has no such error.
    page.click("button", "Use the corrected images").await.unwrap();
    page.wait_for::<bool>("!document.querySelector('.suspect')", LONG).await.unwrap();
    let found: Value = page
        .run(
            "const folds = new Set();
             const found = await kindling.findLabelErrors(
                 { network: 'features', epochs: 20, folds: 3 }, ({ fold }) => folds.add(fold));
             return { ...found, seen: [...folds].filter(fold => fold !== null) }",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!((&found["folds"], &found["seen"]), (&json!(3), &json!([0, 1, 2])), "{found}");
    let is_stripes = |error: &Value| error["label"] == "stripes";
    assert!(!found["errors"].as_array().unwrap().iter().any(is_stripes), "{found}");
    expect_no_trouble(&page).await;
    it_answers_in_another_browser_as_here(app, page).await;
}

const N_SHOWN: &str = "document.querySelectorAll('.thumbnail').length";

/// Only the images that a filter shows can be selected.
async fn the_blank_image_is_filtered(page: &Page) {
    set(page, "filter-flag", "poor").await;
    page.wait_for_text("1 of 62 images", SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("{N_SHOWN} === 1"), SHORT).await.unwrap();
    page.click("button", "Select all of these").await.unwrap();
    page.wait_for_text("1 image selected", SHORT).await.unwrap();
    set(page, "filter-class", &class_id(page, "stripes").await).await;
    page.wait_for_text("No image matches the filter.", SHORT).await.unwrap();
    page.wait_for::<bool>("!document.querySelector('.collect-selection')", SHORT).await.unwrap();
    page.click("button", "Clear the filter").await.unwrap();
    page.wait_for::<bool>(&format!("{N_SHOWN} > 40"), SHORT).await.unwrap();
    page.click("button", "Select none").await.unwrap();
    // Without a test split, all images are in the two others.
    set(page, "filter-split", "test").await;
    page.wait_for_text("0 of 62 images", SHORT).await.unwrap();
    page.click("button", "Clear the filter").await.unwrap();
}

/// The value of a class in the choice of classes.
async fn class_id(page: &Page, name: &str) -> String {
    let option = "return [...document.getElementById('filter-class').options].find(it => it.text === args).value";
    page.run(option, json!(name)).await.unwrap()
}

/// The predictions of the network that was trained are asked for when a filter needs them.
async fn incorrect_predictions_are_filtered(page: &Page) {
    let n_shown = |text: &str| format!("+(/^(\\d+) of 62/.exec({text}) ?? [0, -1])[1]");
    let figures = "document.querySelector('.filter-figures .class-count').innerText";
    page.go_to("Data").await.unwrap();
    set(page, "filter-prediction", "correct").await;
    page.wait_for::<bool>(&format!("{} > 31", n_shown(figures)), LONG).await.unwrap();
    let n_correct: u64 = page.run(&format!("return {}", n_shown(figures)), json!(null)).await.unwrap();
    set(page, "filter-prediction", "incorrect").await;
    page.wait_for_text(&format!("{} of 62 images", 62 - n_correct), SHORT).await.unwrap();
    page.click("button", "Clear the filter").await.unwrap();
}

/// A network that learned from the corrected images travels with the project, and answers to the last digit as before.
async fn it_answers_in_another_browser_as_here(app: App, page: Page) {
    let new: Vec<String> =
        (60..66).map(|number| STANDARD.encode(shape(if number < 63 { "disk" } else { "stripes" }, number))).collect();
    let made: Value = page
        .run(
            &format!(
                "{FILES}
                 await kindling.train({{ network: 'features', epochs: 20 }});
                 const [run] = (await kindling.runs()).slice(-1);
                 const answers = await kindling.classifyFiles(files(args));
                 const zip = await kindling.exportProject((await kindling.projects())[0].id);
                 const data = await new Promise(done => {{
                     const reader = new FileReader();
                     reader.onload = () => done(reader.result.split(',')[1]);
                     reader.readAsDataURL(zip);
                 }});
                 return {{ answers, run: run.id, data }}"
            ),
            json!(new),
        )
        .await
        .unwrap();
    assert_eq!(made["answers"]["images"].as_array().map(Vec::len), Some(6), "{}", made["answers"]);
    app.finish(page).await;

    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    std::fs::write(app.file("Corrected.zip"), STANDARD.decode(made["data"].as_str().unwrap()).unwrap()).unwrap();
    page.go_to("Data").await.unwrap();
    pick_file(&page, "Project file, or a zip with one folder per class", &app.file("Corrected.zip")).await;
    page.wait_for_text("62 images are in the project Shapes now", LONG).await.unwrap();
    assert_eq!(counts(&page).await, json!([32, 30]));
    let again: Value = page
        .run(
            &format!(
                "{FILES}
                 await kindling.ready();
                 await kindling.openRun(args[1]);
                 return await kindling.classifyFiles(files(args[0]))"
            ),
            json!([new, made["run"]]),
        )
        .await
        .unwrap();
    assert_eq!(again, made["answers"]);
    app.finish(page).await;
}

/// JavaScript for files of their encoded bytes.
const FILES: &str = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const files = texts => texts.map((text, number) => new File([bytes(text)], `new ${number}.bmp`));";

/// Trains on the first project, and opens its tray.
async fn use_and_train(page: &Page) {
    page.run::<Value>(
        "await kindling.useProject((await kindling.projects())[0].id);
         await kindling.train({ network: 'mlp', maxSteps: 300 });
         document.querySelector('.tray').open = true",
        json!(null),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn the_model_asks_for_labels_and_keys_answer() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    std::fs::write(app.file("Shapes.zip"), zip(&folders())).unwrap();
    page.go_to("Data").await.unwrap();
    pick_file(&page, "Project file, or a zip with one folder per class", &app.file("Shapes.zip")).await;
    page.wait_for_text("62 images are in the project Shapes now", LONG).await.unwrap();
    use_and_train(&page).await;
    for number in [50, 51, 52] {
        let path = app.file(&format!("{number}.bmp"));
        std::fs::write(&path, shape("stripes", number)).unwrap();
        pick_file(&page, "Image files without a label", &path).await;
        page.wait_for_text(&format!("Images without a label: {}", number - 49), SHORT).await.unwrap();
    }
    // They are in no class, and so in no dataset.
    assert_eq!(counts(&page).await, json!([31, 31]));
    page.click("button", "Ask me").await.unwrap();
    page.wait_for_text("The model says", LONG).await.unwrap();
    let press = "document.querySelector('.tray-asked').dispatchEvent(new KeyboardEvent('keydown', { key: args, bubbles: true }))";
    page.run::<Value>(press, json!("s")).await.unwrap();
    page.run::<Value>(press, json!("2")).await.unwrap();
    page.wait_for_text("1 label given.", SHORT).await.unwrap();
    page.wait_for_text("Images without a label: 2", SHORT).await.unwrap();
    assert_eq!(counts(&page).await, json!([31, 32]));
    page.click("button", "Undo").await.unwrap();
    page.wait_for_text("Images without a label: 3", SHORT).await.unwrap();
    page.run::<Value>("document.getElementById('tray-k-center').click()", json!(null)).await.unwrap();
    page.wait_for::<bool>("document.getElementById('tray-k-center').checked", SHORT).await.unwrap();
    page.wait_for_text("The model says", LONG).await.unwrap();
    labels_of_the_model_come_and_go(&page).await;
    labels_that_were_asked_for_make_a_curve(&page).await;
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Pseudo-labels are marked, undone in one step, taken back in one, and not validated or tested on.
async fn labels_of_the_model_come_and_go(page: &Page) {
    const N_MARKED: &str = "document.querySelectorAll('.thumbnail.is-pseudo').length";
    let in_classes = "(await kindling.projects())[0].classes.reduce((sum, { images }) => sum + images, 0)";
    set(page, "tray-confidence", "90").await;
    page.wait_for::<bool>("!document.getElementById('tray-pseudo').disabled", SHORT).await.unwrap();
    page.click("button", "Label *").await.unwrap();
    page.wait_for::<bool>(&format!("{N_MARKED} > 0"), SHORT).await.unwrap();
    // Nobody asks for a label that is given.
    let is_empty = "document.querySelector('.tray > summary').innerText.endsWith(': 0')";
    page.wait_for::<bool>(&format!("{is_empty} === !document.querySelector('.tray-asked')"), SHORT).await.unwrap();
    let (n_labeled, counts): (u64, Value) = page
        .run(
            &format!(
                "const n_images = {in_classes};
                 const id = (await kindling.projects())[0].id;
                 const before = (await kindling.useProject(id)).counts;
                 return [n_images - 62, before]"
            ),
            json!(null),
        )
        .await
        .unwrap();
    assert!((1..=3).contains(&n_labeled), "{n_labeled}");
    page.click("button", "Undo").await.unwrap();
    page.wait_for::<bool>(&format!("{N_MARKED} === 0"), SHORT).await.unwrap();
    assert_eq!(page.run::<u64>(&format!("return {in_classes}"), json!(null)).await.unwrap(), 62);
    let without: Value = page
        .run("return (await kindling.useProject((await kindling.projects())[0].id)).counts", json!(null))
        .await
        .unwrap();
    assert_eq!((&counts["validation"], &counts["test"]), (&without["validation"], &without["test"]));
    // One that looks like a held out image would be in no part.
    assert!(counts["train"].as_u64().unwrap() > without["train"].as_u64().unwrap(), "{counts} {without}");
    expect_pseudo_labels_to_go_back(page).await;
}

async fn expect_pseudo_labels_to_go_back(page: &Page) {
    page.run::<Value>("await kindling.train({ network: 'mlp', maxSteps: 300 })", json!(null)).await.unwrap();
    page.click("button", "Ask me").await.unwrap();
    page.wait_for::<bool>("!document.getElementById('tray-pseudo').disabled", LONG).await.unwrap();
    page.click("button", "Label *").await.unwrap();
    page.wait_for::<bool>("!!document.getElementById('tray-pseudo-back')", SHORT).await.unwrap();
    page.click("button", "Take *").await.unwrap();
    page.wait_for_text("without a label again.", SHORT).await.unwrap();
    page.wait_for_text("Images without a label: 3", SHORT).await.unwrap();
}

/// Once a model has learned from them, the labels that were asked for are compared with the same labels in random order.
async fn labels_that_were_asked_for_make_a_curve(page: &Page) {
    let new: Vec<String> = (60..72).map(|number| STANDARD.encode(shape("stripes", number))).collect();
    let add = format!("{FILES} await kindling.addImages((await kindling.projects())[0].id, {{ '': files(args) }})");
    page.run::<Value>(&add, json!(new)).await.unwrap();
    page.wait_for_text("Images without a label: 15", SHORT).await.unwrap();
    page.click("button", "Ask me").await.unwrap();
    for n_left in (0..15).rev() {
        // Of an image that the model has not looked at, it asks for no label.
        page.wait_for_text("The model says", LONG).await.unwrap();
        let press = "document.querySelector('.tray-asked').dispatchEvent(new KeyboardEvent('keydown', { key: '2', bubbles: true }))";
        page.run::<Value>(press, json!(null)).await.unwrap();
        page.wait_for_text(&format!("Images without a label: {n_left}"), SHORT).await.unwrap();
    }
    use_and_train(&page).await;
    page.click("button", "Draw the learning curve").await.unwrap();
    page.wait_for_text("in either order", LONG).await.unwrap();
    // No label, and growing numbers up to all of them, with both lines and the range of the draws.
    page.run::<Value>("document.querySelector('.tray .chart-switch').click()", json!(null)).await.unwrap();
    let rows = "document.querySelectorAll('.tray .chart-table tbody tr').length";
    page.wait_for::<bool>(&format!("{rows} >= 5"), SHORT).await.unwrap();
    let figures: Vec<Vec<String>> = page
        .run(
            "const rows = [...document.querySelectorAll('.tray .chart-table tbody tr')];
             return rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))",
            json!(null),
        )
        .await
        .unwrap();
    let (first, last) = (&figures[0], &figures[figures.len() - 1]);
    assert!(figures.iter().all(|row| row.len() == 4 && row.iter().all(|cell| cell.ends_with('%'))), "{figures:?}");
    assert!([first, last].iter().all(|row| row.iter().all(|cell| cell == &row[0])), "common ends: {figures:?}");
}
