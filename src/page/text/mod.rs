//! The page's texts: translations, and the formatting of numbers, configs and failures.

pub mod advice;
pub mod config;
pub mod failure;
pub mod format;
pub mod i18n;
pub mod layer;
pub mod left_out;
pub mod preset;
pub mod reason;

#[cfg(test)]
mod words;
