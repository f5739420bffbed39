//! The backward passes of the operations on tensors in blocks.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, AutodiffBackend, Flex, TensorMetadata};
use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::{Blocks, relu_gradient};
use kindling_kernels::conv::Conv;
use kindling_kernels::dropout::Dropout;
use kindling_kernels::norm::{GroupNorm, Statistics};
use kindling_kernels::pool::Pool;
use kindling_kernels::recurrent::Recurrent;
use kindling_kernels::update::Update;

use self::sequences::{Attended, Recurred};
use super::flex::{batch_norm, contiguous, slice, tensor};
use super::ops::BlockOps;
use kindling_core::random::Random;

/// Attention and recurrent layers.
mod sequences;

/// What an operation keeps for its backward pass.
trait Differentiable<const N: usize>: Clone + Debug + Send + 'static {
    /// The gradients at the `N` inputs for the gradient at the output; those that are not wanted may be none.
    fn gradients(self, gradient: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}

/// An operation in burn's graph.
#[derive(Debug)]
struct Step<O>(PhantomData<O>);

impl<O: Differentiable<N>, const N: usize> Backward<Flex, N> for Step<O> {
    type State = O;

    fn backward(self, ops: Ops<O, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(gradients.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = ops.state.gradients(gradient, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// Adds an operation to the graph. `keep` is called only if one of its inputs is tracked.
fn tracked<C: CheckpointStrategy, O: Differentiable<N>, const N: usize>(
    inputs: [NodeGuard; N],
    output: FlexTensor,
    keep: impl FnOnce(&FlexTensor) -> O,
) -> FloatTensor<Autodiff<Flex, C>> {
    match Step(PhantomData).prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let kept = keep(&output);
            step.finish(kept, output)
        }
        OpsKind::UnTracked(step) => step.finish(output),
    }
}

impl<C: CheckpointStrategy> BlockOps for Autodiff<Flex, C> {
    fn gather(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let [n_images, ..] = images.shape().dims::<4>();
        tracked::<C, _, 1>([node], Flex::gather(images), |_| Gather { n_images })
    }

    fn scatter(values: FloatTensor<Self>, n_images: usize) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        tracked::<C, _, 1>([node], Flex::scatter(values, n_images), |_| Scatter)
    }

    fn conv(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        conv: Conv,
        blocks: Blocks,
        relu: bool,
    ) -> FloatTensor<Self> {
        let ((values, values_node), (weight, weight_node)) = (values.into_parts(), weight.into_parts());
        let (values, weight) = (contiguous(values), contiguous(weight));
        let output = Flex::conv(values.clone(), weight.clone(), conv, blocks, relu);
        tracked::<C, _, 2>([values_node, weight_node], output, |output| Convolved {
            conv,
            blocks,
            values,
            weight,
            output: relu.then(|| output.clone()),
        })
    }

    fn conv_with_bias(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
        blocks: Blocks,
        relu: bool,
    ) -> FloatTensor<Self> {
        let ((values, values_node), (weight, weight_node)) = (values.into_parts(), weight.into_parts());
        let (bias, bias_node) = bias.into_parts();
        let (values, weight) = (contiguous(values), contiguous(weight));
        let output = Flex::conv_with_bias(values.clone(), weight.clone(), bias, conv, blocks, relu);
        tracked::<C, _, 3>([values_node, weight_node, bias_node], output, |output| Convolved {
            conv,
            blocks,
            values,
            weight,
            output: relu.then(|| output.clone()),
        })
    }

    fn max_pool(values: FloatTensor<Self>, pool: Pool, blocks: Blocks, relu: bool) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let values = contiguous(values);
        let output = Flex::max_pool(values.clone(), pool, blocks, relu);
        tracked::<C, _, 1>([node], output, |output| MaxPooled { pool, blocks, relu, values, output: output.clone() })
    }

    fn average_pool(values: FloatTensor<Self>, pool: Pool, blocks: Blocks) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let shape = values.shape().dims();
        tracked::<C, _, 1>([node], Flex::average_pool(values, pool, blocks), |_| AveragePooled { pool, blocks, shape })
    }

    fn batch_norm(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
        blocks: Blocks,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let ((values, values_node), (scale, scale_node)) = (values.into_parts(), scale.into_parts());
        let (shift, shift_node) = shift.into_parts();
        let (values, scale, shift) = (contiguous(values), contiguous(scale), contiguous(shift));
        let (output, mean, variance) =
            Flex::batch_norm(values.clone(), scale.clone(), shift.clone(), epsilon, blocks, relu);
        let output = tracked::<C, _, 3>([values_node, scale_node, shift_node], output, |_| Normalized {
            epsilon,
            blocks,
            values,
            scale,
            statistics: Statistics { mean: slice(&mean).to_vec(), variance: slice(&variance).to_vec() },
            relu: relu.then_some(shift),
        });
        (output, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn activation(values: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let values = contiguous(values);
        let output = Flex::activation(values.clone(), activation);
        tracked::<C, _, 1>([node], output, |output| Activated {
            activation,
            kept: if activation.keeps_output() { output.clone() } else { values },
        })
    }

    fn dropout(values: FloatTensor<Self>, dropout: Dropout, random: Random, blocks: Blocks) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let output = Flex::dropout(values, dropout, random.clone(), blocks);
        tracked::<C, _, 1>([node], output, |_| Dropped { dropout, random, blocks })
    }

    fn group_norm(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: GroupNorm,
        blocks: Blocks,
    ) -> FloatTensor<Self> {
        let ((values, values_node), (scale, scale_node)) = (values.into_parts(), scale.into_parts());
        let (shift, shift_node) = shift.into_parts();
        let (values, scale) = (contiguous(values), contiguous(scale));
        let output = Flex::group_norm(values.clone(), scale.clone(), shift, norm, blocks);
        let nodes = [values_node, scale_node, shift_node];
        tracked::<C, _, 3>(nodes, output, |_| GroupNormalized { norm, blocks, values, scale })
    }

    fn attention(projected: FloatTensor<Self>, attention: Attention, blocks: Blocks) -> FloatTensor<Self> {
        let (projected, node) = projected.into_parts();
        let (output, attended) = Attended::of(contiguous(projected), attention, blocks);
        tracked::<C, _, 1>([node], output, |_| attended)
    }

    fn recurrent(
        items: FloatTensor<Self>,
        of_item: FloatTensor<Self>,
        of_state: FloatTensor<Self>,
        item_bias: FloatTensor<Self>,
        state_bias: FloatTensor<Self>,
        layer: Recurrent,
        only_last: bool,
        blocks: Blocks,
    ) -> FloatTensor<Self> {
        let ((items, items_node), (of_item, of_item_node)) = (items.into_parts(), of_item.into_parts());
        let ((of_state, of_state_node), (item_bias, item_bias_node)) = (of_state.into_parts(), item_bias.into_parts());
        let (state_bias, state_bias_node) = state_bias.into_parts();
        let weights = [of_item, of_state, item_bias, state_bias].map(contiguous);
        let (output, recurred) = Recurred::of(contiguous(items), weights, layer, only_last, blocks);
        let nodes = [items_node, of_item_node, of_state_node, item_bias_node, state_bias_node];
        tracked::<C, _, 5>(nodes, output, |_| recurred)
    }

    fn update(
        values: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        third: FloatTensor<Self>,
        update: Update,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [values, gradient, first, second, third] = [values, gradient, first, second, third].map(|tensor| {
            let (tensor, _node) = tensor.into_parts();
            tensor
        });
        let (values, first, second, third) = Flex::update(values, gradient, first, second, third, update);
        (Self::from_inner(values), Self::from_inner(first), Self::from_inner(second), Self::from_inner(third))
    }

    fn sum_of_squares(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let (values, _node) = values.into_parts();
        Self::from_inner(Flex::sum_of_squares(values))
    }

    fn cross_entropy(logits: FloatTensor<Self>, weights: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((logits, _logits_node), (weights, _weights_node)) = (logits.into_parts(), weights.into_parts());
        let (parts, gradient) = Flex::cross_entropy(logits, weights);
        (Self::from_inner(parts), Self::from_inner(gradient))
    }

    fn unpack(words: IntTensor<Self>, n_values: usize) -> FloatTensor<Self> {
        Self::from_inner(Flex::unpack(words, n_values))
    }

    fn resample(images: FloatTensor<Self>, maps: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        let ((images, _images_node), (maps, _maps_node)) = (images.into_parts(), maps.into_parts());
        Self::from_inner(Flex::resample(images, maps, size))
    }
}

#[derive(Clone, Debug)]
struct Gather {
    n_images: usize,
}

impl Differentiable<1> for Gather {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(Flex::scatter(gradient, self.n_images))]
    }
}

#[derive(Clone, Debug)]
struct Scatter;

impl Differentiable<1> for Scatter {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(Flex::gather(gradient))]
    }
}

#[derive(Clone, Debug)]
struct Convolved {
    conv: Conv,
    blocks: Blocks,
    values: FlexTensor,
    weight: FlexTensor,
    /// If a ReLU followed.
    output: Option<FlexTensor>,
}

impl Convolved {
    /// The gradients at input, weight and bias, those that are wanted.
    fn all(self, gradient: FlexTensor, [of_values, of_weight, of_bias]: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Self { conv, blocks, values, weight, output } = self;
        let masked = output.map(|output| relu_gradient(slice(&output), slice(&gradient)));
        let gradient = masked.as_deref().unwrap_or(slice(&gradient));
        [
            of_values.then(|| tensor(conv.data_gradient(blocks, gradient, slice(&weight)), values.shape())),
            of_weight.then(|| tensor(conv.weight_gradient(blocks, slice(&values), gradient), weight.shape())),
            of_bias.then(|| tensor(conv.bias_gradient(blocks, gradient), [conv.filters])),
        ]
    }
}

impl Differentiable<2> for Convolved {
    fn gradients(self, gradient: FlexTensor, [values, weight]: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let [values, weight, _] = self.all(gradient, [values, weight, false]);
        [values, weight]
    }
}

impl Differentiable<3> for Convolved {
    fn gradients(self, gradient: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        self.all(gradient, wanted)
    }
}

#[derive(Clone, Debug)]
struct MaxPooled {
    pool: Pool,
    blocks: Blocks,
    relu: bool,
    values: FlexTensor,
    output: FlexTensor,
}

impl Differentiable<1> for MaxPooled {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let Self { pool, blocks, relu, values, output } = self;
        let found = pool.max_gradient(blocks, slice(&values), slice(&output), slice(&gradient), relu);
        [Some(tensor(found, values.shape()))]
    }
}

#[derive(Clone, Debug)]
struct AveragePooled {
    pool: Pool,
    blocks: Blocks,
    shape: [usize; 4],
}

impl Differentiable<1> for AveragePooled {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let Self { pool, blocks, shape } = self;
        [Some(tensor(pool.average_gradient(blocks, slice(&gradient)), shape))]
    }
}

#[derive(Clone, Debug)]
struct Normalized {
    epsilon: f64,
    blocks: Blocks,
    values: FlexTensor,
    scale: FlexTensor,
    statistics: Statistics,
    /// β, if a ReLU followed.
    relu: Option<FlexTensor>,
}

impl Differentiable<3> for Normalized {
    fn gradients(self, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Self { epsilon, blocks, values, scale, statistics, relu } = self;
        let norm = batch_norm(&values, epsilon);
        let relu = relu.as_ref().map(slice);
        let found = norm.gradients(blocks, slice(&values), &statistics, slice(&scale), relu, slice(&gradient));
        let channels = [norm.channels];
        [
            Some(tensor(found.input, values.shape())),
            Some(tensor(found.scale, channels)),
            Some(tensor(found.shift, channels)),
        ]
    }
}

#[derive(Clone, Debug)]
struct Activated {
    activation: Activation,
    /// Input or output, as the activation wants it.
    kept: FlexTensor,
}

impl Differentiable<1> for Activated {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let Self { activation, kept } = self;
        [Some(tensor(activation.gradient(slice(&kept), slice(&gradient)), kept.shape()))]
    }
}

#[derive(Clone, Debug)]
struct Dropped {
    dropout: Dropout,
    random: Random,
    blocks: Blocks,
}

impl Differentiable<1> for Dropped {
    fn gradients(self, gradient: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(Flex::dropout(gradient, self.dropout, self.random, self.blocks))]
    }
}

#[derive(Clone, Debug)]
struct GroupNormalized {
    norm: GroupNorm,
    blocks: Blocks,
    values: FlexTensor,
    scale: FlexTensor,
}

impl Differentiable<3> for GroupNormalized {
    fn gradients(self, gradient: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Self { norm, blocks, values, scale } = self;
        let found = norm.gradients(blocks, slice(&values), slice(&scale), slice(&gradient));
        let channels = [norm.channels];
        [
            Some(tensor(found.input, values.shape())),
            Some(tensor(found.scale, channels)),
            Some(tensor(found.shift, channels)),
        ]
    }
}
