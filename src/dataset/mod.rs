//! Images and labels: file formats, splits, statistics, and the preparation of new images; pure Rust.

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

impl Dataset {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// Which images belong to which part: indices into the dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
}
