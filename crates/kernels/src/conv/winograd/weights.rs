//! The weight gradient by Winograd's filtering: `Gᵀ [Σ (A dY Aᵀ) ⊙ (Bᵀ d B)] G`.

use pulp::Simd;
use pulp::bytemuck::{cast_slice, cast_slice_mut};

use super::transforms::{Map, PRODUCTS};
use crate::blocks::{Blocks, Unset, written};
use crate::conv::Conv;
use crate::conv::products::{Summands, Walk, sums, turn};
use crate::simd::{self, Kernel, groups, splat};
use crate::threads::Threads;

/// Patches that are transformed and multiplied at once: their transforms stay in the cache.
const PATCHES: usize = 16;

/// In the order of the convolution's weights.
pub(crate) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let output = conv.output();
    let n_values = [conv.channels * conv.size[0] * conv.size[1], conv.filters * output[0] * output[1]];
    let threads = Threads::for_work([gradient.len(), conv.channels, 4]);
    // `[channels][products][filters]`
    let n_filters = blocks.whole_vectors(conv.filters);
    let rows = [conv.channels, PRODUCTS * n_filters];
    let sums = sums(blocks, threads, [input, gradient], n_values, rows, |summands, sums| {
        let width = summands.width;
        simd::run(Products { conv, output, summands, sums }, width);
    });
    let contract = |(chunk, weights): (usize, &mut [Unset])| {
        for (channel, sums) in sums.chunks_exact(PRODUCTS * n_filters).enumerate() {
            let mut products = [[0.0; 4 * FILTERS]; 4];
            let places = products.as_flattened_mut().chunks_exact_mut(FILTERS).zip(sums.chunks_exact(n_filters));
            for (place, sums) in places {
                place.iter_mut().zip(&sums[chunk * FILTERS..]).for_each(|(place, sum)| *place = *sum);
            }
            for (row, values) in contracted(products).iter().enumerate() {
                let (columns, _) = values.as_chunks::<FILTERS>();
                let taps = contracted([columns[0], columns[1], columns[2], columns[3]]);
                for (column, values) in taps.iter().enumerate() {
                    let weights = weights[channel * 9 + row * 3 + column..].iter_mut().step_by(conv.channels * 9);
                    weights.zip(values).for_each(|(weight, value)| *weight = Unset::new(*value));
                }
            }
        }
    };
    // SAFETY: chunks are all weights, and all taps of all channels of some filters are a chunk.
    unsafe {
        written(9 * conv.channels * conv.filters, |weights| {
            let chunks = weights.chunks_mut(FILTERS * conv.channels * 9).enumerate().collect();
            Threads::for_work([16, PRODUCTS, conv.channels, conv.filters]).for_each(chunks, contract);
        })
    }
}

/// Filters whose kernels are computed side by side.
const FILTERS: usize = 8;

/// `Gᵀ` times four rows.
fn contracted<const N: usize>([p, q, r, s]: [[f32; N]; 4]) -> [[f32; N]; 3] {
    let mut rows = [[0.0; N]; 3];
    for n in 0..N {
        let sum = 0.5 * (q[n] + r[n]);
        rows[0][n] = p[n] + sum;
        rows[1][n] = 0.5 * (q[n] - r[n]);
        rows[2][n] = sum + s[n];
    }
    rows
}

/// The sums of products of blocks of one width, for some channels: `[channels][products][filters]`.
struct Products<'a> {
    conv: &'a Conv,
    output: [usize; 2],
    summands: Summands<'a>,
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { conv, output, summands: Summands { rows: channels, input, gradient, .. }, sums } = self;
        let sums: &mut [S::f32s] = cast_slice_mut(sums);
        let n_vectors = conv.filters.div_ceil(S::F32_LANES);
        let across = output[1].div_ceil(2);
        let n_patches = output[0].div_ceil(2) * across;
        let n_inputs = conv.channels * conv.size[0] * conv.size[1];
        let n_outputs = conv.filters * output[0] * output[1];
        // Groups of a place, with filters in the lanes.
        let turned_filters = n_vectors * S::F32_LANES;
        let mut turned = vec![0.0; output[0] * output[1] * turned_filters * V * S::F32_LANES];
        let zero = splat::<S, V>(simd, 0.0);
        let mut patches = vec![zero; 4 * PATCHES * channels.len()];
        let mut gradients = vec![zero; 4 * PATCHES * turned_filters];
        let images = V * S::F32_LANES;
        let blocks = groups::<S, V>(input).chunks_exact(n_inputs).zip(gradient.chunks_exact(n_outputs * images));
        for (input, gradient) in blocks {
            turn::<S, V>(conv.filters, gradient, &mut turned);
            let input = Map::<S, V> { simd, values: input, size: conv.size, channels: conv.channels };
            let gradient =
                Map::<S, V> { simd, values: groups::<S, V>(&turned), size: output, channels: turned_filters };
            // A row of products at a time, whose sums stay in the cache, too.
            for row in 0..4 {
                for first in (0..n_patches).step_by(PATCHES) {
                    let n = PATCHES.min(n_patches - first);
                    for patch in 0..n {
                        let corner = [2 * ((first + patch) / across), 2 * ((first + patch) % across)];
                        let patches = &mut patches[patch * channels.len()..];
                        let gradients = &mut gradients[patch * turned_filters..];
                        macro_rules! transform {
                            ($row:literal) => {{
                                let step = PATCHES * channels.len();
                                input.transform_row::<$row>(corner, conv.padding, channels.clone(), patches, step);
                                let step = PATCHES * turned_filters;
                                gradient.transform_gradient_row::<$row>(corner, gradients, step);
                            }};
                        }
                        match row {
                            0 => transform!(0),
                            1 => transform!(1),
                            2 => transform!(2),
                            _ => transform!(3),
                        }
                    }
                    for column in 0..4 {
                        let gradients = &gradients[column * PATCHES * turned_filters..];
                        let walk = Walk::<S, V> {
                            simd,
                            n: [1, 1, n],
                            input: &patches[column * PATCHES * channels.len()..],
                            input_steps: [0, 0, channels.len()],
                            turned: cast_slice(gradients.as_flattened()),
                            turned_steps: [0, 0, turned_filters * images],
                        };
                        let sums = &mut sums[(4 * row + column) * n_vectors..];
                        walk.add_products(channels.len(), n_vectors, sums, PRODUCTS * n_vectors);
                    }
                }
            }
        }
    }
}
