//! The forward pass: a product of patches and weights, with bias and ReLU.
//!
//! `output[m, f] = Σₖ patch(m, k) · weight[f, k] + bias[f]`, where `m` counts the places of all output maps and `k` the taps of the kernel
//! with their channels. Patches are never written to memory: a work group reads what it needs of them, 16 terms at a time.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::geometry::{DEPTH, Geometry, OUTSIDE, Order, Tile, Weights, product_tile};
use super::product::{grid, group_in_layer, is_in_maps, linear_row, multiply, place_in_image};

/// `maps` and `weight` are contiguous in the orders of the geometry; so is the output, channels last: `[images, height, width, filters]`.
pub(super) fn launch(
    maps: CubeTensor,
    weight: CubeTensor,
    bias: Option<CubeTensor>,
    n_images: usize,
    geometry: Geometry,
    relu: bool,
) -> CubeTensor {
    let (client, n_rows) = (maps.client.clone(), n_images * geometry.out_places());
    let shape = Shape::new([n_images, geometry.out_height, geometry.out_width, geometry.all_filters()]);
    let output = empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    if n_rows == 0 {
        return output;
    }
    let tile = product_tile(n_rows, geometry.filters, geometry.groups);
    let n_layers = geometry.filters.div_ceil(tile.columns) * geometry.groups;
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        forward_kernel::launch_unchecked(
            &client,
            grid(n_rows.div_ceil(tile.rows), n_layers),
            CubeDim::new_1d(tile.n_threads() as u32),
            4,
            maps.into_buffer_arg(),
            weight.into_buffer_arg(),
            bias.map(|bias| bias.into_buffer_arg()).into(),
            output.clone().into_buffer_arg(),
            n_rows as u32,
            geometry,
            tile,
            relu,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn forward_kernel<N: Size>(
    maps: &[f32],
    weight: &[f32],
    bias: ComptimeOption<&[f32]>,
    output: &mut [f32],
    n_rows: u32,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
    #[comptime] relu: bool,
) {
    let unit = UNIT_POS as usize;
    let n_rows = n_rows as usize;
    let n_column_tiles = comptime!(geometry.filters.div_ceil(tile.columns));
    let first_row = group_in_layer() * comptime!(tile.rows);
    let first_column = (CUBE_POS_Z as usize % n_column_tiles) * comptime!(tile.columns);
    let group = CUBE_POS_Z as usize / n_column_tiles;

    // Where each row's patch begins in its image, and where its image begins: computed once, not for each term.
    let mut row_y = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let mut row_x = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let mut row_image = Shared::<[u32]>::new_slice(comptime!(tile.rows));
    let n_threads = comptime!(tile.n_threads());
    for pass in 0..comptime!(tile.rows.div_ceil(tile.n_threads())) {
        let row = pass * n_threads + unit;
        if row < comptime!(tile.rows) {
            let m = first_row + row;
            let place = m % comptime!(geometry.out_places());
            let y = (place / comptime!(geometry.out_width)) * comptime!(geometry.stride_height);
            let x = (place % comptime!(geometry.out_width)) * comptime!(geometry.stride_width);
            let image = m / comptime!(geometry.out_places());
            let first_y = y as u32 - comptime!(geometry.pad_height as u32);
            row_y[row] = select(m < n_rows, first_y, comptime!(OUTSIDE).runtime());
            row_x[row] = x as u32 - comptime!(geometry.pad_width as u32);
            row_image[row] = (image * comptime!(geometry.image_values())) as u32;
        }
    }
    sync_cube();

    let mut patches = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.row_pitch()));
    let mut weights = Shared::<[Vector<f32, N>]>::new_slice(comptime!(DEPTH * tile.column_pitch()));
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0f32);
    }
    for step in 0..comptime!(geometry.depth().div_ceil(DEPTH)) {
        let first_k = step * comptime!(DEPTH);
        read_patches::<N>(maps, &mut patches, &row_y, &row_x, &row_image, first_k, group, unit, geometry, tile);
        read_weights::<N>(weight, &mut weights, first_k, first_column, group, unit, geometry, tile);
        sync_cube();
        multiply::<N>(&mut sums, &patches, &weights, unit, tile);
        sync_cube();
    }

    let row_quad = unit / comptime!(tile.columns / 4);
    let column_quad = unit % comptime!(tile.columns / 4);
    #[unroll]
    for i in 0..4usize {
        let m = first_row + row_quad * 4 + i;
        let sum = sums[i];
        #[unroll]
        for j in 0..4usize {
            let column = first_column + column_quad * 4 + j;
            if (m < n_rows) & (column < comptime!(geometry.filters)) {
                let filter = group * comptime!(geometry.filters) + column;
                let value = with_bias(sum.extract(j), &bias, filter);
                // Not the maximum of both: NaN passes, as it does on the CPU.
                let value = if comptime!(relu) { select(value <= 0.0f32, 0.0f32, value) } else { value };
                output[m * comptime!(geometry.all_filters()) + filter] = value;
            }
        }
    }
}

#[cube]
pub(super) fn with_bias(sum: f32, bias: &ComptimeOption<&[f32]>, filter: usize) -> f32 {
    #[comptime]
    let value = match bias {
        ComptimeOption::Some(bias) => sum + bias[filter],
        ComptimeOption::None => sum,
    };
    value
}

/// 16 terms of every row: each thread reads four rows at one term. Neighbouring threads read neighbouring channels, or, where there are few
/// channels, neighbouring places.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_patches<N: Size>(
    maps: &[f32],
    patches: &mut Shared<[Vector<f32, N>]>,
    row_y: &Shared<[u32]>,
    row_x: &Shared<[u32]>,
    row_image: &Shared<[u32]>,
    first_k: usize,
    group: usize,
    unit: usize,
    #[comptime] geometry: Geometry,
    #[comptime] tile: Tile,
) {
    let quads = comptime!(tile.rows / 4);
    let n_threads = comptime!(tile.n_threads());
    let n_slots = comptime!(tile.rows / 4 * DEPTH);
    let along_channels = comptime!(geometry.channels >= 8 && geometry.order == Order::Last);
    for pass in 0..comptime!((tile.rows / 4 * DEPTH).div_ceil(tile.n_threads())) {
        let slot = pass * n_threads + unit;
        let term = if along_channels { slot % comptime!(DEPTH) } else { slot / quads };
        let quad = if along_channels { slot / comptime!(DEPTH) } else { slot % quads };
        let k = first_k + term;
        let channel = group * comptime!(geometry.channels) + k % comptime!(geometry.channels);
        let tap = k / comptime!(geometry.channels);
        let tap_y = (tap / comptime!(geometry.kernel_width)) * comptime!(geometry.dilation_height);
        let tap_x = (tap % comptime!(geometry.kernel_width)) * comptime!(geometry.dilation_width);
        if slot < n_slots {
            let mut patch = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for i in 0..4usize {
                let row = quad * 4 + i;
                let y = row_y[row] + tap_y as u32;
                let x = row_x[row] + tap_x as u32;
                let mut value = 0.0f32;
                if (k < comptime!(geometry.depth())) & is_in_maps(y, x, geometry) {
                    value = maps[row_image[row] as usize + place_in_image(y as usize, x as usize, channel, geometry)];
                }
                patch.insert(i, value);
            }
            // In one piece: `insert` into workgroup memory would write its neighbours, too.
            patches[term * comptime!(tile.row_pitch()) + quad] = patch;
        }
    }
}

/// 16 terms of every column.
#[cube]
#[allow(clippy::too_many_arguments, reason = "a kernel has no structs of buffers")]
fn read_weights<N: Size>(
    weight: &[f32],
    weights: &mut Shared<[Vector<f32, N>]>,
    first_k: usize,
    first_column: usize,
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
        let term = if is_linear { slot / quads } else { slot % comptime!(DEPTH) };
        let quad = if is_linear { slot % quads } else { slot / comptime!(DEPTH) };
        let k = first_k + term;
        if slot < n_slots {
            let mut four = Vector::<f32, N>::new(0.0f32);
            #[unroll]
            for i in 0..4usize {
                let column = first_column + quad * 4 + i;
                let mut value = 0.0f32;
                if (k < comptime!(geometry.depth())) & (column < comptime!(geometry.filters)) {
                    let index = if is_linear {
                        linear_row(k, geometry) * comptime!(geometry.filters) + column
                    } else {
                        (group * comptime!(geometry.filters) + column) * comptime!(geometry.depth()) + k
                    };
                    value = weight[index];
                }
                four.insert(i, value);
            }
            weights[term * comptime!(tile.column_pitch()) + quad] = four;
        }
    }
}
