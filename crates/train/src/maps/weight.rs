//! The gradients of weights and bias, in one pass over the maps and the gradient at the output.
//!
//! `weight[f, k] = Σₘ gradient[m, f] · patch(m, k)`, and `bias[f] = Σₘ gradient[m, f]`: few outputs, each a sum over all places of all
//! images. So the sum is cut into pieces, each with work groups of its own, and [`super::sum`] adds the pieces, always in the same order.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::geometry::{DEPTH, Geometry, GradientCut, OUTSIDE, Tile, Weights, gradient_cut};
use super::product::{before_relu, is_in_maps, linear_row, multiply, place_in_image};
use super::sum;

/// `maps` are contiguous in the order of the geometry, `gradient` and `output` channels last. The result is a buffer of
/// [`Geometry::n_parameters`]: the weights in the order of the geometry, and the bias from [`Geometry::bias_start`] on.
pub(super) fn launch(
    maps: CubeTensor,
    gradient: CubeTensor,
    output: Option<CubeTensor>,
    n_images: usize,
    geometry: Geometry,
) -> CubeTensor {
    let n_rows = n_images * geometry.out_places();
    let GradientCut { tile, pieces, steps } = gradient_cut(n_rows, &geometry);
    let client = maps.client.clone();
    let shape = Shape::new([pieces, geometry.n_parameters()]);
    let partial = empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    let count = CubeCount::Static(
        geometry.depth().div_ceil(tile.columns) as u32,
        geometry.filters.div_ceil(tile.rows) as u32,
        (pieces * geometry.groups) as u32,
    );
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        weight_kernel::launch_unchecked(
            &client,
            count,
            CubeDim::new_1d(tile.n_threads() as u32),
            4,
            maps.into_buffer_arg(),
            gradient.into_buffer_arg(),
            output.map(|output| output.into_buffer_arg()).into(),
            partial.clone().into_buffer_arg(),
            n_rows as u32,
            steps as u32,
            geometry,
            tile,
        );
    }
    sum::launch(partial)
}

#[cube(launch_unchecked)]
fn weight_kernel<N: Size>(
    maps: &[f32],
    gradient: &[f32],
    output: ComptimeOption<&[f32]>,
    partial: &mut [f32],
    n_rows: u32,
    n_steps: u32,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let unit = UNIT_POS as usize;
    let n_rows = n_rows as usize;
    let n_steps = n_steps as usize;
    let piece = CUBE_POS_Z as usize / comptime!(geometry.groups);
    let group = CUBE_POS_Z as usize % comptime!(geometry.groups);
    let first_filter = CUBE_POS_Y as usize * comptime!(tile.rows);
    let first_k = CUBE_POS_X as usize * comptime!(tile.columns);
    let filter_quad = unit / comptime!(tile.columns / 4);
    let k_quad = unit % comptime!(tile.columns / 4);

    // The four terms that this thread reads and multiplies, less the padding: the same in every step.
    let mut tap_y = Array::<u32>::new(4usize);
    let mut tap_x = Array::<u32>::new(4usize);
    let mut channel = Array::<usize>::new(4usize);
    #[unroll]
    for j in 0..4usize {
        let k = first_k + k_quad * 4 + j;
        let tap = k / comptime!(geometry.channels);
        let y = (tap / comptime!(geometry.kernel_width)) * comptime!(geometry.dilation_height);
        let x = (tap % comptime!(geometry.kernel_width)) * comptime!(geometry.dilation_width);
        let y = y as u32 - comptime!(geometry.pad_height as u32);
        tap_y[j] = select(k < comptime!(geometry.depth()), y, comptime!(OUTSIDE).runtime());
        tap_x[j] = x as u32 - comptime!(geometry.pad_width as u32);
        channel[j] = group * comptime!(geometry.channels) + k % comptime!(geometry.channels);
    }

    let mut gradients = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.row_pitch()));
    let mut patches = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.column_pitch()));
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0f32);
    }
    let mut bias_sum = Vector::<f32, N>::new(0.0f32);
    for step in 0..n_steps {
        let first_m = (piece * n_steps + step) * comptime!(DEPTH);
        read_gradients::<N>(
            gradient,
            &output,
            &mut gradients,
            first_m,
            n_rows,
            first_filter,
            group,
            unit,
            geometry,
            tile,
        );
        read_patches::<N>(maps, &mut patches, &tap_y, &tap_x, &channel, first_m, n_rows, unit, geometry, tile);
        sync_cube();
        multiply::<N>(&mut sums, &gradients, &patches, unit, tile);
        // Once for each filter: by the work groups of the first terms.
        if CUBE_POS_X == 0 {
            for m in 0..comptime!(DEPTH) {
                bias_sum += gradients[m * comptime!(tile.row_pitch()) + filter_quad];
            }
        }
        sync_cube();
    }

    let start = piece * comptime!(geometry.n_parameters());
    #[unroll]
    for i in 0..4usize {
        let row = first_filter + filter_quad * 4 + i;
        let filter = group * comptime!(geometry.filters) + row;
        let sum = sums[i];
        if row < comptime!(geometry.filters) {
            #[unroll]
            for j in 0..4usize {
                let k = first_k + k_quad * 4 + j;
                if k < comptime!(geometry.depth()) {
                    let index = if comptime!(geometry.weights == Weights::Linear) {
                        linear_row(k, geometry) * comptime!(geometry.filters) + filter
                    } else {
                        filter * comptime!(geometry.depth()) + k
                    };
                    partial[start + index] = sum.extract(j);
                }
            }
            if (CUBE_POS_X == 0) & (k_quad == 0) {
                partial[start + comptime!(geometry.bias_start()) + filter] = bias_sum.extract(i);
            }
        }
    }
}

/// The gradient of every filter at 16 places. Neighbouring threads read neighbouring filters.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_gradients<N: Size>(
    gradient: &[f32],
    output: &ComptimeOption<&[f32]>,
    gradients: &mut Shared<[Vector<f32, N>]>,
    first_m: usize,
    n_rows: usize,
    first_filter: usize,
    group: usize,
    unit: usize,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let quads = comptime!(tile.rows / 4);
    let n_threads = comptime!(tile.n_threads());
    let n_slots = comptime!(tile.rows / 4 * DEPTH);
    for pass in 0..comptime!((tile.rows / 4 * DEPTH).div_ceil(tile.n_threads())) {
        let slot = pass * n_threads + unit;
        let term = slot / quads;
        let quad = slot % quads;
        let m = first_m + term;
        if slot < n_slots {
            let mut four = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for i in 0..4usize {
                let row = first_filter + quad * 4 + i;
                let mut value = 0.0f32;
                if (m < n_rows) & (row < comptime!(geometry.filters)) {
                    let filter = group * comptime!(geometry.filters) + row;
                    value = before_relu(gradient, output, m * comptime!(geometry.all_filters()) + filter);
                }
                four.insert(i, value);
            }
            gradients[term * comptime!(tile.row_pitch()) + quad] = four;
        }
    }
}

/// The patches at 16 places.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_patches<N: Size>(
    maps: &[f32],
    patches: &mut Shared<[Vector<f32, N>]>,
    tap_y: &Array<u32>,
    tap_x: &Array<u32>,
    channel: &Array<usize>,
    first_m: usize,
    n_rows: usize,
    unit: usize,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    // The number of threads is a multiple of this, so that a thread's quad is the same in every pass.
    let quads = comptime!(tile.columns / 4);
    let n_threads = comptime!(tile.n_threads());
    let n_slots = comptime!(tile.columns / 4 * DEPTH);
    for pass in 0..comptime!((tile.columns / 4 * DEPTH).div_ceil(tile.n_threads())) {
        let slot = pass * n_threads + unit;
        let term = slot / quads;
        let m = first_m + term;
        let place = m % comptime!(geometry.out_places());
        let first_y = (place / comptime!(geometry.out_width)) as u32 * comptime!(geometry.stride_height as u32);
        let first_x = (place % comptime!(geometry.out_width)) as u32 * comptime!(geometry.stride_width as u32);
        let image = (m / comptime!(geometry.out_places())) * comptime!(geometry.image_values());
        if slot < n_slots {
            let mut four = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for j in 0..4usize {
                let y = first_y + tap_y[j];
                let x = first_x + tap_x[j];
                let mut value = 0.0f32;
                if (m < n_rows) & is_in_maps(y, x, geometry) {
                    value = maps[image + place_in_image(y as usize, x as usize, channel[j], geometry)];
                }
                four.insert(j, value);
            }
            patches[term * comptime!(tile.column_pitch()) + unit % quads] = four;
        }
    }
}
