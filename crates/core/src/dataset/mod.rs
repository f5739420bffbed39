//! Images and labels: file formats, splits, statistics, and the preparation of new images; pure Rust.

/// Errors.
pub mod error;

/// Reading files, gzip or not.
pub mod gzip;

/// What a file really is.
pub mod content;

/// Arrays of images or labels.
pub mod array;

/// IDX, MNIST's file format.
pub mod idx;

/// NumPy's file format.
pub mod npy;

/// Zip archives of NumPy arrays.
pub mod npz;

/// Pairs of arrays.
pub mod pairs;

/// Tables in CSV.
pub mod table;

/// CIFAR's binary file format.
pub mod cifar;

/// Tar archives of CIFAR.
pub mod archive;

/// Names of classes, and the classes of labels.
pub mod class_names;

/// Turning and mirroring images.
pub mod turn;

/// What files leave open.
pub mod reading;

/// Detecting and parsing the files that the visitor dropped.
pub mod files;

/// The name and the id of a dataset of files.
pub mod naming;

/// Image files, in one folder per class.
pub mod image_folder;

/// What an image file really is.
pub mod image_content;

/// The datasets served with the page.
pub mod served;

/// Splitting into train, validation and test.
pub mod split;

/// Splitting images by what they are, so that others may come and go.
mod stable_split;

/// Copies, and images without content.
pub mod image_checks;

/// Images that belong together.
pub mod groups;

/// Folds for cross-validation.
pub mod folds;

/// The dataset's summary for the page.
pub mod summary;

/// Preparing a drawing or a photo as model input.
pub mod prepare;

/// Images that show nothing, to compare programs with.
pub mod patterns;

/// How figures are laid out in a dataset's images.
pub mod drawing_style;

/// Cropping and scaling.
pub mod framing;

/// One channel of an image.
pub mod plane;

pub use drawing_style::DrawingStyle;
pub use error::DatasetError;
pub use files::{check_classes, parse_files, read_files};
pub use framing::Framing;
pub use image_folder::{ImageReport, Imported};
pub use naming::{FILES, files_id, files_name};
pub use prepare::{ImageError, Prepared, prepare};
pub use reading::{ImageFormat, ImageReading, ReadAs, Reading};
pub use served::ServedDataset;
pub use summary::summarize;
pub use turn::Turn;

use crate::protocol::ImageShape;

/// Labeled images in one buffer. Built by the parsers, which check every invariant stated here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pub name: String,
    /// At least one, at most [`MAX_CLASSES`].
    pub classes: Vec<String>,
    pub shape: ImageShape,
    /// `labels.len() * shape.n_values()` bytes: image by image, each channel by channel.
    pub pixels: Vec<u8>,
    /// Each below `classes.len()`.
    pub labels: Vec<u16>,
    /// The last `n_standard_test` images are the dataset's standard test set.
    pub n_standard_test: usize,
    /// What is known of the image files that the images were made from; `None` for files that hold finished images.
    pub imported: Option<Imported>,
}

pub const MAX_CLASSES: usize = 1_000;

/// Maximum height and width of an image.
pub const MAX_SIDE_PIXELS: u32 = 1_024;

pub const MAX_IMAGES: u32 = 1_000_000;

/// Maximum size of all images together. EMNIST ByClass, the largest of the MNIST family, has 609 MiB.
pub const MAX_PIXEL_BYTES: u64 = 768 << 20;

impl Dataset {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of one image; `None` past the end.
    pub fn image(&self, index: u32) -> Option<&[u8]> {
        let n_values = self.shape.n_values();
        let start = (index as usize).checked_mul(n_values)?;
        self.pixels.get(start..start.checked_add(n_values)?)
    }

    /// The label of one image; `None` past the end.
    pub fn label(&self, index: u32) -> Option<u16> {
        self.labels.get(index as usize).copied()
    }
}

/// Which images belong to which split: indices into the dataset, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
}
