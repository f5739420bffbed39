//! Feature maps in blocks of images, the memory order of Kindling's own CPU kernels ([`kindling_kernels`]), as burn tensors.
//!
//! Between layers that have such kernels, features stay in blocks: they are converted after the input and before a layer that is burn's alone.
//! The kernels are a backend extension of burn's, with their own backward passes, so autodiff, optimizers and checkpoints see ordinary tensors.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::Conv;
use kindling_kernels::pool::Pool;
use kindling_kernels::update::Update;

use self::ops::BlockOps;
use crate::device::cpu::is_cpu;

/// The operations, as an extension of burn's backends.
#[cfg_attr(not(feature = "cpu"), allow(unused_variables, reason = "without a CPU backend there is nothing to call"))]
mod ops;

/// The kernels on tensors of burn's CPU backend.
#[cfg(feature = "cpu")]
mod flex;

/// Their backward passes.
#[cfg(feature = "cpu")]
mod backward;

/// Feature maps of a batch in blocks, or vectors, which are maps that were flattened.
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

    /// Applies an element-wise function.
    pub fn element_wise(self, function: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        Self { values: function(self.values), n_images: self.n_images }
    }

    /// Multiplies by a mask `[batch, channels, height, width]`.
    pub fn times(self, mask: Tensor<4>) -> Self {
        let mask = Self::gather(mask);
        Self { values: self.values * mask.values, n_images: self.n_images }
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

/// `[1]`: the sum of the squares of all values, in an order that does not depend on the number of threads, unlike burn's on a CPU.
pub fn sum_of_squares<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    if has_kernels(&values) { wrapped(Dispatch::sum_of_squares(values.into_dispatch())) } else { values.square().sum() }
}

/// Whether a tensor's device has Kindling's kernels.
pub fn has_kernels<const D: usize>(tensor: &Tensor<D>) -> bool {
    !cfg!(feature = "stock") && is_cpu(&tensor.device())
}

/// A float tensor of any backend.
type Primitive = burn::backend::tensor::FloatTensor<Dispatch>;

fn wrapped<const D: usize>(primitive: Primitive) -> Tensor<D> {
    Tensor::from_dispatch(primitive)
}
