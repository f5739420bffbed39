//! Maps of an image with their padding around them, below a convolution's kernel.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; shapes are checked before anything is computed"
)]

use super::{Window, check_work, ensure, n_outputs};

/// `[channels, height, width]` with padding.
pub struct Padded {
    pub values: Vec<f32>,
    /// Height and width with the padding, and without.
    size: [usize; 2],
    inner: [usize; 2],
    /// `[filters, channels / groups, height, width]`
    kernel: [usize; 4],
    window: Window,
    /// Height and width of the output.
    pub places: [usize; 2],
}

impl Padded {
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
        check_work(&[n_outputs(&[n_images, filters, places[0], places[1]])?, in_group, kernel_height, kernel_width])?;
        let values = vec![0.0; n_outputs(&[channels, size[0], size[1]])?];
        Ok(Self { values, size, inner: [height, width], kernel, window, places })
    }

    /// Puts the values of an image between the padding.
    pub fn fill(&mut self, image: &[f32]) {
        let ([height, width], [padded_height, padded_width]) = (self.inner, self.size);
        let [top, left, ..] = self.window.pads;
        for (index, row) in image.chunks_exact(width.max(1)).enumerate() {
            let start = (index / height * padded_height + index % height + top) * padded_width + left;
            self.values[start..start + width].copy_from_slice(row);
        }
    }

    pub fn n_places(&self) -> usize {
        self.places[0] * self.places[1]
    }

    pub fn filters_per_group(&self) -> usize {
        self.kernel[0] / self.window.groups
    }

    /// Where the values that a kernel covers are, from its first one on, in the order of its weights.
    pub fn offsets(&self) -> Vec<usize> {
        let [_, in_group, kernel_height, kernel_width] = self.kernel;
        let [height, width] = self.size;
        let [down, right] = self.window.dilation;
        let rows =
            (0..in_group).flat_map(|channel| (0..kernel_height).map(move |u| (channel * height + u * down) * width));
        rows.flat_map(|row| (0..kernel_width).map(move |v| row + v * right)).collect()
    }

    /// Where the first value is that the kernels of a group cover at a place.
    pub fn start(&self, group: usize, place: usize) -> usize {
        let [height, width] = self.size;
        let [y, x] = [place / self.places[1], place % self.places[1]];
        (group * self.kernel[1] * height + y * self.window.stride[0]) * width + x * self.window.stride[1]
    }
}
