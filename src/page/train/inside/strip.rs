//! Histograms over time as a strip: a column per snapshot, a row per range of values.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::heat::{Heat, ROWS, heat};
use crate::page::reactive::{effect, memo};
use crate::page::store::use_store;
use crate::page::text::format::figure;
use crate::page::text::i18n::tr;
use kindling_core::protocol::{Histogram, LayerReport};

/// Hidden for a layer that has no such values.
#[component]
pub fn Strip(
    /// The layer's index in the network's list.
    index: u32,
    /// The attribute by which tests find the strip.
    kind: &'static str,
    name: fn() -> String,
    of: fn(&LayerReport) -> Option<&Histogram>,
) -> impl IntoView {
    let store = use_store();
    let heat = memo(move |_| store.inside.with(|inside| heat(&inside.history(index, of))));
    let canvas = NodeRef::<Canvas>::new();
    effect(move |_| {
        if let (Some(canvas), Some(heat)) = (canvas.get(), &*heat.read()) {
            // If painting fails, the canvas stays empty.
            paint(&canvas, heat);
        }
    });
    let range = move || {
        let (low, high) = heat.read().as_ref().map(|heat| (heat.low, heat.high)).unwrap_or_default();
        (figure(low.into()), figure(high.into()))
    };
    let described = move || {
        let (low, high) = range();
        tr!(inside.strip_of, kind = name(), low = low, high = high)
    };
    view! {
        <div class="inside-strip" class:is-hidden=move || heat.read().is_none() data-strip=kind>
            <canvas node_ref=canvas height=ROWS role="img" aria-label=described></canvas>
            <span class="strip-range" aria-hidden="true">
                <span>{move || range().1}</span>
                <span>{move || range().0}</span>
            </span>
        </div>
    }
}

/// A blue with contrast in both themes: a painted canvas does not change with the theme.
const COLOR: [u8; 3] = [63, 136, 197];

fn paint(canvas: &HtmlCanvasElement, heat: &Heat) -> Option<()> {
    let rgba: Vec<u8> = heat.strengths.iter().flat_map(|strength| [COLOR[0], COLOR[1], COLOR[2], *strength]).collect();
    let (width, height) = (heat.n_columns as u32, ROWS as u32);
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), width, height).ok()?;
    // CSS stretches the columns over the whole width.
    canvas.set_width(width);
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    context.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(())
}
