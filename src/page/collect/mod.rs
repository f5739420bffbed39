//! Collecting: the visitor makes a dataset in the page, with the webcam, from files, by drawing, in a project that the browser keeps.
//!
//! `collector.rs` is what all of it goes through: the views, and `window.kindling`. Nothing of this folder is in the page's first part.
//!
//! A frame, a drawing or a file → `intake.rs` checks it, scales it, and names it by a hash → `storage.rs` keeps record and file in the browser's
//! database → only then `collector.rs` shows it. Many files at once are read a few at a time and stored in batches (`many.rs`). "Use these images"
//! hands the engine the files by the way of dropped ones, with what it cannot see: which are frames of one burst (`splits.rs`), and which have
//! pseudo-labels. Images that may be labeled wrongly are in `suspects.rs`, and `review.rs` carries out what the visitor decides about them; images
//! without a label lie in `tray.rs`, and `pseudo.rs` gives them the labels that the model is sure of. Which images are shown is decided in `filter.rs`, by
//! their records and by what the engine says of them (`facts.rs`).

pub mod adding;
pub mod archive;
pub mod collector;
mod facts;
mod filter;
mod intake;
pub mod label_errors;
mod manifest;
mod many;
pub mod programs;
pub mod project;
mod pseudo;
mod recorder;
pub mod review;
mod room;
mod run_files;
mod splits;
mod storage;
pub mod suspects;
mod tabs;
pub mod teaching;
mod transfer;
mod tray;
mod undo;
mod using;
mod video;
pub mod view;
mod warnings;

use std::pin::Pin;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use self::collector::{Problem, collector};
use crate::page::store::Store;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, FailureKind};

pub use view::{CROSS_VALIDATION, IMAGE_CHECKS, LABEL_ERRORS, PART};

type Found = Pin<Box<dyn Future<Output = Result<bool, Failure>>>>;

/// Loads the dataset of a run again, if it was made of a project that has not changed. Returns whether it was.
pub fn find_dataset(store: Store, config: RunConfig) -> Found {
    Box::pin(async move {
        let unfetched = |_| Failure::new(FailureKind::DownloadFailed, "a part of the page could not be fetched");
        finder().await.map_err(unfetched)?(store, config).await
    })
}

#[wasm_split(collect, fallible)]
fn finder() -> Result<fn(Store, RunConfig) -> Found, SplitLoaderError> {
    Ok(|store, config| {
        Box::pin(async move {
            match collector(store).restore_dataset(&config).await {
                Ok(is_found) => Ok(is_found),
                Err(Problem::Engine(failure)) => Err(failure),
                // What cannot be read holds no dataset.
                Err(_) => Ok(false),
            }
        })
    })
}
