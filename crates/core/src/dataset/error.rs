//! Errors in a dataset's files, its split, or its description.

use super::content::FileContent;
use crate::protocol::{Failure, FailureKind};

/// The message is a sentence fragment that names the file and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    #[error("{file}: not an IDX file: it starts with {magic:#010x}")]
    WrongMagic { file: String, magic: u32 },
    #[error("{file}: {content}")]
    NotADataset { file: String, content: FileContent },
    #[error("{file}: {detail}")]
    BadArray { file: String, detail: String },
    #[error("{file}: {detail}")]
    BadTable { file: String, detail: String },
    #[error("{file}: cut short: {found} bytes of {expected}")]
    Truncated { file: String, found: u64, expected: u64 },
    #[error("{file}: more bytes follow after the {expected} that it announces")]
    TrailingBytes { file: String, expected: u64 },
    #[error("{file}: damaged archive: {detail}")]
    BadArchive { file: String, detail: String },
    #[error("{file}: no images inside")]
    Empty { file: String },
    #[error("{file}: images of {width} x {height} pixels; 1 x 1 to {limit} x {limit} can be read")]
    BadDimensions { file: String, height: u32, width: u32, limit: u32 },
    #[error("{test_file}: images of {test} pixels, but {train_file} has {train}")]
    ShapeMismatch { train_file: String, train: String, test_file: String, test: String },
    #[error("{labels_file}: {n_labels} labels for the {n_images} images of {images_file}")]
    CountMismatch { images_file: String, n_images: u32, labels_file: String, n_labels: u32 },
    #[error("{file}: image {image} has label {label}, but there are {n_classes} classes")]
    LabelOutOfRange { file: String, image: u64, label: i64, n_classes: usize },
    #[error("{file}: {detail}")]
    BadClassNames { file: String, detail: String },
    #[error("{file}: {what} is over the limit of {limit}")]
    TooLarge { file: String, what: &'static str, limit: u64 },
    #[error("no memory for {bytes} bytes of images")]
    OutOfMemory { bytes: u64 },
    #[error(
        "images and labels come in pairs, one for training and, if there are any, one each for validation and test: {detail}"
    )]
    UnpairedFiles { detail: String },
    #[error("no known dataset in {found}")]
    UnknownFormat { found: String },
    #[error(
        "images: {n_images}, none in a folder of its class; put the images of each class into a folder with the class's name, or add a table in \
         CSV of files and labels"
    )]
    NoClassFolders { n_images: u32 },
    #[error("none of the {n_files} images can be used; {detail}")]
    NoImages { n_files: u32, detail: String },
    #[error("the {name} is {value}; {range} is possible")]
    BadFormat { name: &'static str, value: u32, range: &'static str },
    #[error("all {n_images} images to learn from are of class {class}")]
    OneClass { class: String, n_images: usize },
    #[error("images of class {class} outside a test set of its own: {found}; the split needs {needed}")]
    TooFewImages { class: String, found: usize, needed: usize },
    #[error("{name} is {value}; 0 to 0.5 is possible")]
    BadFraction { name: &'static str, value: String },
    #[error("{file}: SHA-256 is {found}, not {expected}")]
    WrongHash { file: String, found: String, expected: String },
    #[error("dataset description {id}: {detail}")]
    BadDescription { id: String, detail: String },
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        let kind = match &error {
            DatasetError::WrongMagic { .. }
            | DatasetError::NotADataset { .. }
            | DatasetError::BadArray { .. }
            | DatasetError::BadTable { .. }
            | DatasetError::Truncated { .. }
            | DatasetError::TrailingBytes { .. }
            | DatasetError::BadArchive { .. }
            | DatasetError::Empty { .. }
            | DatasetError::BadDimensions { .. }
            | DatasetError::ShapeMismatch { .. }
            | DatasetError::CountMismatch { .. }
            | DatasetError::LabelOutOfRange { .. }
            | DatasetError::BadClassNames { .. }
            | DatasetError::TooLarge { .. }
            | DatasetError::UnpairedFiles { .. }
            | DatasetError::NoImages { .. }
            | DatasetError::BadDescription { .. } => FailureKind::BadFile,
            DatasetError::OutOfMemory { .. } => FailureKind::OutOfMemory,
            DatasetError::UnknownFormat { .. } | DatasetError::NoClassFolders { .. } => FailureKind::UnknownFormat,
            DatasetError::OneClass { .. } => FailureKind::OneClass,
            DatasetError::TooFewImages { .. } => FailureKind::TooFewImages,
            DatasetError::BadFraction { .. } | DatasetError::BadFormat { .. } => FailureKind::BadConfig,
            DatasetError::WrongHash { .. } => FailureKind::WrongHash,
        };
        Failure::new(kind, error.to_string())
    }
}
