//! Export in integers of 8 bits. Such a file does not give Kindling's probabilities to many digits, so its proof is another: how often its answer
//! is that of the network in floats, and its accuracy beside that network's.

use kindling_core::dataset::patterns::patterns;
pub use kindling_core::protocol::{Int8Format, Int8Proof};

use crate::check::{Check, TOLERANCE as FLOAT_TOLERANCE};
use crate::error::ExchangeError;
use crate::quantize::folded::fold;
use crate::quantized::QuantizedNetwork;
use crate::trained::TrainedNetwork;
use crate::{read, write};

/// The largest difference of a probability between a file and the network that it was written from: both round in places of their own, and
/// TFLite gives probabilities in steps of 1/256.
const TOLERANCE: f32 = 0.1;

/// Images with what the network in floats computes for them. Not among those that the network was calibrated with.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Of the network's input shape: bytes, channel by channel.
    pub images: Vec<Vec<u8>>,
    /// The class of each image.
    pub labels: Vec<u16>,
    /// Of the network in floats: one probability per class for each image.
    pub probabilities: Vec<Vec<f32>>,
}

/// A file with its proof.
#[derive(Clone, Debug)]
pub struct Int8Export {
    pub bytes: Vec<u8>,
    pub proof: Int8Proof,
}

/// Writes a file and proves it.
///
/// # Errors
///
/// As [`prove_int8`].
pub fn export_int8(
    quantized: &QuantizedNetwork,
    evaluation: &Evaluation,
    format: Int8Format,
) -> Result<Int8Export, ExchangeError> {
    let check = carried(quantized)?;
    let bytes = match format {
        Int8Format::Onnx => write::onnx::int8::write(quantized, &check),
        Int8Format::Tflite => write::tflite::int8::write(quantized, &check),
    };
    let proof = prove_int8(&bytes, quantized, evaluation, format)?;
    Ok(Int8Export { bytes, proof })
}

/// Runs a file on the evaluation's images with a reader that shares no code with the writer.
///
/// # Errors
///
/// An evaluation without images or of other sizes; [`ExchangeError::Disagrees`] for a file that computes something else than the network that
/// it was written from, and must not be given away.
pub fn prove_int8(
    bytes: &[u8],
    quantized: &QuantizedNetwork,
    Evaluation { images, labels, probabilities }: &Evaluation,
    format: Int8Format,
) -> Result<Int8Proof, ExchangeError> {
    let description = &quantized.network.description;
    let (n_values, n_classes) = (description.input.n_values(), description.classes.len());
    let of_floats = Check { images: images.clone(), probabilities: probabilities.clone() };
    of_floats.validate(n_values, n_classes)?;
    if labels.len() != images.len() {
        return Err(ExchangeError::BadCheck { n_values, n_classes });
    }
    let check = carried(quantized)?;
    let difference = check.largest_difference(&run_int8(bytes, &check.images, format)?);
    if difference > TOLERANCE {
        return Err(ExchangeError::Disagrees { difference, tolerance: TOLERANCE });
    }
    Ok(proof(probabilities, &run_int8(bytes, images, format)?, labels))
}

/// The check that a file carries: no image of a dataset leaves in a file.
fn carried(quantized: &QuantizedNetwork) -> Result<Check, ExchangeError> {
    let images = patterns(quantized.network.description.input);
    Ok(Check { probabilities: read::quantized::run(quantized, &images)?, images })
}

/// The probabilities that an exported file gives for images of its network's input shape.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`]: bytes that are no file of this format, or one that Kindling has not written.
pub fn run_int8(bytes: &[u8], images: &[Vec<u8>], format: Int8Format) -> Result<Vec<Vec<f32>>, ExchangeError> {
    match format {
        Int8Format::Onnx => read::onnx::run(bytes, images),
        Int8Format::Tflite => read::tflite::run(bytes, images),
    }
}

/// What a network computes for images in floats, on the code that quantized networks are run by, for whoever has no engine at hand.
///
/// # Errors
///
/// [`ExchangeError::Disagrees`] if its probabilities for the check's images are not the check's.
pub fn float_probabilities(
    network: &TrainedNetwork,
    check: &Check,
    images: &[Vec<u8>],
) -> Result<Vec<Vec<f32>>, ExchangeError> {
    check.validate(network.description.input.n_values(), network.description.classes.len())?;
    let folded = fold(network);
    let difference = check.largest_difference(&read::quantized::run(&folded, &check.images)?);
    if difference > FLOAT_TOLERANCE {
        return Err(ExchangeError::Disagrees { difference, tolerance: FLOAT_TOLERANCE });
    }
    read::quantized::run(&folded, images)
}

/// Compares the answers of two networks, with each other and with the classes of the images.
pub fn proof(floats: &[Vec<f32>], integers: &[Vec<f32>], labels: &[u16]) -> Int8Proof {
    let mut proof = Int8Proof { n_images: 0, n_same: 0, n_correct_float: 0, n_correct_int8: 0 };
    for ((float, integer), label) in floats.iter().zip(integers).zip(labels) {
        let (float, integer, label) = (most_probable(float), most_probable(integer), usize::from(*label));
        proof.n_images += 1;
        proof.n_same += usize::from(float == integer);
        proof.n_correct_float += usize::from(float == label);
        proof.n_correct_int8 += usize::from(integer == label);
    }
    proof
}

/// The first of the most probable classes.
fn most_probable(probabilities: &[f32]) -> usize {
    let best = probabilities.iter().enumerate().rev().max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map_or(0, |(class, _)| class)
}
