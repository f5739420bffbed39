//! Sets the size and the theme of the page's window, and takes a screenshot of the whole page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::drive::{Page, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels, like the height.
    pub width: u32,
    pub height: u32,
    pub theme: Theme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Narrower screens are emulated as mobile devices.
const DESK_WIDTH: u32 = 1_000;

/// Gives the window this size and theme.
pub async fn show(page: &Page, screen: &Screen) -> Result<()> {
    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": screen.theme.name() }] });
    page.cdp().send_raw("Emulation.setEmulatedMedia", media).await?;
    page.cdp().send_raw("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await?;
    resize(page, screen, screen.height).await
}

async fn resize(page: &Page, screen: &Screen, height: u32) -> Result<()> {
    let width = screen.width;
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < DESK_WIDTH });
    page.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await?;
    settle(page).await
}

/// Waits until the page has not changed for a while.
pub async fn settle(page: &Page) -> Result<()> {
    let script = "
        await document.fonts.ready;
        await new Promise(resolve => {
            let timer = setTimeout(resolve, args);
            new MutationObserver(() => {
                clearTimeout(timer);
                timer = setTimeout(resolve, args);
            }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
        });
        await new Promise(requestAnimationFrame);";
    const STILL_MS: u32 = 400;
    page.run(script, json!(STILL_MS)).await
}

/// The whole page as PNG. The window is resized to the page's height, so that what sticks to the window's edge is at the page's.
pub async fn take(page: &Page, screen: &Screen) -> Result<Vec<u8>> {
    let height: u32 = page.run("return document.documentElement.scrollHeight", json!(null)).await?;
    resize(page, screen, height.max(screen.height)).await?;
    let answer = page.cdp().send_raw("Page.captureScreenshot", json!({ "format": "png" })).await?;
    resize(page, screen, screen.height).await?;
    Ok(STANDARD.decode(answer["data"].as_str().ok_or("the browser gave no picture")?)?)
}
