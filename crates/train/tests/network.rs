//! Networks as burn modules: what flows through them is as inferred, and training differs from answering only as it should.

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

#[path = "network/training.rs"]
mod training;

mod support;
