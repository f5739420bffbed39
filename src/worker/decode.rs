//! Decodes image files by the browser: whatever it can show, upright, with the colors of the page.

use std::cell::OnceCell;

use js_sys::{Array, Promise, Reflect, Uint8Array};
use kindling_core::dataset::image_folder::importer::check_size;
use kindling_core::protocol::{Bulk, Failure, FailureKind, ImageInput, InputKind};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ImageBitmap, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = createImageBitmap, catch)]
    fn create_image_bitmap(source: &Blob) -> Result<Promise, JsValue>;
}

/// All pixels of an image file; `None` if the browser cannot open it.
///
/// # Errors
///
/// `BadImage` if this browser has no canvas for workers, or falsifies what is read from it.
pub async fn decode(file: &[u8]) -> Result<Option<ImageInput>, Failure> {
    check_canvas()?;
    let Some(bitmap) = bitmap(file).await else { return Ok(None) };
    let (width, height) = (bitmap.width(), bitmap.height());
    let rgba = check_size(width.into(), height.into()).ok().and_then(|()| read(&bitmap));
    bitmap.close();
    Ok(rgba.map(|rgba| ImageInput { width, height, rgba: Bulk::from(rgba), kind: InputKind::Photo }))
}

async fn bitmap(file: &[u8]) -> Option<ImageBitmap> {
    let parts = Array::of1(&Uint8Array::from(file));
    let blob = Blob::new_with_u8_array_sequence(&parts).ok()?;
    Some(JsFuture::from(create_image_bitmap(&blob).ok()?).await.ok()?.unchecked_into())
}

fn read(bitmap: &ImageBitmap) -> Option<Vec<u8>> {
    let context = new_canvas(bitmap.width(), bitmap.height())?;
    context.draw_image_with_image_bitmap(bitmap, 0.0, 0.0).ok()?;
    pixels(&context, bitmap.width(), bitmap.height())
}

fn pixels(context: &OffscreenCanvasRenderingContext2d, width: u32, height: u32) -> Option<Vec<u8>> {
    let Clamped(rgba) = context.get_image_data(0.0, 0.0, width.into(), height.into()).ok()?.data();
    Some(rgba)
}

/// A canvas whose pixels are kept where reading them back is cheap.
fn new_canvas(width: u32, height: u32) -> Option<OffscreenCanvasRenderingContext2d> {
    let canvas = OffscreenCanvas::new(width, height).ok()?;
    let options = js_sys::Object::new();
    Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE).ok()?;
    canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()
}

/// Draws known pixels and reads them, once: some browsers falsify what is read, so that nobody can tell visitors apart by it. Whole datasets of
/// noise would follow. A deviation of a few levels does not matter.
fn check_canvas() -> Result<(), Failure> {
    thread_local! {
        static FOUND: OnceCell<Option<&'static str>> = const { OnceCell::new() };
    }
    let trouble = FOUND.with(|found| {
        *found.get_or_init(|| match probe() {
            None => Some("this browser cannot draw images in a worker; a newer version can"),
            Some(false) => Some("this browser falsifies what pages read from a canvas; allow this page to read it"),
            Some(true) => None,
        })
    });
    trouble.map_or(Ok(()), |detail| Err(Failure::new(FailureKind::BadImage, detail)))
}

/// Whether the pixels come back as they were drawn; `None` without a canvas.
fn probe() -> Option<bool> {
    const SIDE: u32 = 8;
    const TOLERANCE: u8 = 4;
    let context = new_canvas(SIDE, SIDE)?;
    let color = |x: u32, y: u32| [(x * 32) as u8, (y * 32) as u8, if (x + y).is_multiple_of(2) { 0 } else { 255 }];
    let places = || (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    for (x, y) in places() {
        let [red, green, blue] = color(x, y);
        context.set_fill_style_str(&format!("rgb({red},{green},{blue})"));
        context.fill_rect(x.into(), y.into(), 1.0, 1.0);
    }
    let found = pixels(&context, SIDE, SIDE)?;
    let (found, _) = found.as_chunks::<4>();
    let is_like = |(x, y): (u32, u32), [red, green, blue, _]: &[u8; 4]| {
        color(x, y).iter().zip([red, green, blue]).all(|(drawn, read)| drawn.abs_diff(*read) <= TOLERANCE)
    };
    Some(places().zip(found).all(|(place, pixel)| is_like(place, pixel)))
}
