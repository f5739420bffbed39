//! The transforms of Winograd's filtering: of patches of the input and of its gradient, of kernels, and of products back to outputs and kernels.

use std::ops::Range;

use pulp::Simd;

use super::TILE;
use crate::blocks::{Unset, written};
use crate::conv::Direction;
use crate::simd::{add, splat, sub};
use crate::threads::Threads;

/// Products of a patch.
pub(super) const PRODUCTS: usize = 16;

/// `G g Gᵀ` of every kernel: `[tiles of outputs][products][inputs][outputs of the tile]`.
pub(super) fn transformed_kernels([inputs, outputs]: [usize; 2], weights: &[f32], direction: Direction) -> Vec<f32> {
    assert!(outputs.is_multiple_of(TILE), "tiles are all outputs");
    // A kernel's taps lie far from the next one's, so each product takes as long as several multiplications.
    let threads = Threads::for_work([16, PRODUCTS, inputs, outputs]);
    let transform = |(tile, transformed): (usize, &mut [Unset])| {
        let (transformed, _) = transformed.as_chunks_mut::<TILE>();
        for input in 0..inputs {
            // The kernels of a tile's outputs side by side.
            let mut kernel = [[[0.0; TILE]; 3]; 3];
            for number in 0..TILE {
                let output = tile * TILE + number;
                let taps = match direction {
                    Direction::Forward => &weights[(output * inputs + input) * 9..][..9],
                    Direction::Gradient => &weights[(input * outputs + output) * 9..][..9],
                };
                for (tap, weight) in taps.iter().enumerate() {
                    let tap = match direction {
                        Direction::Forward => tap,
                        Direction::Gradient => 8 - tap,
                    };
                    kernel[tap / 3][tap % 3][number] = *weight;
                }
            }
            let columns = [0, 1, 2].map(|column| expanded([kernel[0][column], kernel[1][column], kernel[2][column]]));
            for row in 0..4 {
                let values = expanded([columns[0][row], columns[1][row], columns[2][row]]);
                for (column, value) in values.into_iter().enumerate() {
                    transformed[(4 * row + column) * inputs + input] = value.map(Unset::new);
                }
            }
        }
    };
    // SAFETY: tiles are all of it, and all products of all inputs are a tile.
    unsafe {
        written(PRODUCTS * inputs * outputs, |transformed| {
            let tiles = transformed.chunks_mut((PRODUCTS * inputs * TILE).max(1)).enumerate();
            threads.for_each(tiles.collect(), transform);
        })
    }
}

/// `G` times three values.
fn expanded([a, b, c]: [[f32; TILE]; 3]) -> [[f32; TILE]; 4] {
    let mut middle = [[0.0; TILE]; 2];
    for n in 0..TILE {
        let (sum, half) = (0.5 * (a[n] + c[n]), 0.5 * b[n]);
        middle[0][n] = sum + half;
        middle[1][n] = sum - half;
    }
    [a, middle[0], middle[1], c]
}

/// The feature maps of a block.
pub(super) struct Map<'a, S: Simd, const V: usize> {
    pub simd: S,
    pub values: &'a [[S::f32s; V]],
    /// `[height, width]`
    pub size: [usize; 2],
    pub channels: usize,
}

impl<S: Simd, const V: usize> Map<'_, S, V> {
    /// `Bᵀ d B` of the patch of 4×4 places that begins at `origin`, counted from the padding's corner, for every channel. Products lie `step`
    /// apart in `target`.
    #[inline(always)]
    pub fn transform(&self, origin: [usize; 2], padding: [usize; 2], target: &mut [[S::f32s; V]], step: usize) {
        let places = self.places::<4>(origin, padding);
        for channel in 0..self.channels {
            let patch = self.patch(&places, channel);
            let rows = [
                transformed_row::<S, V, 0>(self.simd, &patch),
                transformed_row::<S, V, 1>(self.simd, &patch),
                transformed_row::<S, V, 2>(self.simd, &patch),
                transformed_row::<S, V, 3>(self.simd, &patch),
            ];
            for (product, value) in rows.as_flattened().iter().enumerate() {
                target[product * step + channel] = *value;
            }
        }
    }

    /// One row of products of [`Map::transform`], of some channels.
    #[inline(always)]
    pub fn transform_row<const ROW: usize>(
        &self,
        origin: [usize; 2],
        padding: [usize; 2],
        channels: Range<usize>,
        target: &mut [[S::f32s; V]],
        step: usize,
    ) {
        let places = self.places::<4>(origin, padding);
        for (number, channel) in channels.enumerate() {
            let row = transformed_row::<S, V, ROW>(self.simd, &self.patch(&places, channel));
            for (column, value) in row.into_iter().enumerate() {
                target[column * step + number] = value;
            }
        }
    }

    /// One row of products of `A dY Aᵀ` of the patch of 2×2 places that begins at `origin`, for every channel.
    #[inline(always)]
    pub fn transform_gradient_row<const ROW: usize>(
        &self,
        origin: [usize; 2],
        target: &mut [[S::f32s; V]],
        step: usize,
    ) {
        let simd = self.simd;
        let places = self.places::<2>(origin, [0, 0]);
        for channel in 0..self.channels {
            let [upper, lower] = self.patch(&places, channel);
            let line = [0, 1].map(|column| spread::<S, V, ROW>(simd, [upper[column], lower[column]]));
            target[channel] = spread::<S, V, 0>(simd, line);
            target[step + channel] = spread::<S, V, 1>(simd, line);
            target[2 * step + channel] = spread::<S, V, 2>(simd, line);
            target[3 * step + channel] = spread::<S, V, 3>(simd, line);
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

/// A row of `Bᵀ d B`.
#[inline(always)]
fn transformed_row<S: Simd, const V: usize, const ROW: usize>(
    simd: S,
    patch: &[[[S::f32s; V]; 4]; 4],
) -> [[S::f32s; V]; 4] {
    let mut line = [splat(simd, 0.0); 4];
    for column in 0..4 {
        line[column] = combined::<S, V, ROW>(simd, [0, 1, 2, 3].map(|row| patch[row][column]));
    }
    [
        combined::<S, V, 0>(simd, line),
        combined::<S, V, 1>(simd, line),
        combined::<S, V, 2>(simd, line),
        combined::<S, V, 3>(simd, line),
    ]
}

/// A row of `Bᵀ` times four values.
#[inline(always)]
fn combined<S: Simd, const V: usize, const ROW: usize>(simd: S, [p, q, r, s]: [[S::f32s; V]; 4]) -> [S::f32s; V] {
    match ROW {
        0 => sub(simd, p, r),
        1 => add(simd, q, r),
        2 => sub(simd, r, q),
        _ => sub(simd, q, s),
    }
}

/// A row of `A` times two values.
#[inline(always)]
fn spread<S: Simd, const V: usize, const ROW: usize>(simd: S, [one, other]: [[S::f32s; V]; 2]) -> [S::f32s; V] {
    match ROW {
        0 => one,
        1 => add(simd, one, other),
        2 => sub(simd, one, other),
        _ => sub(simd, splat(simd, 0.0), other),
    }
}

/// `Aᵀ M A + bias`: 2×2 outputs of the 16 products.
#[inline(always)]
pub(super) fn inverse<S: Simd, const V: usize>(
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
