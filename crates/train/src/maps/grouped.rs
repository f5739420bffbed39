//! Convolutions whose groups are narrow, depthwise ones above all. They have no product to cut into tiles and are bound by memory: each
//! value is a thread's, neighbouring threads compute neighbouring channels, and what they share is in the cache.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::forward::with_bias;
use super::geometry::{Geometry, pieces};
use super::product::{before_relu, grid, group_in_layer, is_in_maps, place_in_image};
use super::sum;

const THREADS: usize = 256;
/// Of a weight gradient.
const GRADIENT_THREADS: usize = 64;

/// As [`super::forward::launch`].
pub(super) fn forward(
    maps: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    n_images: usize,
    geometry: Geometry,
    relu: bool,
) -> CubeTensor {
    let client = maps.client.clone();
    let shape = Shape::new([n_images, geometry.out_height, geometry.out_width, geometry.all_filters()]);
    let n_values = shape.num_elements();
    let output = empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    if n_values == 0 {
        return output;
    }
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        forward_kernel::launch_unchecked(
            &client,
            grid(n_values.div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            maps.into_buffer_arg(),
            weight.into_buffer_arg(),
            bias.map(|bias| bias.into_buffer_arg()).into(),
            output.clone().into_buffer_arg(),
            n_values as u32,
            geometry,
            relu,
        );
    }
    output
}

/// As [`super::data::launch`].
pub(super) fn data_gradient(
    gradient: CubeTensor,
    output: Option<CubeTensor>,
    weight: CubeTensor,
    n_images: usize,
    geometry: Geometry,
) -> CubeTensor {
    let client = gradient.client.clone();
    let shape = Shape::new([n_images, geometry.height, geometry.width, geometry.all_channels()]);
    let n_values = shape.num_elements();
    let data = empty_device_contiguous_dtype(client.clone(), gradient.device.clone(), shape, gradient.dtype);
    if n_values == 0 {
        return data;
    }
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        data_kernel::launch_unchecked(
            &client,
            grid(n_values.div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            gradient.into_buffer_arg(),
            output.map(|output| output.into_buffer_arg()).into(),
            weight.into_buffer_arg(),
            data.clone().into_buffer_arg(),
            n_values as u32,
            geometry,
        );
    }
    data
}

/// As [`super::weight::launch`].
pub(super) fn parameter_gradients(
    maps: CubeTensor,
    gradient: CubeTensor,
    output: Option<CubeTensor>,
    n_images: usize,
    geometry: Geometry,
) -> CubeTensor {
    let client = maps.client.clone();
    let n_rows = n_images * geometry.out_places();
    // A thread for each weight, and one for each bias.
    let n_groups = (geometry.all_filters() * (geometry.depth() + 1)).div_ceil(GRADIENT_THREADS);
    let (n_pieces, rows) = pieces(n_rows, n_groups);
    let shape = Shape::new([n_pieces, geometry.n_parameters()]);
    let partial = empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        weight_kernel::launch_unchecked(
            &client,
            grid(n_groups, n_pieces),
            CubeDim::new_1d(GRADIENT_THREADS as u32),
            maps.into_buffer_arg(),
            gradient.into_buffer_arg(),
            output.map(|output| output.into_buffer_arg()).into(),
            partial.clone().into_buffer_arg(),
            n_rows as u32,
            rows as u32,
            geometry,
        );
    }
    sum::launch(partial)
}

#[cube(launch_unchecked)]
fn forward_kernel(
    maps: &[f32],
    weight: &[f32],
    bias: ComptimeOption<&[f32]>,
    output: &mut [f32],
    n_values: u32,
    #[comptime] geometry: Geometry,
    #[comptime] relu: bool,
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_values as usize {
        let filter = index % comptime!(geometry.all_filters());
        let m = index / comptime!(geometry.all_filters());
        let image = m / comptime!(geometry.out_places());
        let place = m % comptime!(geometry.out_places());
        let first_y = (place / comptime!(geometry.out_width) * comptime!(geometry.stride_height)) as u32;
        let first_x = (place % comptime!(geometry.out_width) * comptime!(geometry.stride_width)) as u32;
        let first_channel = filter / comptime!(geometry.filters) * comptime!(geometry.channels);
        let image_start = image * comptime!(geometry.image_values());
        let mut sum = 0.0f32;
        for tap_y in 0..comptime!(geometry.kernel_height) {
            let y =
                first_y + (tap_y * comptime!(geometry.dilation_height)) as u32 - comptime!(geometry.pad_height as u32);
            for tap_x in 0..comptime!(geometry.kernel_width) {
                let x = first_x + (tap_x * comptime!(geometry.dilation_width)) as u32
                    - comptime!(geometry.pad_width as u32);
                if is_in_maps(y, x, geometry) {
                    let tap = tap_y * comptime!(geometry.kernel_width) + tap_x;
                    let row = (filter * comptime!(geometry.taps()) + tap) * comptime!(geometry.channels);
                    for channel in 0..comptime!(geometry.channels) {
                        let at = place_in_image(y as usize, x as usize, first_channel + channel, geometry);
                        sum += maps[image_start + at] * weight[row + channel];
                    }
                }
            }
        }
        let value = with_bias(sum, &bias, filter);
        output[index] = if comptime!(relu) { select(value <= 0.0f32, 0.0f32, value) } else { value };
    }
}

#[cube(launch_unchecked)]
fn data_kernel(
    gradient: &[f32],
    output: ComptimeOption<&[f32]>,
    weight: &[f32],
    data: &mut [f32],
    n_values: u32,
    #[comptime] geometry: Geometry,
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_values as usize {
        let all_channel = index % comptime!(geometry.all_channels());
        let p = index / comptime!(geometry.all_channels());
        let image = p / comptime!(geometry.height * geometry.width);
        let place = p % comptime!(geometry.height * geometry.width);
        let y = (place / comptime!(geometry.width) + comptime!(geometry.pad_height)) as u32;
        let x = (place % comptime!(geometry.width) + comptime!(geometry.pad_width)) as u32;
        let first_filter = all_channel / comptime!(geometry.channels) * comptime!(geometry.filters);
        let channel = all_channel % comptime!(geometry.channels);
        let image_start = image * comptime!(geometry.out_places());
        let mut sum = 0.0f32;
        for tap_y in 0..comptime!(geometry.kernel_height) {
            // Places before a tap's reach have wrapped around, and are outside of every output.
            let reach_y = y - (tap_y * comptime!(geometry.dilation_height)) as u32;
            let out_y = reach_y / comptime!(geometry.stride_height as u32);
            let meets_y = (out_y < comptime!(geometry.out_height as u32))
                & (out_y * comptime!(geometry.stride_height as u32) == reach_y);
            for tap_x in 0..comptime!(geometry.kernel_width) {
                let reach_x = x - (tap_x * comptime!(geometry.dilation_width)) as u32;
                let out_x = reach_x / comptime!(geometry.stride_width as u32);
                let meets_x = (out_x < comptime!(geometry.out_width as u32))
                    & (out_x * comptime!(geometry.stride_width as u32) == reach_x);
                if meets_y & meets_x {
                    let tap = tap_y * comptime!(geometry.kernel_width) + tap_x;
                    let place = out_y as usize * comptime!(geometry.out_width) + out_x as usize;
                    let arrived_start = (image_start + place) * comptime!(geometry.all_filters());
                    for group_filter in 0..comptime!(geometry.filters) {
                        let filter = first_filter + group_filter;
                        let row = (filter * comptime!(geometry.taps()) + tap) * comptime!(geometry.channels);
                        sum += before_relu(gradient, &output, arrived_start + filter) * weight[row + channel];
                    }
                }
            }
        }
        data[index] = sum;
    }
}

#[cube(launch_unchecked)]
fn weight_kernel(
    maps: &[f32],
    gradient: &[f32],
    output: ComptimeOption<&[f32]>,
    partial: &mut [f32],
    n_rows: u32,
    rows_per_piece: u32,
    #[comptime] geometry: Geometry,
) {
    let index = group_in_layer() * comptime!(GRADIENT_THREADS) + UNIT_POS as usize;
    let piece = CUBE_POS_Z as usize;
    if index < comptime!(geometry.all_filters() * (geometry.depth() + 1)) {
        // Filters are neighbours. The term after the last is 1 everywhere: its sum is the gradient of the bias.
        let filter = index % comptime!(geometry.all_filters());
        let k = index / comptime!(geometry.all_filters());
        let is_bias = k == comptime!(geometry.depth());
        let channel =
            filter / comptime!(geometry.filters) * comptime!(geometry.channels) + k % comptime!(geometry.channels);
        let tap = k / comptime!(geometry.channels);
        let tap_y = (tap / comptime!(geometry.kernel_width) * comptime!(geometry.dilation_height)) as u32
            - comptime!(geometry.pad_height as u32);
        let tap_x = (tap % comptime!(geometry.kernel_width) * comptime!(geometry.dilation_width)) as u32
            - comptime!(geometry.pad_width as u32);
        let mut sum = 0.0f32;
        for row in 0..rows_per_piece as usize {
            let m = piece * rows_per_piece as usize + row;
            let place = m % comptime!(geometry.out_places());
            let y = (place / comptime!(geometry.out_width) * comptime!(geometry.stride_height)) as u32 + tap_y;
            let x = (place % comptime!(geometry.out_width) * comptime!(geometry.stride_width)) as u32 + tap_x;
            let mut value = select(is_bias, 1.0f32, 0.0f32);
            if !is_bias & (m < n_rows as usize) & is_in_maps(y, x, geometry) {
                let image_start = m / comptime!(geometry.out_places()) * comptime!(geometry.image_values());
                value = maps[image_start + place_in_image(y as usize, x as usize, channel, geometry)];
            }
            if m < n_rows as usize {
                sum += before_relu(gradient, &output, m * comptime!(geometry.all_filters()) + filter) * value;
            }
        }
        let of_weight = filter * comptime!(geometry.depth()) + k;
        let of_bias = comptime!(geometry.bias_start()) + filter;
        partial[piece * comptime!(geometry.n_parameters()) + select(is_bias, of_bias, of_weight)] = sum;
    }
}
