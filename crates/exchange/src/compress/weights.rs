//! Pruning of single weights by magnitude (Han and others, 2015): the smallest weights of each layer become zero. The network keeps its shape and its
//! time; files become smaller where zeros are packed.

use std::collections::BTreeMap;

use kindling_core::config::NetworkConfig;
use kindling_core::config::sparsity::{can_be_sparse, threshold};
use kindling_core::network::shape::{PlacedLayer, network_tensors, place};
use kindling_core::protocol::ImageShape;

use super::channels::Pruned;
use super::is_frozen;
use crate::error::ExchangeError;
use crate::trained::Tensor;

/// Keeps the share `keep` of the weights of each layer, but all of frozen layers, biases and norms.
///
/// # Errors
///
/// A network that cannot be placed, weights that are missing.
pub fn prune_weights(
    network: &NetworkConfig,
    input: ImageShape,
    n_classes: usize,
    weights: &BTreeMap<String, Tensor>,
    keep: f32,
) -> Result<Pruned, ExchangeError> {
    let layers = place(network, input, n_classes)?;
    let mut pruned = BTreeMap::new();
    let mut n_zeros = 0;
    for (name, spec) in network_tensors(&layers) {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        let mut tensor = match weights.get(&name).filter(|tensor| tensor.shape == shape) {
            Some(tensor) => tensor.clone(),
            None => return Err(ExchangeError::NoTensor { name, shape }),
        };
        if can_be_sparse(&name, shape.len()) && !is_frozen(&name, network.frozen) {
            n_zeros += remove_smallest(&mut tensor.values, 1.0 - f64::from(keep.clamp(0.0, 1.0)));
        }
        pruned.insert(name, tensor);
    }
    let n_parameters: u64 = layers.iter().map(PlacedLayer::n_parameters).sum();
    let flops = layers.iter().map(|layer| layer.summary().flops).sum();
    Ok(Pruned {
        network: network.clone(),
        weights: pruned,
        parameters: [n_parameters, n_parameters.saturating_sub(n_zeros)],
        flops: [flops; 2],
    })
}

/// Returns how many are zero then.
fn remove_smallest(values: &mut [f32], fraction: f64) -> u64 {
    let threshold = threshold(values.iter().map(|value| value.abs()).collect(), fraction);
    values.iter_mut().filter(|value| value.abs() <= threshold).fold(0, |n_zeros, value| {
        *value = 0.0;
        n_zeros + 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_magnitudes_become_zero() {
        let mut values = [3.0, -1.0, 0.5, -4.0, 2.0];
        assert_eq!(remove_smallest(&mut values, 0.4), 2);
        assert_eq!(values, [3.0, 0.0, 0.0, -4.0, 2.0]);
    }
}
