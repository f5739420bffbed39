//! Networks as burn modules: shapes are as inferred, and training differs from inference only where it should.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

#[path = "network/shapes.rs"]
mod shapes;

#[path = "network/exports.rs"]
mod exports;

#[path = "network/training.rs"]
mod training;

mod support;
