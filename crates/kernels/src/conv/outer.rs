//! The weight gradient of a convolution: sums of products of input and output gradient over all places and images ([`products`]).
//!
//! For each row of the kernel, taps that move over the same places of a row are taken together, as rows of the sums that follow each other.
//!
//! [`products`]: super::products

use std::ops::Range;

use pulp::Simd;
use pulp::bytemuck::cast_slice_mut;

use super::products::{Summands, Walk, sums, turn};
use super::{Conv, WeightOrder};
use crate::blocks::Blocks;
use crate::simd::{self, Kernel, groups};
use crate::threads::Threads;

/// Places whose gradients are turned at once: they stay in the cache.
const PLACES: usize = 32;

/// In the order of the convolution's weights.
pub(super) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plan = Plan::new(conv, blocks);
    let n_inputs = conv.channels * conv.size[0] * conv.size[1];
    let n_outputs = conv.filters * plan.output[0] * plan.output[1];
    let threads =
        Threads::for_work([blocks.n_slots(), plan.output[0] * plan.output[1], plan.n_rows(), conv.group_filters()]);
    let sums = sums(
        blocks,
        threads,
        [input, gradient],
        [n_inputs, n_outputs],
        [plan.n_rows(), plan.row_values],
        |summands, sums| {
            let width = summands.width;
            simd::run(Products { plan: &plan, conv, summands, sums }, width);
        },
    );
    plan.ordered(conv, &sums)
}

/// Where a convolution's taps meet places, and the order of the sums: rows `[groups][rows][columns][channels]` of filters.
struct Plan {
    /// `[height, width]`
    output: [usize; 2],
    kernel: [usize; 2],
    /// Of a group.
    channels: usize,
    filters: usize,
    groups: usize,
    /// A row's filters fill whole vectors.
    row_values: usize,
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
    fn new(conv: &Conv, blocks: Blocks) -> Self {
        let output = conv.output();
        let segments = segments(conv, output[1]);
        let (channels, filters) = (conv.group_channels(), conv.group_filters());
        let row_values = blocks.whole_vectors(filters);
        Self { output, kernel: conv.kernel, channels, filters, groups: conv.groups, row_values, segments }
    }

    fn n_rows(&self) -> usize {
        self.groups * self.kernel[0] * self.kernel[1] * self.channels
    }

    /// From the order of the sums to that of the weights.
    fn ordered(&self, conv: &Conv, sums: &[f32]) -> Vec<f32> {
        let [height, width] = self.kernel;
        let taps = height * width;
        let (n_channels, n_filters) = (self.channels, self.filters);
        let mut weights = vec![0.0; self.n_rows() * n_filters];
        let rows = sums.chunks_exact(self.row_values.max(1)).map(|row| &row[..n_filters]);
        match conv.weights {
            WeightOrder::Conv => {
                for (row, sums) in rows.enumerate() {
                    let (group, tap, channel) = (row / (taps * n_channels), row / n_channels % taps, row % n_channels);
                    let first = (group * n_filters * n_channels + channel) * taps + tap;
                    let places = weights[first..].iter_mut().step_by(n_channels * taps);
                    places.zip(sums).for_each(|(weight, sum)| *weight = *sum);
                }
            }
            WeightOrder::Linear => {
                for (row, sums) in rows.enumerate() {
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
        let beside = ranges
            .iter()
            .enumerate()
            .flat_map(|(tap, &(first, end))| [segment(tap, 1, first, common.0), segment(tap, 1, common.1, end)]);
        return std::iter::once(segment(0, n_taps, common.0, common.1)).chain(beside).flatten().collect();
    }
    ranges.iter().enumerate().filter_map(|(tap, &(first, end))| segment(tap, 1, first, end)).collect()
}

/// Some rows of the sums over blocks of one width.
struct Products<'a> {
    plan: &'a Plan,
    conv: &'a Conv,
    summands: Summands<'a>,
    sums: &'a mut [f32],
}

/// Rows of the output that meet input in one row of the kernel.
struct Meeting {
    tap_row: usize,
    first_row: usize,
    n_rows: usize,
    first_input_row: usize,
}

impl Products<'_> {
    /// Where each row of the kernel meets the input from a strip of the output's rows.
    fn meetings(&self, strip: Range<usize>) -> impl Iterator<Item = Meeting> {
        let conv = self.conv;
        (0..conv.kernel[0]).filter_map(move |tap_row| {
            let meets = |row: usize| {
                let place = (row * conv.stride[0] + tap_row * conv.dilation[0]).checked_sub(conv.padding[0])?;
                (place < conv.size[0]).then_some(place)
            };
            let first_row = strip.clone().find(|&row| meets(row).is_some())?;
            let n_rows = (first_row..strip.end).take_while(|&row| meets(row).is_some()).count();
            Some(Meeting { tap_row, first_row, n_rows, first_input_row: meets(first_row)? })
        })
    }

    /// The rows of the sums that a segment has to a group, as far as they are wanted, and the first one of all that it has.
    fn rows(&self, tap_row: usize, segment: &Segment, group: usize) -> (Range<usize>, usize) {
        let plan = self.plan;
        let first = ((group * plan.kernel[0] + tap_row) * plan.kernel[1] + segment.tap) * plan.channels;
        let rows = &self.summands.rows;
        (first.max(rows.start)..(first + segment.n_taps * plan.channels).min(rows.end), first)
    }
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(mut self, simd: S) {
        let sums: &mut [S::f32s] = cast_slice_mut(std::mem::take(&mut self.sums));
        let Self { plan, conv, summands: Summands { ref rows, input, gradient, .. }, .. } = self;
        let input = groups::<S, V>(input);
        let images = V * S::F32_LANES;
        let [n_rows, n_columns] = plan.output;
        let (n_inputs, n_outputs) = (conv.size[0] * conv.size[1] * conv.channels, n_rows * n_columns * conv.filters);
        let n_blocks = gradient.len() / (n_outputs * images).max(1);
        let n_vectors = plan.row_values / S::F32_LANES;
        // Turned gradients of a group of filters in a place, and of all of them.
        let group_step = plan.row_values * images;
        let place_step = plan.groups * group_step;
        // Of small maps, several rows are taken at once, and of the smallest several blocks.
        let rows_at_once = (PLACES / n_columns.max(1)).clamp(1, n_rows.max(1));
        let blocks_at_once = if rows_at_once < n_rows { 1 } else { (PLACES / (n_rows * n_columns).max(1)).max(1) };
        let block_step = rows_at_once * n_columns * place_step;
        let mut turned = vec![0.0; blocks_at_once.min(n_blocks) * block_step];
        let strips = (0..n_blocks)
            .step_by(blocks_at_once)
            .flat_map(|block| (0..n_rows).step_by(rows_at_once).map(move |row| (block, row)));
        for (first_block, first_row) in strips {
            let n_blocks = blocks_at_once.min(n_blocks - first_block);
            let strip = first_row..(first_row + rows_at_once).min(n_rows);
            for (block, turned) in turned.chunks_exact_mut(block_step.max(1)).take(n_blocks).enumerate() {
                let gradient = &gradient[(first_block + block) * n_outputs * images..][..n_outputs * images];
                let row = n_columns * conv.filters * images;
                turn::<S, V>(plan.filters, &gradient[strip.start * row..strip.end * row], turned);
            }
            for Meeting { tap_row, first_row, n_rows, first_input_row } in self.meetings(strip) {
                for segment in &plan.segments {
                    let place = first_input_row * conv.size[1] + segment.first_input;
                    let gradient_place = (first_row % rows_at_once) * n_columns + segment.first_output;
                    for group in 0..plan.groups {
                        let (wanted, first) = self.rows(tap_row, segment, group);
                        if wanted.is_empty() {
                            continue;
                        }
                        let first_input = place * conv.channels + group * plan.channels + wanted.start - first;
                        let walk = Walk::<S, V> {
                            simd,
                            n: [n_blocks, n_rows, segment.n_outputs],
                            input: &input[first_block * n_inputs + first_input..],
                            input_steps: [
                                n_inputs,
                                conv.stride[0] * conv.size[1] * conv.channels,
                                conv.stride[1] * conv.channels,
                            ],
                            turned: &turned[gradient_place * place_step + group * group_step..],
                            turned_steps: [block_step, n_columns * place_step, place_step],
                        };
                        let sums = &mut sums[(wanted.start - rows.start) * n_vectors..];
                        walk.add_products(wanted.len(), n_vectors, sums, n_vectors);
                    }
                }
            }
        }
    }
}
