//! A visitor's first minute on the CPU: one click trains; then the test, a view of the mistakes, and the visitor's own digits.

use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Camera, Page};

use crate::app::{App, LONG, SHORT};
use crate::pictures::{drawn_one, drawn_seven, drawn_zero, mnist, test_digit, write_bmp, write_y4m};
use crate::visitor::{
    answer, arrive, draw, expect_no_trouble, figure, fill, is_answered, number, pick_file, wait_until,
};

/// Percent, after one epoch of the preset, which reaches 97 to 98.
const ACCURACY_BAR: f64 = 95.0;

/// From the click to the first step, including the download from this machine.
const FIRST_STEP_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn one_click_trains_and_the_buttons_steer() {
    let app = App::start().await;
    let page = arrive(&app, "").await;
    page.click("button", "Train").await.unwrap();
    let steps = number("Steps");
    wait_until(&page, &steps, "it >= 1", FIRST_STEP_LIMIT).await;
    curves_move(&page, "Loss").await;
    curves_move(&page, "Accuracy").await;
    page.wait_for_text("correct. The network does not train on these.", SHORT).await.unwrap();
    let verdicts: u32 = page
        .run("return document.querySelectorAll('.samples li .sample-confidence').length", json!(null))
        .await
        .unwrap();
    assert!(verdicts >= 10, "the network's answers on {verdicts} sample images are shown");

    page.click("button", "Pause").await.unwrap();
    page.control("status", "Paused").await.unwrap();
    let paused_at = wait_until(&page, &steps, "true", SHORT).await;
    // If the run continued, the number would be larger than the clicks make it.
    for n_clicks in 1..=3 {
        page.click("button", "Step").await.unwrap();
        let step = wait_until(&page, &steps, &format!("it > {}", paused_at + f64::from(n_clicks) - 1.0), SHORT).await;
        assert_eq!(step, paused_at + f64::from(n_clicks), "after {n_clicks} single steps from {paused_at}");
        page.control("status", "Paused").await.unwrap();
    }

    page.click("button", "Resume").await.unwrap();
    wait_until(&page, &steps, &format!("it >= {}", paused_at + 20.0), SHORT).await;
    // The run continues while the visitor is in another place, and is visible there.
    page.go_to("Data").await.unwrap();
    page.click("link", "Epoch *").await.unwrap();
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Waits until a chart has a line, and until the line has changed.
async fn curves_move(page: &Page, chart: &str) {
    let path = format!(
        "[...document.querySelectorAll('[role=slider]')].find(it => it.ariaLabel === {chart})
             ?.querySelector('path.line')?.getAttribute('d')",
        chart = json!(chart)
    );
    let first: String = page.wait_for(&format!("(it => it?.includes('L') && it)({path})"), SHORT).await.unwrap();
    page.wait_for::<bool>(&format!("{path} !== {}", json!(first)), SHORT).await.unwrap();
}

#[tokio::test]
async fn an_epoch_is_enough_to_test_the_network_and_to_use_it() {
    let app = App::start().await;
    let page = arrive(&app, "").await;
    train_one_epoch(&page).await;
    page.click("link", "Evaluate the model").await.unwrap();
    test_set(&page).await;
    page.go_to("Predict").await.unwrap();
    drawings(&page).await;
    uploads(&app, &page).await;
    one_screen(&page).await;
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

async fn train_one_epoch(page: &Page) {
    fill(page, "Epochs", 1).await;
    page.click("button", "Train").await.unwrap();
    let verdict = "[...document.querySelectorAll('[role=status]')].map(it => it.innerText)
         .find(text => text.includes('Validation accuracy: '))";
    let verdict: String = page.wait_for(verdict, LONG).await.unwrap();
    let (_, accuracy) = verdict.split_once("Validation accuracy: ").unwrap();
    let accuracy: f64 = accuracy.split('%').next().unwrap_or_default().parse().unwrap_or(0.0);
    assert!(accuracy >= ACCURACY_BAR, "after one epoch: {verdict}");
    page.wait_for_text("540 steps in ", SHORT).await.unwrap();
}

/// Tests on the ten thousand test images; the figures that the page then shows must be consistent.
async fn test_set(page: &Page) {
    page.click("radio", "Test").await.unwrap();
    page.click("button", "Test").await.unwrap();
    let accuracy = wait_until(page, &number("Accuracy"), "it > 0", LONG).await;
    assert!(accuracy >= ACCURACY_BAR, "{accuracy}% of the test images");
    let right = wait_until(page, &number("Correct"), "true", SHORT).await;
    let of: String = page.wait_for(&figure("Correct"), SHORT).await.unwrap();
    assert!(of.ends_with("of 10,000"), "{of}");
    assert!((accuracy - right / 100.0).abs() < 0.06, "{accuracy}% and {of}");

    let matrix: Vec<Vec<u32>> = page
        .run(
            "const rows = document.querySelectorAll('[aria-label=\"Confusion matrix\"] tbody tr');
             return [...rows].map(row => [...row.querySelectorAll('td')].map(cell => Number(cell.innerText)));",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(matrix.iter().map(Vec::len).collect::<Vec<_>>(), [10; 10]);
    assert_eq!(matrix.iter().flatten().sum::<u32>(), 10_000);
    assert_eq!(f64::from((0..10).map(|class| matrix[class][class]).sum::<u32>()), right, "{matrix:?}");

    open_most_confused_cell(page, &matrix).await;

    let classes: Vec<Vec<String>> = page
        .run(
            "const rows = document.querySelectorAll('[aria-label=\"Per-class metrics\"] tbody tr');
             return [...rows].map(row => [...row.children].map(cell => cell.innerText));",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(classes.len(), 10, "{classes:?}");
    // The test set has 980 zeros.
    assert_eq!(classes[0][..2], ["0", "980"], "{classes:?}");

    let mistakes = captions(page, "Highest-loss errors").await;
    assert_eq!(mistakes.len(), 24.min(10_000 - right as usize));
    for caption in &mistakes {
        let (label, said) = caption.split_once(" Predicted: ").unwrap();
        assert_ne!(label.trim_start_matches("Label: "), &said[..1], "a mistake");
    }
    page.click("button", "Next").await.unwrap();
    page.wait_for_text("Page 2 of ", SHORT).await.unwrap();
    let others = format!("(it => it.join() !== {})({})", json!(mistakes.join(",")), captions_in("Highest-loss errors"));
    page.wait_for::<bool>(&others, SHORT).await.unwrap();
}

/// A cell opens as many images as it states, each with the two classes of the cell.
async fn open_most_confused_cell(page: &Page, matrix: &[Vec<u32>]) {
    let cells = (0..10).flat_map(|label| (0..10).map(move |predicted| (label, predicted)));
    let (label, predicted) = cells.filter(|(a, b)| a != b).max_by_key(|&(a, b)| matrix[a][b]).unwrap();
    let n_images = matrix[label][predicted];
    assert!(n_images > 0, "not one mistake in ten thousand: {matrix:?}");
    let pair = format!("{label} → {predicted}");
    page.click("button", &format!("{pair}: {n_images}")).await.unwrap();
    let images = captions(page, &pair).await;
    assert_eq!(images.len(), 24.min(n_images as usize), "{images:?}");
    let caption = format!("Label: {label} Predicted: {predicted} ");
    assert!(images.iter().all(|image| image.starts_with(&caption)), "{images:?}");
    page.click("button", "Close").await.unwrap();
}

/// The captions of a list of images, once it is filled.
async fn captions(page: &Page, list: &str) -> Vec<String> {
    page.wait_for(&format!("(it => it.length && it)({})", captions_in(list)), SHORT).await.unwrap()
}

fn captions_in(list: &str) -> String {
    format!(
        "[...document.querySelectorAll('ul[aria-label={}] figcaption')].map(it => it.innerText.replace(/\\s+/g, ' '))",
        json!(list)
    )
}

/// Draws a one, a seven and a zero with the mouse.
async fn drawings(page: &Page) {
    page.wait_for_text("Draw something", SHORT).await.unwrap();
    for (class, strokes) in [("1", drawn_one()), ("7", drawn_seven()), ("0", drawn_zero())] {
        draw(page, &strokes).await;
        assert!(is_answered(page, class).await, "a drawn {class}: {}", answer(page).await);
        page.click("button", "Clear").await.unwrap();
        page.wait_for_text("Draw something", SHORT).await.unwrap();
    }
    // The thinnest pen.
    let pen = "const pen = document.querySelector('.draw-pad-width input');
               pen.value = pen.min;
               pen.dispatchEvent(new Event('input', { bubbles: true }));";
    page.run::<Value>(pen, json!(null)).await.unwrap();
    draw(page, &drawn_seven()).await;
    assert!(is_answered(page, "7").await, "a seven drawn with a thin pen: {}", answer(page).await);
    page.click("button", "Clear").await.unwrap();
}

/// Checks that each place fits a screen while a run is under way, whose progress then stands in the header.
async fn one_screen(page: &Page) {
    let train = "const hasBegun = new Promise(resolve => {
                     kindling.train({ epochs: 100 }, ({ kind }) => kind === 'progress' && resolve(true)).catch(() => {});
                 });
                 return await hasBegun;";
    assert!(page.run::<bool>(train, json!(null)).await.unwrap());
    let screen = async |width: u32, height: u32| {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 1000 });
        page.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    };
    screen(1440, 900).await;
    for (place, content) in [("Train", ".chart-pair"), ("Network", "#layer-inspector"), ("Predict", "#export")] {
        page.go_to(place).await.unwrap();
        page.control("heading", place).await.unwrap();
        page.wait_for::<bool>(&format!("!!document.querySelector('main {content}')"), SHORT).await.unwrap();
        let height: f64 = page.run("return document.documentElement.scrollHeight", json!(null)).await.unwrap();
        assert!(height <= 900.0, "{place} is {height} pixels high");
    }
    // While drawing on a phone, the pad, the verdict and the bars are in sight together, above the links to the places.
    screen(390, 844).await;
    draw(page, &drawn_seven()).await;
    assert!(is_answered(page, "7").await, "{}", answer(page).await);
    let hidden: Vec<String> = page
        .run(
            "const bottom = document.querySelector('.places').getBoundingClientRect().top;
             const top = document.querySelector('.top').getBoundingClientRect().bottom;
             document.querySelector('.draw-pad canvas').scrollIntoView({ block: 'center' });
             const parts = ['.draw-pad canvas', '.answer-verdict', '.seen canvas', '.probability-label'];
             return parts.flatMap(part => [...document.querySelectorAll(part)]).filter(part => {
                 const at = part.getBoundingClientRect();
                 return at.top < top || at.bottom > bottom || at.height === 0;
             }).map(part => part.className + ' ' + part.innerText);",
            json!(null),
        )
        .await
        .unwrap();
    assert!(hidden.is_empty(), "out of sight on a phone: {hidden:?}");
    page.cdp().send_raw("Emulation.clearDeviceMetricsOverride", json!({})).await.unwrap();
    page.run::<Value>("await kindling.stop()", json!(null)).await.unwrap();
}

/// Uploads digits of the test set as image files. One of five may be misclassified.
async fn uploads(app: &App, page: &Page) {
    page.click("tab", "Upload").await.unwrap();
    let dataset = mnist();
    let mut answers = Vec::new();
    for class in [0, 1, 2, 4, 7] {
        let path = write_bmp(&test_digit(&dataset, class, 0), &app.file(&format!("digit-{class}.bmp")));
        pick_file(page, "Choose an image", &path).await;
        let is_right = is_answered(page, &class.to_string()).await;
        answers.push((class, is_right, answer(page).await));
    }
    let n_right = answers.iter().filter(|(_, is_right, _)| *is_right).count();
    assert!(n_right >= 4, "{answers:#?}");
}

#[tokio::test]
async fn a_webcam_is_answered_live() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = mnist();
    let digits = [test_digit(&dataset, 0, 0), test_digit(&dataset, 1, 0)];
    let clip = write_y4m(&digits, &folder.path().join("digits.y4m"));
    let app = App::start_with(BrowserOptions { camera: Camera::Showing(clip), ..Default::default() }, "/").await;
    let page = arrive(&app, "").await;
    page.run::<Value>("await kindling.loadDataset('mnist'); await kindling.train({ epochs: 1 })", json!(null))
        .await
        .unwrap();
    page.go_to("Predict").await.unwrap();
    page.click("tab", "Webcam").await.unwrap();
    page.click("button", "Start camera").await.unwrap();
    // The clip shows the digits in turn.
    for class in ["0", "1", "0"] {
        assert!(is_answered(&page, class).await, "{class} before the camera: {}", answer(&page).await);
    }
    page.click("button", "Stop camera").await.unwrap();
    page.wait_for_text("Start the camera", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}
