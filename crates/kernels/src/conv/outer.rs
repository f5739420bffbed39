//! The weight gradient of a convolution: sums of products of input and output gradient over all places and images.
//!
//! The innermost loop keeps the sums of a tile, some input channels times some filters, in registers while it goes along places; the sum over
//! the lanes comes last.

use std::hint::black_box;

use pulp::Simd;

use super::{Conv, WeightOrder, linear};
use crate::blocks::Blocks;
use crate::simd::{self, Kernel, groups};
use crate::threads::Threads;

/// Input channels and filters of a tile. Fused multiplication leaves registers for more.
const TILE_CHANNELS: usize = if cfg!(target_arch = "wasm32") { 2 } else { 3 };
const TILE_FILTERS: usize = 4;

/// Places whose products are summed before the lanes are.
const PLACES: usize = 64;

/// Which of a walk's loops is inside. Two vectors of everything take more registers than there are, so one of the block's vectors is walked after
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// Along a row of places: the fastest, while a row's places stay in the first-level cache for the next vector.
    Places,
    /// Over the vectors of a place: where places lie so far apart that they do not.
    Vectors,
}

/// In the order of the convolution's weights.
pub(super) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let plan = Plan::new(conv);
    let n_inputs = conv.channels * conv.size[0] * conv.size[1];
    let n_outputs = conv.filters * plan.output[0] * plan.output[1];
    let (wide, n_slots) = (blocks.wide(), blocks.n_slots());
    let threads = Threads::for_work([n_slots, plan.output[0] * plan.output[1], plan.n_sums()]);
    let sums = if conv.covers_the_map() {
        linear::weight_gradient(blocks, input, gradient, [n_inputs, n_outputs])
    } else {
        // Every thread sums some blocks.
        let slots_in_part = (n_slots / wide).div_ceil(threads.count()).max(1) * wide;
        let parts =
            input.chunks((slots_in_part * n_inputs).max(1)).zip(gradient.chunks((slots_in_part * n_outputs).max(1)));
        total(threads.map(parts.collect(), |(input, gradient)| {
            let mut sums = vec![0.0; plan.n_sums()];
            for_each_width([input, gradient], [n_inputs, n_outputs], wide, |[input, gradient], width| {
                simd::run(Blocked { plan: &plan, conv, input, gradient, sums: &mut sums }, width);
            });
            sums
        }))
    };
    plan.ordered(conv, &sums)
}

/// Calls `add` with all wide blocks, and with the narrow one, if there is one.
fn for_each_width<'a>(
    batches: [&'a [f32]; 2],
    n_values: [usize; 2],
    wide: usize,
    mut add: impl FnMut([&'a [f32]; 2], usize),
) {
    let n_slots = batches[0].len() / n_values[0].max(1);
    let n_wide = n_slots / wide * wide;
    let halves = [0, 1].map(|batch| batches[batch].split_at(n_wide * n_values[batch]));
    for (pair, width) in [(halves.map(|half| half.0), wide.min(n_wide)), (halves.map(|half| half.1), n_slots - n_wide)]
    {
        if width > 0 {
            add(pair, width);
        }
    }
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
        let beside = ranges
            .iter()
            .enumerate()
            .flat_map(|(tap, &(first, end))| [segment(tap, 1, first, common.0), segment(tap, 1, common.1, end)]);
        return std::iter::once(segment(0, n_taps, common.0, common.1)).chain(beside).flatten().collect();
    }
    ranges.iter().enumerate().filter_map(|(tap, &(first, end))| segment(tap, 1, first, end)).collect()
}

/// The products of blocks of one width.
struct Blocked<'a> {
    plan: &'a Plan,
    conv: &'a Conv,
    input: &'a [f32],
    gradient: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Blocked<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { plan, conv, input, gradient, sums } = self;
        let (input, gradient) = (groups::<S, V>(input), groups::<S, V>(gradient));
        let [n_rows, n_columns] = plan.output;
        let [height, width] = plan.kernel;
        let group_sums = height * width * plan.channels * plan.filters;
        let (n_inputs, n_outputs) = (conv.size[0] * conv.size[1] * conv.channels, n_rows * n_columns * conv.filters);
        let n_blocks = gradient.len() / n_outputs.max(1);
        // Of small maps, several rows are taken at once, and of the smallest several blocks.
        let rows_at_once = (PLACES / n_columns.max(1)).clamp(1, n_rows.max(1));
        let blocks_at_once = if rows_at_once < n_rows { 1 } else { (PLACES / (n_rows * n_columns).max(1)).max(1) };
        let strips = (0..n_blocks)
            .step_by(blocks_at_once)
            .flat_map(|block| (0..n_rows).step_by(rows_at_once).map(move |row| (block, row)));
        for (first_block, first_row) in strips {
            let n_blocks = blocks_at_once.min(n_blocks - first_block);
            let (input, gradient) = (&input[first_block * n_inputs..], &gradient[first_block * n_outputs..]);
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
                            input_block: n_inputs,
                            input_row: conv.stride[0] * conv.size[1] * conv.channels,
                            input_step: conv.stride[1] * conv.channels,
                            gradient: &gradient
                                [(start * n_columns + segment.first_output) * conv.filters + group * plan.filters..],
                            gradient_block: n_outputs,
                            gradient_row: n_columns * conv.filters,
                            gradient_step: conv.filters,
                            n_blocks,
                            n_rows,
                            n_places: segment.n_outputs,
                            inside: Inside::Places,
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

/// Places of input and gradient that belong together: blocks of rows of them, with the steps from place to place, row to row, block to block.
pub(super) struct Walk<'a, S: Simd, const V: usize> {
    pub simd: S,
    pub input: &'a [[S::f32s; V]],
    pub input_block: usize,
    pub input_row: usize,
    pub input_step: usize,
    pub gradient: &'a [[S::f32s; V]],
    pub gradient_block: usize,
    pub gradient_row: usize,
    pub gradient_step: usize,
    pub n_blocks: usize,
    pub n_rows: usize,
    pub n_places: usize,
    pub inside: Inside,
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
        let n = [self.n_blocks, self.n_rows, self.n_places];
        if n.contains(&0) {
            return [[0.0; F]; T];
        }
        let last = |steps: [usize; 3]| n.iter().zip(steps).map(|(n, step)| (n - 1) * step).sum::<usize>();
        let inputs = last([self.input_block, self.input_row, self.input_step]) + first_input + T;
        let gradients = last([self.gradient_block, self.gradient_row, self.gradient_step]) + first_filter + F;
        assert!(inputs <= self.input.len() && gradients <= self.gradient.len());
        // Unknown to the compiler, so that it does not make one of two turns.
        let n_vectors = black_box(V).min(V);
        let (mut block_input, mut block_gradient) = (first_input, first_filter);
        for _ in 0..self.n_blocks {
            let (mut row_input, mut row_gradient) = (block_input, block_gradient);
            for _ in 0..self.n_rows {
                let at =
                    |place: usize| (row_input + place * self.input_step, row_gradient + place * self.gradient_step);
                match self.inside {
                    // SAFETY, twice: no place lies beyond the last one of the last row, which the assertion found inside.
                    Inside::Places => {
                        for v in 0..V {
                            for place in 0..self.n_places {
                                unsafe { self.add_place(at(place), v, &mut sums) };
                            }
                        }
                    }
                    Inside::Vectors => {
                        for place in 0..self.n_places {
                            for v in 0..n_vectors {
                                unsafe { self.add_place(at(place), v, &mut sums) };
                            }
                        }
                    }
                }
                row_input += self.input_row;
                row_gradient += self.gradient_row;
            }
            block_input += self.input_block;
            block_gradient += self.gradient_block;
        }
        sums.map(|sums| sums.map(|sum| simd.reduce_sum_f32s(sum)))
    }

    /// Adds the products of one vector of images. Indices that were checked here would take more instructions than the products.
    ///
    /// # Safety
    ///
    /// `at` plus `T` lies within the input, and plus `F` within the gradient.
    #[inline(always)]
    unsafe fn add_place<const T: usize, const F: usize>(
        &self,
        (input, gradient): (usize, usize),
        v: usize,
        sums: &mut [[S::f32s; F]; T],
    ) {
        // SAFETY: as the caller promises.
        let (input, gradient) = unsafe {
            let input = self.input.as_ptr().add(input).cast::<[[S::f32s; V]; T]>();
            let gradient = self.gradient.as_ptr().add(gradient).cast::<[[S::f32s; V]; F]>();
            (&*input, &*gradient)
        };
        for t in 0..T {
            for f in 0..F {
                sums[t][f] = self.simd.mul_add_e_f32s(input[t][v], gradient[f][v], sums[t][f]);
            }
        }
    }
}
