//! SGD with momentum and Adam, with PyTorch's definitions and a decoupled decay: `θ ← θ − η·direction − ηλθ`.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Gradients, Tensor};

use crate::network::Network;
use crate::protocol::{OptimizerConfig, RunConfig};

/// An optimizer with its state: the moments of each parameter, by the parameter's id.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    learning_rate: f64,
    weight_decay: f64,
    /// Updates done.
    steps: i32,
    /// SGD's velocity, or Adam's mean of the gradients.
    first: TensorContainer<ParamId>,
    /// Adam's mean of the squared gradients.
    second: TensorContainer<ParamId>,
}

impl Optimizer {
    pub fn new(config: &RunConfig) -> Self {
        Self {
            config: config.optimizer,
            learning_rate: config.learning_rate,
            weight_decay: config.weight_decay,
            steps: 0,
            first: TensorContainer::new(),
            second: TensorContainer::new(),
        }
    }

    /// Moves every parameter that has a gradient.
    pub fn update(&mut self, network: Network, gradients: Gradients) -> Network {
        self.steps = self.steps.saturating_add(1);
        network.map(&mut Update { optimizer: self, gradients })
    }

    fn moved<const D: usize>(&mut self, id: ParamId, value: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        let rate = self.learning_rate;
        let kept = match self.weight_decay {
            0.0 => value,
            decay => value * (1.0 - rate * decay),
        };
        match self.config {
            OptimizerConfig::Sgd { momentum: 0.0 } => kept - gradient * rate,
            OptimizerConfig::Sgd { momentum } => {
                let velocity = match self.first.remove::<Tensor<D>>(&id) {
                    Some(velocity) => velocity * momentum + gradient,
                    None => gradient,
                };
                self.first.register(id, velocity.clone());
                kept - velocity * rate
            }
            OptimizerConfig::Adam { beta1, beta2, epsilon } => {
                let first = match self.first.remove::<Tensor<D>>(&id) {
                    Some(first) => first * beta1 + gradient.clone() * (1.0 - beta1),
                    None => gradient.clone() * (1.0 - beta1),
                };
                let squared = gradient.clone() * gradient;
                let second = match self.second.remove::<Tensor<D>>(&id) {
                    Some(second) => second * beta2 + squared * (1.0 - beta2),
                    None => squared * (1.0 - beta2),
                };
                self.first.register(id, first.clone());
                self.second.register(id, second.clone());
                // Both moments start at 0; the corrections undo that bias.
                let correction1 = 1.0 - beta1.powi(self.steps);
                let correction2 = 1.0 - beta2.powi(self.steps);
                kept - first * (rate / correction1) / (second.sqrt() * (1.0 / correction2.sqrt()) + epsilon)
            }
        }
    }
}

/// One update, as burn walks over the parameters.
struct Update<'a> {
    optimizer: &'a mut Optimizer,
    gradients: Gradients,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        if !value.is_require_grad() {
            return Param::from_mapped_value(id, value, mapper);
        }
        let moved = match value.grad_remove(&mut self.gradients) {
            Some(gradient) => self.optimizer.moved(id, value.without_autodiff(), gradient),
            None => value.without_autodiff(),
        };
        Param::from_mapped_value(id, moved.autodiff().require_grad(), mapper)
    }
}
