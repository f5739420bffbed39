//! Weights in and out of a network by name, in PyTorch's names and layouts: `0.weight`, `0.bias`, `1.running_mean`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, Transaction};

use super::Network;
use crate::protocol::{Failure, FailureKind};

/// A tensor on the host. A linear layer's weight is `[out, in]`, a convolution's `[out, in, height, width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Network {
    /// All weights, and the running statistics of batch norms.
    pub async fn weights(&self) -> Result<Vec<NamedTensor>, Failure> {
        let mut collector = Collector::default();
        self.visit(&mut collector);
        // Waits for the device.
        let read = collector.transaction.execute_async().await.map_err(device_failure)?;
        collector
            .names
            .into_iter()
            .zip(read)
            .map(|(name, data)| {
                let shape = data.shape().to_vec();
                let values = data.try_into_vec::<f32>().map_err(device_failure)?;
                Ok(NamedTensor { name, shape, values }.linear_transposed())
            })
            .collect()
    }
}

impl NamedTensor {
    /// Between burn's layout of a linear layer's weight, `[in, out]`, and PyTorch's; other tensors stay.
    pub(super) fn linear_transposed(self) -> Self {
        let [n_rows, n_columns] = self.shape[..] else { return self };
        let values = (0..n_columns)
            .flat_map(|column| (0..n_rows).map(move |row| row * n_columns + column))
            .map(|place| self.values[place])
            .collect();
        Self { name: self.name, shape: vec![n_columns, n_rows], values }
    }
}

/// What the device says when a read fails: nothing computed since the last read can be trusted.
pub(crate) fn device_failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::GpuError, error.to_string())
}

/// Registers every float tensor of the module for one read.
#[derive(Default)]
struct Collector {
    transaction: Transaction,
    path: Vec<String>,
    names: Vec<String>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        // The path is `layers`, the layer's index, its variant, the parameter.
        if let [_, index, _, name] = &self.path[..] {
            self.names.push(format!("{index}.{name}"));
            let transaction = std::mem::take(&mut self.transaction);
            self.transaction = transaction.register(parameter.val().without_autodiff());
        }
    }
}
