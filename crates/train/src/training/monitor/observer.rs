//! Records one update of the weights: the gradients, and the parameters before and after.

use burn::module::Param;
use burn::tensor::Tensor;

use crate::device::parameters::ParameterVisitor;
use crate::module::Network;
use crate::training::gradients::NetworkGradients;

/// Part of a trainer: records an update on request, and costs nothing otherwise.
#[derive(Debug, Default)]
pub enum Observer {
    #[default]
    Off,
    /// The update of this step will be recorded.
    Wanted {
        step: u32,
    },
    Done(Observation),
}

/// A recorded update.
#[derive(Debug)]
pub struct Observation {
    pub step: u32,
    /// In the order of the network.
    pub parameters: Vec<Observed>,
    /// The network in inference mode, after the update.
    pub inference_network: Network,
}

impl Observation {
    /// A network in inference mode as it is, without an update.
    pub fn at_rest(network: &Network) -> Self {
        let still = |it: Learned| Observed { layer: it.layer, shape: it.shape, after: it.values, update: None };
        let parameters = learned(network, None).into_iter().map(still).collect();
        Self { step: 0, parameters, inference_network: network.clone() }
    }
}

/// A learned tensor, with all of its values in one row.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The index of its layer in the network's list.
    pub layer: usize,
    /// As in burn: a weight with two axes is `[in, out]`.
    pub shape: Vec<usize>,
    /// After the update.
    pub after: Tensor<1>,
    /// None if the network is not being trained.
    pub update: Option<Update>,
}

/// What an update started from.
#[derive(Clone, Debug)]
pub struct Update {
    pub before: Tensor<1>,
    /// Before clipping.
    pub gradient: Tensor<1>,
}

/// The first half of an observation.
pub struct Before {
    step: u32,
    learned: Vec<Learned>,
}

impl Observer {
    /// Requests the update of a step, unless an observation has not been taken yet.
    pub fn want(&mut self, step: u32) {
        if !matches!(self, Self::Done(_)) {
            *self = Self::Wanted { step };
        }
    }

    pub fn take(&mut self) -> Option<Observation> {
        match std::mem::take(self) {
            Self::Done(observation) => Some(observation),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Call before an update.
    pub fn begin(&self, network: &Network, gradients: &NetworkGradients) -> Option<Before> {
        match self {
            Self::Wanted { step } => Some(Before { step: *step, learned: learned(network, Some(gradients)) }),
            Self::Off | Self::Done(_) => None,
        }
    }

    /// Call after the update.
    pub fn end(&mut self, before: Before, network: &Network, inference_network: Network) {
        let pairs = before.learned.into_iter().zip(learned(network, None));
        let parameters = pairs.filter_map(|(before, after)| {
            Some(Observed {
                layer: before.layer,
                shape: before.shape,
                after: after.values,
                update: Some(Update { before: before.values, gradient: before.gradient? }),
            })
        });
        *self = Self::Done(Observation { step: before.step, parameters: parameters.collect(), inference_network });
    }
}

/// A learned tensor.
struct Learned {
    layer: usize,
    shape: Vec<usize>,
    values: Tensor<1>,
    gradient: Option<Tensor<1>>,
}

fn learned(network: &Network, gradients: Option<&NetworkGradients>) -> Vec<Learned> {
    let mut collector = Collector { gradients, found: Vec::new() };
    network.visit_parameters(&mut collector);
    collector.found
}

struct Collector<'a> {
    gradients: Option<&'a NetworkGradients>,
    found: Vec<Learned>,
}

impl ParameterVisitor for Collector<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        // Only running statistics are not learned; in inference mode nothing requires a gradient.
        if name.ends_with(".running_mean") || name.ends_with(".running_var") {
            return;
        }
        let value = parameter.val();
        // For example `3.layers.1.bias`.
        let Some(layer) = name.split('.').next().and_then(|number| number.parse().ok()) else { return };
        let gradient = self.gradients.and_then(|gradients| gradients.mean::<D>(parameter.id));
        self.found.push(Learned {
            layer,
            shape: value.dims().to_vec(),
            values: in_one_row(value.without_autodiff()),
            gradient: gradient.map(in_one_row),
        });
    }
}

fn in_one_row<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let n_values = values.dims().iter().product::<usize>();
    values.reshape([n_values])
}
