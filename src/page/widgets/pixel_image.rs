//! An image of the dataset, painted pixel by pixel onto a canvas.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, ImageData};

use crate::page::reactive::effect;
use kindling_core::protocol::ImageShape;

/// A canvas with one pixel per pixel of the image, which CSS enlarges without smoothing.
#[component]
pub fn PixelImage(
    shape: ImageShape,
    /// `shape.n_values()` bytes, `[channels, height, width]`.
    #[prop(into)]
    pixels: Vec<u8>,
    /// The accessible name: what the image shows.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    effect(move |_| {
        if let Some(canvas) = canvas.get() {
            // An image that does not match its shape stays empty.
            paint(&canvas, shape, &pixels);
        }
    });
    view! {
        <canvas
            node_ref=canvas
            class="pixels"
            width=shape.width
            height=shape.height
            role="img"
            aria-label=name
        ></canvas>
    }
}

/// Paints `[channels, height, width]` bytes. None if their number does not match the shape, or if the canvas cannot be painted.
pub fn paint(canvas: &web_sys::HtmlCanvasElement, shape: ImageShape, pixels: &[u8]) -> Option<()> {
    let rgba = to_rgba(shape, pixels)?;
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), shape.width, shape.height).ok()?;
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    context.put_image_data(&data, 0.0, 0.0).ok()
}

/// Converts `[channels, height, width]` bytes to RGBA. None if their number does not match the shape, or if there are not 1 or 3 channels.
pub fn to_rgba(shape: ImageShape, pixels: &[u8]) -> Option<Vec<u8>> {
    if pixels.len() != shape.n_values() || pixels.is_empty() {
        return None;
    }
    let size = shape.height as usize * shape.width as usize;
    let mut planes = pixels.chunks_exact(size);
    let (red, green, blue) = match shape.channels {
        1 => (pixels, pixels, pixels),
        3 => (planes.next()?, planes.next()?, planes.next()?),
        _ => return None,
    };
    let mut rgba = Vec::with_capacity(size * 4);
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        rgba.extend([*red, *green, *blue, u8::MAX]);
    }
    Some(rgba)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_pixels() {
        let shape = ImageShape { channels: 3, height: 1, width: 2 };
        assert_eq!(to_rgba(shape, &[1, 2, 3, 4, 5, 6]), Some(vec![1, 3, 5, 255, 2, 4, 6, 255]));
        let gray = ImageShape { channels: 1, ..shape };
        assert_eq!(to_rgba(gray, &[7, 8]), Some(vec![7, 7, 7, 255, 8, 8, 8, 255]));
    }

    #[test]
    fn bytes_that_do_not_fit_the_shape_are_no_image() {
        let shape = ImageShape { channels: 1, height: 2, width: 2 };
        assert_eq!(to_rgba(shape, &[1, 2, 3]), None);
        assert_eq!(to_rgba(ImageShape { channels: 2, ..shape }, &[0; 8]), None);
        assert_eq!(to_rgba(ImageShape { height: 0, ..shape }, &[]), None);
    }
}
