//! The place Train as a workbench: in mid-run everything is in one screen, and the curves are read as figures, too.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, SHORT};
use crate::visitor::{arrive, click, expect_no_trouble, number, open_tab, set, wait_until};

#[tokio::test]
async fn a_run_is_seen_and_steered_in_one_screen() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let desktop = json!({ "width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", desktop).await.unwrap();
    fits(&page, "before the run").await;
    page.click("button", "Train").await.unwrap();
    wait_until(&page, &number("Steps"), "it >= 10", SHORT).await;
    page.wait_for_text("correct. The network does not train on these.", SHORT).await.unwrap();
    page.wait_for::<bool>("/^\\d+% · Train · Kindling$/.test(document.title)", SHORT).await.unwrap();
    for tab in ["images", "inside", "runs", "search"] {
        open_tab(&page, tab).await;
        page.wait_for::<bool>(&format!("document.querySelector('#panel-{tab}').innerText.length > 20"), SHORT)
            .await
            .unwrap();
        fits(&page, tab).await;
    }
    click(&page, "#settings-mode-expert").await;
    page.wait_for::<bool>("!!document.querySelector('#group-optimizer')", SHORT).await.unwrap();
    fits(&page, "expert").await;
    figures_are_read(&page).await;
    page.click("button", "Stop").await.unwrap();
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    fits(&page, "after the run").await;
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// In one column the settings are folded, so that the tabs are near; whatever leads to a setting unfolds them.
#[tokio::test]
async fn a_phone_has_its_settings_folded() {
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
    let is_folded = "!document.querySelector('#settings').checkVisibility()";
    let fold = async || {
        click(&page, ".settings-fold").await;
        page.wait_for::<bool>(is_folded, SHORT).await.unwrap();
    };
    let leads_to = async |id: &str| {
        let is_there = "const at = document.activeElement.getBoundingClientRect();
             return document.activeElement.id === args && at.height > 0 && at.top >= 0 && at.top < innerHeight";
        let is_there = format!("(args => {{ {is_there} }})({})", json!(id));
        page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    };
    page.wait_for::<bool>(is_folded, SHORT).await.unwrap();
    // Also where the address is that of the device already.
    for _ in 0..2 {
        click(&page, ".chip").await;
        leads_to("engine").await;
        fold().await;
    }
    click(&page, ".settings-fold").await;
    page.wait_for::<bool>(&format!("!({is_folded})"), SHORT).await.unwrap();
    set(&page, "field-learning-rate", "much").await;
    fold().await;
    page.click("button", "Train").await.unwrap();
    leads_to("field-learning-rate").await;
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Checks that nothing has to be scrolled to see the run, its curves and the images.
async fn fits(page: &Page, state: &str) {
    let (height, below): (f64, Vec<String>) = page
        .run(
            "const seen = document.querySelectorAll('.stage, .charts .chart-frame, .sample-strip, .bench-tabs, .settings-scroll');
             const below = [...seen].filter(it => it.getBoundingClientRect().bottom > innerHeight);
             return [document.scrollingElement.scrollHeight, below.map(it => it.className)];",
            json!(null),
        )
        .await
        .unwrap();
    assert!(height <= 902.0 && below.is_empty(), "{state}: {height} pixels high, below the screen: {below:?}");
}

/// The accuracy's axis shows all of it, the arrow keys read values aloud, and there is a table behind each chart.
async fn figures_are_read(page: &Page) {
    let chart = "[...document.querySelectorAll('.charts .chart')].find(it => it.querySelector('[role=slider]').ariaLabel === 'Accuracy')";
    let ticks = format!("[...{chart}.querySelectorAll('.tick')].map(it => it.textContent).join()");
    page.wait_for::<bool>(&format!("(it => it.includes('0%') && it.includes('100%'))({ticks})"), SHORT).await.unwrap();
    let press = format!(
        "{chart}.querySelector('[role=slider]').dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Home', bubbles: true }}))"
    );
    page.run::<Value>(&press, json!(null)).await.unwrap();
    let spoken = format!("{chart}.querySelector('[role=slider]').getAttribute('aria-valuetext').includes('training')");
    page.wait_for::<bool>(&spoken, SHORT).await.unwrap();
    page.click("button", "Show as table: Accuracy").await.unwrap();
    let figure = format!("/^[0-9.]+%$/.test({chart}.querySelector('tbody td').innerText)");
    page.wait_for::<bool>(&figure, SHORT).await.unwrap();
    page.click("button", "Show as chart: Accuracy").await.unwrap();
    page.wait_for::<bool>(&format!("!{chart}.querySelector('table')"), SHORT).await.unwrap();
}
