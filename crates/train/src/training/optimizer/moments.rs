//! The state of an optimizer: a running mean or sum for each parameter, in a tensor of the parameter's shape.

use std::collections::HashMap;

use burn::module::{Param, ParamId};
use burn::tensor::Tensor;

use crate::device::layout::Layout;
use crate::device::parameters::{Collector, Mismatch, ParameterVisitor, find, name_in};
use crate::device::tensors::NamedTensors;
use crate::maps::{self, Part, Primitive};
use crate::module::Network;

/// One tensor for each parameter, by its id. The state of burn's own optimizers can only be read synchronously; here, a visitor of the
/// network knows names, ids and ranks, and can register each tensor for one read. The tensors have the memory order of the parameters.
#[derive(Debug)]
pub struct Moments {
    layout: Layout,
    /// Of parameters, and of packs of parameters.
    tensors: HashMap<ParamId, Primitive>,
    /// The parameters in packs: which, and where.
    parts: HashMap<ParamId, (ParamId, Part)>,
}

impl Moments {
    pub fn new(layout: Layout) -> Self {
        Self { layout, tensors: HashMap::new(), parts: HashMap::new() }
    }

    /// `old · kept + new`, where `old` starts at 0. The result is the old value of the next update.
    pub fn blend<const D: usize>(&mut self, id: ParamId, kept: f64, new: Tensor<D>) -> Tensor<D> {
        let blended = match self.take::<D>(id) {
            Some(old) if kept == 1.0 => old + new,
            Some(old) => old * kept + new,
            // Copied, because the gradient's own order would propagate to later states.
            None => self.layout.laid_out(new),
        };
        self.put(id, blended.clone());
        blended
    }

    /// Removes a parameter's tensor, for an update that puts the new one.
    pub(super) fn take<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.remove(&id).map(Tensor::from_dispatch)
    }

    pub(super) fn put<const D: usize>(&mut self, id: ParamId, moment: Tensor<D>) {
        self.tensors.insert(id, moment.into_dispatch());
    }

    /// The tensor in memory order.
    pub(super) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        let tensor = |id| self.tensors.get(id).cloned();
        match self.parts.get(&id) {
            Some((pack, part)) => tensor(pack).map(|packed| maps::part(Tensor::from_dispatch(packed), part.clone())),
            None => tensor(&id).map(Tensor::from_dispatch),
        }
    }

    /// Makes the tensors of some parameters parts of one, by the id of which they will be updated.
    pub(super) fn pack(&mut self, pack: ParamId, parts: &[(ParamId, Part)]) {
        let restored: Option<Vec<Primitive>> = parts.iter().map(|(id, _)| self.tensors.remove(id)).collect();
        if let Some(restored) = restored {
            self.put(pack, maps::pack(&restored));
        }
        self.parts.extend(parts.iter().map(|(id, part)| (*id, (pack, part.clone()))));
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
                self.moments.put(parameter.id, layout.laid_out(layout.in_memory_order(moment)));
            }
            Ok(None) => {}
            Err(mismatch) => self.mismatch = Some(mismatch),
        }
    }
}
