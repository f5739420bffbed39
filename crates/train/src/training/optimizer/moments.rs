//! What an optimizer remembers of each parameter: a running mean or sum, a tensor as large as the parameter.

use burn::module::ParamId;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use crate::device::layout::{in_memory_order, in_parameter_order, laid_out};

/// One tensor for each parameter, by its id. Ours, not burn's optimizers', whose state can only be read synchronously: a visitor of the
/// network knows names, ids and ranks, and can register each tensor for one read. They lie in memory as the parameters do.
#[derive(Debug, Default)]
pub struct Moments(TensorContainer<ParamId>);

impl Moments {
    /// `old · kept + new`, where the old one starts at 0; remembers it too.
    pub fn blend<const D: usize>(&mut self, id: ParamId, kept: f64, new: Tensor<D>) -> Tensor<D> {
        let blended = match self.0.remove::<Tensor<D>>(&id) {
            Some(old) if kept == 1.0 => old + new,
            Some(old) => old * kept + new,
            // In the gradient's own order, it would hand that on.
            None => laid_out(new),
        };
        self.0.register(id, blended.clone());
        blended
    }

    /// In memory order.
    pub(super) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.0.get(&id)
    }

    /// What is remembered of a parameter, in the parameter's shape.
    pub fn of<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.get(id).map(in_parameter_order)
    }

    /// Remembers a tensor of the parameter's shape.
    pub fn restore<const D: usize>(&mut self, id: ParamId, value: Tensor<D>) {
        self.0.register(id, laid_out(in_memory_order(value)));
    }
}
