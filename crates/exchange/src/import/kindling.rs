//! Kindling's own description with its weights: the archive of an export as safetensors, or its files.

use super::{Imported, check_input, check_is_finite, is_safetensors};
use crate::archive::{names, unpack};
use crate::check::{Check, TOLERANCE};
use crate::error::ExchangeError;
use crate::read;
use crate::trained::{Description, TrainedNetwork};
use crate::write::safetensors::{CHECK, DESCRIPTION, WEIGHTS};

/// The file that makes an archive a project of images.
const PROJECT: &str = "project.json";

pub fn of_archive(archive: &[u8]) -> Result<Imported, ExchangeError> {
    let names = names(archive)?;
    let has = |name: &str| names.iter().any(|it| it == name);
    if names.iter().any(|name| name.rsplit('/').next() == Some(PROJECT)) {
        return Err(ExchangeError::Project);
    }
    if !has(DESCRIPTION) || !has(WEIGHTS) {
        return Err(ExchangeError::Incomplete(
            "the archive lacks config.json or model.safetensors: only exports for PyTorch come back",
        ));
    }
    let check = if has(CHECK) { Some(unpack(archive, CHECK)?) } else { None };
    imported(&unpack(archive, DESCRIPTION)?, &unpack(archive, WEIGHTS)?, check.as_deref())
}

/// By their contents, since files get other names.
pub fn of_files(files: &[(String, Vec<u8>)]) -> Result<Imported, ExchangeError> {
    let weights = files.iter().find(|(_, bytes)| is_safetensors(bytes));
    let is = |name: &str, end: &str| name.to_lowercase().ends_with(end);
    let check = files.iter().find(|(name, _)| is(name, CHECK));
    let description = files.iter().find(|(name, _)| is(name, ".json") && !is(name, CHECK));
    let (Some((_, weights)), Some((_, description))) = (weights, description) else {
        return Err(ExchangeError::Incomplete("a network is one file, or config.json with model.safetensors"));
    };
    imported(description, weights, check.map(|(_, bytes)| bytes.as_slice()))
}

fn imported(description: &[u8], weights: &[u8], check: Option<&[u8]>) -> Result<Imported, ExchangeError> {
    let unreadable = |name: &str, error: &dyn std::fmt::Display| ExchangeError::Unreadable(format!("{name} ({error})"));
    let description: Description =
        serde_json::from_slice(description).map_err(|error| unreadable(DESCRIPTION, &error))?;
    check_input(&description)?;
    let network = TrainedNetwork::from_file(description, weights)?;
    check_is_finite(&network)?;
    let largest_difference = match check {
        None => 0.0,
        Some(check) => {
            let check: Check = serde_json::from_slice(check).map_err(|error| unreadable(CHECK, &error))?;
            difference(&network, check)?
        }
    };
    Ok(Imported { network, has_class_names: true, largest_difference })
}

/// Between what the network computes and what the file says that it should.
fn difference(network: &TrainedNetwork, mut check: Check) -> Result<f32, ExchangeError> {
    let description = &network.description;
    check.validate(description.input.n_values(), description.classes.len())?;
    // More images would only take longer.
    check.images.truncate(kindling_core::dataset::patterns::N_PATTERNS);
    check.probabilities.truncate(check.images.len());
    let found = read::kindling::run(description, network.weights(), &check.images)?;
    let difference = check.largest_difference(&found);
    match difference <= TOLERANCE {
        true => Ok(difference),
        false => Err(ExchangeError::Disagrees { difference, tolerance: TOLERANCE }),
    }
}
