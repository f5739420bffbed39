//! The state of an optimizer: a running mean or sum for each parameter, in a tensor of the parameter's shape.

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use crate::device::layout::Layout;
use crate::device::parameters::{Collector, Mismatch, ParameterVisitor, find, name_in};
use crate::device::tensors::NamedTensors;
use crate::module::Network;

/// One tensor for each parameter, by its id. The state of burn's own optimizers can only be read synchronously; here, a visitor of the
/// network knows names, ids and ranks, and can register each tensor for one read. The tensors have the memory order of the parameters.
#[derive(Debug)]
pub struct Moments {
    layout: Layout,
    tensors: TensorContainer<ParamId>,
}

impl Moments {
    pub fn new(layout: Layout) -> Self {
        Self { layout, tensors: TensorContainer::new() }
    }

    /// `old · kept + new`, where `old` starts at 0. The result is the old value of the next update.
    pub fn blend<const D: usize>(&mut self, id: ParamId, kept: f64, new: Tensor<D>) -> Tensor<D> {
        let blended = match self.tensors.remove::<Tensor<D>>(&id) {
            Some(old) if kept == 1.0 => old + new,
            Some(old) => old * kept + new,
            // Copied, because the gradient's own order would propagate to later states.
            None => self.layout.laid_out(new),
        };
        self.tensors.register(id, blended.clone());
        blended
    }

    /// Removes a parameter's tensor, for an update that puts the new one.
    pub(super) fn take<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.remove(&id)
    }

    pub(super) fn put<const D: usize>(&mut self, id: ParamId, moment: Tensor<D>) {
        self.tensors.register(id, moment);
    }

    /// The tensor in memory order.
    pub(super) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.get(&id)
    }

    /// Queues all tensors for a read, by the names of the network's parameters.
    pub fn collect(&self, part: &str, network: &Network, collector: &mut Collector) {
        network.visit_parameters(&mut Collect { moments: self, part, collector });
    }

    /// Restores the collected tensors; parameters that are not in the part have none.
    pub fn restore(&mut self, part: &str, network: &Network, tensors: &NamedTensors) -> Result<(), Mismatch> {
        *self = Self::new(self.layout);
        let mut restore = Restore { moments: self, part, tensors, mismatch: None };
        network.visit_parameters(&mut restore);
        restore.mismatch.map_or(Ok(()), Err)
    }
}

struct Collect<'a> {
    moments: &'a Moments,
    part: &'a str,
    collector: &'a mut Collector,
}

impl ParameterVisitor for Collect<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        if let Some(moment) = self.moments.get::<D>(parameter.id) {
            self.collector.push(name_in(self.part, &name), self.moments.layout.in_parameter_order(moment));
        }
    }
}

struct Restore<'a> {
    moments: &'a mut Moments,
    part: &'a str,
    tensors: &'a NamedTensors,
    mismatch: Option<Mismatch>,
}

impl ParameterVisitor for Restore<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        let value = parameter.val().without_autodiff();
        match find(self.tensors, &name_in(self.part, &name), &value) {
            Ok(Some(moment)) => {
                let layout = self.moments.layout;
                self.moments.tensors.register(parameter.id, layout.laid_out(layout.in_memory_order(moment)));
            }
            Ok(None) => {}
            Err(mismatch) => self.mismatch = Some(mismatch),
        }
    }
}
