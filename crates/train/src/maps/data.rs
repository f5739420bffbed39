//! The gradient at the layer's input: a product of the gradient at its output and the weights.
//!
//! `data[p, c] = Σ gradient[(p + padding − tap · dilation) / stride, f] · weight[f, tap, c]` over all taps and filters for which the
//! division leaves no rest. Input places that are a stride apart meet the same taps. Such a set is a *phase*, and has work groups of its
//! own, which do not visit the other taps.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::geometry::{DEPTH, Geometry, OUTSIDE, Tile, Weights, product_tile};
use super::product::{before_relu, grid, group_in_layer, is_in_maps, multiply};

/// `gradient` and `output` are contiguous, channels last, `weight` in the order of the geometry. So is the result:
/// `[images, height, width, channels]`.
pub(super) fn launch(
    gradient: CubeTensor,
    output: Option<CubeTensor>,
    weight: CubeTensor,
    n_images: usize,
    geometry: Geometry,
) -> CubeTensor {
    let (client, n_rows) = (gradient.client.clone(), n_images * geometry.phase_rows() * geometry.phase_columns());
    let shape = Shape::new([n_images, geometry.height, geometry.width, geometry.all_channels()]);
    let data = empty_device_contiguous_dtype(client.clone(), gradient.device.clone(), shape, gradient.dtype);
    if n_rows == 0 {
        return data;
    }
    let tile = product_tile(n_rows, geometry.channels, geometry.groups * geometry.phases());
    let n_layers = geometry.channels.div_ceil(tile.columns) * geometry.groups * geometry.phases();
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        data_kernel::launch_unchecked(
            &client,
            grid(n_rows.div_ceil(tile.rows), n_layers),
            CubeDim::new_1d(tile.n_threads() as u32),
            4,
            gradient.into_buffer_arg(),
            output.map(|output| output.into_buffer_arg()).into(),
            weight.into_buffer_arg(),
            data.clone().into_buffer_arg(),
            n_rows as u32,
            geometry,
            tile,
        );
    }
    data
}

#[cube(launch_unchecked)]
fn data_kernel<N: Size>(
    gradient: &[f32],
    output: ComptimeOption<&[f32]>,
    weight: &[f32],
    data: &mut [f32],
    n_rows: u32,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let unit = UNIT_POS as usize;
    let n_rows = n_rows as usize;
    let n_column_tiles = comptime!(geometry.channels.div_ceil(tile.columns));
    let first_row = group_in_layer() * comptime!(tile.rows);
    let layer = CUBE_POS_Z as usize;
    let first_column = (layer % n_column_tiles) * comptime!(tile.columns);
    let group = (layer / n_column_tiles) % comptime!(geometry.groups);
    let phase = layer / comptime!(geometry.channels.div_ceil(tile.columns) * geometry.groups);
    let phase_y = phase / comptime!(geometry.step_width());
    let phase_x = phase % comptime!(geometry.step_width());

    // Each row's place in the padded maps, where its gradients begin, and where its values are written.
    let mut row_y = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let mut row_x = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let mut row_image = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let mut row_data = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let n_threads = comptime!(tile.n_threads());
    // The first row and column of the input in this phase: y + padding is the phase, but for multiples of the step.
    let first_y = (phase_y + comptime!(geometry.step_height() - geometry.pad_height % geometry.step_height()))
        % comptime!(geometry.step_height());
    let first_x = (phase_x + comptime!(geometry.step_width() - geometry.pad_width % geometry.step_width()))
        % comptime!(geometry.step_width());
    for pass in 0..comptime!(tile.rows.div_ceil(tile.n_threads())) {
        let row = pass * n_threads + unit;
        if row < comptime!(tile.rows) {
            let m = first_row + row;
            let place = m % comptime!(geometry.phase_rows() * geometry.phase_columns());
            let image = m / comptime!(geometry.phase_rows() * geometry.phase_columns());
            let y = first_y + (place / comptime!(geometry.phase_columns())) * comptime!(geometry.step_height());
            let x = first_x + (place % comptime!(geometry.phase_columns())) * comptime!(geometry.step_width());
            let is_inside = (m < n_rows) & is_in_maps(y as u32, x as u32, geometry);
            let padded_y = y + comptime!(geometry.pad_height);
            row_y[row] = select(is_inside, padded_y as u32, comptime!(OUTSIDE).runtime());
            row_x[row] = (x + comptime!(geometry.pad_width)) as u32;
            row_image[row] = (image * comptime!(geometry.out_places() * geometry.all_filters())) as u32;
            let at = (image * comptime!(geometry.height) + y) * comptime!(geometry.width) + x;
            row_data[row] = (at * comptime!(geometry.all_channels())) as u32;
        }
    }
    sync_cube();

    let mut gradients = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.row_pitch()));
    let mut weights = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.column_pitch()));
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0f32);
    }
    // Rows of taps beyond those of this phase are at the end of the sum.
    let n_taps_y =
        (comptime!(geometry.kernel_height + geometry.step_height() - 1) - phase_y) / comptime!(geometry.step_height());
    let depth = n_taps_y * comptime!(geometry.phase_taps_width() * geometry.filters);
    let n_steps = (depth + comptime!(DEPTH - 1)) / comptime!(DEPTH);
    for step in 0..n_steps {
        let first_k = step * comptime!(DEPTH);
        read_gradients::<N>(
            gradient,
            &output,
            &mut gradients,
            &row_y,
            &row_x,
            &row_image,
            first_k,
            phase_y,
            phase_x,
            group,
            unit,
            geometry,
            tile,
        );
        read_weights::<N>(weight, &mut weights, first_k, first_column, phase_y, phase_x, group, unit, geometry, tile);
        sync_cube();
        multiply::<N>(&mut sums, &gradients, &weights, unit, tile);
        sync_cube();
    }

    let row_quad = unit / comptime!(tile.columns / 4);
    let column_quad = unit % comptime!(tile.columns / 4);
    #[unroll]
    for i in 0..4usize {
        let row = row_quad * 4 + i;
        let sum = sums[i];
        #[unroll]
        for j in 0..4usize {
            let column = first_column + column_quad * 4 + j;
            if (row_y[row] != comptime!(OUTSIDE)) & (column < comptime!(geometry.channels)) {
                let channel = group * comptime!(geometry.channels) + column;
                data[row_data[row] as usize + channel] = sum.extract(j);
            }
        }
    }
}

/// The gradients that 16 terms bring to every row. Neighbouring threads read neighbouring filters.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_gradients<N: Size>(
    gradient: &[f32],
    output: &ComptimeOption<&[f32]>,
    gradients: &mut Shared<[Vector<f32, N>]>,
    row_y: &Shared<[u32]>,
    row_x: &Shared<[u32]>,
    row_image: &Shared<[u32]>,
    first_k: usize,
    phase_y: usize,
    phase_x: usize,
    group: usize,
    unit: usize,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let n_threads = comptime!(tile.n_threads());
    let n_slots = comptime!(tile.rows / 4 * DEPTH);
    for pass in 0..comptime!((tile.rows / 4 * DEPTH).div_ceil(tile.n_threads())) {
        let slot = pass * n_threads + unit;
        let term = slot % comptime!(DEPTH);
        let quad = slot / comptime!(DEPTH);
        let k = first_k + term;
        let filter = group * comptime!(geometry.filters) + k % comptime!(geometry.filters);
        let tap = k / comptime!(geometry.filters);
        let tap_y = phase_y + (tap / comptime!(geometry.phase_taps_width())) * comptime!(geometry.step_height());
        let tap_x = phase_x + (tap % comptime!(geometry.phase_taps_width())) * comptime!(geometry.step_width());
        let back_y = tap_y * comptime!(geometry.dilation_height);
        let back_x = tap_x * comptime!(geometry.dilation_width);
        let is_tap = (tap_y < comptime!(geometry.kernel_height)) & (tap_x < comptime!(geometry.kernel_width));
        if slot < n_slots {
            let mut four = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for i in 0..4usize {
                let row = quad * 4 + i;
                // Places before a tap's reach have wrapped around, and are outside of every output.
                let reach_y = row_y[row] - back_y as u32;
                let reach_x = row_x[row] - back_x as u32;
                let out_y = reach_y / comptime!(geometry.stride_height as u32);
                let out_x = reach_x / comptime!(geometry.stride_width as u32);
                let mut meets = is_tap
                    & (out_y < comptime!(geometry.out_height as u32))
                    & (out_x < comptime!(geometry.out_width as u32));
                // Within a phase, the divisions leave no rest.
                if comptime!(geometry.step_height() != geometry.stride_height) {
                    meets = meets & (out_y * comptime!(geometry.stride_height as u32) == reach_y);
                }
                if comptime!(geometry.step_width() != geometry.stride_width) {
                    meets = meets & (out_x * comptime!(geometry.stride_width as u32) == reach_x);
                }
                let mut value = 0.0f32;
                if meets {
                    let place = out_y as usize * comptime!(geometry.out_width) + out_x as usize;
                    let index = row_image[row] as usize + place * comptime!(geometry.all_filters()) + filter;
                    value = before_relu(gradient, output, index);
                }
                four.insert(i, value);
            }
            gradients[term * comptime!(tile.row_pitch()) + quad] = four;
        }
    }
}

/// The weights of 16 terms for every channel. Neighbouring threads read neighbouring channels, or those of a linear layer neighbouring
/// filters.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_weights<N: Size>(
    weight: &[f32],
    weights: &mut Shared<[Vector<f32, N>]>,
    first_k: usize,
    first_column: usize,
    phase_y: usize,
    phase_x: usize,
    group: usize,
    unit: usize,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let quads = comptime!(tile.columns / 4);
    let n_threads = comptime!(tile.n_threads());
    let n_slots = comptime!(tile.columns / 4 * DEPTH);
    let is_linear = comptime!(geometry.weights == Weights::Linear);
    for pass in 0..comptime!((tile.columns / 4 * DEPTH).div_ceil(tile.n_threads())) {
        let slot = pass * n_threads + unit;
        let term = if is_linear { slot % comptime!(DEPTH) } else { slot / quads };
        let quad = if is_linear { slot / comptime!(DEPTH) } else { slot % quads };
        let k = first_k + term;
        let filter = k % comptime!(geometry.filters);
        let tap = k / comptime!(geometry.filters);
        let tap_y = phase_y + (tap / comptime!(geometry.phase_taps_width())) * comptime!(geometry.step_height());
        let tap_x = phase_x + (tap % comptime!(geometry.phase_taps_width())) * comptime!(geometry.step_width());
        let is_tap = (tap_y < comptime!(geometry.kernel_height)) & (tap_x < comptime!(geometry.kernel_width));
        if slot < n_slots {
            let mut four = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for i in 0..4usize {
                let column = first_column + quad * 4 + i;
                let mut value = 0.0f32;
                if is_tap & (column < comptime!(geometry.channels)) {
                    let index = if is_linear {
                        let row =
                            column * comptime!(geometry.taps()) + tap_y * comptime!(geometry.kernel_width) + tap_x;
                        row * comptime!(geometry.filters) + filter
                    } else {
                        let row =
                            (group * comptime!(geometry.filters) + filter) * comptime!(geometry.kernel_height) + tap_y;
                        (row * comptime!(geometry.kernel_width) + tap_x) * comptime!(geometry.channels) + column
                    };
                    value = weight[index];
                }
                four.insert(i, value);
            }
            weights[term * comptime!(tile.column_pitch()) + quad] = four;
        }
    }
}
