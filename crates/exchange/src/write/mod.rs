//! One writer a format. A writer turns a [`crate::TrainedNetwork`] into bytes and knows nothing of how they are read.

/// What every format says of a network beside its layers.
mod description;

/// The weights, the network as PyTorch code, its description, and the check, in one archive.
pub mod safetensors;

/// The network as PyTorch code.
pub mod python;

/// ONNX.
pub mod onnx;

/// A page of one file.
pub mod page;

/// A module for web developers.
pub mod module;

/// TensorFlow.js.
pub mod tfjs;

/// Weights for tools that keep maps as `[height, width, channels]`.
pub(crate) mod channels_last;

/// TFLite.
pub mod tflite;
