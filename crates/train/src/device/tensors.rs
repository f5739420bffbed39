//! Weights in and out of a network by name, in PyTorch's names and layouts: `0.weight`, `0.bias`, `1.running_mean`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, Transaction};

use crate::module::Network;
use kindling_core::network::shape::TensorSpec;
use kindling_core::protocol::{Failure, FailureKind};

/// A tensor on the host. A weight with two axes is `[out, in]`, a convolution's `[out, in, height, width]`.
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

/// What the device says when a read fails: nothing computed since the last read can be trusted.
pub(crate) fn device_failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::GpuError, error.to_string())
}

/// Where burn's walk over a network's parameters is, in PyTorch's words: the names of fields and the numbers of layers, without the
/// kinds of layers. Told from `enter_module` and `exit_module` of a [`ModuleVisitor`].
#[derive(Debug, Default)]
pub struct ParameterPath(Vec<String>);

impl ParameterPath {
    pub fn enter(&mut self, name: &str, container: &str) {
        if !Self::is_kind(container) {
            self.0.push(name.to_owned());
        }
    }

    pub fn exit(&mut self, container: &str) {
        if !Self::is_kind(container) {
            self.0.pop();
        }
    }

    /// Such as `0.weight`, `3.layers.1.bias`.
    pub fn name(&self) -> String {
        // The first is the network's list of layers.
        self.0.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// Whether burn enters a variant of an enum: the kind of a layer.
    fn is_kind(container: &str) -> bool {
        container.starts_with("Enum:")
    }
}

/// Registers every float tensor of the module for one read.
#[derive(Default)]
struct Collector {
    transaction: Transaction,
    path: ParameterPath,
    names: Vec<String>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.names.push(self.path.name());
        let transaction = std::mem::take(&mut self.transaction);
        self.transaction = transaction.register(parameter.val().without_autodiff());
    }
}
