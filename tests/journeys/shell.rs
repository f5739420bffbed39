//! What all places share: the visitor's language, the keyboard, and a phone's narrow screen.

use serde_json::{Value, json};
use xtask::drive::{BrowserOptions, Page};

use crate::app::{App, SHORT};
use crate::visitor::{Key, arrive, number, press, tab_to, wait_until};

const PLACES: [&str; 5] = ["Data", "Network", "Train", "Understand", "Use"];

#[tokio::test]
async fn a_chinese_browser_gets_a_chinese_page_and_the_menu_changes_it() {
    let options = BrowserOptions { language: "zh-CN".into(), ..Default::default() };
    let app = App::start_with(options, "/").await;
    let page = app.open("").await;
    for (link, title) in [("数据", "数据"), ("网络", "网络"), ("训练", "训练"), ("理解", "理解"), ("使用", "使用")]
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
    assert_eq!(title, "Use · Kindling");

    // The choice is remembered, and overrides the browser's language.
    page.session().refresh().await.unwrap();
    page.go_to("Train").await.unwrap();
    page.click("button", "Settings").await.unwrap();
    page.click("radio", "简体中文").await.unwrap();
    page.control("link", "训练").await.unwrap();
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

    // The focused button no longer exists; the focus continues from the link.
    tab_to(&page, Key::Tab, "button Pause").await;
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
async fn a_phone_never_scrolls_sideways() {
    for language in ["en-US", "zh-CN"] {
        let options = BrowserOptions { language: language.into(), ..Default::default() };
        let app = App::start_with(options, "/").await;
        let page = app.open("?engine=cpu").await;
        fits_phones(&page, "empty").await;
        page.run::<Value>(
            "await kindling.loadDataset('mnist');
             await kindling.train({ maxSteps: 30 });
             await kindling.evaluate('validation');",
            json!(null),
        )
        .await
        .unwrap();
        fits_phones(&page, "full").await;
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
