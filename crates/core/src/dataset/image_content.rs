//! What an image file really is, whatever its name says, where it cannot be opened.

use serde::{Deserialize, Serialize};

/// Bytes that are enough to tell.
pub const HEAD_BYTES: u32 = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageContent {
    /// Drawn by an image element: browsers make no bitmap of its file.
    Svg,
    Heic,
    Tiff,
    Pdf,
    Photoshop,
    /// An image or a text of a kind that is not known here.
    Unknown,
    Empty,
}

/// All kinds, to find one by its detail.
const ALL: [ImageContent; 7] = {
    use ImageContent::{Empty, Heic, Pdf, Photoshop, Svg, Tiff, Unknown};
    [Svg, Heic, Tiff, Pdf, Photoshop, Unknown, Empty]
};

impl ImageContent {
    /// Detects the content from the first bytes of a file.
    pub fn of(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let has_svg = text.windows(4).any(|word| word == b"<svg");
        match head {
            [] => Self::Empty,
            // A box of type `ftyp`, then the brand.
            [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e', ..]
            | [_, _, _, _, b'f', b't', b'y', b'p', b'm', b'i' | b's', ..] => Self::Heic,
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Self::Tiff,
            [b'8', b'B', b'P', b'S', ..] => Self::Photoshop,
            _ if head.starts_with(b"%PDF") => Self::Pdf,
            _ if text.starts_with(b"<") && has_svg => Self::Svg,
            _ => Self::Unknown,
        }
    }

    /// What the file is, and the way out; a fragment for a failure's detail.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Svg => "a drawing in SVG that cannot be opened here; export it as PNG",
            Self::Heic => "a HEIC photo, which cannot be opened here; export it as JPEG",
            Self::Tiff => "a TIFF image, which cannot be opened here; export it as PNG or JPEG",
            Self::Pdf => "a PDF document; export its page as PNG or JPEG",
            Self::Photoshop => "a Photoshop document; export it as PNG or JPEG",
            Self::Unknown => "damaged, or no image of a known kind",
            Self::Empty => "the file is empty",
        }
    }

    /// The content that a failure's detail names, if it is one.
    pub fn of_detail(detail: &str) -> Option<Self> {
        ALL.into_iter().find(|content| content.detail() == detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_content() {
        let check = |head: &[u8], expected| assert_eq!(ImageContent::of(head), expected, "{head:?}");
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ImageContent::Heic);
        check(b"\0\0\0\x18ftypmif1\0\0\0\0", ImageContent::Heic);
        check(b"II*\0\x08\0\0\0", ImageContent::Tiff);
        check(b"MM\0*\0\0\0\x08", ImageContent::Tiff);
        check(b"%PDF-1.4\n1 0 obj", ImageContent::Pdf);
        check(b"8BPS\0\x01", ImageContent::Photoshop);
        check(b"<svg xmlns=\"http://www.w3.org/2000/svg\">", ImageContent::Svg);
        check(b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<svg>", ImageContent::Svg);
        check(b"<!DOCTYPE html><html>", ImageContent::Unknown);
        check(b"\xff\xd8\xff\xe0 cut short", ImageContent::Unknown);
        check(b"", ImageContent::Empty);
    }

    #[test]
    fn a_detail_names_one_content() {
        for content in ALL {
            assert_eq!(ImageContent::of_detail(content.detail()), Some(content));
        }
        assert_eq!(ImageContent::of_detail("a detail of another failure"), None);
    }
}
