//! The search in the browser's storage, so that a reload costs no more than the trial under way.

use leptos::prelude::window;
use web_sys::Storage;

use crate::page::json::{from_text, to_text};
use kindling_core::search::Search;

const KEY: &str = "kindling.search";

/// What cannot be read, as from a later version of the page, is none.
pub fn read() -> Option<Search> {
    from_text(&storage()?.get_item(KEY).ok()??)
}

/// Where the storage is full or forbidden the search lasts as long as the page.
pub fn write(search: &Search) {
    if let Some(storage) = storage() {
        // Better none than one of before.
        if storage.set_item(KEY, &to_text(search)).is_err() {
            storage.remove_item(KEY).ok();
        }
    }
}

pub fn clear() {
    if let Some(storage) = storage() {
        storage.remove_item(KEY).ok();
    }
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
