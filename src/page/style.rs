//! The style sheets of what only parts of the page show (`parts.rs`); `index.html` has the others.

use std::cell::Cell;

use leptos::prelude::*;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

/// In the order in which they count. The last counts after all others, those of `index.html` included, where it is, too.
const LATER: &[&str] = &[
    include_str!("../../static/style/charts.css"),
    include_str!("../../static/style/runs.css"),
    include_str!("../../static/style/search.css"),
    include_str!("../../static/style/inside.css"),
    include_str!("../../static/style/data.css"),
    include_str!("../../static/style/collect.css"),
    include_str!("../../static/style/network.css"),
    include_str!("../../static/style/understand.css"),
    include_str!("../../static/style/use.css"),
    include_str!("../../static/style/export.css"),
    include_str!("../../static/style/compress.css"),
    include_str!("../../static/style/glossary.css"),
    include_str!("../../static/style/contrast.css"),
];

#[wasm_split(later, fallible)]
fn later() -> Result<&'static [&'static str], SplitLoaderError> {
    Ok(LATER)
}

/// Fetches the sheets and applies them, once.
///
/// # Errors
///
/// Fails if they cannot be fetched.
pub async fn fetch_later() -> Result<(), SplitLoaderError> {
    thread_local! {
        static IS_APPLIED: Cell<bool> = const { Cell::new(false) };
    }
    if IS_APPLIED.get() {
        return Ok(());
    }
    let sheets = later().await?;
    if !IS_APPLIED.replace(true)
        // Neither fails: every page has a head, and the element's name is valid.
        && let Ok(Some(head)) = document().query_selector("head")
        && let Ok(style) = document().create_element("style")
    {
        style.set_text_content(Some(&sheets.concat()));
        head.append_child(&style).ok();
    }
    Ok(())
}
