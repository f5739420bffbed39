//! Decodes image files, upright by their EXIF orientation.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, Limits};
use kindling_core::dataset::image_folder::importer::FILE_SIDE_LIMIT;
use kindling_core::protocol::{ImageInput, InputKind};

/// Maximum memory for decoding an image.
const DECODED_LIMIT_BYTES: u64 = 512 << 20;

/// Decodes a file of any format that `image` was built with; only the first image of an animation.
pub fn decode(file: &[u8]) -> ImageResult<ImageInput> {
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(FILE_SIDE_LIMIT);
    limits.max_image_height = Some(FILE_SIDE_LIMIT);
    limits.max_alloc = Some(DECODED_LIMIT_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    Ok(ImageInput { width, height, rgba: image.into_raw().into(), kind: InputKind::Photo })
}
