//! Global pooling: one value for each channel of maps, or for each feature of a sequence.

use burn::module::Module;
use burn::tensor::Tensor;

use super::features::Features;

#[derive(Module, Debug)]
pub(super) struct GlobalAveragePool {}

impl GlobalAveragePool {
    pub fn forward(&self, features: Features) -> Tensor<2> {
        places_last(features).mean_dim(2).squeeze_dim(2) // [batch, channels]
    }
}

#[derive(Module, Debug)]
pub(super) struct GlobalMaxPool {}

impl GlobalMaxPool {
    pub fn forward(&self, features: Features) -> Tensor<2> {
        places_last(features).max_dim(2).squeeze_dim(2) // [batch, channels]
    }
}

/// `[batch, channels, places]`
fn places_last(features: Features) -> Tensor<3> {
    match features {
        Features::Sequence(sequence) => sequence.swap_dims(1, 2),
        features @ (Features::Maps(_) | Features::Vector(_)) => features.maps().flatten(2, 3),
    }
}
