//! A trained model leaves the page: in every format, each with its proof, and as one file that classifies without a connection as the page does.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kindling_exchange::archive::unpack;
use serde_json::{Value, json};
use xtask::drive::Page;
use xtask::server::{Isolation, Server, ServerConfig};

use crate::app::{App, LONG, SHORT};
use crate::pictures::drawn_seven;
use crate::visitor::{click, draw_on};

/// As the buttons name them.
const FORMATS: [&str; 8] = [
    "Web page",
    "ONNX",
    "ONNX int8",
    "TensorFlow Lite",
    "TensorFlow Lite int8",
    "TensorFlow.js",
    "PyTorch",
    "Web component",
];

/// JavaScript for the proofs that are shown so far: largest differences, and in integers of 8 bits agreement and loss of accuracy.
const PROOFS: &str = "[...document.querySelectorAll('.export-proof')].map(it => it.dataset)";

#[tokio::test]
async fn a_model_leaves_in_every_format_and_classifies_elsewhere_as_here() {
    let app = App::start().await;
    let page = app.open("?engine=cpu").await;
    page.run::<Value>(
        "await kindling.loadDataset('mnist'); await kindling.train({ network: 'lenet', maxSteps: 150 });",
        json!(null),
    )
    .await
    .unwrap();
    page.go_to("Predict").await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#export')", SHORT).await.unwrap();
    click(&page, "#export > summary").await;
    for (format, n_before) in FORMATS.into_iter().zip(0..) {
        page.click("button", &format!("Export as {format}")).await.unwrap();
        page.wait_for::<bool>(&format!("{PROOFS}.length === {}", n_before + 1), LONG).await.unwrap();
    }
    let proofs: Vec<BTreeMap<String, String>> =
        page.run(&format!("return {PROOFS}.map(it => ({{ ...it }}))"), json!(null)).await.unwrap();
    let number = |proof: &BTreeMap<String, String>, name: &str| proof[name].parse::<f64>().unwrap();
    let (exact, quantized): (Vec<_>, Vec<_>) = proofs.iter().partition(|proof| proof.contains_key("difference"));
    assert_eq!((exact.len(), quantized.len()), (6, 2), "{proofs:?}");
    assert!(exact.iter().all(|proof| number(proof, "difference") <= 1e-4), "{exact:?}");
    // Half a point of the accuracy, and a predicted class in a hundred.
    let is_close =
        |proof: &&&BTreeMap<String, String>| number(proof, "loss") <= 0.005 && number(proof, "agreement") >= 0.99;
    assert!(quantized.iter().filter(is_close).count() == 2, "{quantized:?}");
    let (one_file, module) = (exported(&page, "page").await, exported(&page, "module").await);

    let path = app.file("model.html");
    fs::write(&path, one_file).unwrap();
    let (drawing, drawn) = drawn_on_one_file(&page, &format!("file://{}", path.display())).await;
    let seen = seen_by_component(&app, &page, &module, &drawing).await;
    page.session().goto(format!("{}?engine=cpu", app.url())).await.unwrap();
    page.run::<Value>("await kindling.openRun((await kindling.runs()).at(-1).id)", json!(null)).await.unwrap();
    for (kind, found) in [("drawing", drawn), ("photo", seen)] {
        let expected = classified(&page, &drawing, kind).await;
        assert_eq!(best(&found), best(&expected), "{kind}");
        for (label, percent) in &found {
            // The file shows tenths, and a byte of the prepared drawing may differ by one.
            assert!((percent - expected[label]).abs() < 0.5, "{kind}: {found:?} instead of {expected:?}");
        }
    }
    app.finish(page).await;
}

/// Percentages by class.
type Classes = BTreeMap<String, f64>;

fn best(classes: &Classes) -> Option<&String> {
    classes.iter().max_by(|one, other| one.1.total_cmp(other.1)).map(|(label, _)| label)
}

async fn exported(page: &Page, format: &str) -> Vec<u8> {
    let file: String = page
        .run(
            "const blob = await kindling.export(args);
             return await new Promise(resolve => {
                 const reader = new FileReader();
                 reader.onload = () => resolve(reader.result.split(',')[1]);
                 reader.readAsDataURL(blob);
             });",
            json!(format),
        )
        .await
        .unwrap();
    STANDARD.decode(file).unwrap()
}

/// Draws on the page of one file, offline. Returns the drawing as a PNG's address, and the percentages of the classes.
async fn drawn_on_one_file(page: &Page, url: &str) -> (String, Classes) {
    let network = |is_offline: bool| json!({ "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.cdp().send_raw("Network.enable", json!({})).await.unwrap();
    page.cdp().send_raw("Network.emulateNetworkConditions", network(true)).await.unwrap();
    page.session().goto(url).await.unwrap();
    // What the driver waits for in Kindling's own page.
    page.session().execute("window.kindling = true", vec![]).await.unwrap();
    page.wait_for_text("The predictions of this file are those of the model", SHORT).await.unwrap();
    draw_on(page, "#drawing", &drawn_seven()).await;
    let (drawing, classes): (String, Vec<(String, f64)>) = page
        .run(
            "const classes = [...document.querySelectorAll('#classes li')].map(it => [...it.children].map(part => part.textContent));
             return [document.getElementById('drawing').toDataURL(), classes.map(([label, percent]) => [label, parseFloat(percent)])];",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(classes.len(), 10);
    let trouble: (usize, Vec<Value>) = page
        .run("return [performance.getEntriesByType('resource').length, window.journey.errors]", json!(null))
        .await
        .unwrap();
    assert_eq!(trouble, (0, vec![]), "requests and errors");
    page.cdp().send_raw("Network.emulateNetworkConditions", network(false)).await.unwrap();
    (drawing, classes.into_iter().collect())
}

/// The percentages that the web component computes for a picture, in a page that has nothing of Kindling.
async fn seen_by_component(app: &App, page: &Page, module: &[u8], picture: &str) -> Classes {
    let folder = app.file("module");
    fs::create_dir(&folder).unwrap();
    for name in ["index.html", "kindling-classifier.js", "network.json"] {
        fs::write(folder.join(name), unpack(module, name).unwrap()).unwrap();
    }
    let config = ServerConfig { folder, mount: "/".into(), port: 0, isolation: Isolation::Absent };
    let server = Server::start(config).unwrap();
    page.session().goto(server.url()).await.unwrap();
    page.session().execute("window.kindling = true", vec![]).await.unwrap();
    let (difference, classes): (f64, Vec<(String, f64)>) = page
        .run(
            "const { load } = await import(new URL('kindling-classifier.js', document.baseURI).href);
             const difference = (await load('network.json')).check();
             const picture = Uint8Array.from(atob(args.split(',')[1]), letter => letter.charCodeAt(0));
             const component = document.querySelector('kindling-classifier');
             const emitted = new Promise(resolve => component.addEventListener('result', ({ detail }) => resolve(detail)));
             await component.classify(new Blob([picture], { type: 'image/png' }));
             return [difference, (await emitted).map(({ label, probability }) => [label, 100 * probability])];",
            json!(picture),
        )
        .await
        .unwrap();
    assert!(difference <= 1e-4, "{difference}");
    classes.into_iter().collect()
}

/// The percentages that Kindling itself computes for a picture.
async fn classified(page: &Page, picture: &str, kind: &str) -> Classes {
    let classes: Vec<(String, f64)> = page
        .run(
            "const picture = Uint8Array.from(atob(args[0].split(',')[1]), letter => letter.charCodeAt(0));
             const classes = await kindling.classify(new Blob([picture], { type: 'image/png' }), { kind: args[1] });
             return classes.map(({ label, probability }) => [label, 100 * probability]);",
            json!([picture, kind]),
        )
        .await
        .unwrap();
    classes.into_iter().collect()
}
