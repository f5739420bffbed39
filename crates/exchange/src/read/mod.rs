//! Readers that run exported files: they decode the bytes, check everything that they rely on, and compute the answers with arithmetic of their
//! own, so that a mistake of a writer cannot hide. They are slow and simple, and nothing in a file is trusted.

/// Arithmetic on tensors.
pub mod kernels;

/// Arithmetic on integers of 8 bits.
pub mod integers;

/// Networks in integers of 8 bits.
pub mod quantized;

/// Kindling's own description and weights, from an archive or a page.
pub mod kindling;

/// ONNX.
pub mod onnx;

/// TensorFlow.js layers models.
pub mod tfjs;

/// FlatBuffers, the encoding of TFLite files.
mod flatbuffer;

/// TFLite.
pub mod tflite;
