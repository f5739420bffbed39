//! Partial shape inference, for a network that is being edited: the cost of each layer up to the first that does not fit, and why it does
//! not.

use super::feature::FeatureShape;
use super::place::{PlacedLayer, Placing, layer_name};
use super::{LayerError, LayerSummary, NetworkError, place};
use crate::config::{Layer, NetworkConfig};
use crate::network::pretrained::n_pretrained_layers;
use crate::protocol::ImageShape;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Output and cost of each layer before the first that does not fit.
    pub layers: Vec<LayerSummary>,
    /// How many of them, counted from the first, start with pre-trained weights or have none.
    pub n_pretrained: usize,
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

/// Like [`super::infer`], but returns partial results. Reports a layer that does not fit in preference to a missing classifier.
pub fn survey(network: &NetworkConfig, image: ImageShape, n_classes: usize) -> Survey {
    let surveyed = |layers: &[PlacedLayer], error| Survey {
        layers: layers.iter().map(PlacedLayer::summary).collect(),
        n_pretrained: network.pretrained.map_or(0, |pretrained| n_pretrained_layers(pretrained, layers)),
        error,
    };
    let error = match place(network, image, n_classes) {
        Ok(layers) => return surveyed(&layers, None),
        // A network that is too long or too deep must not be traversed.
        Err(error @ (NetworkError::TooManyLayers | NetworkError::TooDeep)) => return surveyed(&[], Some(error)),
        Err(error) => error,
    };
    let placing = Placing { n_classes: n_classes as u64 };
    let mut shape = FeatureShape::from(image);
    let mut layers = Vec::with_capacity(network.layers.len());
    for (index, layer) in network.layers.iter().enumerate() {
        let is_early = matches!(layer, Layer::Classifier { .. }) && index + 1 < network.layers.len();
        let placed = if is_early { Err(LayerError::ClassifierNotLast) } else { placing.layer(layer, shape) };
        match placed {
            Ok(placed) => {
                shape = placed.output;
                layers.push(placed);
            }
            Err(reason) => {
                let error = NetworkError::Layer { layer: index, name: layer_name(layer), reason };
                return surveyed(&layers, Some(error));
            }
        }
    }
    surveyed(&layers, Some(error))
}
