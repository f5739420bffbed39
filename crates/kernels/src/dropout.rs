//! Dropout: which values are dropped follows from random bits that are computed again for the gradient, so that no mask is kept.

use std::ops::Range;

use crate::blocks::{Blocks, Unset, written};
use crate::threads::Threads;

/// Dropout of maps `[channels, places]`, whose values get their random bits in this order, image by image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    pub channels: usize,
    pub places: usize,
    /// The share of values that are dropped, below 1.
    pub rate: f32,
}

/// Values of an image that are looked at before those of the next one: with all images of a block they fit into the first-level cache.
const STRIP: usize = 64;

/// Random bits for each value.
const BITS: usize = 16;

/// Values for each random number.
const DRAWS: usize = 64 / BITS;

impl Dropout {
    /// How many random numbers decide about a batch.
    pub fn n_numbers(&self, blocks: Blocks) -> usize {
        (blocks.n_images() * self.n_values()).div_ceil(DRAWS)
    }

    /// Values or gradients in blocks, each either 0 or divided by the share that is kept. `number(n)` is the `n`th random number.
    pub fn apply(&self, blocks: Blocks, values: &[f32], number: impl Fn(usize) -> u64 + Sync) -> Vec<f32> {
        // SAFETY: blocks are the result, and strips of all slots are all of a block.
        unsafe {
            written(values.len(), |result| {
                let pairs = blocks.split(values, self.n_values()).zip(blocks.split_mut(result, self.n_values()));
                let items = pairs.enumerate().collect();
                Threads::for_values(2 * values.len()).for_each(items, |(block, (values, result))| {
                    let first = block * blocks.wide();
                    self.block(first..first + blocks.images_in(block), values, result, &number);
                });
            })
        }
    }

    /// A block of these images; the slots beyond them are padding.
    fn block(&self, images: Range<usize>, values: &[f32], result: &mut [Unset], number: impl Fn(usize) -> u64) {
        let n_values = self.n_values();
        let width = values.len() / n_values.max(1);
        let threshold = (self.rate * (1 << BITS) as f32) as u64;
        let kept = 1.0 / (1.0 - self.rate);
        let mut places = Vec::with_capacity(STRIP);
        for first in (0..n_values).step_by(STRIP) {
            let strip = first..n_values.min(first + STRIP);
            places.clear();
            places.extend(strip.map(|value| self.place(value) * width));
            for (slot, image) in (images.start..).enumerate().take(width) {
                let factor = if image < images.end { kept } else { 0.0 };
                let first_draw = image * n_values + first;
                let mut bits = 0;
                for (draw, place) in (first_draw..).zip(&places) {
                    if draw == first_draw || draw.is_multiple_of(DRAWS) {
                        bits = number(draw / DRAWS);
                    }
                    let is_dropped = bits >> (BITS * (draw % DRAWS)) & ((1 << BITS) - 1) < threshold;
                    result[place + slot].write(values[place + slot] * if is_dropped { 0.0 } else { factor });
                }
            }
        }
    }

    /// Where a value is in a block.
    fn place(&self, value: usize) -> usize {
        value % self.places * self.channels + value / self.places
    }

    fn n_values(&self) -> usize {
        self.channels * self.places
    }
}
