//! Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): 16 products for each channel
//! and filter give 2×2 outputs, where the direct way takes 36. Patches of 4×4 places and kernels are transformed, multiplied, and transformed back:
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`.

use pulp::Simd;

use super::gather::multiply;
use super::outer::{Inside, Walk, total};
use super::{Conv, Direction, WeightOrder};
use crate::blocks::{Blocks, Part};
use crate::simd::{self, Kernel, add, groups, groups_mut, relu, splat, sub};
use crate::threads::Threads;

/// Products of a patch.
const PRODUCTS: usize = 16;

/// Fewer channels or filters do not pay for the transforms.
const MIN_CHANNELS: usize = 16;

/// Patches that are transformed and multiplied at once: their transforms stay in the cache.
const PATCHES: usize = 8;

/// Filters whose sums are in registers at once; fewer channels and filters are multiplied a few at a time.
const TILE: usize = 4;

const G: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// By how much fewer products pay for the transforms.
const GAIN: f64 = 1.3;

/// Whether this is the faster way to compute an output of this size, `[height, width]`: it takes whole patches, where the direct way skips what
/// lies outside of the map.
pub(super) fn suits(conv: &Conv, output: [usize; 2]) -> bool {
    if !applies(conv) {
        return false;
    }
    let direct = conv.forward_axis(0).n_meetings() * conv.forward_axis(1).n_meetings();
    let products = PRODUCTS * output[0].div_ceil(2) * output[1].div_ceil(2);
    direct as f64 > GAIN * products as f64
}

fn applies(conv: &Conv) -> bool {
    conv.kernel == [3, 3]
        && conv.stride == [1, 1]
        && conv.dilation == [1, 1]
        && conv.padding.iter().all(|&padding| padding <= 2)
        && conv.groups == 1
        && conv.weights == WeightOrder::Conv
        && conv.channels >= MIN_CHANNELS
        && conv.filters >= MIN_CHANNELS
        && conv.channels.is_multiple_of(TILE)
        && conv.filters.is_multiple_of(TILE)
}

pub(super) fn forward(
    conv: &Conv,
    blocks: Blocks,
    input: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    is_relu: bool,
) -> Vec<f32> {
    let pass = Pass {
        input: conv.size,
        output: conv.output(),
        padding: conv.padding,
        inputs: conv.channels,
        outputs: conv.filters,
        kernels: transformed_kernels(conv, weights, Direction::Forward),
    };
    pass.run(blocks, input, bias, is_relu)
}

pub(super) fn data_gradient(conv: &Conv, blocks: Blocks, gradient: &[f32], weights: &[f32]) -> Vec<f32> {
    let pass = Pass {
        input: conv.output(),
        output: conv.size,
        padding: conv.padding.map(|padding| 2 - padding),
        inputs: conv.filters,
        outputs: conv.channels,
        kernels: transformed_kernels(conv, weights, Direction::Gradient),
    };
    pass.run(blocks, gradient, None, false)
}

/// `G g Gᵀ` of every kernel: `[products][tiles of outputs][inputs][outputs of the tile]`.
fn transformed_kernels(conv: &Conv, weights: &[f32], direction: Direction) -> Vec<f32> {
    let (inputs, outputs) = match direction {
        Direction::Forward => (conv.channels, conv.filters),
        Direction::Gradient => (conv.filters, conv.channels),
    };
    let mut transformed = vec![0.0; PRODUCTS * inputs * outputs];
    for output in 0..outputs {
        for input in 0..inputs {
            let mut kernel = [[0.0; 3]; 3];
            match direction {
                Direction::Forward => {
                    let taps = &weights[(output * inputs + input) * 9..][..9];
                    (0..9).for_each(|tap| kernel[tap / 3][tap % 3] = taps[tap]);
                }
                Direction::Gradient => {
                    let taps = &weights[(input * outputs + output) * 9..][..9];
                    (0..9).for_each(|tap| kernel[tap / 3][tap % 3] = taps[8 - tap]);
                }
            }
            let rows = G.map(|g| [0, 1, 2].map(|column| (0..3).map(|k| g[k] * kernel[k][column]).sum::<f32>()));
            for (row, values) in rows.iter().enumerate() {
                for (column, g) in G.iter().enumerate() {
                    let value: f32 = (0..3).map(|k| values[k] * g[k]).sum();
                    let product = row * 4 + column;
                    let place = (product * outputs / TILE + output / TILE) * inputs + input;
                    transformed[place * TILE + output % TILE] = value;
                }
            }
        }
    }
    transformed
}

/// A forward pass or data gradient; "input" and "output" are of the pass.
struct Pass {
    /// `[height, width]`
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
    inputs: usize,
    outputs: usize,
    kernels: Vec<f32>,
}

impl Pass {
    fn run(&self, blocks: Blocks, input: &[f32], bias: Option<&[f32]>, is_relu: bool) -> Vec<f32> {
        let n_inputs = self.inputs * self.input[0] * self.input[1];
        let row_values = self.outputs * self.output[1];
        let n_outputs = row_values * self.output[0];
        let mut output = vec![0.0; blocks.n_values(n_outputs)];
        let n_blocks = blocks.n_slots().div_ceil(blocks.wide());
        // Patches are two rows high.
        let pairs_of_rows = self.output[0].div_ceil(2).max(1);
        let threads = Threads::for_work([n_outputs, blocks.n_slots(), self.inputs, 4]);
        let n_parts = threads.parts(n_blocks, pairs_of_rows);
        let rows_in_part = 2 * pairs_of_rows.div_ceil(n_parts);
        let parts = blocks.parts((input, n_inputs), &mut output, [self.output[0], row_values], rows_in_part);
        threads.for_each(parts, |part| {
            let width = part.width;
            simd::run(Rows { pass: self, bias, is_relu, part }, width);
        });
        output
    }
}

/// Some rows of a block's output, an even number of them but for the last part.
struct Rows<'a> {
    pass: &'a Pass,
    bias: Option<&'a [f32]>,
    is_relu: bool,
    part: Part<'a>,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { pass, bias, is_relu, part: Part { first_row, input, output, .. } } = self;
        let Pass { inputs, outputs, .. } = *pass;
        let map = Map::<S, V> { simd, values: groups::<S, V>(input), size: pass.input, channels: inputs };
        let output = groups_mut::<S, V>(output);
        let width = pass.output[1];
        let n_rows = output.len() / (width * outputs).max(1);
        let across = width.div_ceil(2);
        let n_patches = n_rows.div_ceil(2) * across;
        let zero = splat::<S, V>(simd, 0.0);
        let mut patches = vec![zero; PRODUCTS * PATCHES * inputs];
        let mut products = vec![zero; PRODUCTS * PATCHES * outputs];
        let kernels = pass.kernels.as_chunks::<TILE>().0;
        for first in (0..n_patches).step_by(PATCHES) {
            let n = PATCHES.min(n_patches - first);
            let corner = |patch: usize| [2 * ((first + patch) / across), 2 * ((first + patch) % across)];
            for patch in 0..n {
                let [row, column] = corner(patch);
                let origin = [first_row + row, column];
                map.transform(origin, pass.padding, &mut patches[patch * inputs..], PATCHES * inputs);
            }
            for product in 0..PRODUCTS {
                for tile in 0..outputs / TILE {
                    let kernels = &kernels[(product * outputs / TILE + tile) * inputs..][..inputs];
                    for patch in 0..n {
                        let patch_input = &patches[(product * PATCHES + patch) * inputs..][..inputs];
                        let sums: [[S::f32s; V]; TILE] = multiply(simd, [zero; TILE], patch_input, kernels);
                        products[(product * PATCHES + patch) * outputs + tile * TILE..][..TILE].copy_from_slice(&sums);
                    }
                }
            }
            for patch in 0..n {
                let [row, column] = corner(patch);
                for channel in 0..outputs {
                    let bias = bias.map_or(zero, |bias| splat(simd, bias[channel]));
                    let products = &products[patch * outputs + channel..];
                    for (y, values) in inverse(simd, products, PATCHES * outputs, bias).into_iter().enumerate() {
                        for (x, value) in values.into_iter().enumerate() {
                            if row + y < n_rows && column + x < width {
                                let place = (row + y) * width + column + x;
                                output[place * outputs + channel] =
                                    if is_relu { value.map(|vector| relu(simd, vector)) } else { value };
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The feature maps of a block.
struct Map<'a, S: Simd, const V: usize> {
    simd: S,
    values: &'a [[S::f32s; V]],
    /// `[height, width]`
    size: [usize; 2],
    channels: usize,
}

impl<S: Simd, const V: usize> Map<'_, S, V> {
    /// `Bᵀ d B` of the patch of 4×4 places that begins at `origin`, counted from the padding's corner, for every channel. Products lie `step`
    /// apart in `target`.
    #[inline(always)]
    fn transform(&self, origin: [usize; 2], padding: [usize; 2], target: &mut [[S::f32s; V]], step: usize) {
        let simd = self.simd;
        let places = self.places::<4>(origin, padding);
        for channel in 0..self.channels {
            let patch = self.patch(&places, channel);
            let mut rows = [[splat(simd, 0.0); 4]; 4];
            for (row, [p, q, r, s]) in patch.into_iter().enumerate() {
                rows[row] = [sub(simd, p, r), add(simd, q, r), sub(simd, r, q), sub(simd, q, s)];
            }
            for column in 0..4 {
                let [p, q, r, s] = [rows[0][column], rows[1][column], rows[2][column], rows[3][column]];
                target[column * step + channel] = sub(simd, p, r);
                target[(4 + column) * step + channel] = add(simd, q, r);
                target[(8 + column) * step + channel] = sub(simd, r, q);
                target[(12 + column) * step + channel] = sub(simd, q, s);
            }
        }
    }

    /// `A dY Aᵀ` of the patch of 2×2 places that begins at `origin`, for every channel.
    #[inline(always)]
    fn transform_gradient(&self, origin: [usize; 2], target: &mut [[S::f32s; V]], step: usize) {
        let simd = self.simd;
        let places = self.places::<2>(origin, [0, 0]);
        let zero = splat(simd, 0.0);
        for channel in 0..self.channels {
            let [[a, b], [c, d]] = self.patch(&places, channel);
            let rows = [
                [a, b],
                [add(simd, a, c), add(simd, b, d)],
                [sub(simd, a, c), sub(simd, b, d)],
                [sub(simd, zero, c), sub(simd, zero, d)],
            ];
            for (row, [one, other]) in rows.into_iter().enumerate() {
                target[4 * row * step + channel] = one;
                target[(4 * row + 1) * step + channel] = add(simd, one, other);
                target[(4 * row + 2) * step + channel] = sub(simd, one, other);
                target[(4 * row + 3) * step + channel] = sub(simd, zero, other);
            }
        }
    }

    /// Where the values of a patch's places begin; none outside of the map.
    #[inline(always)]
    fn places<const N: usize>(&self, origin: [usize; 2], padding: [usize; 2]) -> [[Option<usize>; N]; N] {
        let mut places = [[None; N]; N];
        for (y, places) in places.iter_mut().enumerate() {
            let Some(row) = (origin[0] + y).checked_sub(padding[0]).filter(|row| *row < self.size[0]) else { continue };
            for (x, place) in places.iter_mut().enumerate() {
                let column = (origin[1] + x).checked_sub(padding[1]).filter(|column| *column < self.size[1]);
                *place = column.map(|column| (row * self.size[1] + column) * self.channels);
            }
        }
        places
    }

    #[inline(always)]
    fn patch<const N: usize>(&self, places: &[[Option<usize>; N]; N], channel: usize) -> [[[S::f32s; V]; N]; N] {
        let mut patch = [[splat(self.simd, 0.0); N]; N];
        for y in 0..N {
            for x in 0..N {
                if let Some(place) = places[y][x] {
                    patch[y][x] = self.values[place + channel];
                }
            }
        }
        patch
    }
}

/// `Aᵀ M A + bias`: 2×2 outputs of the 16 products.
#[inline(always)]
fn inverse<S: Simd, const V: usize>(
    simd: S,
    products: &[[S::f32s; V]],
    step: usize,
    bias: [S::f32s; V],
) -> [[[S::f32s; V]; 2]; 2] {
    let mut rows = [[splat(simd, 0.0); 4]; 2];
    for column in 0..4 {
        let at = |row: usize| products[(4 * row + column) * step];
        let (p, q, r, s) = (at(0), at(1), at(2), at(3));
        rows[0][column] = add(simd, add(simd, p, q), r);
        rows[1][column] = sub(simd, sub(simd, q, r), s);
    }
    let mut outputs = [[splat(simd, 0.0); 2]; 2];
    for (outputs, [p, q, r, s]) in outputs.iter_mut().zip(rows) {
        outputs[0] = add(simd, bias, add(simd, add(simd, p, q), r));
        outputs[1] = add(simd, bias, sub(simd, sub(simd, q, r), s));
    }
    outputs
}

/// In the order of the convolution's weights: `Gᵀ [Σ (A dY Aᵀ) ⊙ (Bᵀ d B)] G`.
pub(super) fn weight_gradient(conv: &Conv, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let [height, width] = conv.output();
    let n_inputs = conv.channels * conv.size[0] * conv.size[1];
    let n_outputs = conv.filters * height * width;
    let pairs: Vec<_> = blocks.split(input, n_inputs).zip(blocks.split(gradient, n_outputs)).collect();
    let threads = Threads::for_work([gradient.len(), conv.channels, 4]);
    let in_part = pairs.len().div_ceil(threads.count()).max(1);
    let n_pairs = conv.channels * conv.filters;
    let sums = total(threads.map(pairs.chunks(in_part).collect(), |pairs: &[(&[f32], &[f32])]| {
        let mut sums = vec![0.0; PRODUCTS * n_pairs];
        for &(input, gradient) in pairs {
            let block_width = input.len() / n_inputs.max(1);
            simd::run(Products { conv, output: [height, width], input, gradient, sums: &mut sums }, block_width);
        }
        sums
    }));
    let mut weights = vec![0.0; 9 * n_pairs];
    for channel in 0..conv.channels {
        for filter in 0..conv.filters {
            let sum = |product: usize| sums[product * n_pairs + channel * conv.filters + filter];
            let mut rows = [[0.0; 4]; 3];
            for (row, values) in rows.iter_mut().enumerate() {
                for (column, value) in values.iter_mut().enumerate() {
                    *value = (0..4).map(|k| G[k][row] * sum(4 * k + column)).sum::<f32>();
                }
            }
            let kernel = &mut weights[(filter * conv.channels + channel) * 9..][..9];
            for (tap, weight) in kernel.iter_mut().enumerate() {
                *weight = (0..4).map(|k| rows[tap / 3][k] * G[k][tap % 3]).sum();
            }
        }
    }
    weights
}

/// The sums of products of one block: `[products][channels][filters]`.
struct Products<'a> {
    conv: &'a Conv,
    output: [usize; 2],
    input: &'a [f32],
    gradient: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        /// More than in the other passes, because each sum over lanes is spread over them.
        const PATCHES: usize = 16;
        let Self { conv, output, input, gradient, sums } = self;
        let input = Map::<S, V> { simd, values: groups::<S, V>(input), size: conv.size, channels: conv.channels };
        let gradient = Map::<S, V> { simd, values: groups::<S, V>(gradient), size: output, channels: conv.filters };
        let across = output[1].div_ceil(2);
        let n_patches = output[0].div_ceil(2) * across;
        let (input_step, gradient_step) = (conv.channels, conv.filters);
        let mut patches = vec![splat::<S, V>(simd, 0.0); PRODUCTS * PATCHES * input_step];
        let mut gradients = vec![splat::<S, V>(simd, 0.0); PRODUCTS * PATCHES * gradient_step];
        for first in (0..n_patches).step_by(PATCHES) {
            let n = PATCHES.min(n_patches - first);
            for patch in 0..n {
                let corner = [2 * ((first + patch) / across), 2 * ((first + patch) % across)];
                let patches = &mut patches[patch * input_step..];
                input.transform(corner, conv.padding, patches, PATCHES * input_step);
                gradient.transform_gradient(corner, &mut gradients[patch * gradient_step..], PATCHES * gradient_step);
            }
            for (product, sums) in sums.chunks_exact_mut(conv.channels * conv.filters).enumerate() {
                let walk = Walk::<S, V> {
                    simd,
                    input: &patches[product * PATCHES * input_step..],
                    input_block: 0,
                    input_row: 0,
                    input_step,
                    gradient: &gradients[product * PATCHES * gradient_step..],
                    gradient_block: 0,
                    gradient_row: 0,
                    gradient_step,
                    n_blocks: 1,
                    n_rows: 1,
                    n_places: n,
                    inside: Inside::Vectors,
                };
                walk.add_products(conv.channels, conv.filters, sums);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_where_it_saves_products() {
        let conv = |channels: usize, side: usize, padding: usize| Conv {
            channels,
            size: [side; 2],
            filters: 16,
            kernel: [3; 2],
            stride: [1; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
            weights: WeightOrder::Conv,
        };
        // Those of the properties, forward and as data gradient.
        for (side, padding) in [(8, 1), (7, 1), (10, 0), (8, 2)] {
            let conv = conv(16, side, padding);
            assert!(suits(&conv, conv.output()) && suits(&conv, conv.size), "{conv:?}");
        }
        // Maps of which patches take more than there is, few channels, and channels that tiles do not divide.
        for conv in [conv(16, 5, 0), conv(8, 8, 1), conv(18, 8, 1)] {
            assert!(!suits(&conv, conv.size), "{conv:?}");
        }
    }
}
