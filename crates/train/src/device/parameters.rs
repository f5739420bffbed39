//! Visits a network's parameters by their PyTorch names: `0.weight`, `3.layers.1.running_mean`. Tensors are read off the device all at
//! once, and restored in the layout that they have there.

use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, Transaction};

use crate::device::tensors::{NamedTensors, device_failure};
use crate::module::Network;
use kindling_core::protocol::Failure;

/// Receives every parameter of a network with its name, including the running statistics of batch norms.
pub trait ParameterVisitor {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>);
}

impl Network {
    pub fn visit_parameters(&self, visitor: &mut impl ParameterVisitor) {
        self.visit(&mut Walk { visitor, path: ParameterPath::default() });
    }

    /// The network with the tensors of one part of a checkpoint. Fails if a tensor is missing or has another shape.
    pub fn restored(self, part: &str, tensors: &NamedTensors) -> Result<Self, Mismatch> {
        let mut restore = Restore { tensors, part, path: ParameterPath::default(), mismatch: None };
        let network = self.map(&mut restore);
        restore.mismatch.map_or(Ok(network), Err)
    }
}

/// Tensors to be read in one transaction.
#[derive(Default)]
pub struct Collector {
    transaction: Transaction,
    names: Vec<String>,
}

impl Collector {
    /// Adds all weights and running statistics. Their names are prefixed with `part`, if there is one.
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

/// The tensor with this name, on the device of `like`; none if there is no such name. Fails if its shape is not that of `like`.
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

/// For example `weights/0.weight`.
pub fn name_in(part: &str, name: &str) -> String {
    format!("{part}/{name}")
}

/// A saved tensor is missing, or its shape differs from the network's.
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

/// Adapts burn's visitor, which gets the path module by module, to one that gets names.
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

/// The position in burn's walk as a PyTorch name: field names and layer numbers, without the kinds of layers.
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
        // The first entry is the network's list of layers.
        self.0.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// Whether burn enters an enum variant, which is the kind of a layer.
    fn is_kind(container: &str) -> bool {
        container.starts_with("Enum:")
    }
}
