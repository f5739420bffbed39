//! The page: what it knows, how it speaks with the engine, and what it draws.
//!
//! The folders import one another in one direction only, which `tests/tidy.rs` watches over: `state`, then `store`, then `recipe`; texts, widgets
//! and charts; then one folder a feature; `app` puts them together.
//!
//! # What keeps the page small
//!
//! Generic code is compiled anew for every type, and every closure is a type. So what many places use meets one type:
//!
//! - `--cfg erase_components` (`.cargo/config.toml`): leptos gives all views one type.
//! - `reactive.rs`: memos, effects and watchers of boxed functions. `widgets/show.rs`: conditions and children that are boxed, too.
//! - `move_tr!`: all texts of views are one type of closure. Widgets hear of changes by `Callback`, not by a type parameter.
//! - `json.rs`: JSON by way of `serde_json::Value`, so that a type is read and written in one form beside the channel's.
//! - `sort.rs`: one sort for all tables.
//!
//! And what a visitor may never look at does not come with the first part. One reference from the shell is enough to bring all of it back, so such
//! code stands behind a pointer that its part hands out: a place or panel behind `part!`, a storage behind a trait, the methods of the API behind one
//! function. To see what is large: build the bin `app` with the profile `page`, and sum the code by the names of its functions; its relocations
//! tell what refers to what.

/// The shell around the features.
pub mod app;

/// What the page knows, as plain data.
pub mod state;

/// Where all that the page knows is read, and all that it asks for is said.
pub mod store;

/// Starts, watches and replaces the engine.
mod engines;

/// What the next run will be.
mod recipe;

/// Texts and numbers in the visitor's language.
mod text;

/// What features are drawn with.
mod charts;
mod widgets;

/// The features, in the order of the work.
mod data;
mod network;
mod runs;
mod search;
mod train;
mod understand;
mod using;

/// The same for programs.
pub mod api;

/// What all of them need.
mod database;
mod json;
mod parts;
mod place;
mod preferences;
mod reactive;
mod sort;
