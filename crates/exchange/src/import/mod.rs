//! Networks that come in, from Kindling's own exports and from ONNX files of other tools. Nothing in a file is trusted.
//!
//! `kindling.rs` and `onnx.rs` read what Kindling has written, by its own description. `graph.rs` reads ONNX of other tools, whose values form a tree by
//! what all ways to them go through, so that the two branches of a sum become a residual block; `layers.rs` takes one node after the other. A
//! reader of [`crate::read`] runs the file on patterns, and a network that does not agree is refused. What comes out is kept as a run without a step
//! (`core/runs/record.rs`), which opens like any other; in the page by `page/runs/network_file.rs`, natively by `kindling import`.

/// Kindling's description with its weights.
mod kindling;

/// ONNX that Kindling has written.
mod onnx;

/// ONNX of other tools.
mod graph;

/// The layers of an ONNX graph's nodes.
mod layers;

/// What a node says of its layer.
mod node;

use kindling_core::dataset::patterns::patterns;
use kindling_core::dataset::{MAX_CLASSES, MAX_SIDE_PIXELS};
use kindling_core::protocol::Scaling;
use prost::Message;

use crate::check::{Check, TOLERANCE};
use crate::error::ExchangeError;
use crate::onnx_messages::Model;
use crate::read;
use crate::trained::{Description, TrainedNetwork};

/// A network from a file.
#[derive(Clone, Debug)]
pub struct Imported {
    pub network: TrainedNetwork,
    /// Where the file names no classes, they are numbers.
    pub has_class_names: bool,
    /// Between the file's probabilities for a few images and the network's; at most [`TOLERANCE`].
    pub largest_difference: f32,
}

/// Makes a network of a file: of the archive of an export as safetensors, or of an ONNX file. Several files are those of that archive.
/// `scaling` is for ONNX files of other tools.
///
/// # Errors
///
/// An [`ExchangeError`] that names the node or the tensor because of which the file is refused.
pub fn import(files: &[(String, Vec<u8>)], scaling: &Scaling) -> Result<Imported, ExchangeError> {
    let [(name, bytes)] = files else { return kindling::of_files(files) };
    if bytes.starts_with(b"PK") {
        return kindling::of_archive(bytes);
    }
    if is_safetensors(bytes) {
        return Err(ExchangeError::Incomplete("weights alone are no network: give their config.json, too"));
    }
    let unreadable = || ExchangeError::Unreadable(format!("{name}, as an ONNX file or as an export of Kindling,"));
    let model = Model::decode(bytes.as_slice()).map_err(|_| unreadable())?;
    match has_description(&model) {
        true => onnx::import(model, bytes),
        false => graph::import(model.graph.ok_or_else(unreadable)?, &model.metadata_props, stem(name), scaling),
    }
}

/// Whether files that are a network are exports of Kindling, which say themselves how their images are scaled.
pub fn is_own(files: &[(String, Vec<u8>)]) -> bool {
    let [(_, bytes)] = files else { return true };
    bytes.starts_with(b"PK") || Model::decode(bytes.as_slice()).is_ok_and(|model| has_description(&model))
}

fn has_description(model: &Model) -> bool {
    model.metadata_props.iter().any(|entry| entry.key == onnx::CONFIG)
}

/// A file's name without its folder and its ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Whether bytes start like a safetensors file: with the length of a header that is a JSON object.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
        && bytes.first_chunk().is_some_and(|length| u64::from_le_bytes(*length) <= bytes.len() as u64)
}

/// Fails on a description that no dataset could have.
fn check_input(Description { input, classes, .. }: &Description) -> Result<(), ExchangeError> {
    let unreadable = |what: &str| ExchangeError::Unreadable(format!("a network for {what}"));
    let is_side = |side: u32| (1..=MAX_SIDE_PIXELS).contains(&side);
    if !matches!(input.channels, 1 | 3) || !is_side(input.height) || !is_side(input.width) {
        return Err(unreadable("images of such a shape"));
    }
    if !(1..=MAX_CLASSES).contains(&classes.len()) {
        return Err(unreadable(&format!("{} classes", classes.len())));
    }
    Ok(())
}

/// Fails on values that no training leaves behind.
fn check_is_finite(network: &TrainedNetwork) -> Result<(), ExchangeError> {
    let bad = network.weights().iter().find(|(_, tensor)| tensor.values.iter().any(|value| !value.is_finite()));
    match bad {
        None => Ok(()),
        Some((name, _)) => {
            Err(ExchangeError::BadTensor { name: name.clone(), reason: "has values that are not finite" })
        }
    }
}

/// Compares a network with what its file computes for a few images.
fn proven(
    network: TrainedNetwork,
    has_class_names: bool,
    of_file: impl FnOnce(&[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError>,
) -> Result<Imported, ExchangeError> {
    check_is_finite(&network)?;
    let images = patterns(network.description.input);
    let probabilities = read::kindling::run(&network.description, network.weights(), &images)?;
    let others = of_file(&images)?;
    let difference = Check { images, probabilities }.largest_difference(&others);
    match difference <= TOLERANCE {
        true => Ok(Imported { network, has_class_names, largest_difference: difference }),
        false => Err(ExchangeError::Disagrees { difference, tolerance: TOLERANCE }),
    }
}
