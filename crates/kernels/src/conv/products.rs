//! Sums over places and images of products of inputs and gradients, which a weight gradient consists of.
//!
//! In blocks, the lanes of a vector are images, so these sums would have to be taken over lanes. The gradients are therefore turned first, so that
//! their lanes are filters. The innermost loop keeps the sums of a *tile*, some inputs times some filters, in registers while it walks along places
//! and images: it loads a vector of gradients once for all inputs of the tile, and an input once for all its filters.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::blocks::{Blocks, Unset, written, zeroed};
use crate::threads::Threads;

/// Inputs of a tile of two vectors of filters. Fused multiplication leaves registers for more.
const TILE: usize = if cfg!(target_arch = "wasm32") { 4 } else { 6 };

/// Inputs of a tile of one vector.
const NARROW_TILE: usize = 8;

/// Sums that are added at once.
const CHUNK: usize = 1 << 14;

/// Sums over all blocks of two batches, `[rows][row values]`, that threads share. `add` adds to some rows what blocks of one width have; `n_values`
/// are the values of an image.
pub(super) fn sums(
    blocks: Blocks,
    threads: Threads,
    batches: [&[f32]; 2],
    n_values: [usize; 2],
    [n_rows, row_values]: [usize; 2],
    add: impl Fn(Summands, &mut [f32]) + Sync,
) -> Vec<f32> {
    let wide = blocks.wide();
    let n_blocks = blocks.n_slots().div_ceil(wide);
    let n_sums = n_rows * row_values;
    // Threads that share rows all turn the gradients, and threads that share blocks add their sums: whatever is less.
    let are_rows_shared = n_sums > batches[1].len();
    let [n_groups, n_parts] = threads.groups_and_parts(if are_rows_shared { 1 } else { n_blocks }, n_rows);
    let slots_in_group = n_blocks.div_ceil(n_groups).max(1) * wide;
    let rows_in_part = n_rows.div_ceil(n_parts).max(1);
    // The last groups may have nothing to add.
    let [inputs, gradients] = [0, 1].map(|batch| {
        batches[batch].chunks((slots_in_group * n_values[batch]).max(1)).chain(std::iter::repeat(&[][..]))
    });
    let add_part = |(first_row, sums, batches): (usize, &mut [Unset], [&[f32]; 2])| {
        let sums = zeroed(sums);
        let rows = first_row..first_row + sums.len() / row_values.max(1);
        // All wide blocks, and the narrow one, if there is one.
        let n_slots = batches[0].len() / n_values[0].max(1);
        let n_wide = n_slots / wide * wide;
        let [input, gradient] = [0, 1].map(|batch| batches[batch].split_at(n_wide * n_values[batch]));
        for (width, input, gradient) in [(wide, input.0, gradient.0), (n_slots - n_wide, input.1, gradient.1)] {
            if !input.is_empty() {
                add(Summands { width, rows: rows.clone(), input, gradient }, sums);
            }
        }
    };
    // SAFETY: parts are all rows of all groups, and their sums begin at 0.
    let mut sums = unsafe {
        written(n_groups * n_sums, |sums| {
            let groups = sums.chunks_mut(n_sums.max(1)).zip(inputs.zip(gradients));
            let parts = groups.flat_map(|(sums, (input, gradient))| {
                let parts = sums.chunks_mut((rows_in_part * row_values).max(1)).enumerate();
                parts.map(move |(part, sums)| (part * rows_in_part, sums, [input, gradient]))
            });
            threads.for_each(parts.collect(), add_part);
        })
    };
    let (total, rest) = sums.split_at_mut(n_sums);
    let chunks = total.chunks_mut(CHUNK).enumerate().collect();
    Threads::for_values(rest.len()).for_each(chunks, |(number, total): (usize, &mut [f32])| {
        for group in rest.chunks(n_sums.max(1)) {
            total.iter_mut().zip(&group[number * CHUNK..]).for_each(|(total, value)| *total += value);
        }
    });
    sums.truncate(n_sums);
    sums
}

/// Blocks of one width, and which rows of the sums are wanted.
pub(super) struct Summands<'a> {
    pub width: usize,
    pub rows: Range<usize>,
    pub input: &'a [f32],
    pub gradient: &'a [f32],
}

/// Turns gradients `[places][filters][images]` into `[places][vectors][images][lanes]`, the filters filling vectors. Lanes without a filter keep what
/// they have.
#[inline(always)]
pub(super) fn turn<S: Simd, const V: usize>(filters: usize, gradients: &[f32], turned: &mut [f32]) {
    let (lanes, images) = (S::F32_LANES, V * S::F32_LANES);
    let places = turned.chunks_exact_mut((filters.next_multiple_of(lanes) * images).max(1));
    for (turned, gradients) in places.zip(gradients.chunks_exact((filters * images).max(1))) {
        for (turned, gradients) in turned.chunks_exact_mut(lanes * images).zip(gradients.chunks(lanes * images)) {
            if gradients.len() == lanes * images {
                for image in 0..images {
                    for lane in 0..lanes {
                        turned[image * lanes + lane] = gradients[lane * images + image];
                    }
                }
            } else {
                for (lane, gradients) in gradients.chunks_exact(images).enumerate() {
                    for image in 0..images {
                        turned[image * lanes + lane] = gradients[image];
                    }
                }
            }
        }
    }
}

/// Places of input and turned gradient that belong together: blocks of rows of them.
pub(super) struct Walk<'a, S: Simd, const V: usize> {
    pub simd: S,
    /// How many blocks, rows of a block, places of a row.
    pub n: [usize; 3],
    pub input: &'a [[S::f32s; V]],
    /// From block to block, row to row, place to place.
    pub input_steps: [usize; 3],
    pub turned: &'a [f32],
    pub turned_steps: [usize; 3],
}

/// The sums of a tile. They are computed by functions of their own: all of them in one are more than browsers compile well, or soon.
struct Tile<'a, S: Simd, const V: usize, const T: usize, const F: usize> {
    walk: &'a Walk<'a, S, V>,
    first_input: usize,
    first_vector: usize,
}

impl<S: Simd, const V: usize, const T: usize, const F: usize> WithSimd for Tile<'_, S, V, T, F> {
    type Output = [[S::f32s; F]; T];

    /// The vectors are those of the walk, which are the machine's.
    #[inline(always)]
    fn with_simd<M: Simd>(self, _: M) -> Self::Output {
        self.walk.tile(self.first_input, self.first_vector)
    }
}

impl<S: Simd, const V: usize> Walk<'_, S, V> {
    /// Adds to `sums[i][v]`, for `n_inputs` inputs and `n_vectors` vectors of filters that follow each other, the products over all places and
    /// images. Rows of the sums lie `step` apart.
    #[inline(always)]
    pub fn add_products(&self, n_inputs: usize, n_vectors: usize, sums: &mut [S::f32s], step: usize) {
        self.add_tiles::<TILE, 2>(n_inputs, 0..n_vectors / 2 * 2, sums, step);
        self.add_tiles::<NARROW_TILE, 1>(n_inputs, n_vectors / 2 * 2..n_vectors, sums, step);
    }

    /// The same in tiles of at most `T` inputs and of `F` vectors.
    #[inline(always)]
    fn add_tiles<const T: usize, const F: usize>(
        &self,
        n_inputs: usize,
        vectors: Range<usize>,
        sums: &mut [S::f32s],
        step: usize,
    ) {
        if vectors.is_empty() {
            return;
        }
        let n_tiles = n_inputs.div_ceil(T);
        for tile in 0..n_tiles {
            // Tiles of nearly equal height.
            let [first, end] = [tile, tile + 1].map(|tile| tile * n_inputs / n_tiles);
            for vector in vectors.clone().step_by(F) {
                let sums = &mut sums[first * step + vector..];
                macro_rules! tiles {
                    ($($inputs:literal)*) => {
                        match end - first {
                            $($inputs if $inputs <= T => {
                                let tile: Tile<'_, S, V, $inputs, F> =
                                    Tile { walk: self, first_input: first, first_vector: vector };
                                let tile = self.simd.vectorize(tile);
                                for (row, values) in tile.into_iter().enumerate() {
                                    for (sum, value) in sums[row * step..].iter_mut().zip(values) {
                                        *sum = self.simd.add_f32s(*sum, value);
                                    }
                                }
                            })*
                            _ => unreachable!("a tile has at most {T} inputs"),
                        }
                    };
                }
                tiles!(1 2 3 4 5 6 7 8);
            }
        }
    }

    #[inline(always)]
    fn tile<const T: usize, const F: usize>(&self, first_input: usize, first_vector: usize) -> [[S::f32s; F]; T] {
        let mut sums = [[self.simd.splat_f32s(0.0); F]; T];
        if self.n.contains(&0) {
            return sums;
        }
        let vector_step = V * S::F32_LANES * S::F32_LANES;
        let first_turned = first_vector * vector_step;
        let last = |steps: [usize; 3]| self.n.iter().zip(steps).map(|(n, step)| (n - 1) * step).sum::<usize>();
        assert!(last(self.input_steps) + first_input + T <= self.input.len());
        assert!(last(self.turned_steps) + first_turned + F * vector_step <= self.turned.len());
        let [n_blocks, n_rows, n_places] = self.n;
        for block in 0..n_blocks {
            for row in 0..n_rows {
                let start = |steps: [usize; 3]| block * steps[0] + row * steps[1];
                let (mut input, mut turned) =
                    (start(self.input_steps) + first_input, start(self.turned_steps) + first_turned);
                for _ in 0..n_places {
                    // SAFETY: no place lies beyond the last one of the last row and block, which the assertions found inside.
                    unsafe { self.add_place(input, turned, &mut sums) };
                    input += self.input_steps[2];
                    turned += self.turned_steps[2];
                }
            }
        }
        sums
    }

    /// Adds the products of one place. Indices that were checked here would take more instructions than the products.
    ///
    /// # Safety
    ///
    /// `T` inputs from `input` on lie within the input, and `F` vectors for each image from `turned` on within what was turned.
    #[inline(always)]
    unsafe fn add_place<const T: usize, const F: usize>(
        &self,
        input: usize,
        turned: usize,
        sums: &mut [[S::f32s; F]; T],
    ) {
        let images = V * S::F32_LANES;
        // SAFETY: as the caller promises.
        let (inputs, turned) = unsafe {
            (self.input.as_ptr().add(input).cast::<f32>(), self.turned.as_ptr().add(turned).cast::<S::f32s>())
        };
        for image in 0..images {
            let mut vectors = [self.simd.splat_f32s(0.0); F];
            for f in 0..F {
                // SAFETY: as above; a vector may begin at any value.
                vectors[f] = unsafe { *turned.add(f * images + image) };
            }
            for t in 0..T {
                // SAFETY: as above.
                let input = self.simd.splat_f32s(unsafe { *inputs.add(t * images + image) });
                for f in 0..F {
                    sums[t][f] = self.simd.mul_add_e_f32s(vectors[f], input, sums[t][f]);
                }
            }
        }
    }
}
