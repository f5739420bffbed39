//! Tensors in files that other tools read.

/// Any tensors, in a safetensors file.
pub mod tensor_file;

/// The weights of a published network.
pub mod pretrained_file;

/// A network's weights, in a safetensors file.
pub mod weight_file;
