//! The weight gradient of a linear layer: a matrix product over the images of a batch. In blocks, images are the lanes of a vector, and few
//! vectors are summed before their lanes have to be; so the values are first put in an order in which lanes are units.

use pulp::Simd;
use pulp::bytemuck::cast_slice;

use super::gather::multiply;
use crate::blocks::Blocks;
use crate::simd::{self, Kernel, groups, splat};
use crate::threads::Threads;

/// Inputs whose sums are in registers at once.
const TILE: usize = 4;

/// `[inputs][units]`: the sums over all images of input times gradient.
pub(super) fn weight_gradient(
    blocks: Blocks,
    input: &[f32],
    gradient: &[f32],
    [inputs, units]: [usize; 2],
) -> Vec<f32> {
    let n_slots = blocks.n_slots();
    let columns = blocks.wide();
    let packed_input = packed(blocks, input, inputs, TILE);
    let packed_gradient = packed(blocks, gradient, units, columns);
    let mut sums = vec![0.0; inputs * units];
    let threads = Threads::for_work([n_slots, sums.len()]);
    let tiles_in_part = inputs.div_ceil(TILE).div_ceil(threads.count()).max(1);
    let parts = packed_input
        .chunks((tiles_in_part * n_slots * TILE).max(1))
        .zip(sums.chunks_mut((tiles_in_part * TILE * units).max(1)))
        .collect();
    threads.for_each(parts, |(input, sums)| {
        simd::run(Product { input, gradient: &packed_gradient, n_slots, units, sums }, columns);
    });
    sums
}

/// A batch of vectors in blocks as `[parts][slots][width]`, `width` values of all images to a part; the last part is filled up with 0.
fn packed(blocks: Blocks, values: &[f32], n_values: usize, width: usize) -> Vec<f32> {
    let n_slots = blocks.n_slots();
    let mut packed = vec![0.0; n_values.div_ceil(width) * n_slots * width];
    for (number, block) in blocks.split(values, n_values).enumerate() {
        let first_slot = number * blocks.wide();
        let images = block.len() / n_values.max(1);
        for (part, groups) in packed.chunks_exact_mut(n_slots * width).zip(block.chunks(width * images)) {
            let part = &mut part[first_slot * width..][..images * width];
            for (place, group) in groups.chunks_exact(images).enumerate() {
                part[place..].iter_mut().step_by(width).zip(group).for_each(|(to, from)| *to = *from);
            }
        }
    }
    packed
}

/// Some rows of the sums.
struct Product<'a> {
    /// `[tiles][slots][TILE]`
    input: &'a [f32],
    /// `[columns][slots][units of a column]`
    gradient: &'a [f32],
    n_slots: usize,
    units: usize,
    sums: &'a mut [f32],
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { input, gradient, n_slots, units, sums } = self;
        let gradient = groups::<S, V>(gradient);
        let tiles = input.as_chunks::<TILE>().0.chunks_exact(n_slots.max(1));
        for (rows, input) in sums.chunks_mut((TILE * units).max(1)).zip(tiles) {
            for (column, gradient) in gradient.chunks_exact(n_slots.max(1)).enumerate() {
                let tile: [[S::f32s; V]; TILE] = multiply(simd, [splat(simd, 0.0); TILE], gradient, input);
                let first = column * V * S::F32_LANES;
                for (row, values) in rows.chunks_exact_mut(units).zip(&tile) {
                    row[first..]
                        .iter_mut()
                        .zip(cast_slice::<S::f32s, f32>(values))
                        .for_each(|(sum, value)| *sum = *value);
                }
            }
        }
    }
}
