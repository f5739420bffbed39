//! Converts any image that the browser can decode into the pixels that the engine classifies.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, ImageBitmap, Url};

use super::image_content::{HEAD_BYTES, ImageContent};
use kindling_core::protocol::{Bulk, Failure, FailureKind, ImageInput, InputKind};

/// Maximum side of an image sent to the engine, in pixels: larger than the input of any network here, and at most 256 KiB of RGBA.
pub const SIDE_LIMIT: u32 = 256;

#[wasm_bindgen]
extern "C" {
    /// web-sys has a function for each type of source; this one accepts all of them, as the browser's function does.
    #[wasm_bindgen(js_name = createImageBitmap, catch)]
    fn create_image_bitmap(source: &JsValue) -> Result<Promise, JsValue>;
}

/// Reads a blob, image data, bitmap, canvas, video or image element. Photos are rotated according to their EXIF orientation.
///
/// # Errors
///
/// `BadImage`, with what the file is where it is none that a browser opens, and where the browser falsifies what is read from a canvas.
pub async fn read_image(source: &JsValue, kind: InputKind) -> Result<ImageInput, Failure> {
    let bad = |detail: &str| Failure::new(FailureKind::BadImage, detail);
    if is_falsified() {
        return Err(bad("this browser falsifies what pages read from a canvas; allow this page to read it"));
    }
    let input = match decode(source).await {
        Some(bitmap) => {
            let input = scale(&bitmap, kind);
            bitmap.close();
            input
        }
        None => {
            let content = content(source).await;
            let drawn =
                if content == ImageContent::Svg { read_drawing(source.unchecked_ref(), kind).await } else { None };
            return drawn.ok_or_else(|| bad(content.detail()));
        }
    };
    input.ok_or_else(|| bad("the image has no pixels that can be read"))
}

/// Browsers report a dozen different errors here. All of them mean that the image cannot be decoded.
async fn decode(source: &JsValue) -> Option<ImageBitmap> {
    let promise = create_image_bitmap(source).ok()?;
    Some(JsFuture::from(promise).await.ok()?.unchecked_into())
}

/// What a file is that cannot be decoded.
async fn content(source: &JsValue) -> ImageContent {
    let head = async {
        // Blobs of a page around this one have classes of their own; they have the method all the same.
        let blob: &Blob = js_sys::Reflect::has(source, &"arrayBuffer".into()).ok()?.then(|| source.unchecked_ref())?;
        let head = blob.slice_with_i32_and_i32(0, HEAD_BYTES as i32).ok()?;
        Some(Uint8Array::new(&JsFuture::from(head.array_buffer()).await.ok()?).to_vec())
    };
    head.await.map_or(ImageContent::Unknown, |head| ImageContent::of(&head))
}

/// Draws an SVG file, which has the size that it names, or none.
async fn read_drawing(file: &Blob, kind: InputKind) -> Option<ImageInput> {
    // An image element goes by the type, which a file may lack.
    let typed = file.slice_with_f64_and_f64_and_content_type(0.0, file.size(), "image/svg+xml").ok()?;
    let url = Url::create_object_url_with_blob(&typed).ok()?;
    let image = HtmlImageElement::new().ok()?;
    image.set_src(&url);
    let decoded = JsFuture::from(image.decode()).await;
    Url::revoke_object_url(&url).ok();
    decoded.ok()?;
    let (width, height) = match (image.natural_width(), image.natural_height()) {
        (0, _) | (_, 0) => (SIDE_LIMIT, SIDE_LIMIT),
        size => size,
    };
    let crop = crop(width, height, kind)?;
    let context = new_canvas(crop.to_width, crop.to_height)?;
    let scale = f64::from(crop.to_width) / f64::from(crop.width);
    let of = |pixels: u32| f64::from(pixels) * scale;
    context
        .draw_image_with_html_image_element_and_dw_and_dh(&image, -of(crop.x), -of(crop.y), of(width), of(height))
        .ok()?;
    read(&context, crop, kind)
}

/// Whether the browser falsifies what a page reads from a canvas, as some do so that pages cannot tell visitors apart by it. A deviation of a
/// few levels changes no answer.
pub fn is_falsified() -> bool {
    thread_local! {
        static FOUND: std::cell::OnceCell<bool> = const { std::cell::OnceCell::new() };
    }
    FOUND.with(|found| *found.get_or_init(|| probe() == Some(false)))
}

/// Draws known pixels and reads them; None if nothing can be read, which is reported where it is needed.
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
    let Clamped(found) = context.get_image_data(0.0, 0.0, SIDE.into(), SIDE.into()).ok()?.data();
    let (found, _) = found.as_chunks::<4>();
    let is_like = |(x, y): (u32, u32), [red, green, blue, _]: &[u8; 4]| {
        color(x, y).iter().zip([red, green, blue]).all(|(drawn, read)| drawn.abs_diff(*read) <= TOLERANCE)
    };
    Some(places().zip(found).all(|(place, pixel)| is_like(place, pixel)))
}

/// Reads a canvas with a drawing, synchronously. None if its pixels cannot be read, or would be read wrong.
pub fn read_canvas(canvas: &HtmlCanvasElement) -> Option<ImageInput> {
    if is_falsified() {
        return None;
    }
    let crop = crop(canvas.width(), canvas.height(), InputKind::Drawing)?;
    let context = new_canvas(crop.to_width, crop.to_height)?;
    let (width, height) = (crop.to_width.into(), crop.to_height.into());
    context.draw_image_with_html_canvas_element_and_dw_and_dh(canvas, 0.0, 0.0, width, height).ok()?;
    read(&context, crop, InputKind::Drawing)
}

fn scale(bitmap: &ImageBitmap, kind: InputKind) -> Option<ImageInput> {
    let crop = crop(bitmap.width(), bitmap.height(), kind)?;
    let context = new_canvas(crop.to_width, crop.to_height)?;
    context
        .draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            bitmap,
            crop.x.into(),
            crop.y.into(),
            crop.width.into(),
            crop.height.into(),
            0.0,
            0.0,
            crop.to_width.into(),
            crop.to_height.into(),
        )
        .ok()?;
    read(&context, crop, kind)
}

fn read(context: &CanvasRenderingContext2d, crop: Crop, kind: InputKind) -> Option<ImageInput> {
    let pixels = context.get_image_data(0.0, 0.0, crop.to_width.into(), crop.to_height.into()).ok()?;
    let Clamped(rgba) = pixels.data();
    Some(ImageInput { width: crop.to_width, height: crop.to_height, rgba: Bulk::from(rgba), kind })
}

/// The context of a new canvas outside the document, whose pixels can be read back.
fn new_canvas(width: u32, height: u32) -> Option<CanvasRenderingContext2d> {
    let canvas = web_sys::window()?.document()?.create_element("canvas").ok()?.unchecked_into::<HtmlCanvasElement>();
    canvas.set_width(width);
    canvas.set_height(height);
    let context = readable_context(&canvas)?;
    // Photos are often downscaled tenfold. Browsers without this property use their default quality.
    js_sys::Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into()).ok();
    Some(context)
}

/// The 2D context of a canvas, with its pixels kept where reading them back is cheap (`willReadFrequently`).
pub fn readable_context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE).ok()?;
    canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()
}

/// The part of an image that is sent, and the size that it is scaled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crop {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    to_width: u32,
    to_height: u32,
}

/// The crop of an image: a photo's largest centered square, which is all that the network sees; the whole of a drawing. Images are only
/// scaled down, never up. None for an image without pixels.
fn crop(width: u32, height: u32, kind: InputKind) -> Option<Crop> {
    if width == 0 || height == 0 {
        return None;
    }
    Some(match kind {
        InputKind::Photo => {
            let side = width.min(height);
            let to_side = side.min(SIDE_LIMIT);
            let (x, y) = ((width - side) / 2, (height - side) / 2);
            Crop { x, y, width: side, height: side, to_width: to_side, to_height: to_side }
        }
        InputKind::Drawing => {
            let longest = width.max(height);
            let to = |side: u32| match longest > SIDE_LIMIT {
                true => ((u64::from(side) * u64::from(SIDE_LIMIT) / u64::from(longest)) as u32).max(1),
                false => side,
            };
            Crop { x: 0, y: 0, width, height, to_width: to(width), to_height: to(height) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: (u32, u32), kind: InputKind, from: [u32; 4], to: (u32, u32)) {
        let [x, y, width, height] = from;
        let expected = Crop { x, y, width, height, to_width: to.0, to_height: to.1 };
        assert_eq!(crop(size.0, size.1, kind), Some(expected), "{size:?}");
    }

    #[test]
    fn photos_are_cropped_to_their_center_and_drawings_are_whole() {
        check((4000, 3000), InputKind::Photo, [500, 0, 3000, 3000], (256, 256));
        check((100, 201), InputKind::Photo, [0, 50, 100, 100], (100, 100));
        check((512, 512), InputKind::Drawing, [0, 0, 512, 512], (256, 256));
        check((28, 14), InputKind::Drawing, [0, 0, 28, 14], (28, 14));
    }

    #[test]
    fn extreme_sizes_keep_at_least_a_pixel() {
        check((u32::MAX, 1), InputKind::Drawing, [0, 0, u32::MAX, 1], (256, 1));
        check((u32::MAX, 1), InputKind::Photo, [u32::MAX / 2, 0, 1, 1], (1, 1));
        assert_eq!(crop(0, 5, InputKind::Photo), None);
    }
}
