//! Weights in files that other tools read.

/// Weights as a safetensors file.
pub mod weight_file;
