//! Weights are removed while a network trains: as many as the config says, for good, and only weights.

use kindling_core::config::sparsity::can_be_sparse;
use kindling_core::config::{NetworkConfig, RunConfig, SparsityConfig};
use kindling_train::device::tensors::NamedTensor;

use crate::support::block_on;
use crate::{Outcome, config};

/// The fraction of zeros in each tensor of the network that a run ends with.
fn zeros(config: &RunConfig) -> Vec<(NamedTensor, f64)> {
    let run = Outcome::of(config);
    assert!(run.losses.last() < run.losses.first());
    let weights = block_on(run.published.get().unwrap().weights()).unwrap();
    let fraction = |tensor: &NamedTensor| {
        tensor.values.iter().filter(|value| **value == 0.0).count() as f64 / tensor.values.len() as f64
    };
    weights
        .into_iter()
        .map(|tensor| {
            let zeros = fraction(&tensor);
            (tensor, zeros)
        })
        .collect()
}

#[test]
fn the_fraction_of_every_weight_is_zero_in_the_end() {
    for (target, ema_decay) in [(0.5, None), (0.9, Some(0.9))] {
        let sparsity = Some(SparsityConfig { target, ramp: 0.5 });
        let mut n_sparse = 0;
        for (tensor, zeros) in zeros(&RunConfig { sparsity, ema_decay, ..config() }) {
            if can_be_sparse(&tensor.name, tensor.shape.len()) {
                let rounding = 0.5 / tensor.values.len() as f64;
                assert!((zeros - target).abs() <= rounding + 1e-9, "{}: {zeros}", tensor.name);
                n_sparse += 1;
            } else {
                assert!(zeros < 0.5, "{}: {zeros}", tensor.name);
            }
        }
        assert_eq!(n_sparse, 3);
    }
}

#[test]
fn frozen_layers_keep_all_weights() {
    let network = NetworkConfig { frozen: 4, ..config().network };
    let sparsity = Some(SparsityConfig::default());
    for (tensor, zeros) in zeros(&RunConfig { network, sparsity, ..config() }) {
        if can_be_sparse(&tensor.name, tensor.shape.len()) {
            assert_eq!(zeros > 0.7, !tensor.name.starts_with("0."), "{}: {zeros}", tensor.name);
        }
    }
}

#[test]
fn the_best_network_is_one_that_has_reached_the_target() {
    // The ramp ends in the last of three epochs.
    let sparsity = Some(SparsityConfig { target: 0.95, ramp: 0.8 });
    let run = Outcome::of(&RunConfig { sparsity, ..config() });
    assert_eq!(run.result.unwrap().best.unwrap().epoch, 2);
}
