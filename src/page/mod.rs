//! The page: what it knows, how it speaks with the engine, and what it draws.

pub mod app;

/// What would otherwise be compiled for every closure and type anew.
mod reactive;
mod sort;
pub mod state;
pub mod store;

/// Starts, watches and replaces the engine.
mod choice;
mod link;

/// What the page offers and the visitor has chosen.
mod catalog;
mod designer;
mod preferences;
mod recipe;
mod sources;

/// What is kept of runs: those that have ended, and those that were broken off.
mod database;
mod interrupted;
mod json;
mod runs;

/// Which settings do best.
mod search;

/// The same for programs.
pub mod api;

/// What a run's curves say is wrong with it.
pub mod advice;

/// Texts and numbers.
mod config_text;
mod designer_text;
mod failure_text;
mod format;
mod i18n;
mod layer_text;
mod preset_text;
mod reason_text;

/// What is drawn.
mod engine_panel;
mod load_status;
mod notices;
mod parts;
mod place;
mod places;
mod run_bar;
mod settings;
mod widgets;
