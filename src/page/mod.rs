//! The page: its state, its connection to the engine, and its views.
//!
//! The folders import one another in one direction only, which `tests/tidy.rs` checks: `state`, then `store`, then `recipe`; texts, widgets
//! and charts; then one folder per feature; `app` puts them together.
//!
//! # What keeps the page small
//!
//! Generic code is compiled again for every type, and every closure is a type of its own. So code with many callers sees a single type:
//!
//! - `--cfg erase_components` (`.cargo/config.toml`): leptos erases the types of views.
//! - `reactive.rs`: memos, effects and watchers take boxed functions. `widgets/show.rs`: so do conditions and children.
//! - `move_tr!`: all texts of views have one closure type. Widgets report changes through a `Callback`, not through a type parameter.
//! - `json.rs`: JSON by way of `serde_json::Value`, so that a type has one serialization format besides the channel's.
//! - `sort.rs`: one sort for all tables.
//! - `core/decimal.rs`: one parser of numbers, that of JSON.
//!
//! Code that a visitor may never need is not in the part that loads first. A single direct reference from the shell would pull it back in, so such
//! code is reached only through a pointer that its part returns: a place or panel through `part!`, a storage through a trait, the methods of the API
//! through one function, the messages of engines through the wire to them. Configs are read and written as JSON only by parts. Texts and style sheets
//! that only parts show come with the first of them (`text/i18n.rs`, `style.rs`).
//!
//! To find what is large, build the bin `app` with the profile `page` and sum code size by function name; the relocations show which function
//! refers to which.

/// The shell around the features.
pub mod app;

/// The page's state, as plain data.
pub mod state;

/// The page's one handle on its state and on the engine.
pub mod store;

/// Starts, monitors and replaces the engine.
mod engines;

/// The settings of the next run.
mod recipe;

/// How well the current network does, split by split.
mod evaluations;

/// Futures of the page's one thread.
mod at_once;

/// Progress of loading a dataset, which several places show.
mod load_status;

/// Texts and numbers in the visitor's language.
mod text;

/// Building blocks of the features' views.
mod charts;
mod widgets;

/// The features, in the order of the work.
mod collect;
mod compress;
mod data;
mod export;
mod exporter;
mod network;
mod runs;
mod search;
mod train;
mod understand;
mod using;

/// The terms of the field, each with a definition.
mod glossary;

/// `window.kindling`: the same features for programs.
pub mod api;

/// Modules that all of them use.
mod database;
mod download;
mod json;
mod object_urls;
mod offline;
mod parts;
mod place;
mod preferences;
mod property;
mod reactive;
mod sort;
mod style;
