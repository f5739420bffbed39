//! Magnitude pruning during a run (Zhu and Gupta, 2017, arXiv:1710.01878): now and then the smallest weights of each layer are set to zero; masks keep
//! them there.
//!
//! No checkpoint has the masks: they are where the weights are zero.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::device::layout::Layout;
use crate::device::parameters::{Collector, ParameterVisitor};
use crate::maps::Primitive;
use crate::module::Network;
use kindling_core::config::SparsityConfig;
use kindling_core::config::sparsity::{can_be_sparse, threshold};
use kindling_core::protocol::Failure;

/// How often weights are removed while the sparsity rises.
const N_TIMES: u32 = 20;

/// The weights that are zero and stay so.
#[derive(Debug)]
pub struct Sparsity {
    config: SparsityConfig,
    layout: Layout,
    /// How often weights were removed.
    times: u32,
    /// 1 for each weight that is left, 0 for each other, in memory order.
    masks: HashMap<ParamId, Primitive>,
}

impl Sparsity {
    pub fn new(config: SparsityConfig, layout: Layout) -> Self {
        Self { config, layout, times: 0, masks: HashMap::new() }
    }

    /// How often weights should have been removed after so many of a run's steps.
    fn times_at(&self, step: u32, total_steps: u32) -> u32 {
        let n_steps = (self.config.ramp * f64::from(total_steps)).max(1.0);
        ((f64::from(step) / n_steps).min(1.0) * f64::from(N_TIMES)) as u32
    }

    pub fn is_due(&self, step: u32, total_steps: u32) -> bool {
        self.times_at(step, total_steps) > self.times
    }

    /// Whether the sparsity has reached its target.
    pub fn is_at_target(&self) -> bool {
        self.times == N_TIMES
    }

    /// Chooses the weights that are zero from this step on; [`Sparsity::held`] makes them so. Waits for the device.
    ///
    /// # Errors
    ///
    /// A device that fails.
    pub async fn remove(&mut self, network: &Network, step: u32, total_steps: u32) -> Result<(), Failure> {
        let times = self.times_at(step, total_steps);
        let fraction = self.config.after(f64::from(times) / f64::from(N_TIMES));
        let mut collect = Collect(Collector::default());
        network.visit_parameters(&mut collect);
        let weights: BTreeMap<String, TensorData> = collect.0.read().await?;
        let magnitudes = |weights: TensorData| weights.iter::<f32>().map(f32::abs).collect();
        let thresholds = weights.into_iter().map(|(name, weights)| (name, threshold(magnitudes(weights), fraction)));
        self.mask(network, thresholds.collect());
        self.times = times;
        Ok(())
    }

    /// Finds the masks of a network that was trained up to this step.
    pub fn restore(&mut self, network: &Network, step: u32, total_steps: u32) {
        self.times = self.times_at(step, total_steps);
        self.masks.clear();
        if self.times > 0 {
            self.mask(network, BTreeMap::new());
        }
    }

    /// Masks the weights whose magnitudes are no larger than their layer's threshold, or than zero where it has none.
    fn mask(&mut self, network: &Network, thresholds: BTreeMap<String, f32>) {
        network.visit_parameters(&mut Mask { sparsity: self, thresholds });
    }

    /// The network with the chosen weights set to zero.
    pub fn held(&self, network: Network) -> Network {
        if self.masks.is_empty() { network } else { network.map(&mut Hold { sparsity: self }) }
    }
}

/// Whether the weights of a parameter may become zero; those of frozen layers may not.
fn is_prunable<const D: usize>(name: &str, parameter: &Param<Tensor<D>>) -> bool {
    can_be_sparse(name, D) && parameter.val().is_require_grad()
}

struct Collect(Collector);

impl ParameterVisitor for Collect {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        if is_prunable(&name, parameter) {
            self.0.push(name, parameter.val().without_autodiff());
        }
    }
}

struct Mask<'a> {
    sparsity: &'a mut Sparsity,
    thresholds: BTreeMap<String, f32>,
}

impl ParameterVisitor for Mask<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        if is_prunable(&name, parameter) {
            let Sparsity { layout, masks, .. } = self.sparsity;
            let threshold = self.thresholds.get(&name).copied().unwrap_or_default();
            let weights = layout.in_memory_order(parameter.val().without_autodiff());
            let mask = layout.laid_out(weights.abs().greater_elem(threshold).float());
            masks.insert(parameter.id, mask.into_dispatch());
        }
    }
}

struct Hold<'a> {
    sparsity: &'a Sparsity,
}

impl ModuleMapper for Hold<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = parameter.consume();
        let Some(mask) = self.sparsity.masks.get(&id) else { return Param::from_mapped_value(id, value, mapper) };
        let learns = value.is_require_grad();
        let layout = self.sparsity.layout;
        let values = layout.in_memory_order(value.without_autodiff()) * Tensor::from_dispatch(mask.clone());
        let values = layout.in_parameter_order(values);
        Param::from_mapped_value(id, if learns { values.autodiff().require_grad() } else { values }, mapper)
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    #[test]
    fn weights_are_removed_during_the_ramp() {
        let sparsity = |times| Sparsity {
            times,
            ..Sparsity::new(SparsityConfig { target: 0.5, ramp: 0.5 }, Layout::ChannelsFirst)
        };
        assert_eq!([0, 9, 10, 199, 200, 400].map(|step| sparsity(0).times_at(step, 400)), [0, 0, 1, 19, 20, 20]);
        assert!(sparsity(1).is_due(20, 400) && !sparsity(2).is_due(20, 400));
        assert!(sparsity(N_TIMES).is_at_target() && !sparsity(N_TIMES).is_due(400, 400));
    }
}
