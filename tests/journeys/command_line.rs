//! A run moves between the page and the command line: losses are equal, and each opens what the other trained.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::App;
use crate::pictures::{mnist, test_digit, write_bmp};

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

    // The command line predicts with the page's network, then the page with the command line's.
    let (class, probability) = predict(&app, "page.safetensors", &digit);
    let in_page = classify(&page, &digit).await;
    assert_eq!(in_page["label"].as_str(), Some(class.as_str()));
    assert!((in_page["probability"].as_f64().unwrap() - probability).abs() < TOLERANCE, "{in_page}, {probability}");
    let file = STANDARD.encode(std::fs::read(app.file("run/weights.safetensors")).unwrap());
    page.run::<Value>(
        "const bytes = Uint8Array.from(atob(args), letter => letter.charCodeAt(0));
         const [id] = await kindling.importRun(new Blob([bytes]));
         await kindling.openRun(id);",
        json!(file),
    )
    .await
    .unwrap();
    let (class, probability) = predict(&app, "run", &digit);
    let in_page = classify(&page, &digit).await;
    assert_eq!(in_page["label"].as_str(), Some(class.as_str()));
    assert!((in_page["probability"].as_f64().unwrap() - probability).abs() < TOLERANCE, "{in_page}, {probability}");
    app.finish(page).await;
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
