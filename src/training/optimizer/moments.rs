//! What an optimizer remembers of each parameter: a running mean or sum, a tensor of the parameter's own shape.

use burn::module::ParamId;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

/// One tensor for each parameter, by its id. Ours, not burn's optimizers', whose state can only be read synchronously: a visitor of the
/// network knows names, ids and ranks, and can register each tensor for one read.
#[derive(Debug, Default)]
pub struct Moments(TensorContainer<ParamId>);

impl Moments {
    /// `old · kept + new`, where the old one starts at 0; remembers it too.
    pub fn blend<const D: usize>(&mut self, id: ParamId, kept: f64, new: Tensor<D>) -> Tensor<D> {
        let blended = match self.0.remove::<Tensor<D>>(&id) {
            Some(old) if kept == 1.0 => old + new,
            Some(old) => old * kept + new,
            None => new,
        };
        self.0.register(id, blended.clone());
        blended
    }

    pub fn set<const D: usize>(&mut self, id: ParamId, value: Tensor<D>) {
        self.0.register(id, value);
    }

    pub fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.0.get(&id)
    }
}
