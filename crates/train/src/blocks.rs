//! Feature maps in blocks of images, the memory order of Kindling's own CPU kernels ([`kindling_kernels`]), as burn tensors.
//!
//! Between layers that have such kernels, features stay in blocks: they are converted after the input and before a layer that is burn's alone.
//! The kernels are a backend extension of burn's, with their own backward passes, so autodiff, optimizers and checkpoints see ordinary tensors.

use burn::backend::Dispatch;
use burn::tensor::kind::Basic;
use burn::tensor::{Device, Int, Tensor};
use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::{Conv, WeightOrder};
use kindling_kernels::dropout::Dropout;
use kindling_kernels::norm::GroupNorm;
use kindling_kernels::pool::Pool;
use kindling_kernels::recurrent::{Cell, Recurrent};
use kindling_kernels::update::Update;

use self::ops::BlockOps;
use crate::device::cpu::is_cpu;
use kindling_core::random::Random;

/// The operations, as an extension of burn's backends.
#[cfg_attr(not(feature = "cpu"), allow(unused_variables, reason = "without a CPU backend there is nothing to call"))]
mod ops;

/// The kernels on tensors of burn's CPU backend.
#[cfg(feature = "cpu")]
mod flex;

/// Their backward passes.
#[cfg(feature = "cpu")]
mod backward;

/// Feature maps of a batch in blocks; vectors, which are maps that were flattened; or sequences, whose items are places and whose features are
/// channels: `[slots, features, length, 1]`.
#[derive(Clone, Debug)]
pub struct BlockTensor {
    /// Of the shape `[slots, channels, height, width]`, but in the kernels' memory order, so that only they and element-wise operations may
    /// read it.
    values: Tensor<4>,
    n_images: usize,
}

/// Output and statistics of a batch norm in training.
pub struct Normalized {
    pub output: BlockTensor,
    /// `[channels]`
    pub mean: Tensor<1>,
    /// `[channels]`: biased.
    pub variance: Tensor<1>,
}

impl BlockTensor {
    /// From `[batch, channels, height, width]`.
    pub fn gather(images: Tensor<4>) -> Self {
        let [n_images, ..] = images.dims();
        Self { values: wrapped(Dispatch::gather(images.into_dispatch())), n_images }
    }

    /// To `[batch, channels, height, width]`.
    pub fn scatter(self) -> Tensor<4> {
        wrapped(Dispatch::scatter(self.values.into_dispatch(), self.n_images))
    }

    /// From `[batch, length, features]`.
    pub fn gather_sequence(items: Tensor<3>) -> Self {
        let [n_images, length, features] = items.dims();
        // Its order in blocks is that of a map with one place.
        Self::gather(items.reshape([n_images, length * features, 1, 1])).reshaped([features, length, 1])
    }

    /// To `[batch, length, features]`.
    pub fn scatter_sequence(self) -> Tensor<3> {
        let [n_images, features, length, _] = self.dims();
        self.flatten_sequence().scatter().reshape([n_images, length, features])
    }

    /// Maps as the sequence of their places, row by row.
    pub fn places(self) -> Self {
        let [_, channels, height, width] = self.dims();
        self.reshaped([channels, height * width, 1])
    }

    /// A sequence as a vector.
    pub fn flatten_sequence(self) -> Self {
        let [_, features, length, _] = self.dims();
        self.reshaped([length * features, 1, 1])
    }

    /// The same values in the same memory order.
    fn reshaped(self, [channels, height, width]: [usize; 3]) -> Self {
        let [n_slots, ..] = self.values.dims();
        Self { values: self.values.reshape([n_slots, channels, height, width]), n_images: self.n_images }
    }

    /// `[batch, channels, height, width]`
    pub fn dims(&self) -> [usize; 4] {
        let [_, channels, height, width] = self.values.dims();
        [self.n_images, channels, height, width]
    }

    /// The convolution of this shape, followed by a ReLU if `relu`. Also a linear layer: [`Conv::linear`].
    pub fn conv<const D: usize>(self, conv: Conv, weight: Tensor<D>, bias: Option<Tensor<1>>, relu: bool) -> Self {
        let weight = weight.into_dispatch();
        let bias = bias.map(Tensor::into_dispatch);
        self.map(|values, blocks| match bias {
            Some(bias) => Dispatch::conv_with_bias(values, weight, bias, conv, blocks, relu),
            None => Dispatch::conv(values, weight, conv, blocks, relu),
        })
    }

    /// Max pooling, followed by a ReLU if `relu`.
    pub fn max_pool(self, pool: Pool, relu: bool) -> Self {
        self.map(|values, blocks| Dispatch::max_pool(values, pool, blocks, relu))
    }

    pub fn average_pool(self, pool: Pool) -> Self {
        self.map(|values, blocks| Dispatch::average_pool(values, pool, blocks))
    }

    /// Batch norm by the batch's own statistics, followed by a ReLU if `relu`. Scale and shift are `[channels]`.
    pub fn batch_norm(self, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64, relu: bool) -> Normalized {
        let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
        let blocks = self.blocks();
        let values = self.values.into_dispatch();
        let (output, mean, variance) = Dispatch::batch_norm(values, scale, shift, epsilon, blocks, relu);
        let output = Self { values: wrapped(output), n_images: self.n_images };
        Normalized { output, mean: wrapped(mean), variance: wrapped(variance) }
    }

    pub fn activation(self, activation: Activation) -> Self {
        self.map(|values, _| Dispatch::activation(values, activation))
    }

    /// PyTorch's `GroupNorm`. Scale and shift are `[channels]`.
    pub fn group_norm(self, groups: usize, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Self {
        let [_, channels, height, width] = self.dims();
        let norm = GroupNorm { channels, groups, places: height * width, epsilon: epsilon as f32 };
        self.norm(norm, scale, shift)
    }

    /// PyTorch's `LayerNorm` over the channels of each place. Scale and shift are `[channels]`.
    pub fn layer_norm(self, scale: Tensor<1>, shift: Tensor<1>, epsilon: f64) -> Self {
        let [_, channels, _, _] = self.dims();
        self.norm(GroupNorm { channels, groups: 1, places: 1, epsilon: epsilon as f32 }, scale, shift)
    }

    fn norm(self, norm: GroupNorm, scale: Tensor<1>, shift: Tensor<1>) -> Self {
        let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
        self.map(|values, blocks| Dispatch::group_norm(values, scale, shift, norm, blocks))
    }

    /// Self-attention of a sequence of queries, keys and values side by side.
    pub fn attention(self, heads: usize) -> Self {
        let [_, projected, length, _] = self.dims();
        let attention = Attention { length, features: projected / 3, heads };
        self.map(|values, blocks| Dispatch::attention(values, attention, blocks))
    }

    /// The hidden states of a recurrent layer after each item of a sequence, or after the last one. Weights and biases of items and of states are as
    /// in [`kindling_kernels::recurrent::Weights`].
    pub fn recurrent(self, cell: Cell, only_last: bool, weights: [Tensor<2>; 2], biases: [Tensor<1>; 2]) -> Self {
        let [_, features, length, _] = self.dims();
        let [of_item, of_state] = weights;
        let [units, _] = of_state.dims();
        let layer = Recurrent { cell, length, features, units };
        let [of_item, of_state] = [of_item, of_state].map(Tensor::into_dispatch);
        let [item_bias, state_bias] = biases.map(Tensor::into_dispatch);
        self.map(|items, blocks| {
            Dispatch::recurrent(items, of_item, of_state, item_bias, state_bias, layer, only_last, blocks)
        })
    }

    /// `scale · x + shift` for each channel, with `max(0, ·)` of it if `relu`: a convolution with one weight per channel. Both are `[channels]`.
    pub fn scale(self, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> Self {
        let [_, channels, height, width] = self.dims();
        let conv = Conv {
            channels,
            size: [height, width],
            filters: channels,
            kernel: [1; 2],
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: channels,
            weights: WeightOrder::Conv,
        };
        self.conv(conv, scale.reshape([channels, 1, 1, 1]), Some(shift), relu)
    }

    /// Adds a value to each feature of each item of a sequence. They are `[1, length, features]`.
    pub fn plus_positions(self, positions: Tensor<3>) -> Self {
        let [_, features, length, _] = self.dims();
        let shift = positions.reshape([length * features]);
        let ones = Tensor::ones([length * features], &shift.device().without_autodiff());
        self.flatten_sequence().scale(ones, shift, false).reshaped([features, length, 1])
    }

    /// Multiplies by a mask `[batch, channels, height, width]`.
    pub fn times(self, mask: Tensor<4>) -> Self {
        Self { values: self.values * Self::gather(mask).values, n_images: self.n_images }
    }

    /// Zeroes values with probability `rate`, and scales the others so that the mean is preserved.
    pub fn dropout(self, rate: f32, random: &mut Random) -> Self {
        let [_, channels, height, width] = self.dims();
        let dropout = Dropout { channels, places: height * width, rate };
        let start = random.clone();
        random.skip(dropout.n_numbers(self.blocks()) as u64);
        self.map(|values, blocks| Dispatch::dropout(values, dropout, start, blocks))
    }

    /// The same for a sequence, whose values get their random bits item by item.
    pub fn dropout_sequence(self, rate: f32, random: &mut Random) -> Self {
        let [_, features, length, _] = self.dims();
        self.flatten_sequence().dropout(rate, random).reshaped([features, length, 1])
    }

    pub fn device(&self) -> Device {
        self.values.device()
    }

    /// The sum of two values of one shape.
    pub fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, n_images: self.n_images }
    }

    fn blocks(&self) -> Blocks {
        Blocks::new(self.n_images)
    }

    fn map(self, operation: impl FnOnce(Primitive, Blocks) -> Primitive) -> Self {
        let blocks = self.blocks();
        Self { values: wrapped(operation(self.values.into_dispatch(), blocks)), n_images: self.n_images }
    }
}

/// Bytes of images in words `[batch, words, 1]` to `[batch, values]` from -1 to 1; see [`kindling_kernels::pixels::unpack`]. Call only where
/// [`has_kernels`].
pub fn unpack(words: Tensor<3, Int>, n_values: usize) -> Tensor<2> {
    wrapped(Dispatch::unpack(words.into_dispatch(), n_values))
}

/// `images` are `[batch, channels, height · width]`, `maps` `[batch, 6]`; see [`kindling_kernels::sample::affine`]. Call only where
/// [`has_kernels`].
pub fn resample(images: Tensor<3>, maps: Tensor<2>, size: [usize; 2]) -> Tensor<3> {
    wrapped(Dispatch::resample(images.into_dispatch(), maps.into_dispatch(), size))
}

/// A parameter after an update, with its new moments. Those moments that the rule does not have stay as they are, and may be of any shape. Call
/// only where [`has_kernels`].
pub fn update<const D: usize>(
    values: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 3],
    update: Update,
) -> (Tensor<D>, [Tensor<D>; 3]) {
    let [first, second, third] = moments.map(Tensor::into_dispatch);
    let (values, first, second, third) =
        Dispatch::update(values.into_dispatch(), gradient.into_dispatch(), first, second, third, update);
    (wrapped(values), [wrapped(first), wrapped(second), wrapped(third)])
}

/// The parts of a cross-entropy and its gradient at the logits, of which each image's largest is 0; see
/// [`kindling_kernels::loss::cross_entropy`]. Call only where [`has_kernels`].
pub fn cross_entropy(logits: Tensor<2>, weights: Tensor<2>) -> [Tensor<2>; 2] {
    let (parts, gradient) = Dispatch::cross_entropy(logits.into_dispatch(), weights.into_dispatch());
    [wrapped(parts), wrapped(gradient)]
}

/// `[1]`: the sum of the squares of all values, in an order that does not depend on the number of threads, unlike burn's on a CPU.
pub fn sum_of_squares<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    if has_kernels(&values) { wrapped(Dispatch::sum_of_squares(values.into_dispatch())) } else { values.square().sum() }
}

/// Whether a tensor's device has Kindling's kernels.
pub fn has_kernels<const D: usize, K: Basic>(tensor: &Tensor<D, K>) -> bool {
    !cfg!(feature = "stock") && is_cpu(&tensor.device())
}

/// A float tensor of any backend.
type Primitive = burn::backend::tensor::FloatTensor<Dispatch>;

fn wrapped<const D: usize>(primitive: Primitive) -> Tensor<D> {
    Tensor::from_dispatch(primitive)
}
