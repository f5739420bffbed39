//! The weight gradient of a convolution: sums of products of input and output gradient over all places and images.
//!
//! The innermost loop keeps the sums of a tile, some input channels times some filters, in registers while it goes along places; the sum over
//! the lanes comes last.

use pulp::Simd;

use super::{Conv, WeightOrder};
use crate::blocks::Blocks;
use crate::simd::{self, Kernel, groups};
use crate::threads;

/// Input channels and filters of a tile. Fused multiplication leaves registers for more.
const TILE_CHANNELS: usize = if cfg!(target_arch = "wasm32") { 2 } else { 3 };
const TILE_FILTERS: usize = 4;

/// Places whose products are summed before the lanes are.
const PLACES: usize = 64;

/// In the order of the convolution's weights.
pub(super) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plan = Plan::new(conv);
    let n_inputs = conv.channels * conv.size[0] * conv.size[1];
    let n_outputs = conv.filters * plan.output[0] * plan.output[1];
    let pairs: Vec<_> = blocks.split(input, n_inputs).zip(blocks.split(gradient, n_outputs)).collect();
    let sums = if plan.output == [1, 1] {
        // As many places as blocks: every thread takes some rows of the sums over all of them.
        let row_values = conv.group_filters();
        let n_rows = plan.n_sums() / row_values.max(1);
        let rows_in_part = n_rows.div_ceil(threads::count()).max(1);
        let mut sums = vec![0.0; plan.n_sums()];
        if plan.is_whole() {
            let wide = blocks.n_slots() / blocks.wide() * blocks.wide();
            let parts = sums.chunks_mut(rows_in_part * row_values).enumerate().collect();
            threads::for_each(parts, |(part, sums)| {
                let (inputs, gradients) = (input.split_at(wide * n_inputs), gradient.split_at(wide * n_outputs));
                for (input, gradient, width) in
                    [(inputs.0, gradients.0, blocks.wide()), (inputs.1, gradients.1, blocks.n_slots() - wide)]
                {
                    if width > 0 {
                        let first_row = part * rows_in_part;
                        simd::run(Products { input, gradient, sums: &mut *sums, n_inputs, first_row, row_values }, width);
                    }
                }
            });
        } else {
            pairs.iter().for_each(|&(input, gradient)| plan.add(conv, input, gradient, &mut sums));
        }
        sums
    } else {
        // Every thread sums some blocks.
        let in_part = pairs.len().div_ceil(threads::count()).max(1);
        let parts = pairs.chunks(in_part).collect();
        let parts = threads::map(parts, |pairs: &[(&[f32], &[f32])]| {
            let mut sums = vec![0.0; plan.n_sums()];
            pairs.iter().for_each(|&(input, gradient)| plan.add(conv, input, gradient, &mut sums));
            sums
        });
        total(parts)
    };
    plan.ordered(conv, &sums)
}

/// The sum of equally long vectors.
pub(super) fn total(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
    }
    total
}

/// Where a convolution's taps meet places.
struct Plan {
    /// `[height, width]`
    output: [usize; 2],
    kernel: [usize; 2],
    channels: usize,
    filters: usize,
    groups: usize,
    segments: Vec<Segment>,
}

/// Taps of a row that, moved over output places of a row that follow each other, all meet input places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    tap: usize,
    n_taps: usize,
    first_output: usize,
    n_outputs: usize,
    /// The place that the first tap meets from the first output place.
    first_input: usize,
}

impl Plan {
    fn new(conv: &Conv) -> Self {
        let output = conv.output();
        let segments = segments(conv, output[1]);
        let (channels, filters) = (conv.group_channels(), conv.group_filters());
        Self { output, kernel: conv.kernel, channels, filters, groups: conv.groups, segments }
    }

    /// `[groups][rows][columns][channels][filters]`
    fn n_sums(&self) -> usize {
        self.groups * self.kernel[0] * self.kernel[1] * self.channels * self.filters
    }

    /// Whether the kernel covers the whole map, so that input and sums have the same order.
    fn is_whole(&self) -> bool {
        matches!(self.segments[..], [Segment { tap: 0, n_taps, first_input: 0, .. }] if self.kernel[0] == 1 && n_taps == self.kernel[1])
    }

    /// Adds the products of one block.
    fn add(&self, conv: &Conv, input: &[f32], gradient: &[f32], sums: &mut [f32]) {
        let width = gradient.len() / (self.output[0] * self.output[1] * conv.filters).max(1);
        simd::run(Block { plan: self, conv, input, gradient, sums }, width);
    }

    /// From the order of the sums to that of the weights.
    fn ordered(&self, conv: &Conv, sums: &[f32]) -> Vec<f32> {
        let [height, width] = self.kernel;
        let taps = height * width;
        let mut weights = vec![0.0; sums.len()];
        let (n_channels, n_filters) = (self.channels, self.filters);
        match conv.weights {
            WeightOrder::Conv => {
                for (row, sums) in sums.chunks_exact(n_filters.max(1)).enumerate() {
                    let (group, tap, channel) = (row / (taps * n_channels), row / n_channels % taps, row % n_channels);
                    let first = (group * n_filters * n_channels + channel) * taps + tap;
                    let places = weights[first..].iter_mut().step_by(n_channels * taps);
                    places.zip(sums).for_each(|(weight, sum)| *weight = *sum);
                }
            }
            WeightOrder::Linear => {
                for (row, sums) in sums.chunks_exact(n_filters.max(1)).enumerate() {
                    let (tap, channel) = (row / n_channels, row % n_channels);
                    weights[(channel * taps + tap) * n_filters..][..n_filters].copy_from_slice(sums);
                }
            }
        }
        weights
    }
}

/// One segment with all taps where all of them meet places, and one for each tap beside it.
fn segments(conv: &Conv, n_outputs: usize) -> Vec<Segment> {
    let (stride, padding, dilation) = (conv.stride[1], conv.padding[1], conv.dilation[1]);
    let (n_taps, n_inputs) = (conv.kernel[1], conv.size[1]);
    let meets = |output: usize, tap: usize| {
        (output * stride + tap * dilation).checked_sub(padding).filter(|input| *input < n_inputs)
    };
    // The output places from which a tap meets input places.
    let range = |tap: usize| {
        let first = (0..n_outputs).find(|&output| meets(output, tap).is_some()).unwrap_or(n_outputs);
        let end = (first..n_outputs).find(|&output| meets(output, tap).is_none()).unwrap_or(n_outputs);
        (first, end)
    };
    let segment = |tap, n_taps, first_output: usize, end: usize| {
        (first_output < end).then(|| Segment {
            tap,
            n_taps,
            first_output,
            n_outputs: end - first_output,
            first_input: first_output * stride + tap * dilation - padding,
        })
    };
    let ranges: Vec<_> = (0..n_taps).map(range).collect();
    let common = ranges.iter().fold((0, n_outputs), |all, range| (all.0.max(range.0), all.1.min(range.1)));
    if dilation == 1 && conv.groups == 1 && common.0 < common.1 {
        let beside = ranges.iter().enumerate().flat_map(|(tap, &(first, end))| {
            [segment(tap, 1, first, common.0), segment(tap, 1, common.1, end)]
        });
        return std::iter::once(segment(0, n_taps, common.0, common.1)).chain(beside).flatten().collect();
    }
    ranges.iter().enumerate().filter_map(|(tap, &(first, end))| segment(tap, 1, first, end)).collect()
}

/// The products of one block.
struct Block<'a> {
    plan: &'a Plan,
    conv: &'a Conv,
    input: &'a [f32],
    gradient: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { plan, conv, input, gradient, sums } = self;
        let (input, gradient) = (groups::<S, V>(input), groups::<S, V>(gradient));
        let [n_rows, n_columns] = plan.output;
        let [height, width] = plan.kernel;
        let group_sums = height * width * plan.channels * plan.filters;
        // Narrow maps are taken several rows at a time, by a third loop inside of the tile's.
        let rows_at_once = (PLACES / n_columns.max(1)).max(1);
        for first_row in (0..n_rows).step_by(rows_at_once) {
            let rows = first_row..(first_row + rows_at_once).min(n_rows);
            for tap_row in 0..height {
                let meets = |row: usize| {
                    let place = (row * conv.stride[0] + tap_row * conv.dilation[0]).checked_sub(conv.padding[0])?;
                    (place < conv.size[0]).then_some(place)
                };
                let Some(start) = rows.clone().find(|&row| meets(row).is_some()) else { continue };
                let Some(input_row) = meets(start) else { continue };
                let n_rows = (start..rows.end).take_while(|&row| meets(row).is_some()).count();
                for segment in &plan.segments {
                    for group in 0..plan.groups {
                        let place = input_row * conv.size[1] + segment.first_input;
                        let walk = Walk::<S, V> {
            simd,
                            input: &input[place * conv.channels + group * plan.channels..],
                            input_row: conv.stride[0] * conv.size[1] * conv.channels,
                            input_step: conv.stride[1] * conv.channels,
                            gradient: &gradient[(start * n_columns + segment.first_output) * conv.filters + group * plan.filters..],
                            gradient_row: n_columns * conv.filters,
                            gradient_step: conv.filters,
                            n_rows,
                            n_places: segment.n_outputs,
                        };
                        let first = (tap_row * width + segment.tap) * plan.channels * plan.filters;
                        let n_rows = segment.n_taps * plan.channels;
                        let sums = &mut sums[group * group_sums + first..][..n_rows * plan.filters];
                        walk.add_products(n_rows, plan.filters, sums);
                    }
                }
            }
        }
    }
}

/// The products of whole blocks of one width, where each is one place.
struct Products<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    /// Some rows of the sums.
    sums: &'a mut [f32],
    n_inputs: usize,
    first_row: usize,
    row_values: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { input, gradient, sums, n_inputs, first_row, row_values } = self;
        let input = groups::<S, V>(input);
        let n_places = input.len() / n_inputs.max(1);
        let walk = Walk::<S, V> {
            simd,
            input: &input[first_row..],
            input_row: 0,
            input_step: n_inputs,
            gradient: groups::<S, V>(gradient),
            gradient_row: 0,
            gradient_step: row_values,
            n_rows: 1,
            n_places,
        };
        let n_rows = sums.len() / row_values.max(1);
        walk.add_products(n_rows, row_values, sums);
    }
}

/// Places of input and gradient that belong together: rows of them, with the steps from place to place and row to row.
pub(super) struct Walk<'a, S: Simd, const V: usize> {
    pub simd: S,
    pub input: &'a [[S::f32s; V]],
    pub input_row: usize,
    pub input_step: usize,
    pub gradient: &'a [[S::f32s; V]],
    pub gradient_row: usize,
    pub gradient_step: usize,
    pub n_rows: usize,
    pub n_places: usize,
}

impl<S: Simd, const V: usize> Walk<'_, S, V> {
    /// Adds to `sums[i][f]`, for `n_inputs` inputs and `n_filters` filters that follow each other, the products over all places and images.
    #[inline(always)]
    pub fn add_products(&self, n_inputs: usize, n_filters: usize, sums: &mut [f32]) {
        for first_input in (0..n_inputs).step_by(TILE_CHANNELS) {
            for first_filter in (0..n_filters).step_by(TILE_FILTERS) {
                let sums = &mut sums[first_input * n_filters + first_filter..];
                macro_rules! tile {
                    ($t:literal, $f:literal) => {
                        for (row, tile) in self.tile::<$t, $f>(first_input, first_filter).into_iter().enumerate() {
                            sums[row * n_filters..].iter_mut().zip(tile).for_each(|(sum, value)| *sum += value);
                        }
                    };
                }
                match ((n_inputs - first_input).min(TILE_CHANNELS), (n_filters - first_filter).min(TILE_FILTERS)) {
                    (3, 4) => tile!(3, 4),
                    (3, 3) => tile!(3, 3),
                    (3, 2) => tile!(3, 2),
                    (3, _) => tile!(3, 1),
                    (2, 4) => tile!(2, 4),
                    (2, 3) => tile!(2, 3),
                    (2, 2) => tile!(2, 2),
                    (2, _) => tile!(2, 1),
                    (_, 4) => tile!(1, 4),
                    (_, 3) => tile!(1, 3),
                    (_, 2) => tile!(1, 2),
                    _ => tile!(1, 1),
                }
            }
        }
    }

    #[inline(always)]
    fn tile<const T: usize, const F: usize>(&self, first_input: usize, first_filter: usize) -> [[f32; F]; T] {
        let simd = self.simd;
        let mut sums = [[simd.splat_f32s(0.0); F]; T];
        let (Some(last_row), Some(last_place)) = (self.n_rows.checked_sub(1), self.n_places.checked_sub(1)) else {
            return [[0.0; F]; T];
        };
        assert!(last_row * self.input_row + last_place * self.input_step + first_input + T <= self.input.len());
        assert!(last_row * self.gradient_row + last_place * self.gradient_step + first_filter + F <= self.gradient.len());
        for row in 0..self.n_rows {
            let (mut i, mut g) = (row * self.input_row + first_input, row * self.gradient_row + first_filter);
            for _ in 0..self.n_places {
                // SAFETY: no place lies beyond the last one of the last row, which the assertions found inside. Checked in this loop, the
                // indices would take more instructions than the products.
                let (input, gradient) = unsafe {
                    let input = self.input.as_ptr().add(i).cast::<[[S::f32s; V]; T]>();
                    let gradient = self.gradient.as_ptr().add(g).cast::<[[S::f32s; V]; F]>();
                    (&*input, &*gradient)
                };
                for v in 0..V {
                    for t in 0..T {
                        for f in 0..F {
                            sums[t][f] = simd.mul_add_e_f32s(input[t][v], gradient[f][v], sums[t][f]);
                        }
                    }
                }
                i += self.input_step;
                g += self.gradient_step;
            }
        }
        sums.map(|sums| sums.map(|sum| simd.reduce_sum_f32s(sum)))
    }
}
