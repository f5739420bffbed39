//! Batch norm by a batch's own statistics, followed by a ReLU or not.
//!
//! burn reduces along an axis with a thread per result: a thread per channel, which would walk over all images alone. Here, places are cut
//! into pieces, each with work groups of its own, and pieces are merged in a fixed order. All tensors have their channels last, so that
//! neighbouring threads read neighbouring channels.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::geometry::pieces;
use super::product::{grid, group_in_layer};
use super::{statistics_length, sum, variance_start};

/// Threads of a work group.
const THREADS: usize = 256;

/// Channels of a work group that merges pieces. As many threads share a channel.
const MERGED: usize = 16;

/// Output and statistics: means, and from [`variance_start`] on biased variances. `maps` are contiguous, with their channels last.
pub(super) fn forward(
    maps: CubeTensor,
    scale: CubeTensor,
    shift: CubeTensor,
    epsilon: f32,
    relu: bool,
) -> (CubeTensor, CubeTensor) {
    let cut = Cut::new(&maps, &scale);
    let Cut { channels, n_rows, rows, n_pieces, .. } = cut;
    let client = maps.client.clone();
    let empty = |shape| empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    let partial = empty(Shape::new([n_pieces, statistics_length(channels)]));
    let statistics = empty(Shape::new([statistics_length(channels)]));
    let output = empty(Shape::new([n_rows, channels]));
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        moments_kernel::launch_unchecked(
            &client,
            cut.groups(),
            cut.group(),
            maps.clone().into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            n_rows as u32,
            rows as u32,
            channels,
            cut.columns,
        );
        merge_kernel::launch_unchecked(
            &client,
            grid(channels.div_ceil(MERGED), 1),
            CubeDim::new_2d(MERGED as u32, MERGED as u32),
            partial.into_buffer_arg(),
            statistics.clone().into_buffer_arg(),
            n_rows as u32,
            rows as u32,
            n_pieces as u32,
            channels,
        );
        output_kernel::launch_unchecked(
            &client,
            grid((n_rows * channels).div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            maps.into_buffer_arg(),
            statistics.clone().into_buffer_arg(),
            scale.into_buffer_arg(),
            shift.into_buffer_arg(),
            output.clone().into_buffer_arg(),
            (n_rows * channels) as u32,
            epsilon,
            channels,
            relu,
        );
    }
    (output, statistics)
}

/// What the backward pass reads.
pub(super) struct Passed {
    pub maps: CubeTensor,
    pub statistics: CubeTensor,
    pub scale: CubeTensor,
    pub shift: CubeTensor,
    pub epsilon: f32,
    pub relu: bool,
}

/// The gradient at the maps; and those of the shift, and from [`variance_start`] on of the scale.
pub(super) fn backward(passed: Passed, gradient: CubeTensor) -> (CubeTensor, CubeTensor) {
    let Passed { maps, statistics, scale, shift, epsilon, relu } = passed;
    let cut = Cut::new(&maps, &scale);
    let Cut { channels, n_rows, rows, n_pieces, .. } = cut;
    let client = maps.client.clone();
    let empty = |shape| empty_device_contiguous_dtype(client.clone(), maps.device.clone(), shape, maps.dtype);
    let partial = empty(Shape::new([n_pieces, statistics_length(channels)]));
    let data = empty(Shape::new([n_rows, channels]));
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        sums_kernel::launch_unchecked(
            &client,
            cut.groups(),
            cut.group(),
            maps.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            statistics.clone().into_buffer_arg(),
            scale.clone().into_buffer_arg(),
            shift.clone().into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            n_rows as u32,
            rows as u32,
            epsilon,
            channels,
            cut.columns,
            relu,
        );
    }
    let sums = sum::launch(partial);
    // SAFETY: every index is within the buffers of these shapes.
    unsafe {
        data_kernel::launch_unchecked(
            &client,
            grid((n_rows * channels).div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            maps.into_buffer_arg(),
            gradient.into_buffer_arg(),
            statistics.into_buffer_arg(),
            scale.into_buffer_arg(),
            shift.into_buffer_arg(),
            sums.clone().into_buffer_arg(),
            data.clone().into_buffer_arg(),
            n_rows as u32,
            epsilon,
            channels,
            relu,
        );
    }
    (data, sums)
}

/// How sums over all places are cut: each work group sums some channels over a piece of the rows.
#[derive(Clone, Copy)]
struct Cut {
    channels: usize,
    /// Places of all images, or vectors.
    n_rows: usize,
    /// Rows of a piece.
    rows: usize,
    n_pieces: usize,
    /// Channels of a work group.
    columns: usize,
}

impl Cut {
    fn new(maps: &CubeTensor, scale: &CubeTensor) -> Self {
        let channels = scale.meta.shape().num_elements();
        let n_rows = maps.meta.shape().num_elements() / channels.max(1);
        let columns = channels.next_power_of_two().clamp(16, 64);
        let (n_pieces, rows) = pieces(n_rows, channels.div_ceil(columns));
        Self { channels, n_rows, rows, n_pieces, columns }
    }

    fn groups(&self) -> CubeCount {
        CubeCount::Static(self.channels.div_ceil(self.columns) as u32, self.n_pieces as u32, 1)
    }

    fn group(&self) -> CubeDim {
        CubeDim::new_2d(self.columns as u32, (THREADS / self.columns) as u32)
    }
}

/// Mean and sum of squared distances from it, of every channel in every piece.
#[cube(launch_unchecked)]
fn moments_kernel(
    maps: &[f32],
    partial: &mut [f32],
    n_rows: u32,
    rows_per_piece: u32,
    #[comptime] channels: usize,
    #[comptime] columns: usize,
) {
    let channel = CUBE_POS_X as usize * columns + UNIT_POS_X as usize;
    let piece = CUBE_POS_Y as usize;
    let first = piece * rows_per_piece as usize;
    let end = row_limit(first, n_rows, rows_per_piece);
    let mut shared = Shared::<[f32]>::new_slice(comptime!(THREADS));
    let n_passes = rows_per_piece as usize / comptime!(THREADS / columns);

    let mut own = 0.0f32;
    for pass in 0..n_passes {
        let row = first + pass * comptime!(THREADS / columns) + UNIT_POS_Y as usize;
        if (row < end) & (channel < channels) {
            own += maps[row * channels + channel];
        }
    }
    let mean =
        column_total(&mut shared, own, columns, comptime!(THREADS / columns)) / f32::cast_from((end - first) as u32);
    let mut own = 0.0f32;
    for pass in 0..n_passes {
        let row = first + pass * comptime!(THREADS / columns) + UNIT_POS_Y as usize;
        if (row < end) & (channel < channels) {
            let distance = maps[row * channels + channel] - mean;
            own += distance * distance;
        }
    }
    let squares = column_total(&mut shared, own, columns, comptime!(THREADS / columns));
    if (UNIT_POS_Y == 0) & (channel < channels) {
        let start = piece * comptime!(statistics_length(channels)) + channel;
        partial[start] = mean;
        partial[start + comptime!(variance_start(channels))] = squares;
    }
}

/// Merges the moments of pieces: Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983.
#[cube(launch_unchecked)]
fn merge_kernel(
    partial: &[f32],
    statistics: &mut [f32],
    n_rows: u32,
    rows_per_piece: u32,
    n_pieces: u32,
    #[comptime] channels: usize,
) {
    let channel = group_in_layer() * comptime!(MERGED) + UNIT_POS_X as usize;
    let mut shared = Shared::<[f32]>::new_slice(comptime!(MERGED * MERGED));
    let n_passes = (n_pieces as usize + comptime!(MERGED - 1)) / comptime!(MERGED);
    let n_values = f32::cast_from(n_rows);

    let mut own = 0.0f32;
    for pass in 0..n_passes {
        let piece = pass * comptime!(MERGED) + UNIT_POS_Y as usize;
        if (piece < n_pieces as usize) & (channel < channels) {
            let first = piece * rows_per_piece as usize;
            let n = f32::cast_from((row_limit(first, n_rows, rows_per_piece) - first) as u32);
            own += n * partial[piece * comptime!(statistics_length(channels)) + channel];
        }
    }
    let mean = column_total(&mut shared, own, comptime!(MERGED), comptime!(MERGED)) / n_values;
    let mut own = 0.0f32;
    for pass in 0..n_passes {
        let piece = pass * comptime!(MERGED) + UNIT_POS_Y as usize;
        if (piece < n_pieces as usize) & (channel < channels) {
            let first = piece * rows_per_piece as usize;
            let n = f32::cast_from((row_limit(first, n_rows, rows_per_piece) - first) as u32);
            let start = piece * comptime!(statistics_length(channels)) + channel;
            let distance = partial[start] - mean;
            own += partial[start + comptime!(variance_start(channels))] + n * distance * distance;
        }
    }
    let squares = column_total(&mut shared, own, comptime!(MERGED), comptime!(MERGED));
    if (UNIT_POS_Y == 0) & (channel < channels) {
        statistics[channel] = mean;
        statistics[channel + comptime!(variance_start(channels))] = squares / n_values;
    }
}

#[cube(launch_unchecked)]
fn output_kernel(
    maps: &[f32],
    statistics: &[f32],
    scale: &[f32],
    shift: &[f32],
    output: &mut [f32],
    n_values: u32,
    epsilon: f32,
    #[comptime] channels: usize,
    #[comptime] relu: bool,
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_values as usize {
        let channel = index % channels;
        let normalized =
            (maps[index] - statistics[channel]) * inverse_deviation(statistics, channel, epsilon, channels);
        let value = normalized * scale[channel] + shift[channel];
        // Not the maximum of both: NaN passes, as it does on the CPU.
        output[index] = if comptime!(relu) { select(value <= 0.0f32, 0.0f32, value) } else { value };
    }
}

/// The sums of the gradient, and of its products with the normalized values, of every channel in every piece.
#[cube(launch_unchecked)]
fn sums_kernel(
    maps: &[f32],
    gradient: &[f32],
    statistics: &[f32],
    scale: &[f32],
    shift: &[f32],
    partial: &mut [f32],
    n_rows: u32,
    rows_per_piece: u32,
    epsilon: f32,
    #[comptime] channels: usize,
    #[comptime] columns: usize,
    #[comptime] relu: bool,
) {
    let channel = CUBE_POS_X as usize * columns + UNIT_POS_X as usize;
    let piece = CUBE_POS_Y as usize;
    let first = piece * rows_per_piece as usize;
    let end = row_limit(first, n_rows, rows_per_piece);
    let mut shared = Shared::<[f32]>::new_slice(comptime!(THREADS));
    let n_passes = rows_per_piece as usize / comptime!(THREADS / columns);

    let mut own_sum = 0.0f32;
    let mut own_products = 0.0f32;
    if channel < channels {
        let mean = statistics[channel];
        let inverse = inverse_deviation(statistics, channel, epsilon, channels);
        let (factor, offset) = (scale[channel], shift[channel]);
        for pass in 0..n_passes {
            let row = first + pass * comptime!(THREADS / columns) + UNIT_POS_Y as usize;
            if row < end {
                let index = row * channels + channel;
                let normalized = (maps[index] - mean) * inverse;
                let arrived = before_relu(gradient[index], normalized * factor + offset, relu);
                own_sum += arrived;
                own_products += arrived * normalized;
            }
        }
    }
    let sum = column_total(&mut shared, own_sum, columns, comptime!(THREADS / columns));
    let products = column_total(&mut shared, own_products, columns, comptime!(THREADS / columns));
    if (UNIT_POS_Y == 0) & (channel < channels) {
        let start = piece * comptime!(statistics_length(channels)) + channel;
        partial[start] = sum;
        partial[start + comptime!(variance_start(channels))] = products;
    }
}

/// `dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂))`
#[cube(launch_unchecked)]
fn data_kernel(
    maps: &[f32],
    gradient: &[f32],
    statistics: &[f32],
    scale: &[f32],
    shift: &[f32],
    sums: &[f32],
    data: &mut [f32],
    n_rows: u32,
    epsilon: f32,
    #[comptime] channels: usize,
    #[comptime] relu: bool,
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_rows as usize * channels {
        let channel = index % channels;
        let inverse = inverse_deviation(statistics, channel, epsilon, channels);
        let normalized = (maps[index] - statistics[channel]) * inverse;
        let factor = scale[channel];
        let arrived = before_relu(gradient[index], normalized * factor + shift[channel], relu);
        let part = 1.0f32 / f32::cast_from(n_rows);
        let mean = sums[channel] * part;
        let mean_product = sums[channel + comptime!(variance_start(channels))] * part;
        data[index] = factor * inverse * (arrived - mean - normalized * mean_product);
    }
}

/// The row after the last of a piece.
#[cube]
fn row_limit(first: usize, n_rows: u32, rows_per_piece: u32) -> usize {
    let end = first + rows_per_piece as usize;
    select(end < n_rows as usize, end, n_rows as usize)
}

#[cube]
fn inverse_deviation(statistics: &[f32], channel: usize, epsilon: f32, #[comptime] channels: usize) -> f32 {
    1.0f32 / (statistics[channel + comptime!(variance_start(channels))] + epsilon).sqrt()
}

/// The gradient before the ReLU that a value passed, if it did.
#[cube]
fn before_relu(gradient: f32, value: f32, #[comptime] relu: bool) -> f32 {
    if comptime!(relu) { select(value <= 0.0f32, 0.0f32, gradient) } else { gradient }
}

/// The sum of a work group's column, for each of its threads.
#[cube]
fn column_total(shared: &mut Shared<[f32]>, own: f32, #[comptime] columns: usize, #[comptime] rows: usize) -> f32 {
    // What the last sum read may be overwritten.
    sync_cube();
    shared[UNIT_POS_Y as usize * columns + UNIT_POS_X as usize] = own;
    sync_cube();
    let mut total = 0.0f32;
    for row in 0..rows {
        total += shared[row * columns + UNIT_POS_X as usize];
    }
    total
}
