//! The network designer: a network from scratch, layers that do not fit, undo and redo, its text, and a run of it.

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Page};

use crate::app::{App, LONG, SHORT};
use crate::visitor::{arrive, expect_no_trouble, fill, number, wait_until};

/// Weights of convolution and classifier, with biases: 16·9 + 16, and 16·28·28·10 + 10.
const PARAMETERS: &str = "125,610";

#[tokio::test]
async fn a_network_is_built_from_nothing_and_trained() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    build(&page).await;
    a_misfit_is_mended_undone_and_redone(&page).await;
    layers_move_by_keys_and_mouse(&page).await;
    let network = as_text(&page).await;
    page.go_to("Train").await.unwrap();
    fill(&page, "Epochs", 1).await;
    page.click("button", "Train").await.unwrap();
    wait_until(&page, &number("Steps"), "it >= 3", LONG).await;
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();

    // The text is valid for `kindling.train`, and the engine builds as many parameters as the cards have counted.
    let (parameters, report): (u64, Value) = page
        .run(
            "let parameters = 0;
             const config = { network: args, maxSteps: 3, batchSize: 32 };
             const report = await kindling.train(config, event => {
                 if (event.kind === 'started') parameters = event.parameters;
             });
             return [parameters, report];",
            network,
        )
        .await
        .unwrap();
    assert_eq!(parameters.to_string(), PARAMETERS.replace(',', ""));
    assert_eq!((&report["steps"], &report["ending"]), (&json!(3), &json!("stepLimit")), "{report}");
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Adds convolution, ReLU, flatten and classifier through the menu.
async fn build(page: &Page) {
    page.go_to("Network").await.unwrap();
    the_picture_is_one_tab_stop(page).await;
    page.click("radio", "Cards").await.unwrap();
    page.click("button", "Start empty").await.unwrap();
    wait_for_layers(page, 0).await;
    page.wait_for_text("There are no layers yet.", SHORT).await.unwrap();
    page.wait_for::<bool>("document.querySelector('#network-edited') !== null", SHORT).await.unwrap();
    for (n_before, kind) in ["conv", "relu", "flatten", "classifier"].into_iter().enumerate() {
        page.run::<Value>(
            "const menu = document.querySelector('#layer-kind');
             menu.value = args;
             menu.dispatchEvent(new Event('change', { bubbles: true }));",
            json!(kind),
        )
        .await
        .unwrap();
        page.click("button", "Add layer").await.unwrap();
        wait_for_layers(page, n_before + 1).await;
    }
    wait_for_parameters(page, PARAMETERS).await;
    page.wait_for_text("Shapes match.", SHORT).await.unwrap();
    let output: String = page
        .run("return document.querySelector('[data-layer=\"3\"] [data-figure=output]').innerText", json!(null))
        .await
        .unwrap();
    assert_eq!(output, "12544");
}

/// Arrow keys lead from layer to layer; the inspector shows the selected one with its arithmetic.
async fn the_picture_is_one_tab_stop(page: &Page) {
    const N_LAYERS: usize = 12;
    wait_for_layers(page, N_LAYERS).await;
    page.run::<Value>("document.querySelector('[data-layer=\"1\"]').focus()", json!(null)).await.unwrap();
    let formula = "(document.querySelector('#layer-inspector .formula')?.innerText ?? '')";
    page.wait_for::<bool>(&format!("{formula}.includes('⌊(28 − ')"), SHORT).await.unwrap();
    for layer in [2, 3] {
        key(page, "ArrowRight", 0).await;
        let is_there = format!(
            "document.activeElement.dataset.layer === '{layer}' && document.activeElement.ariaSelected === 'true'
             && document.querySelectorAll('[role=tab][tabindex=\"0\"]').length === 1
             && document.querySelector('#layer-inspector .layer-title').innerText.startsWith('{layer}. ')"
        );
        page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    }
    key(page, "Delete", 0).await;
    wait_for_layers(page, N_LAYERS - 1).await;
    page.click("button", "Undo").await.unwrap();
    wait_for_layers(page, N_LAYERS).await;
}

async fn a_misfit_is_mended_undone_and_redone(page: &Page) {
    page.click("button", "Remove layer 3").await.unwrap();
    wait_for_layers(page, 3).await;
    let is_wrong = "document.querySelector('[data-layer=\"3\"].is-wrong [role=alert]') !== null";
    page.wait_for::<bool>(is_wrong, SHORT).await.unwrap();
    let cannot_train =
        "[...document.querySelectorAll('button')].some(it => it.innerText === 'Go to Train' && it.disabled)";
    page.wait_for::<bool>(cannot_train, SHORT).await.unwrap();

    page.click("button", "Insert flatten before").await.unwrap();
    wait_for_layers(page, 4).await;
    wait_for_parameters(page, PARAMETERS).await;
    page.control("link", "Go to Train").await.unwrap();

    page.click("button", "Undo").await.unwrap();
    page.wait_for::<bool>(is_wrong, SHORT).await.unwrap();
    page.click("button", "Redo").await.unwrap();
    wait_for_parameters(page, PARAMETERS).await;
    // The same with keys: the focus is on a button of the designer.
    key(page, "z", 2).await;
    page.wait_for::<bool>(is_wrong, SHORT).await.unwrap();
    key(page, "Z", 2 | 8).await;
    wait_for_parameters(page, PARAMETERS).await;
}

/// ReLU costs the same before and after the convolution.
async fn layers_move_by_keys_and_mouse(page: &Page) {
    page.run::<Value>("document.querySelector('[data-layer=\"2\"] [data-control=grip]').focus()", json!(null))
        .await
        .unwrap();
    key(page, "ArrowUp", 1).await;
    page.wait_for::<bool>(&title_of(1, "ReLU"), SHORT).await.unwrap();
    let focused: String =
        page.run("return document.activeElement.getAttribute('aria-label')", json!(null)).await.unwrap();
    assert_eq!(focused, "Move layer 1");

    let (x, y, to): (f64, f64, f64) = page
        .run(
            "const [first, second] = ['1', '2'].map(it => document.querySelector(`[data-layer='${it}']`));
             first.scrollIntoView({ block: 'center' });
             const grip = first.querySelector('[data-control=grip]').getBoundingClientRect();
             return [grip.x + grip.width / 2, grip.y + grip.height / 2, second.getBoundingClientRect().bottom - 20];",
            json!(null),
        )
        .await
        .unwrap();
    for (kind, y) in [("mousePressed", y), ("mouseMoved", (y + to) / 2.0), ("mouseMoved", to), ("mouseReleased", to)] {
        let is_down = u32::from(kind != "mouseReleased");
        let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": is_down, "clickCount": 1 });
        page.cdp().send_raw("Input.dispatchMouseEvent", event).await.unwrap();
    }
    page.wait_for::<bool>(&title_of(2, "ReLU"), SHORT).await.unwrap();
    wait_for_parameters(page, PARAMETERS).await;
}

/// Checks that a mistake is reported by line and column and that the text is kept. Returns the network as its text has it.
async fn as_text(page: &Page) -> Value {
    page.click("radio", "Text").await.unwrap();
    let text: String = page.wait_for("document.querySelector('#network-json')?.value", SHORT).await.unwrap();
    let network: Value = serde_json::from_str(&text).unwrap();
    let conv = json!({ "conv": {
        "filters": 16, "kernel": 3, "stride": 1, "padding": "same", "dilation": 1, "groups": 1, "bias": true,
    } });
    let layers = json!([conv, { "activation": "relu" }, "flatten", { "classifier": { "bias": true } }]);
    assert_eq!(network["layers"], layers, "{text}");

    let broken = text.replacen("relu", "relo", 1);
    page.run::<Value>(
        "const field = document.querySelector('#network-json');
         field.value = args;
         field.dispatchEvent(new Event('input', { bubbles: true }));",
        json!(broken),
    )
    .await
    .unwrap();
    page.click("button", "Apply").await.unwrap();
    page.wait_for::<bool>(
        "/^Line [0-9]+, column [0-9]+: /.test(document.querySelector('#network-json-error')?.innerText)",
        SHORT,
    )
    .await
    .unwrap();
    // The text survives a visit to another place.
    page.go_to("Data").await.unwrap();
    page.go_to("Network").await.unwrap();
    page.wait_for::<bool>(&format!("document.querySelector('#network-json')?.value === {}", json!(broken)), SHORT)
        .await
        .unwrap();
    page.click("button", "Discard changes").await.unwrap();
    page.wait_for::<bool>(&format!("document.querySelector('#network-json')?.value === {}", json!(text)), SHORT)
        .await
        .unwrap();
    network
}

#[tokio::test]
async fn a_network_that_cannot_be_built_is_not_trained_and_keeps_to_a_phone_s_width() {
    for language in ["en-US", "zh-CN"] {
        let app = App::start_with(BrowserOptions { language: language.into(), ..Default::default() }, "/").await;
        let page = app.open("?engine=cpu#network").await;
        page.wait_for::<bool>("document.querySelector('[data-layer]') !== null", SHORT).await.unwrap();
        page.run::<Value>("document.querySelector('#network-clear').click()", json!(null)).await.unwrap();
        page.wait_for::<bool>("document.querySelector('#network-problem [data-remedy]') !== null", SHORT)
            .await
            .unwrap();
        let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        page.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
        for button in ["add-layer", "network-view-text", "network-undo"] {
            page.run::<Value>("document.getElementById(args).click()", json!(button)).await.unwrap();
            let widths: (u32, u32) =
                page.run("return [innerWidth, document.documentElement.scrollWidth]", json!(null)).await.unwrap();
            assert_eq!(widths, (390, 390), "{language}, after {button}");
        }
        // The last undo has reverted the added layer.
        page.run::<Value>("location.hash = 'train'", json!(null)).await.unwrap();
        // The page says why the button is disabled, and links to where that is fixed.
        page.wait_for::<bool>("document.querySelector('.offer .button:disabled') !== null", SHORT).await.unwrap();
        page.run::<Value>("document.querySelector('.offer .failure a').click()", json!(null)).await.unwrap();
        page.wait_for::<bool>("document.querySelector('#network-problem') !== null", SHORT).await.unwrap();
        app.finish(page).await;
    }
}

async fn wait_for_layers(page: &Page, n_layers: usize) {
    let expression = format!("document.querySelectorAll('[data-layer]').length === {n_layers}");
    page.wait_for::<bool>(&expression, SHORT).await.unwrap();
}

async fn wait_for_parameters(page: &Page, parameters: &str) {
    let figure = "document.querySelector('#network-totals [data-figure=parameters]').innerText";
    page.wait_for::<bool>(&format!("{figure} === {}", json!(parameters)), SHORT).await.unwrap();
}

fn title_of(layer: usize, title: &str) -> String {
    let card = format!("document.querySelector('[data-layer=\"{layer}\"] .layer-title').innerText");
    format!("{card} === {}", json!(format!("{layer}. {title}")))
}

/// Presses a key at the focus. Modifiers: Alt is 1, Control 2, Shift 8.
async fn key(page: &Page, key: &str, modifiers: u32) {
    let code = match key {
        "ArrowUp" => 38,
        "ArrowRight" => 39,
        "Delete" => 46,
        _ => 90,
    };
    for kind in ["rawKeyDown", "keyUp"] {
        let event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers });
        page.cdp().send_raw("Input.dispatchKeyEvent", event).await.unwrap();
    }
}
