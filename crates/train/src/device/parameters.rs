//! The one walk over a network's parameters by their names, as PyTorch has them: `0.weight`, `3.layers.1.running_mean`. It reads tensors off
//! the device, all at once, and puts them back, each in the layout that it has there.

use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, Transaction};

use crate::device::tensors::{NamedTensors, device_failure};
use crate::module::Network;
use kindling_core::protocol::Failure;

/// Receives every parameter of a network with its name, running statistics of batch norms among them.
pub trait ParameterVisitor {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>);
}

impl Network {
    pub fn visit_parameters(&self, visitor: &mut impl ParameterVisitor) {
        self.visit(&mut Walk { visitor, path: ParameterPath::default() });
    }

    /// The network with the tensors of a part; each of its own must be there, in its shape.
    pub fn restored(self, part: &str, tensors: &NamedTensors) -> Result<Self, Mismatch> {
        let mut restore = Restore { tensors, part, path: ParameterPath::default(), mismatch: None };
        let network = self.map(&mut restore);
        restore.mismatch.map_or(Ok(network), Err)
    }
}

/// Tensors that are to be read, all at once.
#[derive(Default)]
pub struct Collector {
    transaction: Transaction,
    names: Vec<String>,
}

impl Collector {
    /// All weights and running statistics. The part, where there is one, goes before their names.
    pub fn network(&mut self, part: Option<&str>, network: &Network) {
        network.visit_parameters(&mut Collect { collector: self, part });
    }

    pub fn push<const D: usize>(&mut self, name: String, tensor: Tensor<D>) {
        self.names.push(name);
        self.transaction = std::mem::take(&mut self.transaction).register(tensor);
    }

    /// Waits for the device.
    pub async fn read<T: FromIterator<(String, TensorData)>>(self) -> Result<T, Failure> {
        let read = self.transaction.execute_async().await.map_err(device_failure)?;
        Ok(self.names.into_iter().zip(read).collect())
    }
}

/// The tensor of this name, on the device and in the shape of another; none where there is no such name.
pub fn find<const D: usize>(
    tensors: &NamedTensors,
    name: &str,
    like: &Tensor<D>,
) -> Result<Option<Tensor<D>>, Mismatch> {
    match tensors.get(name) {
        None => Ok(None),
        Some(data) if *data.shape() == like.shape() => Ok(Some(Tensor::from_data(data.clone(), &like.device()))),
        Some(data) => Err(Mismatch::new(name, Some(data), like)),
    }
}

/// Such as `weights/0.weight`.
pub fn name_in(part: &str, name: &str) -> String {
    format!("{part}/{name}")
}

/// A saved tensor is missing, or has another shape than the network's.
#[derive(Debug)]
pub struct Mismatch {
    name: String,
    found: Option<Vec<usize>>,
    needed: Vec<usize>,
}

impl Mismatch {
    fn new<const D: usize>(name: &str, found: Option<&TensorData>, needed: &Tensor<D>) -> Self {
        let found = found.map(|data| data.shape().to_vec());
        Self { name: name.to_owned(), found, needed: needed.dims().to_vec() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, found, needed } = self;
        match found {
            Some(found) => write!(formatter, "{name} has the shape {found:?}, not {needed:?}"),
            None => write!(formatter, "{name} is missing"),
        }
    }
}

struct Collect<'a> {
    collector: &'a mut Collector,
    part: Option<&'a str>,
}

impl ParameterVisitor for Collect<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        let name = match self.part {
            Some(part) => name_in(part, &name),
            None => name,
        };
        self.collector.push(name, parameter.val().without_autodiff());
    }
}

/// burn's walk, which tells the path from module to module, as one that tells names.
struct Walk<'a, V> {
    visitor: &'a mut V,
    path: ParameterPath,
}

impl<V: ParameterVisitor> ModuleVisitor for Walk<'_, V> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.visitor.visit(self.path.name(), parameter);
    }
}

struct Restore<'a> {
    tensors: &'a NamedTensors,
    part: &'a str,
    path: ParameterPath,
    mismatch: Option<Mismatch>,
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
        let name = name_in(self.part, &self.path.name());
        let restored = match find(self.tensors, &name, &value) {
            Ok(Some(tensor)) if value.is_require_grad() => tensor.require_grad(),
            Ok(Some(tensor)) => tensor,
            Ok(None) => {
                self.mismatch = Some(Mismatch::new(&name, None, &value));
                value
            }
            Err(mismatch) => {
                self.mismatch = Some(mismatch);
                value
            }
        };
        Param::from_mapped_value(id, restored, mapper)
    }
}

/// Where burn's walk is, in PyTorch's words: the names of fields and the numbers of layers, without the kinds of layers.
#[derive(Debug, Default)]
struct ParameterPath(Vec<String>);

impl ParameterPath {
    fn enter(&mut self, name: &str, container: &str) {
        if !Self::is_kind(container) {
            self.0.push(name.to_owned());
        }
    }

    fn exit(&mut self, container: &str) {
        if !Self::is_kind(container) {
            self.0.pop();
        }
    }

    fn name(&self) -> String {
        // The first is the network's list of layers.
        self.0.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// Whether burn enters a variant of an enum: the kind of a layer.
    fn is_kind(container: &str) -> bool {
        container.starts_with("Enum:")
    }
}
