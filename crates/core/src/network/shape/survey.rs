//! Partial shape inference, for a network that is being edited: the cost of each layer up to the first that does not fit, and why it does
//! not.

use super::feature::FeatureShape;
use super::place::{PlacedLayer, Placing, layer_name};
use super::{LayerError, LayerSummary, NetworkError, infer};
use crate::config::{Layer, NetworkConfig};
use crate::protocol::ImageShape;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Output and cost of each layer before the first that does not fit.
    pub layers: Vec<LayerSummary>,
    pub error: Option<NetworkError>,
}

impl Survey {
    /// The input shape of a layer; `None` behind the first layer that does not fit.
    pub fn input_of(&self, layer: usize, image: ImageShape) -> Option<FeatureShape> {
        match layer.checked_sub(1) {
            None => Some(image.into()),
            Some(before) => self.layers.get(before).map(|summary| summary.output),
        }
    }

    /// The first layer that does not fit, and why.
    pub fn misfit(&self) -> Option<(usize, &LayerError)> {
        match &self.error {
            Some(NetworkError::Layer { layer, reason, .. }) => Some((*layer, reason)),
            Some(
                NetworkError::NoClassifier
                | NetworkError::AllFrozen
                | NetworkError::TooManyLayers
                | NetworkError::TooDeep
                | NetworkError::TooManyParameters { .. }
                | NetworkError::TooManyValues { .. },
            )
            | None => None,
        }
    }
}

/// Like [`infer`], but returns partial results. Reports a layer that does not fit in preference to a missing classifier.
pub fn survey(network: &NetworkConfig, image: ImageShape, n_classes: usize) -> Survey {
    let error = match infer(network, image, n_classes) {
        Ok(layers) => return Survey { layers, error: None },
        // A network that is too long or too deep must not be traversed.
        Err(error @ (NetworkError::TooManyLayers | NetworkError::TooDeep)) => {
            return Survey { layers: Vec::new(), error: Some(error) };
        }
        Err(error) => error,
    };
    let placing = Placing { n_classes: n_classes as u64 };
    let mut shape = FeatureShape::from(image);
    let mut layers = Vec::with_capacity(network.layers.len());
    for (index, layer) in network.layers.iter().enumerate() {
        let is_early = matches!(layer, Layer::Classifier { .. }) && index + 1 < network.layers.len();
        let placed = if is_early { Err(LayerError::ClassifierNotLast) } else { placing.layer(layer, shape) };
        match placed.as_ref().map(PlacedLayer::summary) {
            Ok(summary) => {
                shape = summary.output;
                layers.push(summary);
            }
            Err(reason) => {
                let error = NetworkError::Layer { layer: index, name: layer_name(layer), reason: reason.clone() };
                return Survey { layers, error: Some(error) };
            }
        }
    }
    Survey { layers, error: Some(error) }
}
