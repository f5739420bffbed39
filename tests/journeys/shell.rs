//! What all places share: the visitor's language, the keyboard, and a phone's narrow screen.

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Page};

use crate::app::{App, SHORT};
use crate::visitor::{Key, arrive, number, open_tab, press, tab_to, wait_until};

const PLACES: [&str; 5] = ["Data", "Network", "Train", "Evaluate", "Predict"];

#[tokio::test]
async fn a_chinese_browser_gets_a_chinese_page_and_the_menu_changes_it() {
    let options = BrowserOptions { language: "zh-CN".into(), ..Default::default() };
    let app = App::start_with(options, "/").await;
    let page = app.open("").await;
    for (link, title) in [("数据", "数据"), ("网络", "网络"), ("训练", "训练"), ("评估", "评估"), ("试用", "试用")]
    {
        page.go_to(link).await.unwrap();
        page.control("heading", title).await.unwrap();
    }
    assert_eq!(language(&page).await, "zh-CN");

    page.click("button", "设置").await.unwrap();
    page.click("radio", "English").await.unwrap();
    for place in PLACES {
        page.control("link", place).await.unwrap();
    }
    assert_eq!(language(&page).await, "en");
    let title: String = page.run("return document.title", json!(null)).await.unwrap();
    assert_eq!(title, "Predict · Kindling");

    // The choice is remembered, and overrides the browser's language.
    page.session().refresh().await.unwrap();
    page.go_to("Train").await.unwrap();
    page.click("button", "Settings").await.unwrap();
    page.click("radio", "简体中文").await.unwrap();
    page.control("link", "训练").await.unwrap();
    app.finish(page).await;
}

#[tokio::test]
async fn the_glossary_opens_over_a_place_at_the_term_of_a_link() {
    let app = App::start().await;
    let page = arrive(&app, "").await;
    let follow =
        "const link = document.querySelector('#field-learning-rate').closest('.field').querySelector('.term-link');
                  link.focus();
                  link.click();";
    page.run::<Value>(follow, json!(null)).await.unwrap();
    let focused = "document.activeElement.id === 'term-learning-rate' && document.querySelector('dialog').open";
    page.wait_for::<bool>(focused, SHORT).await.unwrap();
    page.wait_for_text("the most important hyperparameter", SHORT).await.unwrap();

    // The search finds by name and by source.
    for (query, found) in [("cosine", "term-cosine-annealing"), ("1711.05101", "term-adamw")] {
        let search = "const search = document.querySelector('#glossary-search');
                      search.value = args;
                      search.dispatchEvent(new Event('input'));";
        page.run::<Value>(search, json!(query)).await.unwrap();
        let shown = format!(
            "(it => it.includes({}) && it.length < 10)(
                 [...document.querySelectorAll('.glossary-entry')].filter(it => it.checkVisibility()).map(it => it.id))",
            json!(found)
        );
        page.wait_for::<bool>(&shown, SHORT).await.unwrap();
    }

    // Closed by Escape, it leaves the visitor where they were.
    press(&page, Key::Escape).await;
    page.wait_for::<bool>("!document.querySelector('dialog') && location.hash === '#train'", SHORT).await.unwrap();
    let focused: bool = page.run("return document.activeElement.className === 'term-link'", json!(null)).await.unwrap();
    assert!(focused, "the focus is back at the link");
    page.control("heading", "Train").await.unwrap();

    // An address of its own.
    let page = app.open("#glossary/weight-decay").await;
    page.wait_for::<bool>("document.activeElement.id === 'term-weight-decay'", SHORT).await.unwrap();

    // As a whole, it begins with the search.
    press(&page, Key::Escape).await;
    page.run::<Value>("location.hash = 'glossary'", json!(null)).await.unwrap();
    page.wait_for::<bool>("document.activeElement.id === 'glossary-search'", SHORT).await.unwrap();
    app.finish(page).await;
}

/// The language that the page declares to browsers and screen readers.
async fn language(page: &Page) -> String {
    page.run("return document.documentElement.lang", json!(null)).await.unwrap()
}

#[tokio::test]
async fn the_keyboard_leads_to_every_place_and_starts_a_run() {
    let app = App::start().await;
    let page = arrive(&app, "").await;
    let mut towards = Key::Tab;
    for place in PLACES {
        tab_to(&page, towards, &format!("a {place}")).await;
        press(&page, Key::Enter).await;
        let title = page.control("heading", place).await.unwrap();
        assert_eq!(title.tag_name().await.unwrap(), "h1");
        // The focus is in the place now, after the links.
        towards = Key::ShiftTab;
    }

    tab_to(&page, Key::ShiftTab, "a Train").await;
    press(&page, Key::Enter).await;
    tab_to(&page, Key::Tab, "button Train").await;
    press(&page, Key::Enter).await;
    let steps = number("Steps");
    wait_until(&page, &steps, "it >= 1", SHORT).await;

    // The button that had the focus no longer exists; the one that takes its place has it.
    page.wait_for::<bool>("document.activeElement.innerText?.trim() === 'Pause'", SHORT).await.unwrap();
    press(&page, Key::Space).await;
    page.control("status", "Paused").await.unwrap();
    let paused_at = wait_until(&page, &steps, "true", SHORT).await;
    // The focused button is now the one that resumes.
    press(&page, Key::Space).await;
    wait_until(&page, &steps, &format!("it > {paused_at}"), SHORT).await;
    tab_to(&page, Key::Tab, "button Stop").await;
    press(&page, Key::Enter).await;
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();
    app.finish(page).await;
}

#[tokio::test]
async fn back_leads_to_the_place_of_the_bare_address_where_it_was_left() {
    let app = App::start().await;
    let page = arrive(&app, "").await;
    let phone = json!({ "width": 390, "height": 600, "deviceScaleFactor": 1, "mobile": true });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
    let scroll = "window.scrollTo(0, 240);
                  await new Promise(requestAnimationFrame);
                  await new Promise(requestAnimationFrame);
                  location.hash = 'use';";
    page.run::<Value>(scroll, json!(null)).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#use-title') && window.scrollY === 0", SHORT).await.unwrap();
    page.run::<Value>("history.back()", json!(null)).await.unwrap();
    let is_back =
        "!!document.querySelector('#train-title') && location.hash === '' && Math.abs(window.scrollY - 240) < 2";
    page.wait_for::<bool>(is_back, SHORT).await.unwrap();
    page.run::<Value>("history.forward()", json!(null)).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#use-title') && window.scrollY === 0", SHORT).await.unwrap();
    app.finish(page).await;
}

#[tokio::test]
async fn a_phone_never_scrolls_sideways() {
    for language in ["en-US", "zh-CN"] {
        let options = BrowserOptions { language: language.into(), ..Default::default() };
        let app = App::start_with(options, "/").await;
        let page = app.open("?engine=cpu").await;
        fits_phones(&page, "empty").await;
        page.run::<Value>(
            "await kindling.loadDataset('animals');
             await kindling.search({
                 config: { network: 'mlp' }, space: { learningRate: { least: 1e-4, most: 1e-2, scale: 'log' } },
                 method: 'random', trials: 2, epochs: 1, seed: 1,
             });
             await kindling.loadDataset('mnist');
             await kindling.train({ maxSteps: 30 });
             await kindling.evaluate('validation');",
            json!(null),
        )
        .await
        .unwrap();
        fits_phones(&page, "full").await;
        page.run::<Value>("location.hash = 'train'", json!(null)).await.unwrap();
        open_tab(&page, "search").await;
        page.wait_for::<bool>("!!document.querySelector('#search-table [data-trial]')", SHORT).await.unwrap();
        fits_phones(&page, "with the results of a search").await;
        app.finish(page).await;
    }
}

/// Checks that each place is as wide as the screen. A phone's viewport grows with content that does not fit, so both widths would show it.
async fn fits_phones(page: &Page, state: &str) {
    for width in [390, 360] {
        let phone = json!({ "width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        page.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
        for place in ["data", "network", "train", "understand", "use"] {
            page.run::<Value>("location.hash = args", json!(place)).await.unwrap();
            page.wait_for::<bool>(&format!("document.querySelector('#{place}-title') !== null"), SHORT).await.unwrap();
            let seen: (u32, u32, Vec<String>) = page
                .run(
                    "const scrolls = it => it !== document.body && (getComputedStyle(it).overflowX !== 'visible' || scrolls(it.parentElement));
                     const tooWide = [...document.querySelectorAll('body *')]
                         .filter(it => it.getBoundingClientRect().right > args + 0.5 && !scrolls(it.parentElement))
                         .map(it => it.tagName + '.' + it.className + ' ' + it.innerText?.slice(0, 30));
                     return [innerWidth, document.documentElement.scrollWidth, tooWide.slice(0, 8)];",
                    json!(width),
                )
                .await
                .unwrap();
            assert_eq!((seen.0, seen.1), (width, width), "{place}, {state}, made wider by {:#?}", seen.2);
        }
    }
}
