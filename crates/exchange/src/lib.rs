//! Trained networks in files that other tools run, and the proof that these files give the answers that Kindling gives.
//!
//! [`TrainedNetwork`] is all that a writer needs: the layers with their shapes, the weights in PyTorch's names and layouts, the classes, and
//! how an image becomes the network's input. [`Check`] holds a few images with the probabilities that Kindling computed for them. [`export`]
//! writes a file, reads it again with a reader that shares no code with the writer, and refuses to return a file that disagrees.
//!
//! [`import`] is the way back: it makes a [`TrainedNetwork`] of a file, and refuses one that the network does not agree with.
//!
//! Writers are in [`write`], readers in [`read`]; they share the vocabulary of a format, not code. No burn and no browser: whoever has a network
//! and its weights can export it.

/// A trained network, independent of any device.
pub mod trained;

/// A network in integers of 8 bits.
pub mod quantized;

/// Post-training quantization.
pub mod quantize;

/// Smaller networks.
pub mod compress;

/// Images with the probabilities that Kindling computed for them.
pub mod check;

/// Why a network cannot be exported.
pub mod error;

/// Export with proof.
pub mod export;

/// Export in integers of 8 bits.
pub mod int8;

/// The messages of ONNX files.
mod onnx_messages;

/// The numbers of TFLite's operations.
mod tflite_operators;

/// Several files as one.
pub mod archive;

/// One writer a format.
pub mod write;

/// Readers that run exported files.
pub mod read;

/// Networks that come in.
pub mod import;

pub use check::Check;
pub use error::ExchangeError;
pub use export::{Export, export};
pub use import::{Imported, import, is_own};
pub use int8::{Evaluation, Int8Export, Int8Format, Int8Proof, export_int8, float_probabilities};
pub use kindling_core::protocol::{ExportFormat as Format, Origin, Scaling};
pub use quantize::{Calibration, quantize};
pub use quantized::QuantizedNetwork;
pub use trained::{Description, Tensor, TrainedNetwork};
