//! Forward pass and data gradient of a convolution: every output place sums over the input places that its kernel meets.
//!
//! The innermost loop keeps the sums of a *tile*, some outputs of one place for all images of a block, in registers: it loads a channel of the
//! images once for all outputs of the tile, and a weight once for all images.

use pulp::Simd;

use super::axis::{Axis, Run};
use crate::blocks::{Blocks, Part, Unset, written};
use crate::simd::{self, Kernel, WIDE, groups, groups_unset, relu};
use crate::threads::Threads;

/// A convolution as sums over input places. "Input" and "output" are of this pass: in the data gradient, the output is the convolution's input.
pub(crate) struct Direct {
    /// `[height, width]`
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    /// Along height and width.
    pub(super) axes: [Axis; 2],
    pub(super) groups: usize,
    pub(super) packing: Packing,
}

/// Where a pass finds its weights: steps between them in memory. All numbers of channels are of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub kernel: [usize; 2],
    pub outputs: usize,
    pub inputs: usize,
    /// From group to group, output channel to output channel, …
    pub group: usize,
    pub output: usize,
    pub input: usize,
    pub row: usize,
    pub column: usize,
    /// Whether the last tap comes first.
    pub mirrored: bool,
}

/// The outputs of a tile, from `first` on, and where its weights start in the packed ones.
#[derive(Clone, Copy, Debug)]
struct Tile {
    first: usize,
    width: usize,
    group: usize,
    weights: usize,
}

/// Weights in the order in which tiles read them: `[tiles][rows][columns][input channels][outputs of the tile]`.
struct Packed {
    tiles: Vec<Tile>,
    weights: Vec<f32>,
}

/// Sums of a tile fill half of the machine's registers or a little more.
const WIDE_TILE: usize = 4;
const NARROW_TILE: usize = 8;
/// So many outputs are still one tile, because the sums of a smaller second one would wait for each other. Fused multiplication leaves a
/// register more.
const WHOLE_WIDE_TILE: usize = if cfg!(target_arch = "wasm32") { 5 } else { 6 };

impl Direct {
    pub fn run(&self, blocks: Blocks, input: &[f32], weights: &[f32], bias: Option<&[f32]>, is_relu: bool) -> Vec<f32> {
        let [n_rows, n_columns] = self.output;
        let n_inputs = self.input[0] * self.input[1] * self.packing.inputs * self.groups;
        let row_values = n_columns * self.packing.outputs * self.groups;
        // A batch of few blocks is cut into rows, too, so that every thread has work.
        let n_blocks = blocks.n_slots().div_ceil(blocks.wide());
        let threads = Threads::for_work([blocks.n_slots(), n_rows * n_columns, weights.len()]);
        let n_parts = threads.parts(n_blocks, n_rows);
        let rows_in_part = n_rows.div_ceil(n_parts).max(1);
        let packed = self.packed(blocks, weights);
        // SAFETY: parts cover the output, and tiles all outputs of a place.
        unsafe {
            written(blocks.n_values(n_rows * row_values), |output| {
                let parts = blocks.parts((input, n_inputs), output, [n_rows, row_values], rows_in_part);
                threads.for_each(parts, |part| {
                    let packed = packed.of(part.width == blocks.wide());
                    let width = part.width;
                    simd::run(Rows { direct: self, packed, bias, is_relu, part }, width);
                });
            })
        }
    }

    /// The weights for the blocks of a batch.
    pub fn packed(&self, blocks: Blocks, weights: &[f32]) -> PackedWeights {
        let (wide, narrow) = (blocks.wide(), blocks.n_slots() % blocks.wide());
        let pack = |tile, whole| self.packing.packed(self.groups, weights, (tile, whole));
        PackedWeights {
            narrow: (narrow > 0).then(|| pack(NARROW_TILE, NARROW_TILE)),
            wide: (blocks.n_slots() >= wide).then(|| pack(WIDE_TILE, WHOLE_WIDE_TILE)),
        }
    }

    /// The output of one block, with weights that were packed before.
    #[inline(always)]
    pub fn run_block<S: Simd, const V: usize>(
        &self,
        simd: S,
        packed: &PackedWeights,
        bias: Option<&[f32]>,
        input: &[f32],
        output: &mut [Unset],
    ) {
        let packed = packed.of(V == WIDE);
        let part = Part { width: V * S::F32_LANES, first_row: 0, input, output };
        Rows { direct: self, packed, bias, is_relu: false, part }.run::<S, V>(simd);
    }
}

/// Weights for the blocks of a batch, wide and narrow ones.
pub(crate) struct PackedWeights {
    narrow: Option<Packed>,
    wide: Option<Packed>,
}

impl PackedWeights {
    fn of(&self, is_wide: bool) -> &Packed {
        let Some(packed) = (if is_wide { &self.wide } else { &self.narrow }) else {
            unreachable!("weights are packed for blocks of every width")
        };
        packed
    }
}

impl Packing {
    /// `tiles` are the outputs of a tile, and how many may be the only tile.
    fn packed(&self, n_groups: usize, weights: &[f32], (tile, whole): (usize, usize)) -> Packed {
        let n_tiles = if self.outputs <= whole { 1 } else { self.outputs.div_ceil(tile) };
        // The weights of an output.
        let n_weights = self.kernel[0] * self.kernel[1] * self.inputs;
        assert_eq!(weights.len(), n_groups * self.outputs * n_weights, "there are weights for all outputs");
        let mut tiles = Vec::with_capacity(n_groups * n_tiles);
        for group in 0..n_groups {
            for number in 0..n_tiles {
                // Tiles of nearly equal width.
                let [first, end] =
                    [number, number + 1].map(|number| group * self.outputs + number * self.outputs / n_tiles);
                tiles.push(Tile { first, width: end - first, group, weights: first * n_weights });
            }
        }
        // SAFETY: tiles are all outputs of all groups, and a tile is written as a whole.
        let packed = unsafe {
            written(weights.len(), |mut rest| {
                let mut items = Vec::with_capacity(tiles.len());
                for tile in &tiles {
                    let packed;
                    (packed, rest) = rest.split_at_mut(tile.width * n_weights);
                    items.push((tile, packed));
                }
                Threads::for_values(weights.len()).for_each(items, |(tile, packed)| self.pack(tile, weights, packed));
            })
        };
        Packed { tiles, weights: packed }
    }

    fn pack(&self, tile: &Tile, weights: &[f32], packed: &mut [Unset]) {
        let [height, width] = self.kernel;
        let first = tile.group * self.group + (tile.first - tile.group * self.outputs) * self.output;
        let mut inputs = packed.chunks_exact_mut(tile.width.max(1));
        for row in 0..height {
            let row = if self.mirrored { height - 1 - row } else { row };
            for column in 0..width {
                let column = if self.mirrored { width - 1 - column } else { column };
                let offset = first + row * self.row + column * self.column;
                for (input, packed) in inputs.by_ref().take(self.inputs).enumerate() {
                    let outputs = weights[offset + input * self.input..].iter().step_by(self.output.max(1));
                    packed.iter_mut().zip(outputs).for_each(|(packed, weight)| *packed = Unset::new(*weight));
                }
            }
        }
    }
}

/// Some rows of a block's output.
struct Rows<'a> {
    direct: &'a Direct,
    packed: &'a Packed,
    bias: Option<&'a [f32]>,
    is_relu: bool,
    part: Part<'a>,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { direct, packed, bias, is_relu, part: Part { first_row, input, output, .. } } = self;
        let [rows, columns] = &direct.axes;
        let input = groups::<S, V>(input);
        let n_outputs = direct.packing.outputs * direct.groups;
        let output = groups_unset::<S, V>(output);
        for (place, output) in output.chunks_exact_mut(n_outputs.max(1)).enumerate() {
            let (row, column) = (first_row + place / columns.n_places(), place % columns.n_places());
            let place = Place::<S, V> { simd, direct, input, rows: rows.at(row), columns: columns.at(column) };
            for tile in &packed.tiles {
                let weights = &packed.weights[tile.weights..];
                let bias = bias.map(|bias| &bias[tile.first..]);
                let output = &mut output[tile.first..];
                macro_rules! tiles {
                    ($($width:literal)*) => {
                        match tile.width {
                            $($width => {
                                let sums = place.sums::<$width>(tile.group, weights, bias);
                                for (output, sums) in output.iter_mut().zip(sums) {
                                    output.write(if is_relu { sums.map(|sum| relu(simd, sum)) } else { sums });
                                }
                            })*
                            _ => unreachable!("a tile has at most {NARROW_TILE} outputs"),
                        }
                    };
                }
                if V == WIDE { tiles!(1 2 3 4 5 6) } else { tiles!(1 2 3 4 5 6 7 8) }
            }
        }
    }
}

/// An output place with the input places that it sums over.
struct Place<'a, S: Simd, const V: usize> {
    simd: S,
    direct: &'a Direct,
    input: &'a [[S::f32s; V]],
    rows: &'a [Run],
    columns: &'a [Run],
}

impl<S: Simd, const V: usize> Place<'_, S, V> {
    /// The outputs of a tile.
    #[inline(always)]
    fn sums<const N: usize>(&self, group: usize, weights: &[f32], bias: Option<&[f32]>) -> [[S::f32s; V]; N] {
        let Self { simd, direct, .. } = *self;
        let Packing { inputs, kernel, .. } = direct.packing;
        let n_channels = inputs * direct.groups;
        let weights = weights.as_chunks::<N>().0;
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        if let Some(bias) = bias {
            for (sums, &bias) in sums.iter_mut().zip(bias) {
                *sums = [simd.splat_f32s(bias); V];
            }
        }
        for row in self.rows {
            for column in self.columns {
                let start = (row.place * direct.input[1] + column.place) * n_channels + group * inputs;
                let input = &self.input[start..][..column.length * inputs];
                let weights = &weights[(row.tap * kernel[1] + column.tap) * inputs..];
                sums = multiply(simd, sums, input, weights);
            }
        }
        sums
    }
}

/// `sums[n] + Σ weights[i][n] · input[i]`: the loop in which most of the time is spent.
#[inline(always)]
pub(super) fn multiply<S: Simd, const V: usize, const N: usize>(
    simd: S,
    mut sums: [[S::f32s; V]; N],
    input: &[[S::f32s; V]],
    weights: &[[f32; N]],
) -> [[S::f32s; V]; N] {
    for (input, weights) in input.iter().zip(weights) {
        for n in 0..N {
            let weight = simd.splat_f32s(weights[n]);
            for v in 0..V {
                sums[n][v] = simd.mul_add_e_f32s(input[v], weight, sums[n][v]);
            }
        }
    }
    sums
}
