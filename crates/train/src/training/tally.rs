//! Losses and correct predictions: those that are still on the device, and the sums over an epoch.

use burn::tensor::{Tensor, Transaction};
use serde::{Deserialize, Serialize};

use super::step::StepOutcome;
use crate::device::tensors::device_failure;
use kindling_core::protocol::Failure;

/// Outcomes that are on the device and not read yet; [`super::pace::Pace`] limits their number. All batches have one size.
#[derive(Default)]
pub struct Tally {
    /// `[batch]` each.
    loss_terms: Vec<Tensor<1>>,
    /// `[batch]` each; none if nothing is classified.
    correct: Vec<Tensor<1>>,
}

impl Tally {
    pub fn add(&mut self, outcome: StepOutcome) {
        self.loss_terms.push(outcome.loss_terms);
        self.correct.extend(outcome.correct);
    }

    pub fn n_steps(&self) -> usize {
        self.loss_terms.len()
    }

    /// The mean loss of each step, and the number of images that each classified correctly, if anything is classified.
    pub async fn read(self) -> Result<(Vec<f32>, Vec<u32>), Failure> {
        let Some(first) = self.loss_terms.first() else { return Ok((Vec::new(), Vec::new())) };
        let batch_size = first.dims()[0].max(1);
        let mut transaction = Transaction::default().register(Tensor::cat(self.loss_terms, 0));
        if !self.correct.is_empty() {
            transaction = transaction.register(Tensor::cat(self.correct, 0));
        }
        // Waits for the device.
        let read = transaction.execute_async().await.map_err(device_failure)?;
        let [loss_terms, correct @ ..] = &read[..] else {
            return Err(device_failure("a read came back incomplete"));
        };
        let loss_terms: Vec<f32> = loss_terms.iter().collect();
        let losses = loss_terms.chunks(batch_size).map(|terms| terms.iter().sum()).collect();
        let correct: Vec<f32> = correct.iter().flat_map(|correct| correct.iter::<f32>()).collect();
        let n_correct = correct.chunks(batch_size).map(|correct| correct.iter().sum::<f32>() as u32).collect();
        Ok((losses, n_correct))
    }
}

/// Sums over the current epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochTally {
    loss_sum: f64,
    n_correct: u64,
    steps: u32,
}

impl EpochTally {
    /// Adds the losses of steps, and the numbers of images that they classified correctly.
    pub fn add(&mut self, losses: &[f32], n_correct: &[u32]) {
        // One by one, so that the sum does not depend on how many are reported together.
        losses.iter().for_each(|loss| self.loss_sum += f64::from(*loss));
        self.n_correct += n_correct.iter().copied().map(u64::from).sum::<u64>();
        self.steps += losses.len() as u32;
    }

    /// Mean loss and accuracy.
    pub fn means(&self, batch_size: usize) -> (f32, f32) {
        let steps = f64::from(self.steps.max(1));
        ((self.loss_sum / steps) as f32, (self.n_correct as f64 / (steps * batch_size as f64)) as f32)
    }
}
