//! A convolution as its kernels are compiled for it, and how its products are cut into work groups: by shape alone.

use kindling_kernels::conv::{Conv, WeightOrder};

/// Everything about a convolution but the batch. Kernels are compiled for one geometry, so that all their divisions are by constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Geometry {
    /// In a group.
    pub channels: usize,
    /// In a group.
    pub filters: usize,
    pub groups: usize,
    pub height: usize,
    pub width: usize,
    pub out_height: usize,
    pub out_width: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub stride_height: usize,
    pub stride_width: usize,
    pub pad_height: usize,
    pub pad_width: usize,
    pub dilation_height: usize,
    pub dilation_width: usize,
    pub order: Order,
    pub weights: Weights,
}

/// Where the channels of the layer's input are in memory. Gradients and outputs have them last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Order {
    First,
    Last,
}

/// The memory order of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Weights {
    /// `[filters, height, width, channels]`
    Convolution,
    /// `[channels, height, width, filters]`
    Linear,
}

impl Geometry {
    pub fn new(conv: &Conv, order: Order) -> Self {
        let Some([out_height, out_width]) = conv.output_size() else {
            unreachable!("shape inference has checked that the kernel fits")
        };
        Self {
            channels: conv.channels / conv.groups,
            filters: conv.filters / conv.groups,
            groups: conv.groups,
            height: conv.size[0],
            width: conv.size[1],
            out_height,
            out_width,
            kernel_height: conv.kernel[0],
            kernel_width: conv.kernel[1],
            stride_height: conv.stride[0],
            stride_width: conv.stride[1],
            pad_height: conv.padding[0],
            pad_width: conv.padding[1],
            dilation_height: conv.dilation[0],
            dilation_width: conv.dilation[1],
            order,
            weights: match conv.weights {
                WeightOrder::Conv => Weights::Convolution,
                WeightOrder::Linear => Weights::Linear,
            },
        }
    }

    /// Whether a group has too few channels or filters to fill a tile: then each value is a thread's.
    pub const fn has_narrow_groups(&self) -> bool {
        self.groups > 1 && (self.channels < 8 || self.filters < 8)
    }

    /// Channels of all groups.
    pub const fn all_channels(&self) -> usize {
        self.channels * self.groups
    }

    /// Filters of all groups.
    pub const fn all_filters(&self) -> usize {
        self.filters * self.groups
    }

    /// Places of an output map.
    pub const fn out_places(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Values of an image.
    pub const fn image_values(&self) -> usize {
        self.all_channels() * self.height * self.width
    }

    /// Terms of the sum behind each output.
    pub const fn depth(&self) -> usize {
        self.taps() * self.channels
    }

    pub const fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    pub const fn n_weights(&self) -> usize {
        self.all_filters() * self.depth()
    }

    /// Where the gradient of the bias begins in a buffer after that of the weights: at a multiple of the 256 bytes at which a binding may
    /// begin.
    pub const fn bias_start(&self) -> usize {
        self.n_weights().next_multiple_of(64)
    }

    /// Length of the buffer with the gradients of weights and bias.
    pub const fn n_parameters(&self) -> usize {
        (self.bias_start() + self.all_filters()).next_multiple_of(64)
    }

    /// Distance between rows of the input that meet the same taps, in the data gradient.
    pub const fn step_height(&self) -> usize {
        if self.dilation_height == 1 { self.stride_height } else { 1 }
    }

    /// Distance between columns of the input that meet the same taps.
    pub const fn step_width(&self) -> usize {
        if self.dilation_width == 1 { self.stride_width } else { 1 }
    }

    /// Sets of input places that meet the same taps.
    pub const fn phases(&self) -> usize {
        self.step_height() * self.step_width()
    }

    /// Rows of the input in a phase, at most.
    pub const fn phase_rows(&self) -> usize {
        self.height.div_ceil(self.step_height())
    }

    /// Columns of the input in a phase, at most.
    pub const fn phase_columns(&self) -> usize {
        self.width.div_ceil(self.step_width())
    }

    /// Taps along a row of the kernel in a phase, at most.
    pub const fn phase_taps_width(&self) -> usize {
        self.kernel_width.div_ceil(self.step_width())
    }
}

/// A work group's part of a product: `rows` × `columns`, 4 × 4 of them a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub rows: usize,
    pub columns: usize,
}

/// Terms of the sum that are in workgroup memory at once.
pub(super) const DEPTH: usize = 16;

/// A coordinate outside of every map.
pub(super) const OUTSIDE: u32 = 1 << 30;

impl Tile {
    const fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns }
    }

    pub const fn n_threads(self) -> usize {
        self.rows * self.columns / 16
    }

    /// Vectors of four rows from one term to the next. One more than there are keeps consecutive terms in different banks of the memory.
    pub const fn row_pitch(self) -> usize {
        self.rows / 4 + 1
    }

    /// Vectors of four columns from one term to the next.
    pub const fn column_pitch(self) -> usize {
        self.columns / 4 + 1
    }
}

/// Work groups that keep a large GPU busy. A shape that has fewer takes smaller tiles.
const ENOUGH: usize = 192;

/// The tile of a product of `n_rows` × `n_columns`, of which there are `n_layers`. Tiles are tall where there are few columns: a narrow
/// layer is bound by reading its rows.
pub(super) fn product_tile(n_rows: usize, n_columns: usize, n_layers: usize) -> Tile {
    let (large, smallest): (&[Tile], Tile) = match n_columns {
        0..=8 => (&[], Tile::new(128, 8)),
        9..=16 => (&[Tile::new(128, 16)], Tile::new(64, 16)),
        17..=32 => (&[Tile::new(128, 32), Tile::new(64, 32)], Tile::new(32, 32)),
        _ => (&[Tile::new(64, 64), Tile::new(32, 64)], Tile::new(32, 32)),
    };
    let fills = |tile: &&Tile| n_rows.div_ceil(tile.rows) * n_columns.div_ceil(tile.columns) * n_layers >= ENOUGH;
    large.iter().find(fills).copied().unwrap_or(smallest)
}

/// How a weight gradient is computed: the tile's rows are filters, its columns terms of the kernel, and the sum over all places is cut into
/// pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GradientCut {
    pub tile: Tile,
    pub pieces: usize,
    /// Of [`DEPTH`] places, in each piece.
    pub steps: usize,
}

pub(super) fn gradient_cut(n_rows: usize, geometry: &Geometry) -> GradientCut {
    let (filters, depth) = (geometry.filters, geometry.depth());
    let tile = match (filters, depth) {
        (0..=8, _) => Tile::new(8, 128),
        (9..=16, _) => Tile::new(16, 64),
        (17..=32, 0..=32) => Tile::new(32, 32),
        (17..=32, _) => Tile::new(32, 64),
        (_, 0..=32) => Tile::new(64, 32),
        _ => Tile::new(64, 64),
    };
    let n_tiles = filters.div_ceil(tile.rows) * depth.div_ceil(tile.columns) * geometry.groups;
    let (pieces, rows) = pieces(n_rows, n_tiles);
    GradientCut { tile, pieces, steps: rows.div_ceil(DEPTH) }
}

/// Into how many pieces a sum over `n_rows` is cut where `n_groups` work groups compute one, and how many rows each has: a multiple of
/// [`DEPTH`].
pub(super) fn pieces(n_rows: usize, n_groups: usize) -> (usize, usize) {
    let wanted = 256_usize.div_ceil(n_groups).min(n_rows.div_ceil(128)).clamp(1, 128);
    let rows = n_rows.div_ceil(wanted).max(1).next_multiple_of(DEPTH);
    (n_rows.div_ceil(rows).max(1), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every WebGPU device offers.
    const MAX_THREADS: usize = 256;
    const MAX_WORKGROUP_BYTES: usize = 16_384;

    /// Workgroup memory of the largest kernel with this tile, the data gradient: terms of rows and columns, and four numbers a row.
    fn workgroup_bytes(tile: Tile) -> usize {
        DEPTH * (tile.row_pitch() + tile.column_pitch()) * 16 + 4 * tile.rows * 4
    }

    #[test]
    fn work_groups_keep_to_what_every_device_offers() {
        let sides = [1, 4, 8, 9, 16, 17, 32, 33, 64, 200];
        for n_rows in [1, 100, 6_400, 100_000, 4_000_000] {
            for columns in sides {
                let products = [1, 9, 300].map(|n_layers| product_tile(n_rows, columns, n_layers));
                let gradients = sides.map(|depth| gradient_cut(n_rows, &geometry(columns, depth)).tile);
                for tile in products.into_iter().chain(gradients) {
                    assert!(tile.n_threads() <= MAX_THREADS, "{tile:?}");
                    assert!(workgroup_bytes(tile) <= MAX_WORKGROUP_BYTES, "{tile:?}");
                    // A thread's columns are the same in every pass over the patches.
                    assert!(tile.n_threads().is_multiple_of(tile.columns / 4), "{tile:?}");
                }
            }
        }
    }

    #[test]
    fn pieces_cover_all_rows_and_none_is_empty() {
        for n_rows in [1, 15, 16, 127, 129, 900, 50_176, 1_000_000] {
            for n_groups in [1, 3, 36, 1_000] {
                let (n_pieces, rows) = pieces(n_rows, n_groups);
                assert!(rows.is_multiple_of(DEPTH) && n_pieces <= 128);
                assert!(
                    (n_pieces - 1) * rows < n_rows && n_rows <= n_pieces * rows,
                    "{n_rows} in {n_pieces} of {rows}"
                );
            }
        }
        assert_eq!(pieces(0, 1).0, 1, "an empty batch has gradients of 0");
    }

    fn geometry(filters: usize, depth: usize) -> Geometry {
        let conv = Conv {
            channels: depth,
            size: [1; 2],
            filters,
            kernel: [1; 2],
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
            weights: WeightOrder::Conv,
        };
        Geometry::new(&conv, Order::Last)
    }
}
