//! Images and labels: file formats, splits, statistics, and the preparation of new images; pure Rust.

/// Everything that can be wrong.
pub mod error;

/// Reading files, gzip or not.
pub mod gzip;

/// MNIST's format.
pub mod idx;

/// Pairs of IDX files.
pub mod mnist;

/// CIFAR's format.
pub mod cifar;

/// Tar archives of it.
pub mod archive;

/// Recognising and parsing what the visitor dropped.
pub mod files;

/// The datasets served with the page.
pub mod served;

/// Train, validation and test.
pub mod split;

/// What the page is told.
pub mod summary;

/// What the network sees of a drawing or a photo.
pub mod prepare;

/// How a dataset's images lie in their frame.
pub mod drawing_style;

/// One channel of an image.
pub mod plane;

pub use drawing_style::DrawingStyle;
pub use error::DatasetError;
pub use files::{FILES, files_id, parse_files};
pub use prepare::{ImageError, prepare};
pub use served::ServedDataset;
pub use summary::summarize;

use crate::protocol::ImageShape;

/// Labelled images in one buffer. Built by the parsers, which check every invariant stated here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pub name: String,
    /// At least one, at most [`MAX_CLASSES`].
    pub classes: Vec<String>,
    pub shape: ImageShape,
    /// `labels.len() * shape.n_values()` bytes: image after image, each channel by channel.
    pub pixels: Vec<u8>,
    /// Each below `classes.len()`.
    pub labels: Vec<u16>,
    /// The last so many images are the dataset's own test set.
    pub n_standard_test: usize,
}

pub const MAX_CLASSES: usize = 1_000;

/// Height and width of an image, at most.
pub const MAX_SIDE_PIXELS: u32 = 1_024;

pub const MAX_IMAGES: u32 = 1_000_000;

/// All images together. EMNIST ByClass, the largest of the MNIST family, has 609 MiB.
pub const MAX_PIXEL_BYTES: u64 = 768 << 20;

impl Dataset {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of one image; none past the end.
    pub fn image(&self, index: u32) -> Option<&[u8]> {
        let n_values = self.shape.n_values();
        let start = (index as usize).checked_mul(n_values)?;
        self.pixels.get(start..start.checked_add(n_values)?)
    }

    /// The class of one image; none past the end.
    pub fn label(&self, index: u32) -> Option<u16> {
        self.labels.get(index as usize).copied()
    }
}

/// Which images belong to which part: indices into the dataset, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
}
