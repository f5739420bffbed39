//! Convolution with one kernel per channel, as in MobileNet: every tap multiplies a group of images, and no channel is summed with another.

use pulp::Simd;

use super::axis::Axis;
use super::{Conv, Direction};
use crate::blocks::{Blocks, Unset, written};
use crate::simd::{self, Kernel, groups, groups_unset, relu};
use crate::threads::Threads;

/// Channels whose sums are in registers at once.
const TILE: usize = 4;

pub(super) fn forward(
    conv: &Conv,
    blocks: Blocks,
    input: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    is_relu: bool,
) -> Vec<f32> {
    let pass = Pass {
        channels: conv.channels,
        input: conv.size,
        output: conv.output(),
        axes: [0, 1].map(|axis| conv.forward_axis(axis)),
        weights: taps_first(conv, weights, Direction::Forward),
        kernel_width: conv.kernel[1],
    };
    pass.run(blocks, input, bias, is_relu)
}

pub(super) fn data_gradient(conv: &Conv, blocks: Blocks, gradient: &[f32], weights: &[f32]) -> Vec<f32> {
    let pass = Pass {
        channels: conv.channels,
        input: conv.output(),
        output: conv.size,
        axes: [0, 1].map(|axis| conv.gradient_axis(axis)),
        weights: taps_first(conv, weights, Direction::Gradient),
        kernel_width: conv.kernel[1],
    };
    pass.run(blocks, gradient, None, false)
}

pub(super) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let [height, width] = conv.output();
    let pairs = blocks
        .split(input, conv.channels * conv.size[0] * conv.size[1])
        .zip(blocks.split(gradient, conv.channels * height * width));
    let axes = [0, 1].map(|axis| conv.forward_axis(axis));
    let threads = Threads::for_work([gradient.len(), conv.taps()]);
    let sums = total(threads.map(pairs.collect(), |(input, gradient)| {
        let mut sums = vec![0.0; conv.taps() * conv.channels];
        let block_width = input.len() / (conv.channels * conv.size[0] * conv.size[1]).max(1);
        simd::run(Products { conv, axes: &axes, output_width: width, input, gradient, sums: &mut sums }, block_width);
        sums
    }));
    // `[taps][channels]` to `[channels][taps]`
    let taps = conv.taps();
    (0..sums.len()).map(|place| sums[place % taps * conv.channels + place / taps]).collect()
}

/// The sum of equally long vectors.
fn total(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
    }
    total
}

/// `[taps][channels]`; in the data gradient, the last tap comes first.
fn taps_first(conv: &Conv, weights: &[f32], direction: Direction) -> Vec<f32> {
    let taps = conv.taps();
    let tap = |tap| match direction {
        Direction::Forward => tap,
        Direction::Gradient => taps - 1 - tap,
    };
    (0..taps).flat_map(|number| (0..conv.channels).map(move |channel| weights[channel * taps + tap(number)])).collect()
}

struct Pass {
    channels: usize,
    /// `[height, width]`
    input: [usize; 2],
    output: [usize; 2],
    axes: [Axis; 2],
    /// `[taps][channels]`
    weights: Vec<f32>,
    kernel_width: usize,
}

impl Pass {
    fn run(&self, blocks: Blocks, input: &[f32], bias: Option<&[f32]>, is_relu: bool) -> Vec<f32> {
        let n_inputs = self.channels * self.input[0] * self.input[1];
        let n_outputs = self.channels * self.output[0] * self.output[1];
        let taps = self.weights.len() / self.channels.max(1);
        // SAFETY: blocks are the output, and a block writes all channels of every place.
        unsafe {
            written(blocks.n_values(n_outputs), |output| {
                let pairs = blocks.split(input, n_inputs).zip(blocks.split_mut(output, n_outputs)).collect();
                Threads::for_work([input.len(), taps]).for_each(pairs, |(input, output)| {
                    let width = input.len() / n_inputs.max(1);
                    simd::run(Block { pass: self, bias, is_relu, input, output }, width);
                });
            })
        }
    }
}

struct Block<'a> {
    pass: &'a Pass,
    bias: Option<&'a [f32]>,
    is_relu: bool,
    input: &'a [f32],
    output: &'a mut [Unset],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { pass, bias, is_relu, input, output } = self;
        let [rows, columns] = &pass.axes;
        let input = groups::<S, V>(input);
        let channels = pass.channels;
        for (place, output) in groups_unset::<S, V>(output).chunks_exact_mut(channels.max(1)).enumerate() {
            let (row, column) = (place / columns.n_places(), place % columns.n_places());
            let taps = rows.at(row).iter().flat_map(|row| {
                columns.at(column).iter().map(move |column| {
                    (row.place * pass.input[1] + column.place, row.tap * pass.kernel_width + column.tap)
                })
            });
            let finished = |sum: [S::f32s; V]| if is_relu { sum.map(|vector| relu(simd, vector)) } else { sum };
            let (tiles, rest) = output.as_chunks_mut::<TILE>();
            let n_tiles = tiles.len();
            for (number, output) in tiles.iter_mut().enumerate() {
                let sums: [_; TILE] = sums(simd, input, &pass.weights, bias, channels, number * TILE, taps.clone());
                for n in 0..TILE {
                    output[n].write(finished(sums[n]));
                }
            }
            for (number, output) in rest.iter_mut().enumerate() {
                let [sum] = sums(simd, input, &pass.weights, bias, channels, n_tiles * TILE + number, taps.clone());
                output.write(finished(sum));
            }
        }
    }
}

/// The sums over a place's taps for `N` channels from `first` on.
#[inline(always)]
fn sums<S: Simd, const V: usize, const N: usize>(
    simd: S,
    input: &[[S::f32s; V]],
    weights: &[f32],
    bias: Option<&[f32]>,
    channels: usize,
    first: usize,
    taps: impl Iterator<Item = (usize, usize)>,
) -> [[S::f32s; V]; N] {
    let mut sums = [[simd.splat_f32s(0.0); V]; N];
    if let Some(bias) = bias {
        for n in 0..N {
            sums[n] = [simd.splat_f32s(bias[first + n]); V];
        }
    }
    for (place, tap) in taps {
        let (input, weights) = (&input[place * channels + first..][..N], &weights[tap * channels + first..][..N]);
        for n in 0..N {
            let weight = simd.splat_f32s(weights[n]);
            for v in 0..V {
                sums[n][v] = simd.mul_add_e_f32s(input[n][v], weight, sums[n][v]);
            }
        }
    }
    sums
}

/// The weight gradient of one block.
struct Products<'a> {
    conv: &'a Conv,
    axes: &'a [Axis; 2],
    output_width: usize,
    input: &'a [f32],
    gradient: &'a [f32],
    /// `[taps][channels]`
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { conv, axes: [rows, columns], output_width, input, gradient, sums } = self;
        let (input, gradient) = (groups::<S, V>(input), groups::<S, V>(gradient));
        let channels = conv.channels;
        let mut totals = vec![[simd.splat_f32s(0.0); V]; sums.len()];
        for row in 0..rows.n_places() {
            for column in 0..columns.n_places() {
                let gradient = &gradient[(row * output_width + column) * channels..][..channels];
                for row in rows.at(row) {
                    for column in columns.at(column) {
                        let input = &input[(row.place * conv.size[1] + column.place) * channels..][..channels];
                        let totals = &mut totals[(row.tap * conv.kernel[1] + column.tap) * channels..][..channels];
                        for ((total, input), gradient) in totals.iter_mut().zip(input).zip(gradient) {
                            for v in 0..V {
                                total[v] = simd.mul_add_e_f32s(input[v], gradient[v], total[v]);
                            }
                        }
                    }
                }
            }
        }
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = simd::sum(simd, total));
    }
}
