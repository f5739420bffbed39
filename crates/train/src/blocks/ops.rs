//! The operations on tensors in blocks, as an extension of burn's backends.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::Conv;
use kindling_kernels::pool::Pool;
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

    /// Resamples `[images, channels, height · width]` by affine maps `[images, 6]`, see [`kindling_kernels::sample::affine`]. The result has no
    /// gradient.
    fn resample(images: FloatTensor<Self>, maps: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self>;
}
