//! The kernels on tensors of burn's GPU backends.

use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::{permute_nchw_to_nhwc, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;
use kindling_kernels::conv::Conv;

use super::geometry::{Geometry, Order};
use super::norm::{self, Passed};
use super::ops::{MapGradients, MapOps, PackOps, maps_shape, output_shape, weight_shape};
use super::{Part, data, forward, grouped, pack, resample, variance_start, weight as parameters};

impl MapOps for CubeBackend {
    fn convolve(maps: CubeTensor, weight: CubeTensor, conv: Conv, relu: bool) -> CubeTensor {
        convolved(maps, weight, None, &conv, relu)
    }

    fn convolve_with_bias(
        maps: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        conv: Conv,
        relu: bool,
    ) -> CubeTensor {
        convolved(maps, weight, Some(into_contiguous(bias)), &conv, relu)
    }

    fn normalize(
        maps: CubeTensor,
        scale: CubeTensor,
        shift: CubeTensor,
        epsilon: f64,
        relu: bool,
    ) -> (CubeTensor, CubeTensor) {
        let shape = maps.meta.shape().clone();
        let (scale, shift) = (into_contiguous(scale), into_contiguous(shift));
        let (output, statistics) = norm::forward(channels_last(maps), scale, shift, epsilon as f32, relu);
        (in_shape(output, shape), statistics)
    }

    fn resample(images: CubeTensor, matrices: CubeTensor, size: [usize; 2]) -> CubeTensor {
        resample::launch(into_contiguous(images), into_contiguous(matrices), size)
    }
}

impl PackOps for CubeBackend {
    fn pack(
        first: CubeTensor,
        second: CubeTensor,
        third: CubeTensor,
        fourth: CubeTensor,
        fifth: CubeTensor,
        sixth: CubeTensor,
        count: usize,
    ) -> CubeTensor {
        // The rest is the first once more: a range of memory must not be bound twice.
        let tensors = [first, second, third, fourth, fifth, sixth].into_iter().take(count);
        pack::launch(tensors.map(into_contiguous).collect())
    }

    fn part(packed: CubeTensor, part: Part) -> CubeTensor {
        let values = view(&packed, part.start, part.shape.num_elements());
        CubeTensor::new_contiguous(values.client, values.device, part.shape, values.handle, values.dtype)
    }
}

impl MapGradients for CubeBackend {
    fn maps_gradient(
        gradient: CubeTensor,
        output: CubeTensor,
        weight: CubeTensor,
        conv: Conv,
        relu: bool,
    ) -> CubeTensor {
        let shape = maps_shape(gradient.meta.shape(), &conv);
        let n_images = n_images(gradient.meta.shape());
        let output = relu.then(|| channels_last(output));
        let geometry = Geometry::new(&conv, Order::Last);
        let launch = if geometry.has_narrow_groups() { grouped::data_gradient } else { data::launch };
        in_shape(launch(channels_last(gradient), output, channels_last(weight), n_images, geometry), shape)
    }

    fn parameter_gradients(
        maps: CubeTensor,
        gradient: CubeTensor,
        output: CubeTensor,
        conv: Conv,
        relu: bool,
    ) -> (CubeTensor, CubeTensor) {
        let n_images = n_images(maps.meta.shape());
        let output = relu.then(|| channels_last(output));
        let (maps, order) = ordered(maps);
        let geometry = Geometry::new(&conv, order);
        let launch = if geometry.has_narrow_groups() { grouped::parameter_gradients } else { parameters::launch };
        let both = launch(maps, channels_last(gradient), output, n_images, geometry);
        let weight = view(&both, 0, geometry.n_weights());
        let bias = view(&both, geometry.bias_start(), conv.filters);
        (in_shape(weight, weight_shape(&conv)), bias)
    }

    fn norm_gradients(
        maps: CubeTensor,
        statistics: CubeTensor,
        scale: CubeTensor,
        shift: CubeTensor,
        gradient: CubeTensor,
        epsilon: f64,
        relu: bool,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let shape = maps.meta.shape().clone();
        let channels = scale.meta.shape().num_elements();
        let (scale, shift) = (into_contiguous(scale), into_contiguous(shift));
        let passed = Passed { maps: channels_last(maps), statistics, scale, shift, epsilon: epsilon as f32, relu };
        let (data, sums) = norm::backward(passed, channels_last(gradient));
        (in_shape(data, shape), view(&sums, variance_start(channels), channels), view(&sums, 0, channels))
    }
}

fn convolved(maps: CubeTensor, weight: CubeTensor, bias: Option<CubeTensor>, conv: &Conv, relu: bool) -> CubeTensor {
    let shape = output_shape(maps.meta.shape(), conv);
    let n_images = n_images(maps.meta.shape());
    let (maps, order) = ordered(maps);
    let geometry = Geometry::new(conv, order);
    let launch = if geometry.has_narrow_groups() { grouped::forward } else { forward::launch };
    in_shape(launch(maps, channels_last(weight), bias, n_images, geometry, relu), shape)
}

/// How many maps there are, or vectors.
fn n_images(shape: &Shape) -> usize {
    match shape.num_dims() {
        4 => shape[0],
        rank => shape.iter().take(rank - 1).product(),
    }
}

/// The layer's input with where its channels are. It is copied only if they are neither first nor last.
fn ordered(maps: CubeTensor) -> (CubeTensor, Order) {
    if maps.is_contiguous() && !with_channels_last(maps.clone()).is_contiguous() {
        return (maps, Order::First);
    }
    (channels_last(maps), Order::Last)
}

/// Contiguous with channels last: `[images, height, width, channels]` of maps, `[filters, height, width, channels]` of a convolution's
/// weights; vectors and a linear layer's weights as they are.
fn channels_last(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(with_channels_last(tensor))
}

fn with_channels_last(tensor: CubeTensor) -> CubeTensor {
    if tensor.meta.num_dims() == 4 { permute_nchw_to_nhwc(tensor) } else { tensor }
}

/// A kernel's result, contiguous with channels last, under its own shape. With one channel that is burn's usual order, too; see
/// [`crate::device::layout::in_usual_order`].
fn in_shape(values: CubeTensor, shape: Shape) -> CubeTensor {
    let CubeTensor { client, handle, device, dtype, .. } = values;
    let reshaped = |shape| CubeTensor::new_contiguous(client, device, shape, handle, dtype);
    if shape.num_dims() == 4 && shape[1] > 1 {
        let [images, channels, height, width] = shape.dims();
        permute_nhwc_to_nchw(reshaped(Shape::new([images, height, width, channels])))
    } else {
        reshaped(shape)
    }
}

/// A part of a buffer that begins where a binding may begin.
fn view(buffer: &CubeTensor, start: usize, length: usize) -> CubeTensor {
    let bytes = |values: usize| (values * buffer.elem_size()) as u64;
    let end = buffer.meta.shape().num_elements() - start - length;
    let handle = buffer.handle.clone().offset_start(bytes(start)).offset_end(bytes(end));
    CubeTensor::new_contiguous(buffer.client.clone(), buffer.device.clone(), Shape::new([length]), handle, buffer.dtype)
}
