//! Converts any image that the browser can decode into the pixels that the engine classifies.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement, ImageBitmap, Url};

use kindling_core::dataset::image_content::{HEAD_BYTES, ImageContent};
use kindling_core::protocol::{Bulk, Failure, FailureKind, ImageInput, InputKind};

/// Maximum side of a drawing sent to the engine, and maximum shorter side of a photo, in pixels: as large as the input of any network here.
const SIDE_LIMIT: u32 = 256;

/// Maximum longer side of a photo.
const LONGER_SIDE_LIMIT: u32 = 1_024;

/// The detail of the failure where [`is_falsified`].
pub const FALSIFIED: &str = "this browser falsifies what pages read from a canvas; allow this page to read it";

#[wasm_bindgen]
extern "C" {
    /// web-sys has a function for each type of source; this one accepts all of them, as the browser's function does.
    #[wasm_bindgen(js_name = createImageBitmap, catch)]
    fn create_image_bitmap(source: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;
}

/// Reads a blob, image data, bitmap, canvas, video or image element. Photos are rotated according to their EXIF orientation.
///
/// # Errors
///
/// `BadImage`, with what the file is where it is none that a browser opens, and where the browser falsifies what is read from a canvas.
pub async fn read_image(source: &JsValue, kind: InputKind) -> Result<ImageInput, Failure> {
    read_scaled(source, kind, None).await
}

/// Reads a photo whose size in pixels is known, if it is: a large one is scaled while it is decoded, away from the page's thread.
///
/// # Errors
///
/// As [`read_image`].
pub async fn read_photo(file: &Blob, size: Option<(u32, u32)>) -> Result<ImageInput, Failure> {
    // Only the width is asked for, since a photo may lie on its side; the rest of the way is as for any other image.
    let width = size.and_then(|(width, height)| {
        let shorter = u64::from(width.min(height));
        let limit = 2 * u64::from(SIDE_LIMIT);
        (shorter > limit).then(|| (u64::from(width) * limit / shorter) as u32)
    });
    read_scaled(file, InputKind::Photo, width).await
}

async fn read_scaled(source: &JsValue, kind: InputKind, width: Option<u32>) -> Result<ImageInput, Failure> {
    let bad = |detail: &str| Failure::new(FailureKind::BadImage, detail);
    if is_falsified() {
        return Err(bad(FALSIFIED));
    }
    let input = match decode(source, width).await {
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
async fn decode(source: &JsValue, width: Option<u32>) -> Option<ImageBitmap> {
    let options = js_sys::Object::new();
    if let Some(width) = width {
        js_sys::Reflect::set(&options, &"resizeWidth".into(), &width.into()).ok()?;
        js_sys::Reflect::set(&options, &"resizeQuality".into(), &"high".into()).ok()?;
    }
    let promise = create_image_bitmap(source, &options).ok()?;
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
    let size = Size::of(width, height, kind)?;
    let context = size.canvas()?;
    let (to_width, to_height) = (size.width.into(), size.height.into());
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, to_width, to_height).ok()?;
    read(&context, size, kind)
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
    let size = Size::of(canvas.width(), canvas.height(), InputKind::Drawing)?;
    let context = size.canvas()?;
    let (width, height) = (size.width.into(), size.height.into());
    context.draw_image_with_html_canvas_element_and_dw_and_dh(canvas, 0.0, 0.0, width, height).ok()?;
    read(&context, size, InputKind::Drawing)
}

/// The largest square in the middle of an image.
pub fn middle_square(image: &ImageInput) -> ImageInput {
    let side = image.width.min(image.height);
    let (left, top) = ((image.width - side) / 2, (image.height - side) / 2);
    let row_bytes = |pixels: u32| 4 * pixels as usize;
    let rows = image.rgba.chunks_exact(row_bytes(image.width).max(1)).skip(top as usize).take(side as usize);
    let rows: Vec<&[u8]> = rows.filter_map(|row| row.get(row_bytes(left)..row_bytes(left + side))).collect();
    let rgba = rows.concat();
    ImageInput { width: side, height: side, rgba: rgba.into(), kind: image.kind }
}

fn scale(bitmap: &ImageBitmap, kind: InputKind) -> Option<ImageInput> {
    let size = Size::of(bitmap.width(), bitmap.height(), kind)?;
    let context = size.canvas()?;
    let (width, height) = (size.width.into(), size.height.into());
    context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width, height).ok()?;
    read(&context, size, kind)
}

fn read(context: &CanvasRenderingContext2d, Size { width, height }: Size, kind: InputKind) -> Option<ImageInput> {
    let Clamped(rgba) = context.get_image_data(0.0, 0.0, width.into(), height.into()).ok()?.data();
    Some(ImageInput { width, height, rgba: Bulk::from(rgba), kind })
}

/// The context of a new canvas outside the document, whose pixels can be read back.
pub fn new_canvas(width: u32, height: u32) -> Option<CanvasRenderingContext2d> {
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

/// The size that an image is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Images are sent whole, as the engine frames them like the dataset's, and only scaled down, never up. Of a photo the shorter side counts,
    /// as a crop may be all that the network sees. `None` for an image without pixels.
    fn of(width: u32, height: u32, kind: InputKind) -> Option<Self> {
        let longer = u64::from(width.max(height));
        let shorter = u64::from(width.min(height));
        if shorter == 0 {
            return None;
        }
        let is_small = longer <= u64::from(SIDE_LIMIT);
        // As a fraction, so that whole sizes stay whole.
        let (limit, of) = match kind {
            InputKind::Photo if shorter * u64::from(LONGER_SIDE_LIMIT) < longer * u64::from(SIDE_LIMIT) => {
                (u64::from(LONGER_SIDE_LIMIT), longer)
            }
            InputKind::Photo => (u64::from(SIDE_LIMIT), shorter),
            InputKind::Drawing => (u64::from(SIDE_LIMIT), longer),
        };
        let to = |side: u32| match is_small || limit >= of {
            true => side,
            false => (u64::from(side) * limit / of).max(1) as u32,
        };
        Some(Self { width: to(width), height: to(height) })
    }

    fn canvas(self) -> Option<CanvasRenderingContext2d> {
        new_canvas(self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check((width, height): (u32, u32), kind: InputKind, to: (u32, u32)) {
        let expected = Size { width: to.0, height: to.1 };
        assert_eq!(Size::of(width, height, kind), Some(expected), "{width} x {height}");
    }

    #[test]
    fn images_are_sent_whole() {
        check((4000, 3000), InputKind::Photo, (341, 256));
        check((100, 201), InputKind::Photo, (100, 201));
        check((256, 900), InputKind::Photo, (256, 900));
        check((512, 512), InputKind::Drawing, (256, 256));
        check((28, 14), InputKind::Drawing, (28, 14));
    }

    #[test]
    fn the_square_is_in_the_middle() {
        let pixels = |numbers: &[u8]| numbers.iter().flat_map(|number| [*number; 4]).collect::<Vec<u8>>();
        let check = |width, height, expected: &[u8]| {
            let all: Vec<u8> = (0..(width * height) as u8).collect();
            let image = ImageInput { width, height, rgba: pixels(&all).into(), kind: InputKind::Photo };
            let square = middle_square(&image);
            assert_eq!((square.width, square.height), (width.min(height), width.min(height)));
            assert_eq!(square.rgba.to_vec(), pixels(expected));
        };
        check(4, 2, &[1, 2, 5, 6]);
        check(2, 5, &[2, 3, 4, 5]);
        check(3, 3, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn extreme_sizes_keep_at_least_a_pixel() {
        check((u32::MAX, 1), InputKind::Drawing, (256, 1));
        check((u32::MAX, 1), InputKind::Photo, (1024, 1));
        assert_eq!(Size::of(0, 5, InputKind::Photo), None);
    }
}
