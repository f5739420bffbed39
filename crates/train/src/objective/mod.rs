//! What a step minimizes, and what it reports.

/// Losses, and their gradients at the logits.
pub mod loss;

/// Perturbations of a batch that raise the loss.
pub mod adversarial;

/// A teacher whose predictions are learned.
pub mod distillation;

/// The objective of a classifier.
pub mod classification;

use burn::tensor::{Gradients, Int, Tensor};

pub use self::classification::Classification;
use crate::device::images::{Batch, ones_where};
use crate::module::Network;
use kindling_core::random::Random;

/// What a step minimizes. A trainer adds the rest: augmentation, accumulation, clipping, the optimizer, the moving average.
pub trait Objective {
    /// Runs the forward pass in training mode and the backward pass; dropout draws from `random`. Nothing waits for the device.
    fn pass(&mut self, network: &mut Network, batch: Batch, random: &mut Random) -> Pass;

    /// The state of the objective's own generator, if it draws random numbers. It is part of a checkpoint.
    fn random_state(&self) -> Option<u64> {
        None
    }

    /// Resumes from such a state.
    fn restore_random(&mut self, _state: u64) {}
}

/// The tensors that a forward and a backward pass of a batch leave on the device.
pub struct Pass {
    /// The gradients of the batch's mean loss with respect to the network's parameters.
    pub gradients: Gradients,
    /// `[batch]`: each image's term of that mean.
    pub loss_terms: Tensor<1>,
    /// None if the objective does not classify.
    pub classified: Option<Classified>,
}

/// Predictions and labels of a batch, `[batch]` each.
#[derive(Debug)]
pub struct Classified {
    pub predicted: Tensor<1, Int>,
    pub labels: Tensor<1, Int>,
}

impl Classified {
    /// `[batch]`: 1 for each correct prediction, 0 otherwise.
    pub fn correct(self) -> Tensor<1> {
        ones_where(self.predicted.equal(self.labels))
    }
}
