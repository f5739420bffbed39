//! Reads the tensors of networks and optimizers off the device, and puts them back, each in the layout that it has there.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, Transaction};

use crate::device::tensors::{ParameterPath, device_failure};
use crate::module::Network;
use crate::training::checkpoint::{NamedTensors, unreadable};
use crate::training::optimizer::Moments;
use kindling_core::protocol::Failure;

/// Tensors that are to be read, all at once.
#[derive(Default)]
pub struct Collector {
    transaction: Transaction,
    names: Vec<String>,
}

impl Collector {
    /// All weights and running statistics; `part` goes before their names.
    pub fn network(&mut self, part: &str, network: &Network) {
        network.visit(&mut Collect { collector: self, part, moments: None, path: ParameterPath::default() });
    }

    /// What an optimizer remembers of a network's parameters.
    pub fn moments(&mut self, part: &str, network: &Network, moments: &Moments) {
        network.visit(&mut Collect { collector: self, part, moments: Some(moments), path: ParameterPath::default() });
    }

    /// Waits for the device.
    pub async fn read(self) -> Result<NamedTensors, Failure> {
        let read = self.transaction.execute_async().await.map_err(device_failure)?;
        Ok(self.names.into_iter().zip(read).collect())
    }
}

struct Collect<'a> {
    collector: &'a mut Collector,
    part: &'a str,
    /// Collected in place of the parameters themselves.
    moments: Option<&'a Moments>,
    path: ParameterPath,
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let tensor = match self.moments {
            None => Some(parameter.val().without_autodiff()),
            Some(moments) => moments.of::<D>(parameter.id),
        };
        if let Some(tensor) = tensor {
            self.collector.names.push(name(self.part, &self.path));
            let transaction = std::mem::take(&mut self.collector.transaction);
            self.collector.transaction = transaction.register(tensor);
        }
    }
}

/// The network with the tensors of a part; every one of its own must be there, in its shape.
pub fn restored_network(tensors: &NamedTensors, part: &str, network: Network) -> Result<Network, Failure> {
    let mut restore = Restore { tensors, part, path: ParameterPath::default(), failure: None };
    let network = network.map(&mut restore);
    restore.failure.map_or(Ok(network), Err)
}

struct Restore<'a> {
    tensors: &'a NamedTensors,
    part: &'a str,
    path: ParameterPath,
    failure: Option<Failure>,
}

impl ModuleMapper for Restore<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        let name = name(self.part, &self.path);
        let restored = match self.tensors.get(&name) {
            Some(data) if *data.shape() == value.shape() => {
                let tensor = Tensor::from_data(data.clone(), &value.device());
                if value.is_require_grad() { tensor.require_grad() } else { tensor }
            }
            found => {
                let found = found.map(|data| data.shape().to_vec());
                self.failure = Some(unreadable(format!("{name} has the shape {found:?}, not {:?}", value.dims())));
                value
            }
        };
        Param::from_mapped_value(id, restored, mapper)
    }
}

/// What an optimizer remembered of the network's parameters; nothing of those that are not in the part.
pub fn restored_moments(tensors: &NamedTensors, part: &str, network: &Network) -> Result<Moments, Failure> {
    let mut restore =
        RestoreMoments { tensors, part, path: ParameterPath::default(), moments: Moments::default(), failure: None };
    network.visit(&mut restore);
    restore.failure.map_or(Ok(restore.moments), Err)
}

struct RestoreMoments<'a> {
    tensors: &'a NamedTensors,
    part: &'a str,
    path: ParameterPath,
    moments: Moments,
    failure: Option<Failure>,
}

impl ModuleVisitor for RestoreMoments<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let name = name(self.part, &self.path);
        let Some(data) = self.tensors.get(&name) else { return };
        let value = parameter.val().without_autodiff();
        if *data.shape() == value.shape() {
            let data: TensorData = data.clone();
            self.moments.restore(parameter.id, Tensor::<D>::from_data(data, &value.device()));
        } else {
            self.failure = Some(unreadable(format!("{name} has the shape {:?}", data.shape())));
        }
    }
}

/// Such as `weights/0.weight`.
fn name(part: &str, path: &ParameterPath) -> String {
    format!("{part}/{}", path.name())
}
