//! Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): 16 products for each channel
//! and filter give 2×2 outputs, where the direct way takes 36. Patches of 4×4 places and kernels are transformed, multiplied, and transformed back:
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`.

/// Transforms of patches, kernels and products.
mod transforms;

/// The weight gradient.
mod weights;

use pulp::Simd;

use self::transforms::{Map, PRODUCTS, inverse, transformed_kernels};
pub(super) use self::weights::weight_gradient;
use super::direct::multiply;
use super::{Conv, Direction, WeightOrder};
use crate::blocks::{Blocks, Part, written};
use crate::simd::{self, Kernel, groups, groups_unset, relu, splat};
use crate::threads::Threads;

/// Fewer channels or filters do not pay for the transforms.
const MIN_CHANNELS: usize = 16;

/// Patches that are transformed and multiplied at once: their transforms stay in the cache.
const PATCHES: usize = 8;

/// Filters whose sums are in registers at once; fewer channels and filters are multiplied a few at a time.
const TILE: usize = 4;

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
        kernels: transformed_kernels([conv.channels, conv.filters], weights, Direction::Forward),
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
        kernels: transformed_kernels([conv.filters, conv.channels], weights, Direction::Gradient),
    };
    pass.run(blocks, gradient, None, false)
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
        let n_blocks = blocks.n_slots().div_ceil(blocks.wide());
        // Patches are two rows high.
        let pairs_of_rows = self.output[0].div_ceil(2).max(1);
        let threads = Threads::for_work([n_outputs, blocks.n_slots(), self.inputs, 4]);
        let n_parts = threads.parts(n_blocks, pairs_of_rows);
        let rows_in_part = 2 * pairs_of_rows.div_ceil(n_parts);
        // SAFETY: parts cover the output, and patches all places of a part.
        unsafe {
            written(blocks.n_values(n_outputs), |output| {
                let parts = blocks.parts((input, n_inputs), output, [self.output[0], row_values], rows_in_part);
                threads.for_each(parts, |part| {
                    let width = part.width;
                    simd::run(Rows { pass: self, bias, is_relu, part }, width);
                });
            })
        }
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
        let output = groups_unset::<S, V>(output);
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
                    let kernels = &kernels[(tile * PRODUCTS + product) * inputs..][..inputs];
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
                                let value = if is_relu { value.map(|vector| relu(simd, vector)) } else { value };
                                output[place * outputs + channel].write(value);
                            }
                        }
                    }
                }
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
