//! Networks come back from their exports, and in from other tools: evaluated, tried, exported and trained further like those trained here.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::{App, LONG, SHORT};
use crate::visitor::{click, open_tab, pick_file};

/// As PyTorch's exporter writes it; `make.py` beside it says how it was made.
const FOREIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/exchange/tests/data/residual.onnx");

const TRAIN: &str = "await kindling.loadDataset('mnist'); await kindling.train(
    { network: 'lenet', optimizer: 'adam', learningRate: 0.002, batchSize: 64, maxSteps: 300 });";

#[tokio::test]
async fn an_exported_model_comes_back_and_learns_on() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>(TRAIN, json!(null)).await.unwrap();
    let before: Value = page.run("return (await kindling.evaluate('test')).accuracy", json!(null)).await.unwrap();
    for format in ["safetensors", "onnx"] {
        let (ending, network, accuracy, parameters): (String, String, Value, u64) = page
            .run(
                "const id = await kindling.import(await kindling.export(args));
                 const run = (await kindling.runs()).find(run => run.id === id);
                 const { accuracy } = await kindling.evaluate('test');
                 return [run.ending, run.config.network.name, accuracy, run.parameters];",
                json!(format),
            )
            .await
            .unwrap();
        assert_eq!(
            (ending.as_str(), network.as_str(), &accuracy),
            ("imported", "LeNet (PyTorch tutorial)", &before),
            "{format}"
        );
        assert!(parameters > 40_000);
    }
    // What came in goes out, and learns on: its first loss is that of a trained network.
    let (size, steps, loss): (u64, u32, f64) = page
        .run(
            "const blob = await kindling.export('tflite');
             const id = (await kindling.runs()).at(-1).id;
             let first = null;
             const { steps } = await kindling.train({ from: id, maxSteps: 20, learningRate: 0.0001 }, event => {
                 if (event.kind === 'progress') first ??= event.losses[0];
             });
             return [blob.size, steps, first];",
            json!(null),
        )
        .await
        .unwrap();
    assert!(size > 100_000 && steps == 20 && loss < 1.0, "{size} {steps} {loss}");
    let refused = page
        .call::<Value>("await kindling.import(await kindling.export('onnx-int8'))", json!(null))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.name, "BadFile");
    assert!(refused.message.contains("(QuantizeLinear)"), "{}", refused.message);
    app.finish(page).await;
}

#[tokio::test]
async fn a_network_of_another_tool_is_imported_evaluated_and_tried() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.go_to("Train").await.unwrap();
    open_tab(&page, "runs").await;
    page.wait_for::<bool>("!!document.querySelector('#runs-import')", SHORT).await.unwrap();
    // Nothing says which images it is for.
    pick_file(&page, "Import runs, hyperparameters or a network", Path::new(FOREIGN)).await;
    page.wait_for_text("load such images first", LONG).await.unwrap();
    page.run::<Value>("await kindling.loadDataset('mnist')", json!(null)).await.unwrap();
    pick_file(&page, "Import runs, hyperparameters or a network", Path::new(FOREIGN)).await;
    page.wait_for_text("The model was imported from a file.", LONG).await.unwrap();
    page.wait_for_text("imported from a file", SHORT).await.unwrap();
    let n_layers: usize =
        page.run("return (await kindling.runs()).at(-1).config.network.layers.length", json!(null)).await.unwrap();
    assert_eq!(n_layers, 9);
    page.go_to("Evaluate").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#understand-title')", SHORT).await.unwrap();
    let accuracy: f64 = page.run("return (await kindling.evaluate('test')).accuracy", json!(null)).await.unwrap();
    // Its weights are random.
    assert!((0.0..0.6).contains(&accuracy), "{accuracy}");
    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#export')", SHORT).await.unwrap();
    click(&page, "#export > summary").await;
    page.click("button", "Export as ONNX").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('.export-proof')", LONG).await.unwrap();
    app.finish(page).await;
}
