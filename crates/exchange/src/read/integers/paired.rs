//! The maps of a block with their padding around them, in the order in which products are summed: by pairs of values that pairs of weights are
//! multiplied by. They are of two channels, or, where a filter sees one channel only, of two places that are neighbors below the kernel.
//!
//! What a kernel covers is then at fixed distances from its first pair, whatever its size, its stride, its dilation and its groups, and no patch
//! is gathered.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

use super::products::ValuePair;
use super::{LANES, Lanes};
use crate::read::kernels::{self, Window, ensure};

pub struct Paired {
    values: Vec<ValuePair>,
    /// Height, width and channels without padding.
    size: [usize; 3],
    /// Height, width and channels of the kernel.
    kernel: [usize; 3],
    window: Window,
    /// Height and width of the output.
    pub places: [usize; 2],
    /// Width with padding.
    width: usize,
    /// Pairs of a place that a kernel covers.
    per_group: usize,
}

/// A pair below a kernel.
pub struct Tap {
    /// From the kernel's first pair.
    pub offset: usize,
    /// Row, column and channel of both weights. The second may lie outside of the kernel.
    pub weights: [[usize; 3]; 2],
}

impl Paired {
    /// Zeros, for maps of this size below a kernel, both `[height, width, channels]`.
    ///
    /// # Errors
    ///
    /// Sizes that do not fit; more memory than is allowed.
    pub fn new(size: [usize; 3], kernel: [usize; 3], window: Window) -> Result<Self, String> {
        let ([height, width, channels], [kernel_height, kernel_width, in_group]) = (size, kernel);
        ensure(
            in_group > 0 && in_group.checked_mul(window.groups) == Some(channels),
            "channels that do not fit the filters",
        )?;
        let places = window.places([height, width], [kernel_height, kernel_width])?;
        let [top, left, bottom, right] = window.pads;
        let per_group = in_group.div_ceil(2);
        let width = width + left + right;
        let n_pairs = kernels::n_outputs(&[height + top + bottom, width, window.groups, per_group])?;
        Ok(Self { values: vec![[0; 2 * LANES]; n_pairs], size, kernel, window, places, width, per_group })
    }

    /// Pairs of a place.
    fn n_pairs(&self) -> usize {
        self.window.groups * self.per_group
    }

    /// Puts the maps of a block between the padding, as differences from the zero point, which fit into 9 bits.
    pub fn fill(&mut self, block: &[Lanes<i8>], zero_point: i8) {
        let ([_, width, channels], [.., in_group], n_pairs) = (self.size, self.kernel, self.n_pairs());
        let [top, left, ..] = self.window.pads;
        let right = self.window.dilation[1];
        let zeros = vec![[zero_point; LANES]; channels];
        let rows = self.values.chunks_exact_mut(self.width * n_pairs).skip(top);
        for (row, pairs) in block.chunks_exact(width * channels).zip(rows) {
            if in_group == 1 {
                let at = |column: usize| {
                    let column = column.checked_sub(left).filter(|column| *column < width);
                    column.map_or(&zeros[..], |column| &row[column * channels..][..channels])
                };
                for (column, pairs) in pairs.chunks_exact_mut(n_pairs).enumerate() {
                    for ((first, second), pair) in at(column).iter().zip(at(column + right)).zip(pairs) {
                        *pair = differences(first, second, zero_point);
                    }
                }
            } else {
                let groups = pairs[left * n_pairs..].chunks_exact_mut(self.per_group);
                for (values, pairs) in row.chunks_exact(in_group).zip(groups) {
                    for (values, pair) in values.chunks(2).zip(pairs) {
                        *pair = differences(&values[0], values.get(1).unwrap_or(&zeros[0]), zero_point);
                    }
                }
            }
        }
    }

    /// All pairs below a kernel.
    pub fn taps(&self) -> Vec<Tap> {
        let [height, width, channels] = self.kernel;
        let [down, right] = self.window.dilation;
        // How far it is to the second weight of a pair.
        let [of_column, of_channel] = if channels == 1 { [1, 0] } else { [0, 1] };
        let rows = (0..height).flat_map(|row| (0..width).step_by(1 + of_column).map(move |column| (row, column)));
        let tap = |row: usize, column: usize, channel: usize| Tap {
            offset: (row * down * self.width + column * right) * self.n_pairs() + channel / 2,
            weights: [[row, column, channel], [row, column + of_column, channel + of_channel]],
        };
        rows.flat_map(|(row, column)| (0..channels).step_by(2).map(move |channel| tap(row, column, channel))).collect()
    }

    /// From the pair on that the kernels of a group cover first at a place of the output.
    pub fn below(&self, group: usize, [y, x]: [usize; 2]) -> &[ValuePair] {
        let [down, right] = self.window.stride;
        &self.values[(y * down * self.width + x * right) * self.n_pairs() + group * self.per_group..]
    }
}

/// Both values of each image, side by side.
fn differences(first: &Lanes<i8>, second: &Lanes<i8>, zero_point: i8) -> ValuePair {
    let zero = i16::from(zero_point);
    let mut pair = [0; 2 * LANES];
    let (pairs, _) = pair.as_chunks_mut::<2>();
    for (pair, (first, second)) in pairs.iter_mut().zip(first.iter().zip(second)) {
        *pair = [i16::from(*first) - zero, i16::from(*second) - zero];
    }
    pair
}
