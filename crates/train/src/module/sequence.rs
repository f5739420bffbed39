//! Layers in sequence. A ReLU is computed together with the layer before it, or with the max pooling after it, where kernels of Kindling's own
//! do both in one pass over memory.

use super::flow::Flow;
use super::layer::NetworkLayer;
use kindling_core::config::Activation;
use kindling_core::random::Random;

pub(super) fn forward(layers: &[NetworkLayer], mut flow: Flow) -> Flow {
    let mut rest = layers;
    while let Some(step) = Step::of(rest, &flow) {
        let (taken, after) = rest.split_at(step.n_layers);
        if let Some(layer) = taken.get(step.layer) {
            flow = layer.forward(flow, step.relu);
        }
        rest = after;
    }
    flow
}

pub(super) fn forward_train(layers: &mut [NetworkLayer], mut flow: Flow, random: &mut Random) -> Flow {
    let mut rest = layers;
    while let Some(step) = Step::of(rest, &flow) {
        let (taken, after) = rest.split_at_mut(step.n_layers);
        if let Some(layer) = taken.get_mut(step.layer) {
            flow = layer.forward_train(flow, step.relu, random);
        }
        rest = after;
    }
    flow
}

/// The next layers that are computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// How many layers this takes.
    n_layers: usize,
    /// Which of them is computed.
    layer: usize,
    /// Whether the other is a ReLU that is computed with it.
    relu: bool,
}

impl Step {
    fn of(layers: &[NetworkLayer], flow: &Flow) -> Option<Self> {
        let alone = Self { n_layers: 1, layer: 0, relu: false };
        match layers {
            [] => None,
            [relu, pool, ..] if relu.is(Activation::Relu) && pool.is_max_pool() && flow.is_in_blocks() => {
                Some(Self { n_layers: 2, layer: 1, relu: true })
            }
            // Left for the pooling after it.
            [_, relu, pool, ..] if relu.is(Activation::Relu) && pool.is_max_pool() && !flow.is_on_gpu() => Some(alone),
            [layer, relu, ..] if relu.is(Activation::Relu) && layer.computes_relu(flow) => {
                Some(Self { n_layers: 2, layer: 0, relu: true })
            }
            _ => Some(alone),
        }
    }
}
