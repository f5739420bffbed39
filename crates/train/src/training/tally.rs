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
    /// `[batch]`: summed over all steps.
    correct: Option<Tensor<1>>,
}

impl Tally {
    pub fn add(&mut self, outcome: StepOutcome) {
        self.loss_terms.push(outcome.loss_terms);
        self.correct = match (self.correct.take(), outcome.correct) {
            (Some(sum), Some(correct)) => Some(sum + correct),
            (sum, correct) => sum.or(correct),
        };
    }

    pub fn n_steps(&self) -> usize {
        self.loss_terms.len()
    }

    /// The mean loss of each step, and the number of images classified correctly in all steps.
    pub async fn read(self) -> Result<(Vec<f32>, u64), Failure> {
        let Some(first) = self.loss_terms.first() else { return Ok((Vec::new(), 0)) };
        let batch_size = first.dims()[0].max(1);
        let mut transaction = Transaction::default().register(Tensor::cat(self.loss_terms, 0));
        if let Some(correct) = self.correct {
            transaction = transaction.register(correct);
        }
        // Waits for the device.
        let read = transaction.execute_async().await.map_err(device_failure)?;
        let [loss_terms, correct @ ..] = &read[..] else {
            return Err(device_failure("a read came back incomplete"));
        };
        let loss_terms: Vec<f32> = loss_terms.iter().collect();
        let losses = loss_terms.chunks(batch_size).map(|terms| terms.iter().sum()).collect();
        let n_correct = correct.iter().flat_map(|correct| correct.iter::<f32>()).map(|correct| correct as u64).sum();
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
    pub fn add(&mut self, losses: &[f32], n_correct: u64) {
        self.loss_sum += losses.iter().copied().map(f64::from).sum::<f64>();
        self.n_correct += n_correct;
        self.steps += losses.len() as u32;
    }

    /// Mean loss and accuracy.
    pub fn means(&self, batch_size: usize) -> (f32, f32) {
        let steps = f64::from(self.steps.max(1));
        ((self.loss_sum / steps) as f32, (self.n_correct as f64 / (steps * batch_size as f64)) as f32)
    }
}
