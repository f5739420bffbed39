//! A small picture of each image, so that a table of thousands fits into memory.

use js_sys::Promise;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageData};

use crate::page::widgets::image_input::new_canvas;
use kindling_core::protocol::ImageInput;

/// The longer side, in pixels: twice that of the cell, for dense screens.
const SIDE: u32 = 96;

const MIME: &str = "image/jpeg";

const QUALITY: f64 = 0.8;

/// None if the browser cannot make one.
pub async fn thumbnail(image: &ImageInput) -> Option<Blob> {
    let longer = image.width.max(image.height).max(1);
    let to = |side: u32| (side * SIDE / longer).max(1).min(side);
    let (width, height) = (to(image.width), to(image.height));
    let whole = new_canvas(image.width, image.height)?;
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&image.rgba[..]), image.width, image.height).ok()?;
    whole.put_image_data(&data, 0.0, 0.0).ok()?;
    let small = new_canvas(width, height)?;
    let (to_width, to_height) = (width.into(), height.into());
    small.draw_image_with_html_canvas_element_and_dw_and_dh(&whole.canvas()?, 0.0, 0.0, to_width, to_height).ok()?;
    let canvas = small.canvas()?;
    let encoding = Promise::new(&mut |done, failed| {
        if canvas.to_blob_with_type_and_encoder_options(&done, MIME, &JsValue::from_f64(QUALITY)).is_err() {
            failed.call0(&JsValue::NULL).ok();
        }
    });
    JsFuture::from(encoding).await.ok()?.dyn_into().ok()
}
