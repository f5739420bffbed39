//! The page: what it knows, how it speaks with the engine, and what it draws.
//!
//! The folders import one another in one direction only, which `tests/tidy.rs` watches over: `state`, then `store`, then `recipe`; texts, widgets
//! and charts; then one folder a feature; `app` puts them together.

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
