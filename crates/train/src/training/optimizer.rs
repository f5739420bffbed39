//! The optimizers, with PyTorch's definitions; [`OptimizerConfig`] has the formulas.

/// The state of an optimizer.
mod moments;

/// Orthogonalized updates.
mod muon;

/// Parameters that are updated together.
mod packs;

use std::collections::HashSet;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;
use kindling_kernels::update::{Rule, Update};
use serde::{Deserialize, Serialize};

pub use self::moments::Moments;
use self::packs::Pack;
use super::checkpoint::unreadable;
use super::gradients::NetworkGradients;
use crate::blocks::{self, has_kernels};
use crate::device::layout::Layout;
use crate::device::parameters::Collector;
use crate::device::tensors::NamedTensors;
use crate::module::Network;
use kindling_core::config::{Decay, OptimizerConfig, RunConfig};
use kindling_core::protocol::Failure;

/// An optimizer with its state: one or several tensors for each parameter, by the parameter's id.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    decay: Decay,
    layout: Layout,
    /// Number of updates done.
    updates: i32,
    /// The velocity of SGD and Muon, or the mean of the gradients.
    first: Moments,
    /// Mean or sum of the squared gradients.
    second: Moments,
    /// RMSprop's velocity.
    third: Moments,
    /// The parameters that are updated together; none before the first update.
    packs: Vec<Pack>,
    /// The parameters of layers with pre-trained weights, and their learning rate as a multiple of the others'.
    pretrained: HashSet<ParamId>,
    pretrained_share: f64,
}

/// η and λ of one update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    pub learning_rate: f64,
    pub weight_decay: f64,
}

/// β₁, β₂ and ε.
#[derive(Clone, Copy, Debug)]
struct AdamValues {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

/// The parts of a checkpoint that hold the moments.
const PARTS: [&str; 3] = ["first", "second", "third"];

/// The hyperparameters of Muon's AdamW in Jordan's code.
const MUON_ADAM: AdamValues = AdamValues { beta1: 0.9, beta2: 0.95, epsilon: 1e-10 };

impl Optimizer {
    pub fn new(config: &RunConfig, layout: Layout, network: &Network) -> Self {
        Self {
            config: config.optimizer,
            decay: config.decay,
            layout,
            updates: 0,
            first: Moments::new(layout),
            second: Moments::new(layout),
            third: Moments::new(layout),
            packs: Vec::new(),
            pretrained: network.pretrained_parameters(),
            pretrained_share: config.pretrained_rate_share,
        }
    }

    /// Updates every parameter that has a gradient. The rates are scalar arguments of kernels that run anyway: changing them costs nothing.
    pub fn update(&mut self, network: Network, gradients: NetworkGradients, rates: Rates) -> Network {
        self.updates = self.updates.saturating_add(1);
        match (self.layout, self.config) {
            (Layout::ChannelsFirst, _) | (_, OptimizerConfig::Muon { .. }) => {
                network.map(&mut Walk { optimizer: self, gradients, rates })
            }
            (Layout::ChannelsLast, _) => self.update_packs(network, gradients, rates),
        }
    }

    pub fn updates(&self) -> i32 {
        self.updates
    }

    /// Queues its state for a read, by the names of the network's parameters.
    pub fn collect(&self, network: &Network, collector: &mut Collector) {
        for (part, moments) in PARTS.into_iter().zip([&self.first, &self.second, &self.third]) {
            moments.collect(part, network, collector);
        }
    }

    /// Restores the state that was collected after this many updates.
    pub fn restore(&mut self, updates: i32, tensors: &NamedTensors, network: &Network) -> Result<(), Failure> {
        self.updates = updates;
        self.packs.clear();
        for (part, moments) in PARTS.into_iter().zip([&mut self.first, &mut self.second, &mut self.third]) {
            moments.restore(part, network, tensors).map_err(unreadable)?;
        }
        Ok(())
    }

    /// The rates of a parameter.
    fn rates_of(&self, id: ParamId, rates: Rates) -> Rates {
        match self.pretrained.contains(&id) {
            true => Rates { learning_rate: rates.learning_rate * self.pretrained_share, ..rates },
            false => rates,
        }
    }

    fn moved<const D: usize>(&mut self, id: ParamId, value: Tensor<D>, gradient: Tensor<D>, rates: Rates) -> Tensor<D> {
        let rate = match self.config {
            OptimizerConfig::Muon { adam_rate_share, .. } if D < 2 => rates.learning_rate * adam_rate_share,
            _ => rates.learning_rate,
        };
        if let Some(rule) = self.rule::<D>().filter(|_| has_kernels(&value)) {
            let (kept, l2) = match self.decay {
                Decay::Decoupled => (1.0 - rate * rates.weight_decay, 0.0),
                Decay::L2 => (1.0, rates.weight_decay),
            };
            let update = Update { rule, rate: rate as f32, kept: kept as f32, l2: l2 as f32 };
            return self.moved_in_one_pass(id, value, gradient, update);
        }
        match (self.decay, rates.weight_decay) {
            (_, 0.0) => value - self.change(id, gradient, rate),
            (Decay::Decoupled, decay) => value * (1.0 - rate * decay) - self.change(id, gradient, rate),
            (Decay::L2, decay) => {
                let gradient = gradient + value.clone() * decay;
                value - self.change(id, gradient, rate)
            }
        }
    }

    /// The rule of parameters of this rank, for Kindling's own kernel; none for Muon's matrices.
    fn rule<const D: usize>(&self) -> Option<Rule> {
        let rest = |kept: f64| (1.0 - kept) as f32;
        Some(match self.config {
            OptimizerConfig::Sgd { momentum: 0.0, .. } => Rule::Plain,
            OptimizerConfig::Sgd { momentum, nesterov } => Rule::Momentum { momentum: momentum as f32, nesterov },
            OptimizerConfig::Adam { beta1, beta2, epsilon } | OptimizerConfig::AdamW { beta1, beta2, epsilon } => {
                self.adam_rule(AdamValues { beta1, beta2, epsilon })
            }
            OptimizerConfig::RmsProp { alpha, epsilon, momentum, centered } => Rule::RmsProp {
                alpha: alpha as f32,
                rest: rest(alpha),
                epsilon: epsilon as f32,
                momentum: momentum as f32,
                centered,
            },
            OptimizerConfig::Adagrad { epsilon } => Rule::Adagrad { epsilon: epsilon as f32 },
            OptimizerConfig::Lion { beta1, beta2 } => {
                Rule::Lion { beta1: beta1 as f32, beta2: beta2 as f32, rest1: rest(beta1), rest2: rest(beta2) }
            }
            OptimizerConfig::Muon { .. } if D < 2 => self.adam_rule(MUON_ADAM),
            OptimizerConfig::Muon { .. } => return None,
        })
    }

    fn adam_rule(&self, AdamValues { beta1, beta2, epsilon }: AdamValues) -> Rule {
        Rule::Adam {
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            rest1: (1.0 - beta1) as f32,
            rest2: (1.0 - beta2) as f32,
            scale1: (1.0 / (1.0 - beta1.powi(self.updates))) as f32,
            scale2: (1.0 / (1.0 - beta2.powi(self.updates)).sqrt()) as f32,
            epsilon: epsilon as f32,
        }
    }

    /// What the formulas of [`Optimizer::change`] compute operation by operation, in one pass over memory.
    fn moved_in_one_pass<const D: usize>(
        &mut self,
        id: ParamId,
        value: Tensor<D>,
        gradient: Tensor<D>,
        update: Update,
    ) -> Tensor<D> {
        let [first, second, third] = update.rule.moments();
        let taken = |moments: &mut Moments, exists: bool| match exists {
            true => moments.take(id).unwrap_or_else(|| value.zeros_like()),
            // Not looked at.
            false => gradient.clone(),
        };
        let moments = [taken(&mut self.first, first), taken(&mut self.second, second), taken(&mut self.third, third)];
        let (value, moments) = blocks::update(value, gradient, moments, update);
        let places = [(&mut self.first, first), (&mut self.second, second), (&mut self.third, third)];
        for ((place, _), moment) in places.into_iter().zip(moments).filter(|((_, exists), _)| *exists) {
            place.put(id, moment);
        }
        value
    }

    /// The amount that is subtracted from a parameter, without weight decay.
    fn change<const D: usize>(&mut self, id: ParamId, gradient: Tensor<D>, rate: f64) -> Tensor<D> {
        match self.config {
            OptimizerConfig::Sgd { momentum: 0.0, .. } => gradient * rate,
            OptimizerConfig::Sgd { momentum, nesterov: false } => self.first.blend(id, momentum, gradient) * rate,
            OptimizerConfig::Sgd { momentum, nesterov: true } => {
                let velocity = self.first.blend(id, momentum, gradient.clone());
                (gradient + velocity * momentum) * rate
            }
            OptimizerConfig::Adam { beta1, beta2, epsilon } | OptimizerConfig::AdamW { beta1, beta2, epsilon } => {
                self.adam_change(id, gradient, AdamValues { beta1, beta2, epsilon }, rate)
            }
            OptimizerConfig::RmsProp { alpha, epsilon, momentum, centered } => {
                let square = self.second.blend(id, alpha, gradient.clone().square() * (1.0 - alpha));
                let variance = if centered {
                    let mean = self.first.blend(id, alpha, gradient.clone() * (1.0 - alpha));
                    // Rounding must not make it negative.
                    (square - mean.square()).clamp_min(0.0)
                } else {
                    square
                };
                let direction = gradient / (variance.sqrt() + epsilon);
                match momentum {
                    0.0 => direction * rate,
                    momentum => self.third.blend(id, momentum, direction) * rate,
                }
            }
            OptimizerConfig::Adagrad { epsilon } => {
                let sum = self.second.blend(id, 1.0, gradient.clone().square());
                gradient * rate / (sum.sqrt() + epsilon)
            }
            OptimizerConfig::Lion { beta1, beta2 } => {
                let direction = match self.first.get::<D>(id) {
                    Some(mean) => mean * beta1 + gradient.clone() * (1.0 - beta1),
                    None => gradient.clone(),
                };
                self.first.blend(id, beta2, gradient * (1.0 - beta2));
                direction.sign() * rate
            }
            OptimizerConfig::Muon { .. } if D < 2 => self.adam_change(id, gradient, MUON_ADAM, rate),
            OptimizerConfig::Muon { momentum, .. } => {
                let velocity = self.first.blend(id, momentum, gradient.clone() * (1.0 - momentum));
                muon::orthogonal(gradient * (1.0 - momentum) + velocity * momentum) * rate
            }
        }
    }

    fn adam_change<const D: usize>(
        &mut self,
        id: ParamId,
        gradient: Tensor<D>,
        AdamValues { beta1, beta2, epsilon }: AdamValues,
        rate: f64,
    ) -> Tensor<D> {
        let first = self.first.blend(id, beta1, gradient.clone() * (1.0 - beta1));
        let second = self.second.blend(id, beta2, gradient.square() * (1.0 - beta2));
        // Both moments start at 0; the corrections undo that bias.
        let correction1 = 1.0 - beta1.powi(self.updates);
        let correction2 = 1.0 - beta2.powi(self.updates);
        first * (rate / correction1) / (second.sqrt() * (1.0 / correction2.sqrt()) + epsilon)
    }
}

/// One update, applied in burn's walk over the parameters.
struct Walk<'a> {
    optimizer: &'a mut Optimizer,
    gradients: NetworkGradients,
    rates: Rates,
}

impl ModuleMapper for Walk<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        if !value.is_require_grad() {
            return Param::from_mapped_value(id, value, mapper);
        }
        let value = value.without_autodiff();
        let moved = match self.gradients.take(id) {
            Some(gradient) => {
                let layout = self.optimizer.layout;
                let (value, gradient) = (layout.in_memory_order(value), layout.in_memory_order(gradient));
                let held = layout.hold(&gradient);
                let rates = self.optimizer.rates_of(id, self.rates);
                let moved = self.optimizer.moved(id, value, gradient, rates);
                drop(held);
                layout.in_parameter_order(moved)
            }
            None => value,
        };
        Param::from_mapped_value(id, moved.autodiff().require_grad(), mapper)
    }
}
