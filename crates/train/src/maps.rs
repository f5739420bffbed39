//! Convolutions, linear layers and batch norms on GPUs by kernels of Kindling's own, as operations on burn tensors.
//!
//! burn's own choose between kernels by timing them, and without that compute weight gradients by a kernel as large as the map, and a batch's
//! statistics with a thread per channel. These are chosen by shape. They keep to what every WebGPU device offers: work groups of 256,
//! 16 KiB of workgroup memory, 8 storage buffers, no subgroups, no atomics. Sums have a fixed order, so that the same inputs give the same
//! bits on the same device.
//!
//! Like [`crate::blocks`], an extension of burn's backends with its own backward pass. Maps stay ordinary tensors, with their channels last
//! in memory.

#![allow(
    clippy::indexing_slicing,
    reason = "a shape has the dimensions of its tensor, and a kernel's indices are bounded by its geometry"
)]
#![allow(clippy::let_and_return, clippy::assign_op_pattern, reason = "kernels keep to forms that cubecl translates")]

use burn::backend::Dispatch;
use burn::tensor::{Shape, Tensor};
use kindling_kernels::conv::{Conv, WeightOrder};

use self::ops::{MapOps, PackOps};
use crate::device::cpu::is_cpu;

/// The operations, as an extension of burn's backends.
#[cfg_attr(not(feature = "cube"), allow(unused_variables, reason = "without a GPU there is nothing to call"))]
mod ops;

/// Their backward passes.
#[cfg(feature = "cube")]
mod backward;

/// The kernels on tensors of burn's GPU backends.
#[cfg(feature = "cube")]
mod cube;

/// What a kernel is compiled for, and how its work is cut.
#[cfg(any(feature = "cube", test))]
#[cfg_attr(not(feature = "cube"), allow(dead_code, reason = "its own tests need no GPU"))]
mod geometry;

/// What the products share.
#[cfg(feature = "cube")]
mod product;

/// Forward pass.
#[cfg(feature = "cube")]
mod forward;

/// Gradient at the layer's input.
#[cfg(feature = "cube")]
mod data;

/// Gradients of weights and bias.
#[cfg(feature = "cube")]
mod weight;

/// Sums of pieces.
#[cfg(feature = "cube")]
mod sum;

/// Batch norm.
#[cfg(feature = "cube")]
mod norm;

/// Convolutions of narrow groups.
#[cfg(feature = "cube")]
mod grouped;

/// Resampling of images.
#[cfg(feature = "cube")]
mod resample;

/// Several tensors in one.
#[cfg(feature = "cube")]
mod pack;

/// A float tensor of any backend and rank.
pub type Primitive = burn::backend::tensor::FloatTensor<Dispatch>;

/// The convolution of `[batch, channels, height, width]`, followed by a ReLU if `relu`. Call only where [`has_kernels`].
pub fn convolve(maps: Tensor<4>, conv: Conv, weight: Tensor<4>, bias: Option<Tensor<1>>, relu: bool) -> Tensor<4> {
    apply(maps, conv, weight, bias, relu)
}

/// A linear layer on vectors, `[…, features]`, by weights `[features, units]`, followed by a ReLU if `relu`. Call only where
/// [`has_kernels`].
pub fn linear<const D: usize>(vectors: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>, relu: bool) -> Tensor<D> {
    let [features, units] = weight.dims();
    apply(vectors, covering(features, [1; 2], units), weight, bias, relu)
}

/// A linear layer on flattened maps, `[batch, channels, height, width]` to `[batch, units]`, by weights `[channels · height · width,
/// units]`, followed by a ReLU if `relu`. Call only where [`has_kernels`].
pub fn linear_of_maps(maps: Tensor<4>, weight: Tensor<2>, bias: Option<Tensor<1>>, relu: bool) -> Tensor<2> {
    let [_, channels, height, width] = maps.dims();
    let [_, units] = weight.dims();
    // The data gradient has layers of work groups for each place: maps with too many are copied into vectors instead.
    let n_layers = height * width * channels.div_ceil(8);
    if [height, width] == [1, 1] || n_layers > MAX_LAYERS {
        return linear(maps.flatten(1, 3), weight, bias, relu);
    }
    apply(maps, covering(channels, [height, width], units), weight, bias, relu)
}

/// Work groups along a side of a grid, on every WebGPU device.
const MAX_LAYERS: usize = 65_535;

/// The convolution that is a linear layer: its kernel covers the map. With a stride as large as the map, the data gradient visits only the
/// tap that a place meets.
fn covering(channels: usize, size: [usize; 2], units: usize) -> Conv {
    Conv {
        channels,
        size,
        filters: units,
        kernel: size,
        stride: size,
        padding: [0; 2],
        dilation: [1; 2],
        groups: 1,
        weights: WeightOrder::Linear,
    }
}

/// `images` are `[batch, channels, height · width]`, `matrices` `[batch, 6]`; see [`kindling_kernels::sample::affine`]. Call only where
/// [`has_kernels`].
pub fn resample(images: Tensor<3>, matrices: Tensor<2>, size: [usize; 2]) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::resample(images.into_dispatch(), matrices.into_dispatch(), size))
}

/// Output and statistics of a batch norm in training.
pub struct Normalized<const D: usize> {
    pub output: Tensor<D>,
    /// `[channels]`
    pub mean: Tensor<1>,
    /// `[channels]`: biased.
    pub variance: Tensor<1>,
}

/// Batch norm by the batch's own statistics, followed by a ReLU if `relu`: `[batch, channels, …]`, scale and shift `[channels]`. Call only
/// where [`has_kernels`].
pub fn batch_norm<const D: usize>(
    maps: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> Normalized<D> {
    let channels = scale.dims()[0];
    let (output, statistics) =
        Dispatch::normalize(maps.into_dispatch(), scale.into_dispatch(), shift.into_dispatch(), epsilon, relu);
    let statistics = Tensor::<1>::from_dispatch(statistics).without_autodiff();
    let of_channels = |start| part(statistics.clone(), Part { start, shape: Shape::new([channels]) });
    Normalized {
        output: Tensor::from_dispatch(output),
        mean: of_channels(0),
        variance: of_channels(variance_start(channels)),
    }
}

/// Where variances begin in a buffer after as many means: at a multiple of the 256 bytes at which a binding may begin.
const fn variance_start(channels: usize) -> usize {
    channels.next_multiple_of(64)
}

/// Length of the buffer of both.
#[cfg(feature = "cube")]
const fn statistics_length(channels: usize) -> usize {
    2 * variance_start(channels)
}

/// How many tensors a pack holds at most: as many as a kernel binds on every WebGPU device, besides the pack and its own arguments.
pub const PACK: usize = 6;

/// Where a tensor's values lie in a pack, contiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub start: usize,
    pub shape: Shape,
}

impl Part {
    fn end(&self) -> usize {
        self.start + self.shape.num_elements()
    }
}

/// Where tensors of these shapes lie in a pack, and how many values it has. Each begins at a multiple of the 256 bytes at which a binding
/// may begin.
pub fn parts(shapes: impl IntoIterator<Item = Shape>) -> (Vec<Part>, usize) {
    let mut end = 0;
    let parts = shapes.into_iter().map(|shape| {
        let part = Part { start: end, shape };
        end = part.end().next_multiple_of(64);
        part
    });
    (parts.collect(), end)
}

/// The values of one to [`PACK`] tensors in one: `[values]`, in the places of [`parts`], with zeros between them. Call only where
/// [`has_kernels`].
pub fn pack(tensors: &[Primitive]) -> Tensor<1> {
    // An operation takes a fixed number of tensors, of which it ignores the rest.
    let [first, second, third, fourth, fifth, sixth] =
        std::array::from_fn(|index| tensors.get(index).unwrap_or(&tensors[0]).clone());
    Tensor::from_dispatch(Dispatch::pack(first, second, third, fourth, fifth, sixth, tensors.len()))
}

/// A tensor of a pack: a view. Call only where [`has_kernels`].
pub fn part<const D: usize>(packed: Tensor<1>, part: Part) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::part(packed.into_dispatch(), part))
}

/// Whether a tensor's device has these kernels.
pub fn has_kernels<const D: usize>(tensor: &Tensor<D>) -> bool {
    cfg!(feature = "cube") && !is_cpu(&tensor.device())
}

fn apply<const D: usize, const W: usize, const O: usize>(
    maps: Tensor<D>,
    conv: Conv,
    weight: Tensor<W>,
    bias: Option<Tensor<1>>,
    relu: bool,
) -> Tensor<O> {
    let (maps, weight) = (maps.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::convolve_with_bias(maps, weight, bias.into_dispatch(), conv, relu),
        None => Dispatch::convolve(maps, weight, conv, relu),
    })
}
