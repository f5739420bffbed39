//! The operations on maps, as an extension of burn's backends.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::Shape;
use kindling_kernels::conv::{Conv, WeightOrder};

use super::Part;

#[cfg(feature = "cube")]
use super::{PACK, parts, statistics_length};
#[cfg(feature = "cube")]
use burn::backend::fusion::custom::TensorSpec;

/// Convolutions of maps `[images, channels, height, width]` by weights `[filters, channels / groups, height, width]`, each in any memory
/// order, but without a copy if channels are last. A linear layer is the convolution whose kernel covers the map and whose weights are
/// `[channels · height · width, filters]`; its output is `[images, filters]`. With maps of one place it takes vectors `[…, channels]`.
#[backend_extension(Cube: cfg(feature = "cube"), Fusion: cfg(feature = "cube"), Autodiff: cfg(feature = "cube"))]
pub(super) trait MapOps: Backend {
    #[fusion(dtype = maps, shape = output_shape(maps, conv))]
    fn convolve(maps: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv, relu: bool) -> FloatTensor<Self>;

    #[fusion(dtype = maps, shape = output_shape(maps, conv))]
    fn convolve_with_bias(
        maps: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// Batch norm of maps `[images, channels, …]`, and a buffer of [`super::statistics_length`] with means and biased variances, which have no
    /// gradient.
    #[fusion(meta = norm_specs)]
    fn normalize(
        maps: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Resamples `[images, channels, height · width]` by affine maps `[images, 6]`, see [`kindling_kernels::sample::affine`]. The result
    /// has no gradient.
    #[fusion(dtype = images, shape = images)]
    fn resample(images: FloatTensor<Self>, matrices: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self>;
}

/// Several tensors in one, none of them with a gradient.
#[backend_extension(Cube: cfg(feature = "cube"), Fusion: cfg(feature = "cube"))]
pub(super) trait PackOps: Backend {
    /// See [`super::pack()`]. Only the first `count` tensors count.
    #[fusion(dtype = first, shape = packed_shape([first, second, third, fourth, fifth, sixth], *count))]
    fn pack(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        third: FloatTensor<Self>,
        fourth: FloatTensor<Self>,
        fifth: FloatTensor<Self>,
        sixth: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self>;

    /// See [`super::part()`].
    #[fusion(dtype = packed, shape = part.shape.clone())]
    fn part(packed: FloatTensor<Self>, part: Part) -> FloatTensor<Self>;
}

/// Gradients. Of a convolution, `output` is the layer's output, of which no gradient passes where it is not positive, if it ended in a
/// `relu`; it is not read otherwise.
#[cfg(feature = "cube")]
#[backend_extension(Cube, Fusion)]
pub(super) trait MapGradients: Backend {
    /// At the maps.
    #[fusion(dtype = gradient, shape = maps_shape(gradient, conv))]
    fn maps_gradient(
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        conv: Conv,
        relu: bool,
    ) -> FloatTensor<Self>;

    /// Of the weights and of the bias `[filters]`.
    #[fusion(meta = parameter_specs)]
    fn parameter_gradients(
        maps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        output: FloatTensor<Self>,
        conv: Conv,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Of a batch norm's maps, scale and shift.
    #[fusion(meta = norm_gradient_specs)]
    fn norm_gradients(
        maps: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

#[cfg(feature = "cube")]
fn packed_shape(shapes: [&Shape; PACK], count: usize) -> Shape {
    let (_, n_values) = parts(shapes.into_iter().take(count).cloned());
    Shape::new([n_values])
}

/// The shape of the output.
#[cfg_attr(not(feature = "cube"), expect(dead_code, reason = "only fusion asks for it"))]
pub(super) fn output_shape(maps: &Shape, conv: &Conv) -> Shape {
    match (conv.weights, conv.size) {
        (WeightOrder::Linear, [1, 1]) => with_last(maps, conv.filters),
        (WeightOrder::Linear, _) => Shape::new([maps[0], conv.filters]),
        (WeightOrder::Conv, _) => {
            let Some([height, width]) = conv.output_size() else {
                unreachable!("shape inference has checked that the kernel fits")
            };
            Shape::new([maps[0], conv.filters, height, width])
        }
    }
}

/// The shape of the maps, for that of the output's gradient.
#[cfg(feature = "cube")]
pub(super) fn maps_shape(gradient: &Shape, conv: &Conv) -> Shape {
    match (conv.weights, conv.size) {
        (WeightOrder::Linear, [1, 1]) => with_last(gradient, conv.channels),
        (_, [height, width]) => Shape::new([gradient[0], conv.channels, height, width]),
    }
}

/// The shape of the weights.
#[cfg(feature = "cube")]
pub(super) fn weight_shape(conv: &Conv) -> Shape {
    let [height, width] = conv.kernel;
    match conv.weights {
        WeightOrder::Conv => Shape::new([conv.filters, conv.channels / conv.groups, height, width]),
        WeightOrder::Linear => Shape::new([conv.channels * height * width, conv.filters]),
    }
}

fn with_last(shape: &Shape, length: usize) -> Shape {
    let mut shape = shape.clone();
    let last = shape.num_dims() - 1;
    shape[last] = length;
    shape
}

#[cfg(feature = "cube")]
fn parameter_specs(
    maps: &TensorSpec,
    _gradient: &TensorSpec,
    _output: &TensorSpec,
    conv: &Conv,
    _relu: &bool,
) -> (TensorSpec, TensorSpec) {
    (TensorSpec::new(weight_shape(conv), maps.dtype), TensorSpec::new(Shape::new([conv.filters]), maps.dtype))
}

#[cfg(feature = "cube")]
fn norm_specs(
    maps: &TensorSpec,
    scale: &TensorSpec,
    _shift: &TensorSpec,
    _epsilon: &f64,
    _relu: &bool,
) -> (TensorSpec, TensorSpec) {
    let length = statistics_length(scale.shape.num_elements());
    (maps.clone(), TensorSpec::new(Shape::new([length]), maps.dtype))
}

#[cfg(feature = "cube")]
fn norm_gradient_specs(
    maps: &TensorSpec,
    _statistics: &TensorSpec,
    scale: &TensorSpec,
    shift: &TensorSpec,
    _gradient: &TensorSpec,
    _epsilon: &f64,
    _relu: &bool,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    (maps.clone(), scale.clone(), shift.clone())
}
