//! One training step: forward, loss, gradient, update.

use burn::tensor::{Int, Tensor};

use super::data::Batch;
use super::loss::cross_entropy;
use super::optimizer::Optimizer;
use crate::dataset::random::Random;
use crate::network::Network;

/// A network and the optimizer that moves it.
#[derive(Debug)]
pub struct Trainer {
    network: Network,
    optimizer: Optimizer,
    /// Draws dropout's masks.
    random: Random,
}

/// What a step leaves on the device, for a later read.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// `[1]`: the mean loss of the batch, before the update.
    pub loss: Tensor<1>,
    /// `[1]`: how many images of the batch were classified right, before the update.
    pub hits: Tensor<1, Int>,
}

impl Trainer {
    pub fn new(network: Network, optimizer: Optimizer, random: Random) -> Self {
        Self { network, optimizer, random }
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Trains one batch. Nothing waits for the device.
    pub fn step(&mut self, batch: Batch) -> StepOutcome {
        let logits = self.network.forward_train(batch.images.autodiff(), &mut self.random); // [batch, classes]
        let loss = cross_entropy(logits.clone(), batch.targets);
        let gradients = loss.backward();
        self.network = self.optimizer.update(self.network.clone(), gradients);
        let predicted = logits.without_autodiff().argmax(1).squeeze_dim::<1>(1); // [batch]
        StepOutcome { loss: loss.without_autodiff(), hits: predicted.equal(batch.labels).int().sum() }
    }
}
