//! Whether everybody can use the page: axe (<https://github.com/dequelabs/axe-core>) looks at every place and the main states, light, dark and in forced
//! colors, and a visitor comes from a cold load to a prediction by keyboard alone.

use serde_json::{Value, json};
use xtask::drive::Page;

use crate::app::{App, LONG, SHORT};
use crate::pictures::drawn_seven;
use crate::visitor::{Key, arrive, click, draw, expect_no_trouble, number, open_tab, press, tab_to, wait_until};

const PLACES: [&str; 5] = ["Data", "Network", "Train", "Evaluate", "Predict"];

#[tokio::test]
async fn axe_finds_nothing_in_any_place_and_state() {
    let axe = std::env::var("KINDLING_AXE").expect("KINDLING_AXE names axe.min.js: `cargo xtask test` installs it");
    let app = App::start().await;
    let page = arrive(&app, "?engine=cpu").await;
    page.session().execute(std::fs::read_to_string(axe).unwrap(), Vec::new()).await.unwrap();

    // All of them, so that one run of the test shows all that is to be mended.
    let found = &mut Vec::new();
    for place in PLACES {
        check_place(&page, place, "first visit", found).await;
    }
    page.click("button", "Settings").await.unwrap();
    check(&page, "the menu", found).await;
    press(&page, Key::Escape).await;
    page.click("link", "Glossary").await.unwrap();
    page.wait_for::<bool>("document.querySelector('dialog')?.open", SHORT).await.unwrap();
    check(&page, "the glossary", found).await;
    press(&page, Key::Escape).await;

    page.go_to("Data").await.unwrap();
    page.run::<Value>(COLLECT, json!(null)).await.unwrap();
    page.wait_for::<bool>("document.querySelectorAll('.thumbnail img').length === 2", SHORT).await.unwrap();
    check(&page, "Data, with a project", found).await;

    page.go_to("Train").await.unwrap();
    click(&page, "#settings-mode-expert").await;
    page.wait_for::<bool>("!!document.querySelector('#group-adversarial')", SHORT).await.unwrap();
    let search = "await kindling.loadDataset('animals');
         await kindling.search({
             config: { network: 'mlp' }, space: { learningRate: { least: 1e-4, most: 1e-2, scale: 'log' } },
             method: 'random', trials: 2, epochs: 1, seed: 1,
         });";
    page.run::<Value>(search, json!(null)).await.unwrap();
    check_place(&page, "Train", "after a search", found).await;

    let pause = "await kindling.loadDataset('mnist');
         let isAsked = false;
         await new Promise(resolve => kindling.train({ maxSteps: 60 }, ({ kind, step }) => {
             if (kind === 'progress' && step > 5 && !isAsked) {
                 isAsked = true;
                 kindling.pause();
             }
             if (kind === 'paused') resolve();
         }));";
    page.run::<Value>(pause, json!(null)).await.unwrap();
    check_place(&page, "Train", "paused", found).await;
    page.run::<Value>("kindling.resume()", json!(null)).await.unwrap();
    page.wait_for_text("Reached the maximum of 60 steps", LONG).await.unwrap();
    page.run::<Value>("await kindling.evaluate('validation')", json!(null)).await.unwrap();

    page.go_to("Evaluate").await.unwrap();
    click(&page, ".confusion td:not(.is-zero, .is-right) button").await;
    page.wait_for::<bool>("!!document.querySelector('.images-head button')", SHORT).await.unwrap();
    check(&page, "Evaluate, with the images of a cell", found).await;
    page.go_to("Predict").await.unwrap();
    draw(&page, &drawn_seven()).await;
    page.wait_for::<bool>("document.querySelector('output')?.innerText.length > 0", SHORT).await.unwrap();
    check(&page, "Predict, with a prediction", found).await;
    for place in PLACES {
        check_place(&page, place, "after a run", found).await;
    }
    page.go_to("Train").await.unwrap();
    page.run::<Value>("await kindling.train({ maxSteps: 3 })", json!(null)).await.unwrap();
    open_tab(&page, "runs").await;
    page.wait_for::<bool>("document.querySelectorAll('#runs-table [data-run]').length === 2", SHORT).await.unwrap();
    let compare = "document.querySelectorAll('#runs-table [data-run] input[type=checkbox]').forEach(it => it.click())";
    page.run::<Value>(compare, json!(null)).await.unwrap();
    page.wait_for::<bool>("!!document.querySelector('#runs-compare .chart-frame')", SHORT).await.unwrap();
    check(&page, "Train, comparing two runs", found).await;

    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", phone).await.unwrap();
    for place in PLACES {
        check_place(&page, place, "on a phone", found).await;
    }
    check_at_400_percent(&page, found).await;
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// Opens a project with two classes, of an image each.
const COLLECT: &str = "
    const image = color => new Promise(resolve => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
        const pen = canvas.getContext('2d');
        pen.fillStyle = color;
        pen.fillRect(4, 4, 20, 20);
        canvas.toBlob(blob => resolve(new File([blob], `${color}.png`)));
    });
    const project = await kindling.createProject('Colors', ['red', 'blue']);
    await kindling.addImages(project, { red: [await image('red')], blue: [await image('blue')] });";

/// Checks a place with all that it can unfold: the page with the first of its tabs, then the other tabs. The layers of the network's picture are too
/// many, and alike.
async fn check_place(page: &Page, place: &str, state: &str, found: &mut Vec<String>) {
    page.go_to(place).await.unwrap();
    page.control("heading", place).await.unwrap();
    page.wait_for::<bool>("!document.querySelector('.part-wait')", SHORT).await.unwrap();
    let unfold = "document.querySelectorAll('main details').forEach(it => { it.open = true; });
                  document.querySelector('.settings-fold[aria-expanded=false]')?.click();
                  return document.querySelectorAll('main [role=tab]:not([data-layer])').length;";
    let n_tabs: usize = page.run(unfold, json!(null)).await.unwrap();
    for tab in 0..n_tabs.max(1) {
        let click = "document.querySelectorAll('main [role=tab]:not([data-layer])')[args]?.click()";
        page.run::<Value>(click, json!(tab)).await.unwrap();
        let of = if tab == 0 { WHOLE_PAGE } else { TABS };
        check_part(page, of, &format!("{place}, {state}, tab {tab}"), found).await;
    }
}

/// JavaScript for what is checked.
const WHOLE_PAGE: &str = "document";
const TABS: &str =
    "document.querySelector('main [role=tab]:not([data-layer])').closest('[role=tablist]').parentElement";

async fn check(page: &Page, state: &str, found: &mut Vec<String>) {
    check_part(page, WHOLE_PAGE, state, found).await;
}

/// Checks what is shown: all rules in the light theme, those about colors also in the dark theme and in forced colors.
async fn check_part(page: &Page, part: &str, state: &str, found: &mut Vec<String>) {
    let all = json!({
        "resultTypes": ["violations"],
        "rules": {
            // Rules that axe leaves out on its own.
            "label-content-name-mismatch": { "enabled": true },
            "target-size": { "enabled": true },
            // It takes the addresses of places for skip links without a target. The journey by keyboard uses the skip link.
            "skip-link": { "enabled": false },
        },
    });
    let colors = json!({
        "resultTypes": ["violations"],
        "runOnly": { "type": "rule", "values": ["color-contrast", "link-in-text-block"] },
    });
    for (scheme, forced, options) in [("light", "none", &all), ("dark", "none", &colors), ("dark", "active", &colors)] {
        show_in(page, scheme, forced).await;
        let run_axe =
            format!("{UNTIL_SHOWN} const {{ violations }} = await axe.run({part}, args.options); {LIST_VIOLATIONS}");
        let args = json!({ "scheme": scheme, "forced": forced, "options": options });
        let violations: Vec<String> = page.run(&run_axe, args).await.unwrap();
        found.extend(violations.iter().map(|it| format!("{state}, {scheme}, forced colors {forced}: {it}")));
    }
    let lost: Vec<String> = page.run(LOST_IN_FORCED_COLORS, json!(null)).await.unwrap();
    found.extend(lost.iter().map(|it| format!("{state}: not seen in forced colors: {it}")));
}

/// Shows the page as with these settings of the system, always without motion: axe would measure colors on their way.
async fn show_in(page: &Page, scheme: &str, forced: &str) {
    let features = json!([
        { "name": "prefers-color-scheme", "value": scheme },
        { "name": "forced-colors", "value": forced },
        { "name": "prefers-reduced-motion", "value": "reduce" },
    ]);
    page.cdp().send_raw("Emulation.setEmulatedMedia", json!({ "features": features })).await.unwrap();
}

/// Before that, axe would measure the colors of the settings before.
const UNTIL_SHOWN: &str = "
    const frame = () => new Promise(requestAnimationFrame);
    const settings = `(prefers-color-scheme: ${args.scheme}) and (forced-colors: ${args.forced})`;
    while (!matchMedia(settings).matches) await frame();
    await frame();
    await frame();";

/// Checks that the header and the places cover no control that has the focus, in a small window at 400 % zoom.
async fn check_at_400_percent(page: &Page, found: &mut Vec<String>) {
    let window = json!({ "width": 320, "height": 256, "deviceScaleFactor": 4, "mobile": false });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", window).await.unwrap();
    for place in PLACES {
        page.go_to(place).await.unwrap();
        page.control("heading", place).await.unwrap();
        let covered: Vec<String> = page.run(COVERED, json!(null)).await.unwrap();
        found.extend(covered.iter().map(|it| format!("{place}, at 400 %: covered: {it}")));
    }
}

const COVERED: &str = "
    const controls = [...document.querySelectorAll('main :is(a[href], button:enabled, input, select, summary)')];
    return controls.filter(it => it.checkVisibility()).filter(it => {
        it.focus();
        const { left, top, width, height } = it.getBoundingClientRect();
        const seen = document.elementFromPoint(left + width / 2, Math.max(0, top) + Math.min(height, innerHeight) / 2);
        return seen?.closest('.top, .places');
    }).map(it => it.outerHTML.slice(0, 160));";

const LIST_VIOLATIONS: &str = "
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, html, any, all, none }) => {
        const why = [...any, ...all, ...none].map(({ message }) => message).join('; ');
        return `${id}: ${target.join(' ')}: ${html.slice(0, 160)}: ${why}`;
    }));";

/// What is selected has to have the color of selections there, and bars a color of their own: browsers remove other backgrounds. Behind text they lay
/// the color of the page, which hides what is written on a selection unless that is let alone.
const LOST_IN_FORCED_COLORS: &str = "
    const color = name => {
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style = `forced-color-adjust: none; background: ${name}`;
        const { backgroundColor } = getComputedStyle(probe);
        probe.remove();
        return backgroundColor;
    };
    const background = element => getComputedStyle(element).backgroundColor;
    const all = selectors => [...document.querySelectorAll(selectors)].filter(it => it.checkVisibility());
    const selected = all('nav [aria-current], [role=tab][aria-selected=true], button[aria-pressed=true]:not(:has(canvas))');
    const segments = all('input:checked').filter(it => getComputedStyle(it).opacity === '0').map(it => it.nextElementSibling);
    const bars = all('[style*=width]').filter(it => it.style.width.endsWith('%') && it.clientWidth > 0 && !it.children.length);
    const lost = [...selected, ...segments].filter(it => background(it) !== color('Highlight'));
    lost.push(...bars.filter(it => [color('Canvas'), 'rgba(0, 0, 0, 0)'].includes(background(it))));
    const texts = all('body *').filter(it => [...it.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()));
    const onSelection = color('HighlightText');
    lost.push(...texts.filter(it => {
        const { color, forcedColorAdjust } = getComputedStyle(it);
        return color === onSelection && forcedColorAdjust !== 'none';
    }));
    return lost.map(it => it.outerHTML.slice(0, 160));";

#[tokio::test]
async fn the_keyboard_alone_leads_from_a_cold_load_to_a_prediction() {
    let app = App::start().await;
    let page = arrive(&app, "").await;

    press(&page, Key::Tab).await;
    press(&page, Key::Enter).await;
    page.wait_for::<bool>("document.activeElement.id === 'content'", SHORT).await.unwrap();
    menu_closes(&page).await;
    tab_to(&page, Key::Tab, "button Train").await;
    press(&page, Key::Enter).await;
    wait_until(&page, &number("Steps"), "it >= 60", LONG).await;
    tab_to(&page, Key::Tab, "button Stop").await;
    press(&page, Key::Enter).await;
    page.wait_for_text("Stopped after ", SHORT).await.unwrap();

    tab_to(&page, Key::ShiftTab, "a Predict").await;
    press(&page, Key::Enter).await;
    tab_to(&page, Key::Tab, "canvas Drawing pad").await;
    for key in [
        Key::ShiftUp,
        Key::ShiftUp,
        Key::ShiftUp,
        Key::Space,
        Key::ShiftDown,
        Key::ShiftDown,
        Key::ShiftDown,
        Key::ShiftDown,
        Key::ShiftDown,
        Key::Space,
    ] {
        press(&page, key).await;
    }
    // Announced by screen readers.
    let prediction = "document.querySelector('output[aria-live=polite]')?.innerText.match(/\\d/)?.[0]";
    page.wait_for::<String>(prediction, SHORT).await.unwrap();

    // The device's panel, from any place. The closed menu is no trap on the way.
    tab_to(&page, Key::ShiftTab, "a CPU – Device").await;
    press(&page, Key::Enter).await;
    page.wait_for::<bool>("document.activeElement.id === 'engine'", SHORT).await.unwrap();
    expect_no_trouble(&page).await;
    app.finish(page).await;
}

/// The menu closes by Escape, and by going or clicking elsewhere; the focus is at its button then, or where the visitor went.
async fn menu_closes(page: &Page) {
    let is_open = "document.querySelector('details.menu').open";
    let is_closed = format!("!{is_open}");
    let is_at_button = "document.activeElement.ariaLabel === 'Settings'";
    tab_to(page, Key::ShiftTab, "summary Settings").await;
    press(page, Key::Enter).await;
    page.wait_for::<bool>(is_open, SHORT).await.unwrap();
    press(page, Key::Tab).await;
    press(page, Key::Escape).await;
    page.wait_for::<bool>(&format!("{is_closed} && {is_at_button}"), SHORT).await.unwrap();

    press(page, Key::Enter).await;
    page.wait_for::<bool>(is_open, SHORT).await.unwrap();
    press(page, Key::ShiftTab).await;
    page.wait_for::<bool>(&is_closed, SHORT).await.unwrap();

    press(page, Key::Tab).await;
    press(page, Key::Enter).await;
    page.wait_for::<bool>(is_open, SHORT).await.unwrap();
    page.run::<Value>("document.querySelector('.brand').parentElement.click()", json!(null)).await.unwrap();
    page.wait_for::<bool>(&is_closed, SHORT).await.unwrap();
}
