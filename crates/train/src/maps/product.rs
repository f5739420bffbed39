//! What the products of all kernels share: 4 × 4 sums a thread, over terms in workgroup memory.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::geometry::{DEPTH, Geometry, Order, Tile};

/// Adds the products of [`DEPTH`] terms to a thread's sums: 4 rows, each a vector of 4 columns.
#[cube]
pub(super) fn multiply<N: Size>(
    sums: &mut Array<Vector<f32, N>>,
    rows: &Shared<[Vector<f32, N>]>,
    columns: &Shared<[Vector<f32, N>]>,
    unit: usize,
    #[comptime] tile: Tile,
) {
    let row_quad = unit / comptime!(tile.columns / 4);
    let column_quad = unit % comptime!(tile.columns / 4);
    // Unrolled by drivers: here it would take browsers several times longer to compile.
    for term in 0..comptime!(DEPTH) {
        let row = rows[term * comptime!(tile.row_pitch()) + row_quad];
        let column = columns[term * comptime!(tile.column_pitch()) + column_quad];
        #[unroll]
        for i in 0..4usize {
            sums[i] = fma(Vector::new(row.extract(i)), column, sums[i]);
        }
    }
}

/// Work groups in a row of a grid; WebGPU allows 65,535.
const GRID_ROW: usize = 1 << 15;

/// A grid of `n_groups` work groups in rows of [`GRID_ROW`], with `n_layers` such layers.
pub(super) fn grid(n_groups: usize, n_layers: usize) -> CubeCount {
    CubeCount::Static(n_groups.min(GRID_ROW) as u32, n_groups.div_ceil(GRID_ROW) as u32, n_layers as u32)
}

/// This work group among those of its layer of a [`grid`].
#[cube]
pub(super) fn group_in_layer() -> usize {
    CUBE_POS_Y as usize * comptime!(GRID_ROW) + CUBE_POS_X as usize
}

/// Whether a place is in the layer's input. Coordinates before the first have wrapped around, so that they are larger than any side.
#[cube]
pub(super) fn is_in_maps(y: u32, x: u32, #[comptime] geometry: Geometry) -> bool {
    // Not `&&`, which would branch.
    (y < comptime!(geometry.height as u32)) & (x < comptime!(geometry.width as u32))
}

/// Where a value of the layer's input lies in its image.
#[cube]
pub(super) fn place_in_image(y: usize, x: usize, channel: usize, #[comptime] geometry: Geometry) -> usize {
    if comptime!(geometry.order == Order::Last) {
        (y * comptime!(geometry.width) + x) * comptime!(geometry.all_channels()) + channel
    } else {
        (channel * comptime!(geometry.height) + y) * comptime!(geometry.width) + x
    }
}

/// The row of a linear layer's weights for a term: they count channel by channel, terms place by place.
#[cube]
pub(super) fn linear_row(k: usize, #[comptime] geometry: Geometry) -> usize {
    (k % comptime!(geometry.channels)) * comptime!(geometry.taps()) + k / comptime!(geometry.channels)
}

/// The gradient before the ReLU that the layer's output passed, if it did: none where the output is not positive. NaN passes, as it does in
/// burn.
#[cube]
pub(super) fn before_relu(gradient: &[f32], output: &ComptimeOption<&[f32]>, index: usize) -> f32 {
    #[comptime]
    let passed = match output {
        ComptimeOption::Some(output) => select(output[index] <= 0.0f32, 0.0f32, gradient[index]),
        ComptimeOption::None => gradient[index],
    };
    passed
}
