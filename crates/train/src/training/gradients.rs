//! The gradients of all parameters, averaged over batches and clipped by their global norm.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Gradients, Tensor};

use crate::blocks::sum_of_squares;
use crate::module::Network;

/// Added to the norm before the division by it, as in PyTorch's `clip_grad_norm_`.
const EPSILON: f64 = 1e-6;

/// Gradients by the id of their parameter, accumulated since the last update.
#[derive(Debug, Default)]
pub struct NetworkGradients {
    /// Summed over the batches.
    sums: TensorContainer<ParamId>,
    n_batches: u32,
    /// `[1]`: the factor that clips every gradient.
    clipping: Option<Tensor<1>>,
}

impl NetworkGradients {
    /// Adds the gradients of a batch. Those of the first batch are only moved: nothing is computed.
    pub fn add(&mut self, network: &Network, gradients: Gradients) {
        self.n_batches += 1;
        network.visit(&mut Sum { sums: &mut self.sums, gradients });
    }

    /// Scales all gradients so that their global 2-norm is at most `max_norm`. It runs on the device, and nothing is read. Call after
    /// the last batch.
    pub fn clip(&mut self, network: &Network, max_norm: f64) {
        let mut squares = Squares { sums: &self.sums, total: None };
        network.visit(&mut squares);
        let Some(total) = squares.total else { return };
        let norm = total.sqrt() * self.batch_weight(); // [1]
        self.clipping = Some(((norm + EPSILON).recip() * max_norm).clamp_max(1.0));
    }

    /// A parameter's mean gradient before clipping. It is not removed.
    pub fn mean<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        let sum = self.sums.get::<Tensor<D>>(&id)?;
        Some(if self.n_batches > 1 { sum * self.batch_weight() } else { sum })
    }

    /// Removes a parameter's mean gradient, clipped.
    pub fn take<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.take_sum(id).map(|sum| self.scaled(sum))
    }

    /// Removes a parameter's gradient, summed over the batches.
    pub fn take_sum<const D: usize>(&mut self, id: ParamId) -> Option<Tensor<D>> {
        self.sums.remove(&id)
    }

    /// Sums over the batches to clipped means.
    pub fn scaled<const D: usize>(&self, sums: Tensor<D>) -> Tensor<D> {
        let means = if self.n_batches > 1 { sums * self.batch_weight() } else { sums };
        match &self.clipping {
            Some(clipping) => means * clipping.clone().reshape([1; D]),
            None => means,
        }
    }

    fn batch_weight(&self) -> f64 {
        1.0 / f64::from(self.n_batches.max(1))
    }
}

struct Sum<'a> {
    sums: &'a mut TensorContainer<ParamId>,
    gradients: Gradients,
}

impl ModuleVisitor for Sum<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let Some(gradient) = parameter.val().grad_remove(&mut self.gradients) else { return };
        let sum = match self.sums.remove::<Tensor<D>>(&parameter.id) {
            Some(sum) => sum + gradient,
            None => gradient,
        };
        self.sums.register(parameter.id, sum);
    }
}

struct Squares<'a> {
    sums: &'a TensorContainer<ParamId>,
    /// `[1]`
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let Some(gradient) = self.sums.get::<Tensor<D>>(&parameter.id) else { return };
        let square = sum_of_squares(gradient);
        self.total = Some(match self.total.take() {
            Some(total) => total + square,
            None => square,
        });
    }
}
