//! Tensors on the host, by name: laid out as on the device, or as in PyTorch, which is how weights are exported and imported.

use std::collections::BTreeMap;

use burn::tensor::TensorData;

use crate::device::parameters::Collector;
use crate::module::Network;
use kindling_core::network::shape::TensorSpec;
use kindling_core::protocol::{Failure, FailureKind};

/// Tensors laid out as on the device, where a weight with two axes is `[in, out]`.
pub type NamedTensors = BTreeMap<String, TensorData>;

/// A tensor laid out as in PyTorch: a weight with two axes is `[out, in]`, a convolution's `[out, in, height, width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// For example `0.weight` or `1.running_mean`.
    pub name: String,
    pub shape: Vec<usize>,
    /// In row-major order.
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
    /// Fails if the values are not 32-bit floats.
    pub(crate) fn new(name: String, data: TensorData) -> Result<Self, String> {
        let shape = data.shape().to_vec();
        match data.try_into_vec::<f32>() {
            Ok(values) => Ok(Self { name, shape, values }),
            Err(_) => Err(format!("{name} is not of 32-bit floats")),
        }
    }

    /// Whether its shape is that of the specification.
    pub(crate) fn is_like(&self, tensor: &TensorSpec) -> bool {
        let sides = self.shape.iter().map(|&side| side as u64);
        sides.eq(tensor.shape.iter().copied()) && self.values.len() as u64 == tensor.n_values()
    }

    /// Converts between burn's layout of a weight with two axes, `[in, out]`, and PyTorch's `[out, in]`; other tensors are unchanged.
    pub(crate) fn linear_transposed(self) -> Self {
        let [n_rows, n_columns] = self.shape[..] else { return self };
        let values = (0..n_columns)
            .flat_map(|column| (0..n_rows).map(move |row| row * n_columns + column))
            .filter_map(|place| self.values.get(place).copied())
            .collect();
        Self { name: self.name, shape: vec![n_columns, n_rows], values }
    }
}

/// The failure of a device read: nothing computed since the last read can be trusted.
pub(crate) fn device_failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::GpuError, error.to_string())
}
