//! Where a dataset comes from: served with the page, or the visitor's own files.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{File, Url};

use crate::page::object_urls;
use kindling_core::dataset::Reading;
use kindling_core::protocol::{DatasetFile, DatasetSource};

/// The maximum number of files of a visitor's dataset, as the engine has it.
pub const FILES_LIMIT: usize = 100_000;

/// A dataset served with the page, by the name of its folder.
pub fn served(id: impl Into<String>) -> DatasetSource {
    DatasetSource::Served { id: id.into(), base: base() }
}

#[wasm_bindgen]
extern "C" {
    /// A file that was picked with its folder.
    type Picked;
    #[wasm_bindgen(method, getter, js_name = webkitRelativePath)]
    fn relative_path(this: &Picked) -> Option<String>;
}

/// A file with its path in the folder that was picked, or its name.
pub fn named(file: File) -> (String, File) {
    let path = file.unchecked_ref::<Picked>().relative_path().filter(|path| !path.is_empty());
    (path.unwrap_or_else(|| file.name()), file)
}

/// Files that the visitor dropped, picked, or passed to `window.kindling`, with their paths in a folder, or their names. Their object URLs live
/// as long as the page, so the dataset can be loaded again after an engine was lost.
pub async fn dropped(files: &[(String, File)], reading: Reading) -> DatasetSource {
    let files = files.get(..FILES_LIMIT).unwrap_or(files);
    let urls = object_urls::create(files.iter().map(|(_, file)| file.as_ref())).await;
    let files = files.iter().zip(urls).filter_map(|((path, file), url)| {
        Some(DatasetFile {
            name: path.clone(),
            url: url?,
            size_bytes: file.size() as u64,
            unit: None,
            is_pseudo: false,
            split: None,
        })
    });
    DatasetSource::Files { files: files.collect(), reading }
}

/// The absolute URL of the page's folder, which the worker does not know.
fn base() -> String {
    let page = document().base_uri().ok().flatten().unwrap_or_default();
    Url::new_with_base("./", &page).map(|folder| folder.href()).unwrap_or_default()
}
