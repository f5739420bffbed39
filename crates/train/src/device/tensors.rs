//! Tensors on the host, by name: as they lie on the device, or in PyTorch's layouts, in which weights leave a network and enter one.

use std::collections::BTreeMap;

use burn::tensor::TensorData;

use crate::device::parameters::Collector;
use crate::module::Network;
use kindling_core::network::shape::TensorSpec;
use kindling_core::protocol::{Failure, FailureKind};

/// Tensors as they lie on the device, where a weight with two axes is `[in, out]`.
pub type NamedTensors = BTreeMap<String, TensorData>;

/// A tensor as PyTorch has it: a weight with two axes is `[out, in]`, a convolution's `[out, in, height, width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Such as `0.weight`, `1.running_mean`.
    pub name: String,
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Network {
    /// All weights, and the running statistics of batch norms, in the order of the layers.
    pub async fn weights(&self) -> Result<Vec<NamedTensor>, Failure> {
        let mut collector = Collector::default();
        collector.network(None, self);
        // Waits for the device.
        let read: Vec<(String, TensorData)> = collector.read().await?;
        let named = read.into_iter().map(|(name, data)| {
            let tensor = NamedTensor::new(name, data).map_err(device_failure)?;
            Ok(tensor.linear_transposed())
        });
        named.collect()
    }
}

impl NamedTensor {
    /// Fails where the values are no 32-bit floats.
    pub(crate) fn new(name: String, data: TensorData) -> Result<Self, String> {
        let shape = data.shape().to_vec();
        match data.try_into_vec::<f32>() {
            Ok(values) => Ok(Self { name, shape, values }),
            Err(_) => Err(format!("{name} is not of 32-bit floats")),
        }
    }

    /// Whether it has the shape of this tensor.
    pub(crate) fn is_like(&self, tensor: &TensorSpec) -> bool {
        let sides = self.shape.iter().map(|&side| side as u64);
        sides.eq(tensor.shape.iter().copied()) && self.values.len() as u64 == tensor.n_values()
    }

    /// Between burn's layout of a weight with two axes, `[in, out]`, and PyTorch's; other tensors stay.
    pub(crate) fn linear_transposed(self) -> Self {
        let [n_rows, n_columns] = self.shape[..] else { return self };
        let values = (0..n_columns)
            .flat_map(|column| (0..n_rows).map(move |row| row * n_columns + column))
            .filter_map(|place| self.values.get(place).copied())
            .collect();
        Self { name: self.name, shape: vec![n_columns, n_rows], values }
    }
}

/// The failure of a read: nothing computed since the last read can be trusted.
pub(crate) fn device_failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::GpuError, error.to_string())
}
