//! What a visitor does besides finding and clicking controls: reads figures, fills fields, picks files, draws, tabs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, SHORT};

/// Opens the page and waits until it offers to train on MNIST.
pub async fn arrive(app: &App, query: &str) -> Page {
    let page = app.open(query).await;
    page.wait_for_text("images of MNIST", SHORT).await.unwrap();
    page
}

/// JavaScript for the text next to a term, such as that of `Steps`.
pub fn figure(term: &str) -> String {
    format!(
        "[...document.querySelectorAll('dt')].find(it => it.innerText === {term})?.nextElementSibling.innerText",
        term = json!(term)
    )
}

/// JavaScript for the number next to a term: 1200 of `1,200 / 3,240`, 97.5 of `97.5%`, NaN of `–`.
pub fn number(term: &str) -> String {
    format!("parseFloat(({})?.replaceAll(',', ''))", figure(term))
}

/// Waits until an expression is a number for which the condition on `it` holds.
pub async fn wait_until(page: &Page, expression: &str, condition: &str, timeout: Duration) -> f64 {
    // In an object, because zero is also a number worth waiting for.
    let found = format!("(it => ({condition}) ? {{ number: it }} : null)({expression})");
    let found: serde_json::Value = page.wait_for(&found, timeout).await.unwrap();
    found["number"].as_f64().unwrap_or_else(|| panic!("{expression} is no number: {found}"))
}

/// WebDriver's code points for keys without a character.
const TAB: char = '\u{e004}';
const CONTROL: char = '\u{e009}';

/// Sets a field's value as the browser does when the visitor leaves it. Waits for the field, which may depend on another choice.
pub async fn set(page: &Page, id: &str, value: &str) {
    let is_there = format!("!!document.getElementById({})", json!(id));
    page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    page.run::<Value>(
        "const field = document.getElementById(args[0]);
         field.value = args[1];
         field.dispatchEvent(new Event('change', { bubbles: true }));",
        json!([id, value]),
    )
    .await
    .unwrap();
}

/// Clicks the element that a selector finds, even outside the view.
pub async fn click(page: &Page, selector: &str) {
    page.run::<Value>("document.querySelector(args).click()", json!(selector)).await.unwrap();
}

/// Shows one of the tabs of the place Train: `inside`, `images`, `runs` or `search`.
pub async fn open_tab(page: &Page, tab: &str) {
    let is_there = format!("!!document.getElementById('tab-{tab}')");
    page.wait_for::<bool>(&is_there, SHORT).await.unwrap();
    click(page, &format!("#tab-{tab}")).await;
}

/// Types a number into a field and leaves it.
pub async fn fill(page: &Page, name: &str, value: u32) {
    let field = page.control("spinbutton", name).await.unwrap();
    field.scroll_into_view().await.unwrap();
    field.send_keys(format!("{CONTROL}a{CONTROL}{value}{TAB}")).await.unwrap();
    let taken = field.prop("value").await.unwrap();
    assert_eq!(taken.as_deref(), Some(value.to_string().as_str()), "the field {name}");
}

/// Waits until the prediction in the place Predict is this class; returns whether it came in time.
pub async fn is_answered(page: &Page, class: &str) -> bool {
    let expression = format!(
        "document.querySelector('output')?.innerText === {class}
         && document.querySelector('.probabilities .is-marked')?.innerText.startsWith({class})",
        class = json!(class)
    );
    page.wait_for::<bool>(&expression, Duration::from_secs(10)).await.is_ok()
}

/// The current prediction, for messages.
pub async fn answer(page: &Page) -> String {
    page.run("return document.querySelector('.use-answer')?.innerText ?? 'no answer'", json!(null)).await.unwrap()
}

/// Picks a file, as with the browser's own dialog.
pub async fn pick_file(page: &Page, name: &str, path: &Path) {
    page.control("file", name).await.unwrap().send_keys(path.display().to_string()).await.unwrap();
}

/// Draws with the mouse on the pad; the strokes' coordinates run from 0 to 1.
pub async fn draw(page: &Page, strokes: &[Vec<(f64, f64)>]) {
    page.control("img", "Drawing pad").await.unwrap();
    draw_on(page, "[aria-label=\"Drawing pad\"]", strokes).await;
}

/// Draws with the mouse on a square element.
pub async fn draw_on(page: &Page, selector: &str, strokes: &[Vec<(f64, f64)>]) {
    let (left, top, side): (f64, f64, f64) = page
        .run(
            "const element = document.querySelector(args);
             element.scrollIntoView({ block: 'center', behavior: 'instant' });
             const pad = element.getBoundingClientRect();
             return [pad.left, pad.top, pad.width];",
            json!(selector),
        )
        .await
        .unwrap();
    for stroke in strokes {
        let places = stroke.iter().map(|(x, y)| (left + x * side, top + y * side)).collect::<Vec<_>>();
        let (first, last) = (places[0], places[places.len() - 1]);
        mouse(page, "mousePressed", first).await;
        for place in places {
            mouse(page, "mouseMoved", place).await;
        }
        mouse(page, "mouseReleased", last).await;
    }
}

async fn mouse(page: &Page, kind: &str, (x, y): (f64, f64)) {
    let is_down = u32::from(kind != "mouseReleased");
    let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": is_down, "clickCount": 1 });
    page.cdp().send_raw("Input.dispatchMouseEvent", event).await.unwrap();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Tab,
    ShiftTab,
    Enter,
    Space,
    Escape,
    ArrowLeft,
    /// An arrow key together with Shift.
    ShiftUp,
    ShiftDown,
}

/// Presses a key, wherever the focus is.
pub async fn press(page: &Page, key: Key) {
    let (name, code, text) = match key {
        Key::Tab | Key::ShiftTab => ("Tab", 9, ""),
        Key::Enter => ("Enter", 13, "\r"),
        Key::Space => (" ", 32, " "),
        Key::Escape => ("Escape", 27, ""),
        Key::ArrowLeft => ("ArrowLeft", 37, ""),
        Key::ShiftUp => ("ArrowUp", 38, ""),
        Key::ShiftDown => ("ArrowDown", 40, ""),
    };
    let modifiers = if matches!(key, Key::ShiftTab | Key::ShiftUp | Key::ShiftDown) { 8 } else { 0 };
    for kind in ["keyDown", "keyUp"] {
        let text = if kind == "keyDown" { text } else { "" };
        let event = json!({
            "type": kind, "key": name, "windowsVirtualKeyCode": code, "text": text, "modifiers": modifiers,
        });
        page.cdp().send_raw("Input.dispatchKeyEvent", event).await.unwrap();
    }
}

/// The focused element as the tests name controls: its tag, and its accessible name.
const FOCUSED: &str = "
    const focused = document.activeElement;
    const name = focused.getAttribute('aria-label') ?? focused.innerText ?? '';
    return focused.tagName.toLowerCase() + ' ' + name.trim().replace(/\\s+/g, ' ');";

/// Presses Tab, or Shift and Tab, until the control has the focus.
pub async fn tab_to(page: &Page, key: Key, control: &str) {
    const TABS_LIMIT: usize = 60;
    let mut passed = Vec::new();
    for _ in 0..TABS_LIMIT {
        press(page, key).await;
        let focused: String = page.run(FOCUSED, json!(null)).await.unwrap();
        if focused == control {
            return;
        }
        passed.push(focused);
    }
    panic!("{key:?} does not lead to {control:?}, but to {passed:#?}");
}

/// Checks that the page has reported no trouble, and that the first engine is still running.
pub async fn expect_no_trouble(page: &Page) {
    let notices: String =
        page.run("return document.querySelector('[aria-label=\"Notices\"]').innerText", json!(null)).await.unwrap();
    assert_eq!(notices, "", "the page tells of trouble");
    assert_eq!(page.run::<u32>("return window.journey.workers.length", json!(null)).await.unwrap(), 1, "engines");
}
