//! Values on the device that are read together, in one transaction.

use burn::tensor::{Tensor, Transaction};

use crate::device::tensors::device_failure;
use kindling_core::protocol::Failure;

/// The tensors to be read.
#[derive(Default)]
pub struct Reads {
    transaction: Transaction,
    n_tensors: usize,
}

/// Identifies a tensor's values after the read.
#[derive(Clone, Copy, Debug)]
pub struct Slot(usize);

/// The values that were read.
pub struct Values(Vec<Vec<f32>>);

impl Reads {
    pub fn add<const D: usize>(&mut self, tensor: Tensor<D>) -> Slot {
        self.transaction = std::mem::take(&mut self.transaction).register(tensor);
        self.n_tensors += 1;
        Slot(self.n_tensors - 1)
    }

    pub async fn read(self) -> Result<Values, Failure> {
        if self.n_tensors == 0 {
            return Ok(Values(Vec::new()));
        }
        // Waits for the device.
        let read = self.transaction.execute_async().await.map_err(device_failure)?;
        Ok(Values(read.iter().map(|data| data.iter::<f32>().collect()).collect()))
    }
}

impl Values {
    /// The tensor's values in row-major order.
    pub fn of(&self, slot: Slot) -> &[f32] {
        self.0.get(slot.0).map_or(&[], Vec::as_slice)
    }

    /// The only value, or the first.
    pub fn first(&self, slot: Slot) -> f32 {
        self.of(slot).first().copied().unwrap_or(f32::NAN)
    }
}
