//! Remedies for a network that cannot be built; one click applies each.

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
    /// Sets every number of the layer that is 0 to 1.
    AtLeastOne,
    /// Lowers the dropout rate below 1.
    LowerRate,
    /// Makes this recurrent layer return all hidden states.
    AllStates(usize),
    UseLayerNorm,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    pub kind: RemedyKind,
    pub network: NetworkConfig,
}

/// The remedies, best first; empty if no simple edit helps. Each has been verified: the network then fits up to and including the layer in
/// question or, if the remedy removes that layer, up to where it was. The error is gone or another one.
pub fn remedies(network: &NetworkConfig, image: ImageShape, n_classes: usize) -> Vec<Remedy> {
    let survey = shape::survey(network, image, n_classes);
    let candidates = candidates::candidates(network, &survey, image);
    let tried = candidates.into_iter().filter(|candidate| {
        let after = shape::survey(&candidate.network, image, n_classes);
        after.layers.len() >= candidate.n_fitting && (after.error.is_none() || after.error != survey.error)
    });
    tried.map(|candidate| Remedy { kind: candidate.kind, network: candidate.network }).collect()
}
