//! An exponential moving average of the weights, often more accurate than the weights themselves, which fluctuate.

use std::collections::HashSet;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use super::sparsity::Sparsity;
use crate::device::parameters::Mismatch;
use crate::device::tensors::NamedTensors;
use crate::module::Network;

/// The average, as a network in inference mode. Running statistics of batch norms are averaged too.
#[derive(Debug)]
pub struct MovingAverage {
    decay: f64,
    updates: u32,
    network: Network,
}

impl MovingAverage {
    pub fn new(decay: f64, network: &Network) -> Self {
        Self { decay, updates: 0, network: network.valid() }
    }

    /// The average after this many updates, with the tensors of a checkpoint's part.
    pub fn restored(self, updates: u32, part: &str, tensors: &NamedTensors) -> Result<Self, Mismatch> {
        Ok(Self { network: self.network.restored(part, tensors)?, updates, ..self })
    }

    pub fn updates(&self) -> u32 {
        self.updates
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Sets the weights to zero that the network has no more.
    pub fn hold(&mut self, sparsity: &Sparsity) {
        self.network = sparsity.held(self.network.clone());
    }

    /// Adds the weights after an update to the average.
    pub fn update(&mut self, network: &Network) {
        self.updates = self.updates.saturating_add(1);
        let mut weights = Collect(TensorContainer::new());
        network.visit(&mut weights);
        let kept = decay_at(self.decay, self.updates);
        // An average of equal values is not always that value.
        let frozen = network.frozen_parameters();
        self.network = self.network.clone().map(&mut Blend { weights: weights.0, kept, frozen });
    }
}

/// The decay is lower at first, so that the initial weights fade quickly: TensorFlow's `ExponentialMovingAverage` with `num_updates`.
fn decay_at(decay: f64, updates: u32) -> f64 {
    let updates = f64::from(updates);
    decay.min((1.0 + updates) / (10.0 + updates))
}

struct Collect(TensorContainer<ParamId>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.0.register(parameter.id, parameter.val().without_autodiff());
    }
}

struct Blend {
    weights: TensorContainer<ParamId>,
    kept: f64,
    frozen: HashSet<ParamId>,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, average, mapper) = parameter.consume();
        if self.frozen.contains(&id) {
            return Param::from_mapped_value(id, average, mapper);
        }
        let Some(weights) = self.weights.remove::<Tensor<D>>(&id) else {
            unreachable!("a network and its average have the same parameters")
        };
        Param::from_mapped_value(id, average * self.kept + weights * (1.0 - self.kept), mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_weights_are_soon_forgotten() {
        assert_eq!(decay_at(0.999, 1), 2.0 / 11.0);
        assert_eq!(decay_at(0.999, 100_000), 0.999);
        assert_eq!(decay_at(0.0, 5), 0.0);
    }
}
