//! Networks as burn modules: what flows through them is as inferred, and training differs from answering only as it should.

#[path = "network/shapes.rs"]
mod shapes;

#[path = "network/training.rs"]
mod training;

mod support;
