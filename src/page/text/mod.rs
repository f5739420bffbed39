//! What the page says: the texts of a language, and how numbers, configs and failures are told in it.

pub mod advice;
pub mod config;
pub mod failure;
pub mod format;
pub mod i18n;
pub mod layer;
pub mod preset;
pub mod reason;
