//! Export with proof.

use kindling_core::protocol::ExportFormat as Format;

use crate::check::{Check, TOLERANCE};
use crate::error::ExchangeError;
use crate::trained::TrainedNetwork;
use crate::{read, write};

/// A file, proven to answer like the network that it was made from.
#[derive(Clone, Debug)]
pub struct Export {
    pub bytes: Vec<u8>,
    /// Of any probability of the check's images; at most [`TOLERANCE`].
    pub largest_difference: f32,
}

/// Writes a file, runs it on the check's images with a reader of its own, and compares the answers.
///
/// # Errors
///
/// [`ExchangeError::CannotHold`] before anything is written, if the format lacks a layer; [`ExchangeError::Disagrees`] for a file that must
/// not be given away.
pub fn export(network: &TrainedNetwork, check: &Check, format: Format) -> Result<Export, ExchangeError> {
    check.validate(network.description.input.n_values(), network.description.classes.len())?;
    let bytes = match format {
        Format::Safetensors => write::safetensors::write(network, check)?,
        Format::Onnx => write::onnx::write(network, check)?,
        Format::Tfjs => write::tfjs::write(network, check)?,
        Format::Tflite => write::tflite::write(network, check)?,
        Format::Page => write::page::write(network, check)?,
        Format::Module => write::module::write(network, check)?,
    };
    let answers = run(&bytes, &check.images, format)?;
    let difference = check.largest_difference(&answers);
    if difference > TOLERANCE {
        return Err(ExchangeError::Disagrees { difference, tolerance: TOLERANCE });
    }
    Ok(Export { bytes, largest_difference: difference })
}

/// The probabilities that an exported file gives for images of its network's input shape.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`]: bytes that are no file of this format, or one that Kindling has not written.
pub fn run(bytes: &[u8], images: &[Vec<u8>], format: Format) -> Result<Vec<Vec<f32>>, ExchangeError> {
    match format {
        Format::Safetensors => read::kindling::run_archive(bytes, images),
        Format::Onnx => read::onnx::run(bytes, images),
        Format::Tfjs => read::tfjs::run(bytes, images),
        Format::Tflite => read::tflite::run(bytes, images),
        Format::Page => read::kindling::run_page(bytes, images),
        Format::Module => read::kindling::run_module(bytes, images),
    }
}
