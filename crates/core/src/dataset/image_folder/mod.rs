//! Image files as a dataset: folders or archives with one sub-folder per class, or a table that names the class of each file. The files are
//! decoded elsewhere, one after the other; here is all that comes before and after.

/// Which file is of which class, and of which part of the dataset.
pub mod layout;

/// Tables of files and their labels.
pub mod label_table;

/// The files in an archive.
pub mod packed;

/// Size, channels and framing that suit the images.
pub mod survey;

/// From decoded images to a dataset.
pub mod importer;

/// Images that look alike.
pub(super) mod near;

/// What was imported, what was left out, and why.
pub mod report;

pub use importer::{Imported, Importer, Prepared, Told, check_file};
pub use label_table::LabelTable;
pub use layout::{Item, Layout, is_image_name, is_table_name};
pub use packed::{Packed, open_archives, unpack_archives};
pub use report::{Copied, ImageReport, LeftOut, LeftOutReason};
pub use survey::{Sample, choose_format};
