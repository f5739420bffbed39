//! A run moves between the page and the command line: losses are equal, and each opens what the other trained.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, SHORT};
use crate::pictures::{drawn_one, drawn_zero, mnist, test_digit, write_bmp};
use crate::visitor::draw;

const STEPS: usize = 100;

/// Relative to the loss. Wasm's SIMD has four lanes and no fused multiply-add, so sums round differently than natively, and differences
/// grow along a training trajectory.
const TOLERANCE: f64 = 1e-3;

#[tokio::test]
async fn a_run_of_the_page_is_trained_by_kindling_and_the_result_comes_back() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    let config = json!({ "network": "lenet", "batchSize": 64, "epochs": 1, "maxSteps": STEPS, "seed": 7 });
    let trained: Value = page
        .run(
            "await kindling.loadDataset('mnist');
             const losses = [];
             await kindling.train(args, event => { if (event.kind === 'progress') losses.push(...event.losses); });
             const run = (await kindling.runs()).at(-1);
             let text = '';
             for (const byte of new Uint8Array(await (await kindling.exportRun(run.id)).arrayBuffer())) {
                 text += String.fromCharCode(byte);
             }
             return { losses, config: run.config, file: btoa(text) };",
            config,
        )
        .await
        .unwrap();
    std::fs::write(app.file("settings.json"), trained["config"].to_string()).unwrap();
    std::fs::write(app.file("page.safetensors"), STANDARD.decode(trained["file"].as_str().unwrap()).unwrap()).unwrap();
    let digit = write_bmp(&test_digit(&mnist(), 1, 0), &app.file("one.bmp"));

    let here = losses(&trained["losses"]);
    let there = train(&app);
    assert_eq!((here.len(), there.len()), (STEPS, STEPS));
    for (step, (here, there)) in here.iter().zip(&there).enumerate() {
        let difference = (here - there).abs() / here;
        assert!(difference < TOLERANCE, "step {step}: {here} in the page, {there} by kindling");
    }

    // The command line predicts with the page's network.
    let (class, probability) = predict(&app, "page.safetensors", &digit);
    let in_page = classify(&page, &digit).await;
    assert_eq!(in_page["label"].as_str(), Some(class.as_str()));
    assert!((in_page["probability"].as_f64().unwrap() - probability).abs() < TOLERANCE, "{in_page}, {probability}");

    // The page predicts with the command line's network. After a reload, it has no other.
    page.session().refresh().await.unwrap();
    import(&page, &app.file("run/weights.safetensors")).await;
    page.go_to("Predict").await.unwrap();
    let one = drawing(&app, &page, &drawn_one()).await;
    let zero = drawing(&app, &page, &drawn_zero()).await;
    assert_ne!(one, zero);
    app.finish(page).await;
}

/// Imports a run into the page and opens it.
async fn import(page: &Page, file: &Path) {
    let before = "await kindling.loadDataset('mnist'); return await kindling.evaluate('validation')";
    assert_eq!(page.call::<Value>(before, json!(null)).await.unwrap().unwrap_err().name, "NoNetwork");
    page.run::<Value>(
        "const bytes = Uint8Array.from(atob(args), letter => letter.charCodeAt(0));
         const [id] = await kindling.importRun(new Blob([bytes]));
         await kindling.openRun(id);",
        json!(STANDARD.encode(std::fs::read(file).unwrap())),
    )
    .await
    .unwrap();
}

/// Draws on the pad. The page must show its prediction, and for the same pixels predict what `kindling predict` does. Returns the
/// prediction.
async fn drawing(app: &App, page: &Page, strokes: &[Vec<(f64, f64)>]) -> Vec<(String, f64)> {
    draw(page, strokes).await;
    // The copy is small enough to be prepared at its own resolution, as a drawing by the page and as a photo by kindling.
    let drawn: Value = page
        .run(
            "const pad = document.querySelector('[aria-label=\"Drawing pad\"]');
             const copy = Object.assign(document.createElement('canvas'), { width: 128, height: 128 });
             copy.getContext('2d').drawImage(pad, 0, 0, 128, 128);
             const classes = await Promise.all([pad, copy].map(it => kindling.classify(it, { kind: 'drawing' })));
             return { classes, png: copy.toDataURL('image/png').split(',')[1] };",
            json!(null),
        )
        .await
        .unwrap();
    let [shown, copied] = [0, 1].map(|place| classes(&drawn["classes"][place]));
    let is_shown = format!(
        "(it => it?.innerText.startsWith({}) && Math.abs(parseFloat(it.children[1].innerText.replace(/[<>]/, '')) - {}) < 0.1)(
             document.querySelector('.probabilities .is-marked'))",
        json!(shown[0].0),
        100.0 * shown[0].1
    );
    page.wait_for::<bool>(&is_shown, SHORT).await.unwrap();

    let file = app.file("drawing.png");
    std::fs::write(&file, STANDARD.decode(drawn["png"].as_str().unwrap()).unwrap()).unwrap();
    let (class, probability) = predict(app, "run", &file);
    assert_eq!(copied[0].0, class);
    assert!((copied[0].1 - probability).abs() < TOLERANCE, "{copied:?}, {probability}");
    page.click("button", "Clear").await.unwrap();
    page.wait_for_text("Draw something", SHORT).await.unwrap();
    shown
}

/// All classes with their probabilities, most probable first.
fn classes(classes: &Value) -> Vec<(String, f64)> {
    let pair = |class: &Value| (class["label"].as_str().unwrap().to_owned(), class["probability"].as_f64().unwrap());
    let classes: Vec<_> = classes.as_array().unwrap().iter().map(pair).collect();
    let total: f64 = classes.iter().map(|(_, probability)| probability).sum();
    assert!((total - 1.0).abs() < TOLERANCE, "{classes:?}");
    classes
}

/// Trains with the page's settings by kindling; returns the losses.
fn train(app: &App) -> Vec<f64> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/datasets/mnist");
    let (settings, out) = (app.file("settings.json"), app.file("run"));
    let arguments = ["train", path(&settings), "--data", path(&data), "--out", path(&out), "--threads=1", "--json"];
    let events = kindling(&arguments);
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == "progress").flat_map(|event| losses(&event["losses"])).collect()
}

/// The most probable class, and its probability.
fn predict(app: &App, run: &str, image: &Path) -> (String, f64) {
    let table = kindling(&["predict", path(&app.file(run)), path(image), "--csv", "--top=1", "--threads=1"]);
    let fields: Vec<&str> = table.lines().nth(1).unwrap().rsplitn(3, ',').collect();
    (fields[1].to_owned(), fields[0].parse().unwrap())
}

async fn classify(page: &Page, image: &Path) -> Value {
    let script = "const bytes = Uint8Array.from(atob(args), letter => letter.charCodeAt(0));
        return (await kindling.classify(new Blob([bytes], { type: 'image/bmp' })))[0];";
    page.run(script, json!(STANDARD.encode(std::fs::read(image).unwrap()))).await.unwrap()
}

fn losses(losses: &Value) -> Vec<f64> {
    losses.as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `kindling`, which `cargo xtask test` builds; returns its output.
fn kindling(arguments: &[&str]) -> String {
    let program =
        PathBuf::from(std::env::var("KINDLING_PROGRAM").expect("KINDLING_PROGRAM is the command line's program"));
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
