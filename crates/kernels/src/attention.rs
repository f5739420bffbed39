//! Multi-head self-attention: what happens between its linear layers, which are convolutions of one place.
//!
//! In blocks, each lane is an image, so all products of matrices are those of as many images at once, without copies of queries, keys and values.

use pulp::Simd;

use crate::blocks::Blocks;
use crate::functions::exp;
use crate::simd::{self, Kernel, groups, groups_mut, splat};
use crate::threads::Threads;

/// Attention of sequences `[length][features]`, the features of a head following each other. Queries, keys and values are those of an item side by
/// side, `[length][3 · features]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    pub length: usize,
    pub features: usize,
    /// They divide the features.
    pub heads: usize,
}

/// What attention computes, in blocks.
#[derive(Clone, Debug)]
pub struct Attended {
    /// `[length][features]`
    pub output: Vec<f32>,
    /// `[heads][length][length]`: the share of each item's value in each output. They are kept for the gradient.
    pub shares: Vec<f32>,
}

impl Attention {
    pub fn forward(&self, blocks: Blocks, projected: &[f32]) -> Attended {
        let mut output = vec![0.0; blocks.n_values(self.n_outputs())];
        let mut shares = vec![0.0; blocks.n_values(self.n_shares())];
        let results =
            blocks.split_mut(&mut output, self.n_outputs()).zip(blocks.split_mut(&mut shares, self.n_shares()));
        let items = blocks.split(projected, 3 * self.n_outputs()).zip(results).collect();
        self.threads(blocks).for_each(items, |(projected, (output, shares)): (&[f32], (&mut [f32], &mut [f32]))| {
            let width = projected.len() / (3 * self.n_outputs()).max(1);
            simd::run(Forward { attention: self, projected, output, shares }, width);
        });
        Attended { output, shares }
    }

    /// The gradient at queries, keys and values, for the gradient at the output.
    pub fn gradient(&self, blocks: Blocks, projected: &[f32], shares: &[f32], gradient: &[f32]) -> Vec<f32> {
        let mut result = vec![0.0; projected.len()];
        let kept = blocks.split(projected, 3 * self.n_outputs()).zip(blocks.split(shares, self.n_shares()));
        let gradients =
            blocks.split(gradient, self.n_outputs()).zip(blocks.split_mut(&mut result, 3 * self.n_outputs()));
        let items = kept.zip(gradients).collect();
        self.threads(blocks).for_each(items, |((projected, shares), (gradient, result))| {
            let width = projected.len() / (3 * self.n_outputs()).max(1);
            simd::run(Backward { attention: self, projected, shares, gradient, result }, width);
        });
        result
    }

    fn n_outputs(&self) -> usize {
        self.length * self.features
    }

    fn n_shares(&self) -> usize {
        self.heads * self.length * self.length
    }

    fn threads(&self, blocks: Blocks) -> Threads {
        Threads::for_work([2 * blocks.n_slots(), self.length, self.length, self.features])
    }

    fn per_head(&self) -> usize {
        self.features / self.heads.max(1)
    }

    /// The factor of the scores.
    fn factor(&self) -> f32 {
        (1.0 / (self.per_head() as f64).sqrt()) as f32
    }

    /// A head's queries, keys or values among all that was projected.
    fn part(&self, part: usize, head: usize) -> Matrix {
        Matrix { first: part * self.features + head * self.per_head(), row: 3 * self.features, column: 1 }
    }

    /// A head's part of the output.
    fn output(&self, head: usize) -> Matrix {
        Matrix { first: head * self.per_head(), row: self.features, column: 1 }
    }

    /// A matrix of one share for each pair of items.
    fn pairs(&self) -> Matrix {
        Matrix { first: 0, row: self.length, column: 1 }
    }
}

const QUERIES: usize = 0;
const KEYS: usize = 1;
const VALUES: usize = 2;

/// Where a matrix of groups is: its first entry, and the steps from row to row and from column to column.
#[derive(Clone, Copy, Debug)]
struct Matrix {
    first: usize,
    row: usize,
    column: usize,
}

impl Matrix {
    fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    fn at(self, row: usize, column: usize) -> usize {
        self.first + row * self.row + column * self.column
    }
}

struct Forward<'a> {
    attention: &'a Attention,
    projected: &'a [f32],
    output: &'a mut [f32],
    shares: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { attention, projected, output, shares } = self;
        let &Attention { length, heads, .. } = attention;
        let (projected, output) = (groups::<S, V>(projected), groups_mut::<S, V>(output));
        let pairs = attention.pairs();
        for (head, shares) in
            groups_mut::<S, V>(shares).chunks_exact_mut((length * length).max(1)).enumerate().take(heads)
        {
            let [queries, keys, values] = [QUERIES, KEYS, VALUES].map(|part| attention.part(part, head));
            let per_head = attention.per_head();
            let product = Product { simd, size: [length, length, per_head], factor: attention.factor() };
            product.write((projected, queries), (projected, keys.transposed()), (shares, pairs));
            shares.chunks_exact_mut(length).for_each(|row| softmax(simd, row));
            let product = Product { simd, size: [length, per_head, length], factor: 1.0 };
            product.write((shares, pairs), (projected, values), (output, attention.output(head)));
        }
    }
}

/// Scores to shares, which sum to 1.
#[inline(always)]
fn softmax<S: Simd, const V: usize>(simd: S, row: &mut [[S::f32s; V]]) {
    let mut largest = splat::<S, V>(simd, f32::NEG_INFINITY);
    for score in row.iter() {
        for v in 0..V {
            largest[v] = simd.max_f32s(largest[v], score[v]);
        }
    }
    let mut sum = splat::<S, V>(simd, 0.0);
    for score in row.iter_mut() {
        for v in 0..V {
            score[v] = exp(simd, simd.sub_f32s(score[v], largest[v]));
            sum[v] = simd.add_f32s(sum[v], score[v]);
        }
    }
    for v in 0..V {
        sum[v] = simd.div_f32s(simd.splat_f32s(1.0), sum[v]);
    }
    for share in row {
        for v in 0..V {
            share[v] = simd.mul_f32s(share[v], sum[v]);
        }
    }
}

struct Backward<'a> {
    attention: &'a Attention,
    projected: &'a [f32],
    shares: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { attention, projected, shares, gradient, result } = self;
        let &Attention { length, heads, .. } = attention;
        let (projected, gradient) = (groups::<S, V>(projected), groups::<S, V>(gradient));
        let result = groups_mut::<S, V>(result);
        let pairs = attention.pairs();
        let (per_head, factor) = (attention.per_head(), attention.factor());
        let mut scores = vec![splat::<S, V>(simd, 0.0); length * length];
        for (head, shares) in groups::<S, V>(shares).chunks_exact((length * length).max(1)).enumerate().take(heads) {
            let [queries, keys, values] = [QUERIES, KEYS, VALUES].map(|part| attention.part(part, head));
            let output = attention.output(head);
            let of_items = Product { simd, size: [length, per_head, length], factor: 1.0 };
            of_items.write((shares, pairs.transposed()), (gradient, output), (result, values));
            let of_pairs = Product { simd, size: [length, length, per_head], factor: 1.0 };
            of_pairs.write((gradient, output), (projected, values.transposed()), (&mut scores, pairs));
            for (scores, shares) in scores.chunks_exact_mut(length).zip(shares.chunks_exact(length)) {
                before_softmax(simd, shares, scores);
            }
            let of_items = Product { factor, ..of_items };
            of_items.write((&scores, pairs), (projected, keys), (result, queries));
            of_items.write((&scores, pairs.transposed()), (projected, queries), (result, keys));
        }
    }
}

/// From the gradients at a row of shares to those at its scores: `s (g - Σ g s)`.
#[inline(always)]
fn before_softmax<S: Simd, const V: usize>(simd: S, shares: &[[S::f32s; V]], gradients: &mut [[S::f32s; V]]) {
    let mut mean = splat::<S, V>(simd, 0.0);
    for (share, gradient) in shares.iter().zip(gradients.iter()) {
        for v in 0..V {
            mean[v] = simd.mul_add_e_f32s(share[v], gradient[v], mean[v]);
        }
    }
    for (share, gradient) in shares.iter().zip(gradients) {
        for v in 0..V {
            gradient[v] = simd.mul_f32s(share[v], simd.sub_f32s(gradient[v], mean[v]));
        }
    }
}

/// Rows and columns of a tile, whose sums stay in registers. Fused multiplication leaves registers for more.
const TILE: [usize; 2] = if cfg!(target_arch = "wasm32") { [2, 2] } else { [3, 2] };

/// A product of matrices of groups, image by image.
#[derive(Clone, Copy)]
struct Product<S> {
    simd: S,
    /// Rows and columns of the result, and how many products are summed for each of its entries.
    size: [usize; 3],
    factor: f32,
}

impl<S: Simd> Product<S> {
    /// `c ← factor · a b`
    #[inline(always)]
    fn write<const V: usize>(
        &self,
        a: (&[[S::f32s; V]], Matrix),
        b: (&[[S::f32s; V]], Matrix),
        c: (&mut [[S::f32s; V]], Matrix),
    ) {
        let [n_rows, n_columns, depth] = self.size;
        if self.size.contains(&0) {
            return;
        }
        assert!(a.1.at(n_rows - 1, depth - 1) < a.0.len());
        assert!(b.1.at(depth - 1, n_columns - 1) < b.0.len());
        let [n_tile_rows, n_tile_columns] = [n_rows / TILE[0] * TILE[0], n_columns / TILE[1] * TILE[1]];
        for row in (0..n_tile_rows).step_by(TILE[0]) {
            for column in (0..n_tile_columns).step_by(TILE[1]) {
                // SAFETY: the tile lies inside the result, and the last entries of `a` and `b` that it needs were found above.
                unsafe { self.tile::<V, { TILE[0] }, { TILE[1] }>([row, column], a, b, (&mut *c.0, c.1)) };
            }
        }
        for row in 0..n_rows {
            let first_column = if row < n_tile_rows { n_tile_columns } else { 0 };
            for column in first_column..n_columns {
                // SAFETY: as above.
                unsafe { self.tile::<V, 1, 1>([row, column], a, b, (&mut *c.0, c.1)) };
            }
        }
    }

    /// # Safety
    ///
    /// The rows of `a` and the columns of `b` from these on lie inside.
    #[inline(always)]
    unsafe fn tile<const V: usize, const ROWS: usize, const COLUMNS: usize>(
        &self,
        [row, column]: [usize; 2],
        (a, a_at): (&[[S::f32s; V]], Matrix),
        (b, b_at): (&[[S::f32s; V]], Matrix),
        (c, c_at): (&mut [[S::f32s; V]], Matrix),
    ) {
        let Self { simd, size: [_, _, depth], factor } = *self;
        let mut sums = [[splat::<S, V>(simd, 0.0); COLUMNS]; ROWS];
        for k in 0..depth {
            let mut columns = [splat::<S, V>(simd, 0.0); COLUMNS];
            for j in 0..COLUMNS {
                // SAFETY: as the caller promises.
                columns[j] = unsafe { *b.get_unchecked(b_at.at(k, column + j)) };
            }
            for i in 0..ROWS {
                // SAFETY: as above.
                let value = unsafe { a.get_unchecked(a_at.at(row + i, k)) };
                for j in 0..COLUMNS {
                    for v in 0..V {
                        sums[i][j][v] = simd.mul_add_e_f32s(value[v], columns[j][v], sums[i][j][v]);
                    }
                }
            }
        }
        let factor = simd.splat_f32s(factor);
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                let mut sum = sums[i][j];
                for v in 0..V {
                    sum[v] = simd.mul_f32s(sum[v], factor);
                }
                c[c_at.at(row + i, column + j)] = sum;
            }
        }
    }
}
