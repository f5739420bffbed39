//! How good a network is: metrics (pure Rust) and, behind `train`, the evaluation of a split and of single images.
