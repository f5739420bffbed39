//! The files of dropped folders, however deep they lie.

use std::collections::VecDeque;

use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File};

use crate::page::recipe::sources::{FILES_LIMIT, named};

#[wasm_bindgen]
extern "C" {
    /// A `FileSystemEntry`: a file or a folder.
    type Entry;
    #[wasm_bindgen(method, getter, js_name = isDirectory)]
    fn is_directory(this: &Entry) -> bool;
    #[wasm_bindgen(method, getter, js_name = fullPath)]
    fn full_path(this: &Entry) -> String;
    #[wasm_bindgen(method)]
    fn file(this: &Entry, done: &Function, failed: &Function);
    #[wasm_bindgen(method, js_name = createReader)]
    fn create_reader(this: &Entry) -> Reader;

    type Reader;
    #[wasm_bindgen(method, js_name = readEntries)]
    fn read_entries(this: &Reader, done: &Function, failed: &Function);

    /// An item of a drop.
    type Item;
    #[wasm_bindgen(method, catch, js_name = webkitGetAsEntry)]
    fn as_entry(this: &Item) -> Result<Option<Entry>, JsValue>;
}

/// What was dropped. It must be taken from the event at once; its files may be read later.
pub struct Dropped {
    entries: VecDeque<Entry>,
    /// For browsers that tell no folders from files.
    files: Vec<File>,
}

impl Dropped {
    pub fn of(data: &DataTransfer) -> Self {
        let items = Array::from(&data.items());
        let entries = items.iter().filter_map(|item| item.unchecked_into::<Item>().as_entry().ok().flatten()).collect();
        let files = data.files().map(|files| Array::from(&files)).unwrap_or_default();
        Self { entries, files: files.iter().map(JsCast::unchecked_into).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.files.is_empty()
    }

    /// All files with their paths, one more than the limit at most.
    pub async fn walk(mut self) -> Vec<(String, File)> {
        if self.entries.is_empty() {
            return self.files.into_iter().map(named).collect();
        }
        let mut found = Vec::new();
        while let Some(entry) = self.entries.pop_front() {
            if found.len() > FILES_LIMIT {
                break;
            }
            if entry.is_directory() {
                self.entries.extend(children(&entry).await);
            } else if let Some(file) = answer(|done, failed| entry.file(done, failed)).await {
                let path = entry.full_path();
                found.push((path.trim_start_matches('/').to_owned(), file.unchecked_into()));
            }
        }
        found
    }
}

/// The browser gives the content of a folder in pieces, the last of which is empty.
async fn children(folder: &Entry) -> Vec<Entry> {
    let reader = folder.create_reader();
    let mut children = Vec::new();
    while children.len() <= FILES_LIMIT {
        let piece = answer(|done, failed| reader.read_entries(done, failed)).await.map(|piece| Array::from(&piece));
        match piece {
            Some(piece) if piece.length() > 0 => children.extend(piece.iter().map(Entry::unchecked_from_js)),
            Some(_) | None => break,
        }
    }
    children
}

/// Waits for one of two callbacks. A file that cannot be read is left out.
async fn answer(mut ask: impl FnMut(&Function, &Function)) -> Option<JsValue> {
    JsFuture::from(Promise::new(&mut |done, failed| ask(&done, &failed))).await.ok()
}
