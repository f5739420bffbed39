//! The memory order of all kernels: blocks of images.
//!
//! A block holds the feature maps of a few images as `[H][W][C][images]`, `images` being two vectors of the machine's width, or one at the end of
//! a batch. Blocks follow each other, so a batch is `[blocks][H][W][C][images]`. Places for images beyond the batch's end, at most one vector of
//! them less one, are *padding*: they take part in all sums over a batch, so gradients are 0 there, and kernels that compute statistics skip them.

use std::mem::MaybeUninit;

use pulp::Simd;

use crate::simd::{self, Kernel, WIDE, groups, groups_unset};
use crate::threads::Threads;

/// How a batch is cut into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    n_images: usize,
    /// Images in a vector.
    lanes: usize,
}

impl Blocks {
    pub fn new(n_images: usize) -> Self {
        Self { n_images, lanes: simd::lanes() }
    }

    pub fn n_images(self) -> usize {
        self.n_images
    }

    /// Images with padding.
    pub fn n_slots(self) -> usize {
        let wide = self.wide();
        let rest = self.n_images % wide;
        self.n_images - rest
            + match rest {
                0 => 0,
                rest if rest <= self.lanes => self.lanes,
                _ => wide,
            }
    }

    /// The number of values of a batch in blocks, `n_values` per image. Panics if no memory could hold them, instead of beginning anew at 0,
    /// which 32 bits would.
    pub fn n_values(self, n_values: usize) -> usize {
        let Some(n) = self.n_slots().checked_mul(n_values) else {
            panic!("{} images of {n_values} values each are more than memory can hold", self.n_slots())
        };
        n
    }

    /// So many values and more, so that they fill whole vectors.
    pub(crate) fn whole_vectors(self, n_values: usize) -> usize {
        n_values.next_multiple_of(self.lanes)
    }

    /// Images in a wide block.
    pub(crate) fn wide(self) -> usize {
        WIDE * self.lanes
    }

    /// The values of each block; `n_values` are those of an image. Only the last block may be narrow.
    pub(crate) fn split(self, values: &[f32], n_values: usize) -> impl ExactSizeIterator<Item = &[f32]> {
        assert_eq!(values.len(), self.n_values(n_values), "a batch in blocks has {n_values} values per slot");
        values.chunks((self.wide() * n_values).max(1))
    }

    pub(crate) fn split_mut<T>(self, values: &mut [T], n_values: usize) -> impl ExactSizeIterator<Item = &mut [T]> {
        assert_eq!(values.len(), self.n_values(n_values), "a batch in blocks has {n_values} values per slot");
        values.chunks_mut((self.wide() * n_values).max(1))
    }

    /// Number of images in a block, without padding.
    pub(crate) fn images_in(self, block: usize) -> usize {
        (self.n_images - block * self.wide()).min(self.wide())
    }

    /// `[images, C, H · W]` to blocks. Padding is 0.
    pub fn gather(self, images: &[f32], channels: usize, places: usize) -> Vec<f32> {
        let n_values = channels * places;
        assert_eq!(images.len(), self.n_images * n_values, "images have {channels} · {places} values each");
        let mut values = vec![0.0; self.n_values(n_values)];
        let images = images.chunks((self.wide() * n_values).max(1));
        let items = images.zip(self.split_mut(&mut values, n_values)).collect();
        Threads::for_values(n_values * self.n_images)
            .for_each(items, |(images, block)| interleave(images, block, channels, places));
        values
    }

    /// Blocks to `[images, C, H · W]`.
    pub fn scatter(self, values: &[f32], channels: usize, places: usize) -> Vec<f32> {
        let n_values = channels * places;
        let mut images = vec![0.0; self.n_images * n_values];
        let blocks = self.split(values, n_values);
        let items = blocks.zip(images.chunks_mut((self.wide() * n_values).max(1))).collect();
        Threads::for_values(n_values * self.n_images)
            .for_each(items, |(block, images)| separate(block, images, channels, places));
        images
    }

    /// The rows of all blocks in parts of at most `rows_in_part`, each with its block's input. An input has `n_inputs` values, an output `n_rows`
    /// rows of `row_values`.
    pub(crate) fn parts<'a>(
        self,
        (input, n_inputs): (&'a [f32], usize),
        output: &'a mut [Unset],
        [n_rows, row_values]: [usize; 2],
        rows_in_part: usize,
    ) -> Vec<Part<'a>> {
        let pairs = self.split(input, n_inputs).zip(self.split_mut(output, n_rows * row_values));
        let parts = pairs.flat_map(|(input, output)| {
            let width = input.len() / n_inputs.max(1);
            let outputs = output.chunks_mut((rows_in_part * row_values * width).max(1)).enumerate();
            outputs.map(move |(part, output)| Part { width, first_row: part * rows_in_part, input, output })
        });
        parts.collect()
    }

    /// Sets padding to 0.
    pub(crate) fn clear_padding(self, values: &mut [f32], n_values: usize) {
        if self.n_slots() == self.n_images {
            return;
        }
        let Some((number, block)) = self.split_mut(values, n_values).enumerate().last() else { return };
        let n_images = self.images_in(number);
        let width = block.len() / n_values.max(1);
        block.chunks_mut(width.max(1)).for_each(|group| group[n_images..].fill(0.0));
    }
}

/// Some rows of a block's output.
pub(crate) struct Part<'a> {
    /// Images in the block.
    pub width: usize,
    pub first_row: usize,
    /// All of the block.
    pub input: &'a [f32],
    pub output: &'a mut [Unset],
}

/// A value that is yet to be written.
pub(crate) type Unset = MaybeUninit<f32>;

/// `n` values, which `write` writes: memory that is set to 0 first would pass through the cache twice.
///
/// # Safety
///
/// `write` writes every value.
pub(crate) unsafe fn written(n: usize, write: impl FnOnce(&mut [Unset])) -> Vec<f32> {
    let mut values = Vec::with_capacity(n);
    let unset = &mut values.spare_capacity_mut()[..n];
    if cfg!(debug_assertions) {
        // Tests find a value that was left out.
        unset.fill(Unset::new(f32::NAN));
    }
    write(unset);
    // SAFETY: as the caller promises.
    unsafe { values.set_len(n) };
    values
}

/// Sets values to 0, by the thread that adds to them.
pub(crate) fn zeroed(values: &mut [Unset]) -> &mut [f32] {
    values.fill(Unset::new(0.0));
    // SAFETY: all are set.
    unsafe { values.assume_init_mut() }
}

/// How many places are moved at once: their lines of all images fit into the first-level cache.
const STRIP: usize = 16;

/// `[images, C, places]` to the values of one block, `[places, C, slots]`.
fn interleave(images: &[f32], block: &mut [f32], channels: usize, places: usize) {
    let width = block.len() / (channels * places).max(1);
    for channel in 0..channels {
        for first in (0..places).step_by(STRIP) {
            let n_places = STRIP.min(places - first);
            for (slot, image) in images.chunks(channels * places).enumerate() {
                let source = &image[channel * places + first..][..n_places];
                let target = block[(first * channels + channel) * width + slot..].iter_mut().step_by(channels * width);
                target.zip(source).for_each(|(target, source)| *target = *source);
            }
        }
    }
}

/// Undoes [`interleave`].
fn separate(block: &[f32], images: &mut [f32], channels: usize, places: usize) {
    let width = block.len() / (channels * places).max(1);
    for channel in 0..channels {
        for first in (0..places).step_by(STRIP) {
            let n_places = STRIP.min(places - first);
            for (slot, image) in images.chunks_mut(channels * places).enumerate() {
                let target = &mut image[channel * places + first..][..n_places];
                let source = block[(first * channels + channel) * width + slot..].iter().step_by(channels * width);
                target.iter_mut().zip(source).for_each(|(target, source)| *target = *source);
            }
        }
    }
}

/// The gradient at a ReLU's input, from its output and the gradient there. Both are batches in blocks of one shape.
pub fn relu_gradient(output: &[f32], gradient: &[f32]) -> Vec<f32> {
    struct Masked<'a> {
        output: &'a [f32],
        gradient: &'a [f32],
        result: &'a mut [Unset],
    }
    impl Kernel for Masked<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd, const V: usize>(self, simd: S) {
            let inputs = groups::<S, V>(self.output).iter().zip(groups::<S, V>(self.gradient));
            for (result, (output, gradient)) in groups_unset::<S, V>(self.result).iter_mut().zip(inputs) {
                result.write(simd::relu_gradient(simd, *output, *gradient));
            }
        }
    }
    assert_eq!(output.len(), gradient.len(), "a gradient is like the output");
    assert!(gradient.len().is_multiple_of(simd::lanes()), "a batch in blocks is whole vectors");
    /// Values of an item: a few hundred kilobytes.
    const CHUNK: usize = 1 << 16;
    // SAFETY: chunks cover the result, and the kernel writes every vector of a chunk; a batch in blocks is whole vectors.
    unsafe {
        written(gradient.len(), |result| {
            let inputs = output.chunks(CHUNK).zip(gradient.chunks(CHUNK));
            let items = result.chunks_mut(CHUNK).zip(inputs).collect();
            Threads::for_values(gradient.len()).for_each(items, |(result, (output, gradient))| {
                simd::run(Masked { output, gradient, result }, 1);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "more than memory can hold")]
    fn a_batch_beyond_memory_is_not_taken_for_a_small_one() {
        Blocks::new(64).n_values(usize::MAX / 32);
    }
}
