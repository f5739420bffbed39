//! Makes image files to keep: checks what the visitor gives, scales down what is larger than any network needs, and encodes frames and drawings.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, HtmlCanvasElement, ImageBitmap, ImageData};

use super::project::FileKind;
use crate::page::download;
use crate::page::widgets::image_input::{read_image, readable_context};
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::dataset::image_folder::importer::content_id;
use kindling_core::dataset::image_folder::packed::FILE_LIMIT_BYTES;
use kindling_core::dataset::image_folder::{LeftOutReason, check_file};
use kindling_core::protocol::{ImageInput, InputKind};

/// Larger images are scaled so that their longer side is about this: four times the input of the largest network here, at a tenth of a photo's size.
pub const SIDE_LIMIT: u32 = 1_024;

/// The quality of encoded photos, from 0 to 1: a network sees no difference.
const QUALITY: f64 = 0.92;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = createImageBitmap, catch)]
    fn create_image_bitmap(source: &JsValue, options: &JsValue) -> Result<Promise, JsValue>;
}

/// An image file to keep.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub id: String,
    pub kind: FileKind,
    pub blob: Blob,
}

impl Fresh {
    /// The file's bytes become its id.
    fn new(kind: FileKind, bytes: &[u8]) -> Option<Self> {
        let blob = download::blob(kind.mime(), bytes).ok()?;
        Some(Self { id: image_id(bytes), kind, blob })
    }

    pub fn bytes(&self) -> u64 {
        self.blob.size() as u64
    }
}

/// The stable id of an image file.
pub fn image_id(bytes: &[u8]) -> String {
    format!("{:016x}", content_id(bytes))
}

/// A file of the visitor's: PNG, JPEG and WebP of moderate size stay as they are, byte for byte; whatever else the browser opens is encoded anew.
///
/// # Errors
///
/// If it is no image that the browser opens, or too large.
pub async fn of_file(file: &Blob) -> Result<Fresh, LeftOutReason> {
    if file.size() > FILE_LIMIT_BYTES as f64 {
        return Err(LeftOutReason::TooManyBytes);
    }
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| LeftOutReason::Unreadable)?;
    of_bytes(file, &Uint8Array::new(&buffer).to_vec()).await
}

/// As [`of_file`], for a file whose bytes are known.
///
/// # Errors
///
/// As [`of_file`].
pub async fn of_bytes(file: &Blob, bytes: &[u8]) -> Result<Fresh, LeftOutReason> {
    // Before memory is taken for its pixels.
    match check_file(bytes) {
        Err(LeftOutReason::Undecodable(ImageContent::Svg)) => return of_svg(file).await,
        checked => checked?,
    }
    let undecodable = || LeftOutReason::Undecodable(ImageContent::of(bytes));
    let kind = FileKind::of(bytes);
    let (width, height) = size(bytes).unwrap_or_default();
    let is_large = width.max(height) > SIDE_LIMIT;
    let bitmap = decode(file, is_large.then(|| scaled(width, height))).await.ok_or_else(undecodable)?;
    let fresh = match kind {
        Some(kind) if !is_large => Fresh::new(kind, bytes),
        // Photos become JPEG; what may have transparent pixels or few colors loses nothing.
        Some(FileKind::Jpeg | FileKind::Webp) => encoded(&bitmap, FileKind::Jpeg).await,
        Some(FileKind::Png) => encoded(&bitmap, FileKind::Png).await,
        None if is_large => encoded(&bitmap, FileKind::Jpeg).await,
        None => encoded(&bitmap, FileKind::Png).await,
    };
    bitmap.close();
    fresh.ok_or_else(undecodable)
}

/// A drawing in SVG becomes pixels, as large as a network may want them.
async fn of_svg(file: &Blob) -> Result<Fresh, LeftOutReason> {
    let undecodable = || LeftOutReason::Undecodable(ImageContent::Svg);
    let drawing = read_image(file, InputKind::Photo).await.map_err(|_| undecodable())?;
    of_drawing(&drawing).await.ok_or_else(undecodable)
}

/// The square in the middle of a camera's frame.
pub async fn of_frame(frame: &ImageInput) -> Option<Fresh> {
    let side = frame.width.min(frame.height);
    let canvas = new_canvas(side, side)?;
    let left = -f64::from((frame.width - side) / 2);
    let top = -f64::from((frame.height - side) / 2);
    readable_context(&canvas)?.put_image_data(&image_data(frame)?, left, top).ok()?;
    of_canvas(&canvas, FileKind::Jpeg).await
}

/// A drawing, pixel by pixel.
pub async fn of_drawing(drawing: &ImageInput) -> Option<Fresh> {
    let canvas = new_canvas(drawing.width, drawing.height)?;
    readable_context(&canvas)?.put_image_data(&image_data(drawing)?, 0.0, 0.0).ok()?;
    of_canvas(&canvas, FileKind::Png).await
}

fn image_data(image: &ImageInput) -> Option<ImageData> {
    ImageData::new_with_u8_clamped_array_and_sh(Clamped(&image.rgba[..]), image.width, image.height).ok()
}

async fn encoded(bitmap: &ImageBitmap, kind: FileKind) -> Option<Fresh> {
    let (width, height) = (bitmap.width(), bitmap.height());
    let longer = width.max(height);
    // A browser that has not scaled while it decoded scales now. A rotated photo may have its longer side over the limit.
    let (width, height) = if longer > SIDE_LIMIT * 2 { fit(width, height) } else { (width, height) };
    let canvas = new_canvas(width, height)?;
    let context = readable_context(&canvas)?;
    context.draw_image_with_image_bitmap_and_dw_and_dh(bitmap, 0.0, 0.0, width.into(), height.into()).ok()?;
    of_canvas(&canvas, kind).await
}

async fn of_canvas(canvas: &HtmlCanvasElement, kind: FileKind) -> Option<Fresh> {
    let quality = JsValue::from_f64(QUALITY);
    let encoding = Promise::new(&mut |done, failed| {
        if canvas.to_blob_with_type_and_encoder_options(&done, kind.mime(), &quality).is_err() {
            failed.call0(&JsValue::NULL).ok();
        }
    });
    let blob: Blob = JsFuture::from(encoding).await.ok()?.dyn_into().ok()?;
    let buffer = JsFuture::from(blob.array_buffer()).await.ok()?;
    Fresh::new(kind, &Uint8Array::new(&buffer).to_vec())
}

fn new_canvas(width: u32, height: u32) -> Option<HtmlCanvasElement> {
    let canvas = web_sys::window()?.document()?.create_element("canvas").ok()?.unchecked_into::<HtmlCanvasElement>();
    canvas.set_width(width);
    canvas.set_height(height);
    Some(canvas)
}

/// Decodes and scales away from the page's thread. Only the width is asked for, since a photo may lie on its side.
async fn decode(file: &Blob, width: Option<u32>) -> Option<ImageBitmap> {
    let options = match width {
        Some(width) => serde_json::json!({ "resizeWidth": width, "resizeQuality": "high" }).to_string(),
        None => "{}".to_owned(),
    };
    let options = js_sys::JSON::parse(&options).ok()?;
    Some(JsFuture::from(create_image_bitmap(file, &options).ok()?).await.ok()?.unchecked_into())
}

/// Width and height as the file says, from its first bytes; none if they are of no known format.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let size = imagesize::blob_size(bytes).ok()?;
    // The height of a bitmap is negative if its first row is the top one.
    let height = if bytes.starts_with(b"BM") { (size.height as i32).unsigned_abs() } else { size.height as u32 };
    Some((size.width as u32, height))
}

/// The width of an image that is scaled to the limit.
fn scaled(width: u32, height: u32) -> u32 {
    fit(width, height).0
}

/// The size of an image whose longer side is at the limit.
fn fit(width: u32, height: u32) -> (u32, u32) {
    let longer = u64::from(width.max(height)).max(1);
    let to = |side: u32| (u64::from(side) * u64::from(SIDE_LIMIT) / longer).max(1) as u32;
    (to(width), to(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_at_the_limit() {
        assert_eq!(fit(4_000, 3_000), (1_024, 768));
        assert_eq!(fit(3_000, 4_000), (768, 1_024));
        assert_eq!(fit(20_000, 3), (1_024, 1));
        assert_eq!(scaled(2_048, 2_048), 1_024);
    }

    #[test]
    fn an_id_is_the_number_that_the_engine_splits_by() {
        let id = image_id(b"image");
        assert_eq!(u64::from_str_radix(&id, 16), Ok(content_id(b"image")));
        assert_eq!(id.len(), 16);
    }
}
