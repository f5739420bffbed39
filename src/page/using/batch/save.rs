//! What is saved of the table: its text, and the images sorted into folders.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::row::{Names, csv, sorted_paths};
use super::work::Batch;
use crate::page::collect::archive::Writing;
use crate::page::download;
use crate::page::text::i18n::tr;
use kindling_core::protocol::{Failure, FailureKind};

impl Batch {
    /// The names of the dataset's classes.
    pub fn classes(self) -> Vec<String> {
        self.store.dataset.with_untracked(|dataset| {
            dataset.current.as_ref().map(|current| current.classes.clone()).unwrap_or_default()
        })
    }

    /// Saves the table as comma-separated values.
    pub fn save_table(self) {
        let (classes, none) = (self.classes(), tr!(use_place.none));
        let threshold = untrack(|| self.rejection.threshold_or_round());
        let names = Names { classes: &classes, none: &none };
        let text = self.rows.with_untracked(|rows| csv(rows, threshold, names));
        download::save_file(&download::file_name(&tr!(use_place.table_file), "csv"), "text/csv", &text);
    }

    /// Saves the images in an archive with a folder per class.
    pub fn save_sorted(self) {
        let (classes, none) = (self.classes(), tr!(use_place.none));
        let threshold = untrack(|| self.rejection.threshold_or_round());
        let rows = self.rows.get_untracked();
        let paths = sorted_paths(&rows, threshold, Names { classes: &classes, none: &none });
        let name = download::file_name(&tr!(use_place.sorted_file), "zip");
        spawn_local(async move {
            let mut writing = Writing::new();
            for (row, path) in rows.iter().zip(paths) {
                let Some(source) = self.source(row.place) else { continue };
                // A file that is gone by now is left out.
                let Ok(bytes) = source.bytes().await else { continue };
                if writing.add(&path, &bytes).is_none() {
                    return self.fail_to_save();
                }
            }
            match writing.finish() {
                Some(blob) => download::save_blob(&name, &blob),
                None => self.fail_to_save(),
            }
        });
    }

    fn fail_to_save(self) {
        self.failure.try_set(Some(Failure::new(FailureKind::OutOfMemory, "the browser cannot hold the file")));
    }
}
