//! Convolution in floats.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

use super::{Outcome, Window, dims, ensure, tensor};
use crate::read::padded::{FILTERS, LANES, Padded, Tile};
use crate::trained::Tensor;

/// `[batch, channels, height, width]` with `[filters, channels / groups, height, width]`: cross-correlation.
pub fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, window: Window) -> Outcome {
    let [n_images, channels, height, width] = dims(x)?;
    let kernel: [usize; 4] = dims(weight)?;
    let [filters, ..] = kernel;
    let zeros = vec![0.0; filters];
    let bias = bias.map_or(&zeros, |bias| &bias.values);
    ensure(bias.len() == filters, "a bias that does not fit the filters")?;
    let mut padded = Padded::new(n_images, [channels, height, width], kernel, window)?;
    let n_places = padded.n_places();
    let [out_height, out_width] = padded.places;
    let mut values = vec![0.0; n_images * filters * n_places];
    let outputs = values.chunks_exact_mut((filters * n_places).max(1));
    for (image, outputs) in x.values.chunks_exact((channels * height * width).max(1)).zip(outputs) {
        padded.fill(image.iter().copied());
        if padded.is_worth_patches() {
            let tile = FloatTile { weights: &weight.values, bias, patch: vec![[0.0; LANES]; padded.n_terms()] };
            padded.by_patches(tile, |filter, place, sum| outputs[filter * n_places + place] = sum);
        } else {
            let add = |place: usize, sums: &mut [f32], values: &[f32], stride: usize| {
                let weight = weight.values[place];
                match stride {
                    1 => add_products(sums, weight, values.iter()),
                    stride => add_products(sums, weight, values.iter().step_by(stride)),
                }
            };
            padded.by_rows(bias, add, |filter, sums| {
                outputs[filter * n_places..(filter + 1) * n_places].copy_from_slice(sums);
            });
        }
    }
    tensor([n_images, filters, out_height, out_width], values)
}

fn add_products<'a>(sums: &mut [f32], weight: f32, values: impl Iterator<Item = &'a f32>) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}

struct FloatTile<'a> {
    weights: &'a [f32],
    bias: &'a [f32],
    patch: Vec<[f32; LANES]>,
}

impl Tile for FloatTile<'_> {
    type Value = f32;
    type Sum = f32;

    fn put(&mut self, term: usize, lane: usize, value: f32) {
        self.patch[term][lane] = value;
    }

    fn sums(&self, filters: [usize; FILTERS]) -> [[f32; LANES]; FILTERS] {
        let length = self.patch.len();
        let [one, two, three, four] = filters.map(|filter| &self.weights[filter * length..(filter + 1) * length]);
        let mut sums = filters.map(|filter| [self.bias[filter]; LANES]);
        for ((((patch, one), two), three), four) in self.patch.iter().zip(one).zip(two).zip(three).zip(four) {
            for (sums, weight) in sums.iter_mut().zip([one, two, three, four]) {
                sums.iter_mut().zip(patch).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        sums
    }
}
