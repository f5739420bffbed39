//! The engines: which one is used, how the page speaks with it, and what the visitor sees of it.

pub mod choice;
mod files;
pub mod link;
mod machine;
pub mod panel;
mod threads;
mod wire;

pub use files::exporter_url;
