//! The dataset layer on real files: the served datasets match their descriptions, drawings come out like the dataset's images, and no
//! damaged file causes a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

#[path = "dataset/files.rs"]
mod files;

#[path = "dataset/served.rs"]
mod served;

#[path = "dataset/drawings.rs"]
mod drawings;

#[path = "dataset/formats.rs"]
mod formats;

#[path = "dataset/damage.rs"]
mod damage;

#[path = "dataset/cases.rs"]
mod cases;

#[path = "dataset/images.rs"]
mod images;
