//! A trained model becomes smaller: what it costs, the pruning curve, half of its channels trained further and exported, a student that learns from
//! it.

use serde_json::{Value, json};

use crate::app::{App, LONG, SHORT};
use crate::visitor::{click, set};

/// JavaScript for the rows of the pruning curve's table.
const ROWS: &str = "[...document.querySelectorAll('.compress-points tbody tr')]";

#[tokio::test]
async fn half_of_the_channels_go_and_the_accuracy_stays() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>(
        "await kindling.loadDataset('mnist'); await kindling.train(args);",
        json!({ "network": "lenet", "optimizer": "adam", "learningRate": 0.002, "batchSize": 64, "maxSteps": 600 }),
    )
    .await
    .unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#compress')", SHORT).await.unwrap();
    click(&page, "#compress > summary").await;
    click(&page, "#compress-measure").await;
    let time = "parseFloat(document.getElementById('compress-time').innerText)";
    page.wait_for::<bool>(&format!("{time} > 0"), LONG).await.unwrap();
    let in_integers = "parseFloat(document.getElementById('compress-time-int8').innerText)";
    page.wait_for::<bool>(&format!("{in_integers} > 0"), LONG).await.unwrap();

    click(&page, "#compress-curve").await;
    page.wait_for::<bool>(&format!("{ROWS}.length === 10"), LONG).await.unwrap();
    // With all channels, the curve begins at the model's own accuracy; with a tenth of them, little is left.
    let curve: Vec<f64> = page
        .run(&format!("return {ROWS}.map(row => parseFloat(row.lastElementChild.innerText))"), json!(null))
        .await
        .unwrap();
    assert!(curve[0] > 90.0 && curve[9] < curve[0] - 10.0, "{curve:?}");
    let is_chosen = "document.getElementById('keep-50').checked";
    assert!(page.run::<bool>(&format!("return {is_chosen}"), json!(null)).await.unwrap());
    // Nearly all of it is seen at once.
    let desktop = json!({ "width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", desktop).await.unwrap();
    let height = "return document.querySelector('.compress').getBoundingClientRect().height";
    let height: f64 = page.run(height, json!(null)).await.unwrap();
    assert!(height <= 1_000.0, "{height} pixels");

    page.wait_for::<bool>("document.getElementById('compress-prune').getAttribute('aria-disabled') === 'false'", SHORT)
        .await
        .unwrap();
    click(&page, "#compress-prune").await;
    page.wait_for::<bool>("location.hash === '#train' && (await kindling.runs()).length === 2", LONG).await.unwrap();
    let [whole, half]: [Value; 2] = page.run("return await kindling.runs()", json!(null)).await.unwrap();
    let accuracy = |run: &Value| run["best"]["validationAccuracy"].as_f64();
    // The first run ended within its first epoch, before it was validated.
    let before = accuracy(&whole).unwrap_or(curve[0] / 100.0);
    let after = accuracy(&half).unwrap();
    assert!(after > before - 0.005, "{after} after {before}");
    let parameters = |run: &Value| run["parameters"].as_f64().unwrap();
    assert!(parameters(&half) < 0.4 * parameters(&whole), "{} of {}", parameters(&half), parameters(&whole));
    assert!(half["config"]["network"]["name"].as_str().unwrap().ends_with(" 50%"));

    let size: f64 = page.run("return (await kindling.export('onnx')).size", json!(null)).await.unwrap();
    let whole_size: f64 =
        page.run("return (await kindling.export('onnx', { run: args })).size", whole["id"].clone()).await.unwrap();
    assert!(size < 0.5 * whole_size, "{size} bytes instead of {whole_size}");
    // It comes back as it left.
    let (again, expected): (f64, f64) = page
        .run(
            "await kindling.openRun(args);
             const file = await kindling.export('onnx');
             const expected = (await kindling.evaluate('test')).accuracy;
             await kindling.import(file);
             return [(await kindling.evaluate('test')).accuracy, expected];",
            half["id"].clone(),
        )
        .await
        .unwrap();
    assert_eq!(again, expected);

    // What a program asks for is what the panel shows; a layer that stays in floats takes more space.
    let cost: Value = page.run("return await kindling.cost({ run: args })", half["id"].clone()).await.unwrap();
    let number = |name: &str| cost.pointer(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("{name}: {cost}"));
    assert_eq!(number("/parameters"), parameters(&half));
    assert!(number("/msPerImage") > 0.0 && number("/int8/msPerImage") > 0.0, "{cost}");
    assert!(number("/int8/floatAccuracy") - number("/int8/accuracy") <= 0.005, "{cost}");
    let partly: f64 = page
        .run("return (await kindling.export('onnx-int8', { run: args, floatLayers: ['7'] })).size", half["id"].clone())
        .await
        .unwrap();
    assert!(partly > number("/int8/bytes"), "{partly}: {cost}");

    // Three of four weights become zero and stay so: the archive of the weights is packed to a fraction, the accuracy stays.
    let (accuracies, sizes): ([f64; 2], [f64; 2]) = page
        .run(
            "const size = async () => (await kindling.export('safetensors')).size;
             await kindling.openRun(args);
             const [whole, wholeSize] = [(await kindling.evaluate('test')).accuracy, await size()];
             await kindling.prune({ run: args, of: 'weights', keep: 0.25, epochs: 1 });
             return [[whole, (await kindling.evaluate('test')).accuracy], [wholeSize, await size()]];",
            whole["id"].clone(),
        )
        .await
        .unwrap();
    assert!(accuracies[1] > accuracies[0] - 0.005, "{accuracies:?}");
    assert!(sizes[1] < 0.5 * sizes[0], "{sizes:?}");
    let points: Vec<Value> =
        page.run("return await kindling.pruningCurve({ of: 'weights' })", json!(null)).await.unwrap();
    assert!(points.len() == 10 && points[9]["bytes"].as_f64() < points[0]["bytes"].as_f64(), "{points:?}");
    app.finish(page).await;
}

#[tokio::test]
async fn a_student_learns_from_a_kept_run() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>(
        "await kindling.loadDataset('mnist'); await kindling.train({ network: 'one-minute', maxSteps: 100 });",
        json!(null),
    )
    .await
    .unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#compress')", SHORT).await.unwrap();
    click(&page, "#compress > summary").await;
    set(&page, "distill-student", "mlp").await;
    set(&page, "distill-temperature", "2").await;
    click(&page, "#distill-start").await;
    page.wait_for::<bool>("location.hash === '#train' && (await kindling.currentRun()).state === 'training'", LONG)
        .await
        .unwrap();
    page.run::<Value>("await kindling.stop()", json!(null)).await.unwrap();
    page.wait_for::<bool>("(await kindling.runs()).length === 2", LONG).await.unwrap();
    let student: Value = page.run("return (await kindling.runs())[1].config", json!(null)).await.unwrap();
    assert_eq!(student["distillation"], json!({ "temperature": 2, "weight": 0.7 }));
    assert!(student["network"]["name"].as_str().unwrap().ends_with(", distilled"), "{student}");

    // A program names the teacher by its run; without one there is nothing to learn from.
    let taught: Value = page
        .run(
            "const [teacher] = await kindling.runs();
             return await kindling.train({ network: 'mlp', maxSteps: 20, teacher: teacher.id, distillation: { weight: 1 } });",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(taught["steps"], json!(20));
    let refused: String = page
        .run(
            "return await kindling.train({ network: 'mlp', maxSteps: 20, distillation: {} }).then(() => '', error => error.name)",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(refused, "BadConfig");
    app.finish(page).await;
}
