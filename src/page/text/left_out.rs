//! Why an image file is left out, in the visitor's language.

use crate::page::text::i18n::tr;
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::dataset::image_folder::LeftOutReason;

pub fn reason_text(reason: &LeftOutReason) -> String {
    match reason {
        LeftOutReason::Undecodable(content) => content_text(*content),
        LeftOutReason::TooManyPixels { width, height } => tr!(images.reason_pixels, width = width, height = height),
        LeftOutReason::TooManyBytes => tr!(images.reason_bytes),
        LeftOutReason::Damaged => tr!(images.reason_damaged),
        LeftOutReason::Unreadable => tr!(images.reason_unreadable),
        LeftOutReason::NoClass => tr!(images.reason_no_class),
        LeftOutReason::NoLabel => tr!(images.reason_no_label),
        LeftOutReason::Missing => tr!(images.reason_missing),
        LeftOutReason::BadPath => tr!(images.reason_bad_path),
    }
}

/// What an image file really is that cannot be opened, and the way out; a fragment.
pub fn content_text(content: ImageContent) -> String {
    match content {
        ImageContent::Svg => tr!(images.reason_svg),
        ImageContent::Heic => tr!(images.reason_heic),
        ImageContent::Tiff => tr!(images.reason_tiff),
        ImageContent::Pdf | ImageContent::Photoshop => tr!(images.reason_document),
        ImageContent::Unknown => tr!(images.reason_unknown),
        ImageContent::Empty => tr!(images.reason_empty),
    }
}
