//! A visitor has a few images of each class: pre-trained features are the default, layers freeze and thaw in the designer, and a class that comes later is
//! learned by the network of before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::pictures::bmp;
use crate::visitor::{arrive, expect_no_trouble};

/// A shape in the color of its class.
fn picture(class: usize, number: u32) -> String {
    let color = [[200, 40, 30], [40, 150, 60], [40, 70, 210]][class];
    let file = bmp(32, 32, move |x, y| {
        let is_near = x.abs_diff(9 + number % 13) + y.abs_diff(10 + number % 11) < 8;
        let is_ink = is_near && [true, y % 3 == 0, (x / 3 + y / 3) % 2 == 0][class];
        if is_ink { color } else { [240, 240, 230] }
    });
    STANDARD.encode(file)
}

fn pictures(class: usize) -> Vec<String> {
    (0..30).map(|number| picture(class, number)).collect()
}

/// JavaScript for files of their encoded bytes.
const FILES: &str = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const files = (texts, name) => texts.map((text, number) => new File([bytes(text)], `${name} ${number}.bmp`));";

#[tokio::test]
async fn a_class_that_comes_later_is_learned_by_the_network_of_before() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let first: Value = page
        .run(
            &format!(
                "{FILES}
                 const id = await kindling.createProject('Shapes', ['disk', 'stripes']);
                 await kindling.addImages(id, {{ disk: files(args[0], 'disk'), stripes: files(args[1], 'stripes') }});
                 await kindling.useProject(id);
                 const stages = [];
                 await kindling.train({{ epochs: 20 }}, event => stages.push(event.stage));
                 return {{ id, run: (await kindling.runs()).at(-1), isComputed: stages.includes('computingFeatures') }}"
            ),
            json!([pictures(0), pictures(1)]),
        )
        .await
        .unwrap();
    assert_eq!(first["isComputed"], true);
    assert_eq!(first["run"]["config"]["network"]["pretrained"], "efficientnet-lite0");
    assert_eq!(first["run"]["continuedFrom"], Value::Null);
    layers_freeze_and_thaw(&page).await;

    page.run::<Value>(
        &format!(
            "{FILES}
             await kindling.addImages(args[0], {{ checks: files(args[1], 'checks') }});
             await kindling.useProject(args[0]);"
        ),
        json!([first["id"], pictures(2)]),
    )
    .await
    .unwrap();
    page.go_to("Train").await.unwrap();
    page.click("button", "Continue with the new images").await.unwrap();
    page.wait_for_text("Known classes: ", LONG).await.unwrap();
    let rows = "[...document.querySelectorAll('#before-after tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))";
    let rows: Vec<Vec<String>> = page.run(&format!("return {rows}"), json!(null)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["checks", "disk", "stripes"]);
    assert_eq!((rows[0][2].as_str(), rows[1][2].as_str()), ("new", "100%"), "{rows:?}");
    let said: Value = page
        .run(
            "const run = (await kindling.runs()).at(-1);
             const before = await kindling.evaluate('validation', { run: run.continuedFrom });
             const now = await kindling.evaluate('validation');
             return { from: run.continuedFrom, before: before.perClass, now: now.perClass, accuracy: now.accuracy }",
            json!(null),
        )
        .await
        .unwrap();
    assert_eq!(said["from"], first["run"]["id"]);
    assert_eq!((&said["before"][0]["recall"], &said["before"][1]["recall"]), (&json!(0), &json!(1)), "{said}");
    assert!(said["accuracy"].as_f64().unwrap() > 0.8, "{said}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Freezing is up to a layer, and is seen on the layers. The initialization says that it is not that of pre-trained layers.
async fn layers_freeze_and_thaw(page: &Page) {
    const N_FROZEN: &str = "document.querySelectorAll('.strip-layers .is-frozen').length";
    page.go_to("Network").await.unwrap();
    page.wait_for_text("training images each: too few", SHORT).await.unwrap();
    page.wait_for_text("start with pre-trained weights", SHORT).await.unwrap();
    let all: usize =
        page.run("return document.querySelectorAll('.strip-layers .strip-layer').length", json!(null)).await.unwrap();
    page.wait_for::<bool>(&format!("{N_FROZEN} === {}", all - 1), SHORT).await.unwrap();
    page.run::<Value>("document.querySelector('.strip-layers [data-layer=\"4\"]').click()", json!(null)).await.unwrap();
    page.click("button", "Thaw layer 4 and all layers behind it").await.unwrap();
    page.wait_for::<bool>(&format!("{N_FROZEN} === 3"), SHORT).await.unwrap();
    page.wait_for::<bool>("document.querySelector('#network-edited') !== null", SHORT).await.unwrap();
    page.click("button", "Freeze all layers up to layer 4").await.unwrap();
    page.wait_for::<bool>(&format!("{N_FROZEN} === 4"), SHORT).await.unwrap();
    page.click("button", "Reset to the preset").await.unwrap();
    page.wait_for::<bool>(&format!("{N_FROZEN} === {}", all - 1), SHORT).await.unwrap();
}
