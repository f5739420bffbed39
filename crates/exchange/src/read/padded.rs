//! Maps with their padding around them, and the sums that convolutions make of them, for floats and integers.
//!
//! Where several filters see the same maps, the values that a kernel covers at a few places are gathered into a *patch*, with the places side by
//! side, so that the lanes of a vector are places, whatever the kernel and its stride. Each sum adds its products in the order of the weights.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; shapes are checked before anything is computed"
)]

use super::kernels::{self, Window, ensure};

/// Places of a patch, and filters that read it at a time: as many sums as fit the registers.
pub const LANES: usize = 8;
pub const FILTERS: usize = 4;

/// Products of a sum from which on patches pay.
const MIN_TERMS: usize = 8;

/// The maps of one image, `[channels, height, width]` with padding, below a kernel.
pub struct Padded<T> {
    values: Vec<T>,
    /// Height and width with the padding, and without.
    size: [usize; 2],
    inner: [usize; 2],
    /// `[filters, channels / groups, height, width]`
    kernel: [usize; 4],
    window: Window,
    /// Height and width of the output.
    pub places: [usize; 2],
}

/// A patch and the weights of filters, in one kind of numbers.
pub trait Tile {
    type Value;
    type Sum;

    /// Puts the value that a weight is multiplied by at a place of the patch.
    fn put(&mut self, term: usize, lane: usize, value: Self::Value);

    /// The sums of these filters.
    fn sums(&self, filters: [usize; FILTERS]) -> [[Self::Sum; LANES]; FILTERS];
}

impl<T: Copy + Default> Padded<T> {
    /// Zeros, for maps of this shape.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit; more memory, or for so many images more work, than is allowed.
    pub fn new(
        n_images: usize,
        [channels, height, width]: [usize; 3],
        kernel: [usize; 4],
        window: Window,
    ) -> Result<Self, String> {
        let [filters, in_group, kernel_height, kernel_width] = kernel;
        let groups = window.groups;
        ensure(groups > 0 && filters % groups == 0, "filters that do not fit their groups")?;
        ensure(in_group.checked_mul(groups) == Some(channels), "channels that do not fit the filters")?;
        let places = window.places([height, width], [kernel_height, kernel_width])?;
        let [top, left, bottom, right] = window.pads;
        let size = [height + top + bottom, width + left + right];
        let n_outputs = kernels::n_outputs(&[n_images, filters, places[0], places[1]])?;
        kernels::check_work(&[n_outputs, in_group, kernel_height, kernel_width])?;
        let values = vec![T::default(); kernels::n_outputs(&[channels, size[0], size[1]])?];
        Ok(Self { values, size, inner: [height, width], kernel, window, places })
    }

    /// Puts the values of an image between the padding, channel by channel.
    pub fn fill(&mut self, image: impl IntoIterator<Item = T>) {
        let ([height, width], [padded_height, padded_width]) = (self.inner, self.size);
        let [top, left, ..] = self.window.pads;
        let mut image = image.into_iter();
        let n_channels = self.kernel[1] * self.window.groups;
        for (channel, y) in (0..n_channels).flat_map(|channel| (0..height).map(move |y| (channel, y))) {
            let start = (channel * padded_height + y + top) * padded_width + left;
            self.values[start..start + width].iter_mut().zip(&mut image).for_each(|(into, value)| *into = value);
        }
    }

    pub fn n_places(&self) -> usize {
        self.places[0] * self.places[1]
    }

    /// Products of a sum.
    pub fn n_terms(&self) -> usize {
        let [_, in_group, height, width] = self.kernel;
        in_group * height * width
    }

    fn filters_per_group(&self) -> usize {
        self.kernel[0] / self.window.groups
    }

    /// Whether filters share enough work for [`Padded::by_patches`]; for the others there is [`Padded::by_rows`].
    pub fn is_worth_patches(&self) -> bool {
        self.filters_per_group() >= FILTERS && self.n_terms() >= MIN_TERMS
    }

    /// Where the values that a kernel covers are, from its first one on, in the order of its weights.
    fn offsets(&self) -> Vec<usize> {
        let [_, in_group, kernel_height, kernel_width] = self.kernel;
        let [height, width] = self.size;
        let [down, right] = self.window.dilation;
        let rows =
            (0..in_group).flat_map(|channel| (0..kernel_height).map(move |u| (channel * height + u * down) * width));
        rows.flat_map(|row| (0..kernel_width).map(move |v| row + v * right)).collect()
    }

    /// Where the first value is that the kernels of a group cover at a place.
    fn start(&self, group: usize, place: usize) -> usize {
        let [height, width] = self.size;
        let [y, x] = [place / self.places[1], place % self.places[1]];
        (group * self.kernel[1] * height + y * self.window.stride[0]) * width + x * self.window.stride[1]
    }

    /// Calls `finish` with each filter, place and sum.
    pub fn by_patches<S: Tile<Value = T>>(&self, mut tile: S, mut finish: impl FnMut(usize, usize, S::Sum)) {
        let (offsets, n_places) = (self.offsets(), self.n_places());
        for group in 0..self.window.groups {
            let filters = group * self.filters_per_group()..(group + 1) * self.filters_per_group();
            for first in (0..n_places).step_by(LANES) {
                // Behind the last place stands a copy of it.
                let starts: [usize; LANES] =
                    std::array::from_fn(|lane| self.start(group, (first + lane).min(n_places - 1)));
                for (term, offset) in offsets.iter().enumerate() {
                    for (lane, start) in starts.iter().enumerate() {
                        tile.put(term, lane, self.values[start + offset]);
                    }
                }
                for filter in filters.clone().step_by(FILTERS) {
                    let some = std::array::from_fn(|index| (filter + index).min(filters.end - 1));
                    for (filter, sums) in (filter..filters.end).zip(tile.sums(some)) {
                        (first..n_places).zip(sums).for_each(|(place, sum)| finish(filter, place, sum));
                    }
                }
            }
        }
    }

    /// Calls `add` with the number of a weight, and with a row of places and the values that the weight is multiplied by there; then `finish` with the
    /// sums of each filter, which begin with `bias`.
    pub fn by_rows<S: Copy>(
        &self,
        bias: &[S],
        add: impl Fn(usize, &mut [S], &[T], usize),
        mut finish: impl FnMut(usize, &[S]),
    ) {
        let (offsets, n_terms) = (self.offsets(), self.n_terms());
        let mut sums = Vec::new();
        for (filter, bias) in bias.iter().enumerate() {
            sums.clear();
            sums.resize(self.n_places(), *bias);
            let group = filter / self.filters_per_group();
            for (term, offset) in offsets.iter().enumerate() {
                for (y, sums) in sums.chunks_exact_mut(self.places[1].max(1)).enumerate() {
                    let start = self.start(group, y * self.places[1]) + offset;
                    add(filter * n_terms + term, sums, &self.values[start..], self.window.stride[1]);
                }
            }
            finish(filter, &sums);
        }
    }
}
