//! Backward passes of attention and of recurrent layers. What the forward pass has computed on the way is kept.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use kindling_kernels::attention::{self, Attention};
use kindling_kernels::blocks::Blocks;
use kindling_kernels::recurrent::{Recurrent, States};

use super::Differentiable;
use crate::blocks::flex::{hidden_states, recurrent_weights, sequence, slice, tensor};

#[derive(Clone, Debug)]
pub(super) struct Attended {
    attention: Attention,
    blocks: Blocks,
    projected: FlexTensor,
    shares: Vec<f32>,
}

impl Attended {
    /// The output, and what its backward pass needs. `projected` is contiguous.
    pub fn of(projected: FlexTensor, attention: Attention, blocks: Blocks) -> (FlexTensor, Self) {
        let attention::Attended { output, shares } = attention.forward(blocks, slice(&projected));
        let output = tensor(output, sequence(blocks, attention.features, attention.length));
        (output, Self { attention, blocks, projected, shares })
    }
}

impl Differentiable<1> for Attended {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let Self { attention, blocks, projected, shares } = self;
        let found = attention.gradient(blocks, slice(&projected), &shares, slice(&gradient));
        [Some(tensor(found, projected.shape()))]
    }
}

#[derive(Clone, Debug)]
pub(super) struct Recurred {
    layer: Recurrent,
    only_last: bool,
    blocks: Blocks,
    items: FlexTensor,
    weights: [FlexTensor; 4],
    states: States,
}

impl Recurred {
    /// The output, and what its backward pass needs. All tensors are contiguous.
    pub fn of(
        items: FlexTensor,
        weights: [FlexTensor; 4],
        layer: Recurrent,
        only_last: bool,
        blocks: Blocks,
    ) -> (FlexTensor, Self) {
        let states = layer.forward(blocks, slice(&items), recurrent_weights(&weights));
        let output = hidden_states(&layer, only_last, blocks, &states);
        (output, Self { layer, only_last, blocks, items, weights, states })
    }
}

impl Differentiable<5> for Recurred {
    fn gradients(self, gradient: FlexTensor, [of_items, ..]: [bool; 5]) -> [Option<FlexTensor>; 5] {
        let Self { layer, only_last, blocks, items, weights, states } = self;
        let of_all = only_last.then(|| layer.last_gradient(blocks, slice(&gradient)));
        let gradient = of_all.as_deref().unwrap_or(slice(&gradient));
        let found = layer.gradients(blocks, slice(&items), recurrent_weights(&weights), &states, gradient);
        let [of_item, of_state, item_bias, state_bias] = weights.map(|weight| weight.shape());
        [
            of_items.then(|| tensor(found.items, items.shape())),
            Some(tensor(found.of_item, of_item)),
            Some(tensor(found.of_state, of_state)),
            Some(tensor(found.item_bias, item_bias)),
            Some(tensor(found.state_bias, state_bias)),
        ]
    }
}
