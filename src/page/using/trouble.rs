//! Why an image has no prediction, in the visitor's language.

use crate::page::text::failure::failure_text;
use crate::page::text::i18n::tr;
use crate::page::text::left_out::content_text;
use crate::page::widgets::image_input::FALSIFIED;
use kindling_core::dataset::ImageError;
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::protocol::{Failure, FailureKind};

/// As [`failure_text`], but without the English detail where what is wrong with the image is known; tracked.
pub fn trouble_text(failure: &Failure) -> String {
    if failure.kind != FailureKind::BadImage {
        return failure_text(failure);
    }
    match ImageContent::of_detail(&failure.detail) {
        Some(content) => tr!(use_place.cannot_open, what = content_text(content)),
        None if failure.detail == FALSIFIED => tr!(use_place.falsified),
        None if failure.detail == ImageError::Blank.to_string() => tr!(use_place.blank),
        None => failure_text(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_image_is_said_without_a_detail() {
        let text = |detail: &str| trouble_text(&Failure::new(FailureKind::BadImage, detail));
        let heic = "This file cannot be used as an image: HEIC photo, which cannot be opened here; export it as JPEG.";
        assert_eq!(text(ImageContent::Heic.detail()), heic);
        assert_eq!(
            text(&ImageError::Blank.to_string()),
            "This image is blank: nothing stands out from its background."
        );
        assert_eq!(text("something else"), "This image cannot be used. Try another. (something else)");
    }
}
