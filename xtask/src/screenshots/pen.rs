//! Draws a digit on the pad in the place Predict, with the mouse.

use std::f64::consts::PI;
use std::time::Duration;

use serde_json::json;

use super::camera::settle;
use crate::drive::{Page, Result};

const PATIENCE: Duration = Duration::from_secs(20);

/// The position of the pad in the window.
#[derive(serde::Deserialize)]
struct Pad {
    left: f64,
    top: f64,
    side: f64,
}

/// Draws a three: two arcs, one below the other. Waits for the prediction.
pub async fn draw_three(page: &Page) -> Result<()> {
    let find = "
        const pad = document.querySelector('.draw-pad canvas');
        pad.scrollIntoView({ block: 'center', behavior: 'instant' });
        const { left, top, width } = pad.getBoundingClientRect();
        return { left, top, side: width };";
    let pad: Pad = page.run(find, json!(null)).await?;
    let points: Vec<(f64, f64)> = arc(0.34, 0.14, -0.8, 0.5).chain(arc(0.64, 0.16, -0.5, 0.8)).collect();
    for (index, point) in points.iter().enumerate() {
        if index == 0 {
            mouse(page, &pad, "mousePressed", *point).await?;
        }
        mouse(page, &pad, "mouseMoved", *point).await?;
        if index + 1 == points.len() {
            mouse(page, &pad, "mouseReleased", *point).await?;
        }
    }
    page.wait_for::<bool>("!!document.querySelector('.use-answer output')?.innerText", PATIENCE).await?;
    page.run::<()>("window.scrollTo(0, 0)", json!(null)).await?;
    settle(page).await
}

/// Points of an arc that opens to the left; angles in half turns, 0 to the right. All lengths are fractions of the pad's side.
fn arc(center_y: f64, radius: f64, from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> {
    const N_POINTS: u32 = 30;
    (0..=N_POINTS).map(move |index| {
        let angle = PI * (from + (to - from) * f64::from(index) / f64::from(N_POINTS));
        (0.48 + radius * angle.cos(), center_y + radius * angle.sin())
    })
}

async fn mouse(page: &Page, pad: &Pad, kind: &str, (x, y): (f64, f64)) -> Result<()> {
    let is_down = u32::from(kind != "mouseReleased");
    let (x, y) = (pad.left + x * pad.side, pad.top + y * pad.side);
    let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": is_down, "clickCount": 1 });
    page.cdp().send_raw("Input.dispatchMouseEvent", event).await?;
    Ok(())
}
