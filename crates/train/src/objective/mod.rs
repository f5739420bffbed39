//! What a step minimizes, and what it reports.

/// Losses, and their gradients at the logits.
pub mod loss;

/// Changes to a batch that raise the loss.
pub mod adversarial;

/// The objective of a classifier.
pub mod classification;

use burn::tensor::{Gradients, Int, Tensor};

pub use self::classification::Classification;
use crate::device::images::{Batch, ones_where};
use crate::module::Network;
use kindling_core::random::Random;

/// What a step minimizes. A trainer brings the rest: augmentation, accumulation, clipping, the optimizer, the average.
pub trait Objective {
    /// Passes a batch forward, as in training, and the loss backward; dropout draws from `random`. Nothing waits for the device.
    fn pass(&mut self, network: &mut Network, batch: Batch, random: &mut Random) -> Pass;

    /// The state of the objective's own generator, if it draws random numbers: part of a checkpoint.
    fn random_state(&self) -> Option<u64> {
        None
    }

    /// Resumes from such a state.
    fn restore_random(&mut self, _state: u64) {}
}

/// What a batch leaves on the device on its way forward and backward.
pub struct Pass {
    /// The gradients of the batch's mean loss, by the network's parameters.
    pub gradients: Gradients,
    /// `[batch]`: what each image adds to that mean.
    pub loss_shares: Tensor<1>,
    /// None where nothing is classified.
    pub classified: Option<Classified>,
}

/// The classes of a batch, `[batch]` each.
#[derive(Debug)]
pub struct Classified {
    pub predicted: Tensor<1, Int>,
    pub labels: Tensor<1, Int>,
}

impl Classified {
    /// `[batch]`: 1 for each correct prediction, 0 for others.
    pub fn correct(self) -> Tensor<1> {
        ones_where(self.predicted.equal(self.labels))
    }
}
