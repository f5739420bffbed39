//! What a file really is, whatever its name says: for errors that help.

use std::fmt;

use super::archive::is_tar;
use super::gzip::{is_gzip, peek};

/// The content of a file that is no part of a dataset. As text, with a way out where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileContent {
    Empty,
    WebPage,
    Json,
    LfsPointer,
    Tar,
    Zip,
    Png,
    Jpeg,
    Gif,
    Pdf,
    Pickle,
    Hdf5,
    Matlab,
    Parquet,
    Xz,
    Bzip2,
    SevenZip,
    Text,
    Gzip,
    Unknown,
}

impl FileContent {
    /// Whether it may hold a dataset all the same, in a form that is not read.
    pub fn may_hold_arrays(self) -> bool {
        matches!(self, Self::Pickle | Self::Hdf5 | Self::Matlab | Self::Parquet)
    }

    /// Detects the content from the first decompressed bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let head = peek(bytes);
        let begins = |magic: &[u8]| head.starts_with(magic);
        let is_like = |start: &str| {
            let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
            text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
        };
        match () {
            () if bytes.is_empty() => Self::Empty,
            () if is_tar(&head) => Self::Tar,
            () if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") => Self::Zip,
            () if begins(b"\x89PNG") => Self::Png,
            () if begins(&[0xff, 0xd8, 0xff]) => Self::Jpeg,
            () if begins(b"GIF8") => Self::Gif,
            () if begins(b"%PDF") => Self::Pdf,
            () if matches!(head.as_slice(), [0x80, 2..=5, ..]) => Self::Pickle,
            () if begins(b"\x89HDF") => Self::Hdf5,
            () if begins(b"MATLAB") => Self::Matlab,
            () if begins(b"PAR1") => Self::Parquet,
            () if begins(b"\xfd7zXZ") => Self::Xz,
            () if begins(b"BZh") => Self::Bzip2,
            () if begins(b"7z\xbc\xaf") => Self::SevenZip,
            () if is_like("version https://git-lfs") => Self::LfsPointer,
            () if is_like("<!doctype") || is_like("<html") || is_like("<?xml") || is_like("<head") => Self::WebPage,
            () if is_like("{") || is_like("[") => Self::Json,
            () if is_gzip(bytes) => Self::Gzip,
            () if is_text(&head) => Self::Text,
            () => Self::Unknown,
        }
    }
}

/// No control characters but those of lines and tabs.
pub fn is_text(head: &[u8]) -> bool {
    !head.is_empty() && !head.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t'))
}

impl fmt::Display for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::WebPage => "a web page, as a server sends it for a file that it has not; download the file itself",
            Self::Json => "JSON, as a server sends it for a file that it has not; download the file itself",
            Self::LfsPointer => "a Git LFS pointer, not the file that it stands for; fetch that with git lfs pull",
            Self::Tar => "a tar archive",
            Self::Zip => "a zip archive",
            Self::Png => "a PNG image",
            Self::Jpeg => "a JPEG image",
            Self::Gif => "a GIF image",
            Self::Pdf => "a PDF document",
            Self::Pickle => {
                "a Python pickle, which can run code and is not read; take CIFAR's binary version, or save the arrays \
                 with numpy.savez"
            }
            Self::Hdf5 => "an HDF5 file; save its arrays with numpy.savez",
            Self::Matlab => "a MATLAB file; save its arrays with numpy.savez",
            Self::Parquet => "a Parquet table; save it as CSV",
            Self::Xz => "packed by xz; unpack it first",
            Self::Bzip2 => "packed by bzip2; unpack it first",
            Self::SevenZip => "a 7z archive; unpack it first",
            Self::Text => "text",
            Self::Gzip => "gzip of unknown content",
            Self::Unknown => "unknown",
        })
    }
}
