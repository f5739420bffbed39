//! The search in the browser's local storage, so that a reload loses no more than the running trial.

use leptos::prelude::window;
use web_sys::Storage;

use crate::page::json::{from_text, to_text};
use kindling_core::search::Search;

const KEY: &str = "kindling.search";

/// None if there is no search, or if it cannot be parsed, for example from a later version of the page.
pub fn read() -> Option<Search> {
    from_text(&storage()?.get_item(KEY).ok()??)
}

/// If the storage is full or forbidden, the search lasts as long as the page.
pub fn write(search: &Search) {
    if let Some(storage) = storage() {
        // No search is better than an outdated one.
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
