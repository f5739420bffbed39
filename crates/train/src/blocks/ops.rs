//! The operations on tensors in blocks, as an extension of burn's backends.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};
use kindling_core::random::Random;
use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::Conv;
use kindling_kernels::dropout::Dropout;
use kindling_kernels::norm::GroupNorm;
use kindling_kernels::pool::Pool;
use kindling_kernels::recurrent::Recurrent;
use kindling_kernels::update::Update;

/// Kindling's kernels. Tensors "in blocks" have the shape `[slots, channels, height, width]` and the memory order of [`Blocks`].
#[backend_extension(Flex: cfg(feature = "cpu"), Autodiff: cfg(feature = "cpu"))]
pub(super) trait BlockOps: Backend {
    /// `[images, channels, height, width]` to blocks.
    fn gather(images: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Blocks to `[images, channels, height, width]`.
    fn scatter(values: FloatTensor<Self>, n_images: usize) -> FloatTensor<Self>;

    fn conv(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        conv: Conv,
        blocks: Blocks,
        relu: bool,
    ) -> FloatTensor<Self>;

    fn conv_with_bias(
        values: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
        blocks: Blocks,
        relu: bool,
    ) -> FloatTensor<Self>;

    fn max_pool(values: FloatTensor<Self>, pool: Pool, blocks: Blocks, relu: bool) -> FloatTensor<Self>;

    fn average_pool(values: FloatTensor<Self>, pool: Pool, blocks: Blocks) -> FloatTensor<Self>;

    /// Output, mean and biased variance; the statistics have no gradient.
    fn batch_norm(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
        blocks: Blocks,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn activation(values: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;

    /// Dropout by the numbers that a generator gives.
    fn dropout(values: FloatTensor<Self>, dropout: Dropout, random: Random, blocks: Blocks) -> FloatTensor<Self>;

    fn group_norm(
        values: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        norm: GroupNorm,
        blocks: Blocks,
    ) -> FloatTensor<Self>;

    /// From queries, keys and values `[slots, 3 · features, length, 1]` to `[slots, features, length, 1]`.
    fn attention(projected: FloatTensor<Self>, attention: Attention, blocks: Blocks) -> FloatTensor<Self>;

    /// From items `[slots, features, length, 1]` to hidden states `[slots, units, length, 1]`, or to the last one, `[slots, units, 1, 1]`. The
    /// weights are those of [`kindling_kernels::recurrent::Weights`].
    #[allow(clippy::too_many_arguments, reason = "an operation has its tensors as arguments")]
    fn recurrent(
        items: FloatTensor<Self>,
        of_item: FloatTensor<Self>,
        of_state: FloatTensor<Self>,
        item_bias: FloatTensor<Self>,
        state_bias: FloatTensor<Self>,
        layer: Recurrent,
        only_last: bool,
        blocks: Blocks,
    ) -> FloatTensor<Self>;

    /// Updates a parameter: its values and three moments, those that the rule does not have being any tensors. Nothing has a gradient.
    fn update(
        values: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        third: FloatTensor<Self>,
        update: Update,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// `[1]`: the sum of the squares of all values, which has no gradient.
    fn sum_of_squares(values: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Parts and gradient of a cross-entropy, for logits of which each image's largest is 0, and their weights, `[batch, classes]` each; see
    /// [`kindling_kernels::loss::cross_entropy`]. Nothing has a gradient.
    fn cross_entropy(logits: FloatTensor<Self>, weights: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Bytes in words `[images, words, 1]` to values `[images, values]`, see [`kindling_kernels::pixels::unpack`].
    fn unpack(words: IntTensor<Self>, n_values: usize) -> FloatTensor<Self>;

    /// Resamples `[images, channels, height · width]` by affine maps `[images, 6]`, see [`kindling_kernels::sample::affine`]. The result has no
    /// gradient.
    fn resample(images: FloatTensor<Self>, maps: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self>;
}
