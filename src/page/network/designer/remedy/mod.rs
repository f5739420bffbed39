//! What one click can do about a network that cannot be built.

mod candidates;
#[cfg(test)]
mod tests;

use super::parameters::Parameter;
use kindling_core::config::NetworkConfig;
use kindling_core::network::shape;
use kindling_core::protocol::ImageShape;

/// Layers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemedyKind {
    AddClassifier,
    ClassifierToEnd,
    InsertFlatten,
    InsertRows,
    MoveBefore(usize),
    Remove,
    Set(Parameter, u32),
    SamePadding,
    /// No number of the layer is 0.
    AtLeastOne,
    /// A dropout that leaves something.
    LowerRate,
    /// Of this recurrent layer.
    AllStates(usize),
    UseLayerNorm,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    pub kind: RemedyKind,
    pub network: NetworkConfig,
}

/// The best first; none where nothing simple helps. Each has been tried: with it, the network fits up to and with the layer in question,
/// or without it up to where it was.
pub fn remedies(network: &NetworkConfig, image: ImageShape, n_classes: usize) -> Vec<Remedy> {
    let survey = shape::survey(network, image, n_classes);
    let candidates = candidates::candidates(network, &survey, image);
    let tried = candidates.into_iter().filter(|candidate| {
        let after = shape::survey(&candidate.network, image, n_classes);
        after.layers.len() >= candidate.n_fitting && (after.error.is_none() || after.error != survey.error)
    });
    tried.map(|candidate| Remedy { kind: candidate.kind, network: candidate.network }).collect()
}
