//! Convolution in floats.
//!
//! Where several filters see the same maps, the values that a kernel covers at a few places are gathered into a *patch*, with the places side by
//! side, so that the lanes of a vector are places, whatever the kernel and its stride.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

use super::padded::Padded;
use super::products::{LANES, ROWS, sums};
use super::{Outcome, Window, dims, ensure, tensor};
use crate::trained::Tensor;

/// Products of a sum from which on patches pay.
const MIN_TERMS: usize = 8;

/// `[batch, channels, height, width]` with `[filters, channels / groups, height, width]`: cross-correlation.
pub fn conv(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, window: Window) -> Outcome {
    let [n_images, channels, height, width] = dims(x)?;
    let kernel: [usize; 4] = dims(weight)?;
    let [filters, ..] = kernel;
    let zeros = vec![0.0; filters];
    let bias = bias.map_or(&zeros, |bias| &bias.values);
    ensure(bias.len() == filters, "a bias that does not fit the filters")?;
    let mut padded = Padded::new(n_images, [channels, height, width], kernel, window)?;
    let [out_height, out_width] = padded.places;
    let n_outputs = filters * padded.n_places();
    let mut values = vec![0.0; n_images * n_outputs];
    let offsets = padded.offsets();
    let by = match padded.filters_per_group() >= ROWS && offsets.len() >= MIN_TERMS {
        true => by_patches,
        false => by_rows,
    };
    let images = x.values.chunks_exact((channels * height * width).max(1));
    for (image, outputs) in images.zip(values.chunks_exact_mut(n_outputs.max(1))) {
        padded.fill(image);
        by(&padded, &offsets, window, (&weight.values, bias), outputs);
    }
    tensor([n_images, filters, out_height, out_width], values)
}

fn by_patches(
    padded: &Padded,
    offsets: &[usize],
    window: Window,
    (weights, bias): (&[f32], &[f32]),
    outputs: &mut [f32],
) {
    let (n_places, n_terms, per_group) = (padded.n_places(), offsets.len(), padded.filters_per_group());
    let mut patch = vec![[0.0; LANES]; n_terms];
    for (group, first) in (0..window.groups).flat_map(|group| (0..n_places).step_by(LANES).map(move |at| (group, at))) {
        // Behind the last place stands a copy of it.
        let starts: [usize; LANES] = std::array::from_fn(|lane| padded.start(group, (first + lane).min(n_places - 1)));
        for (values, offset) in patch.iter_mut().zip(offsets) {
            *values = starts.map(|start| padded.values[start + offset]);
        }
        let end = (group + 1) * per_group;
        for filter in (end - per_group..end).step_by(ROWS) {
            let some: [usize; ROWS] = std::array::from_fn(|index| (filter + index).min(end - 1));
            let rows = some.map(|filter| &weights[filter * n_terms..(filter + 1) * n_terms]);
            let sums = sums(some.map(|filter| [bias[filter]; LANES]), rows, &patch);
            for (filter, sums) in (filter..end).zip(sums) {
                let outputs = outputs[filter * n_places + first..(filter + 1) * n_places].iter_mut();
                outputs.zip(sums).for_each(|(output, sum)| *output = sum);
            }
        }
    }
}

/// Weight by weight, row by row of its places.
fn by_rows(padded: &Padded, offsets: &[usize], window: Window, (weights, bias): (&[f32], &[f32]), outputs: &mut [f32]) {
    let (n_places, width) = (padded.n_places(), padded.places[1]);
    for (filter, sums) in outputs.chunks_exact_mut(n_places.max(1)).enumerate() {
        sums.fill(bias[filter]);
        let weights = &weights[filter * offsets.len()..];
        for (weight, offset) in weights.iter().zip(offsets) {
            for (y, sums) in sums.chunks_exact_mut(width.max(1)).enumerate() {
                let values = &padded.values[padded.start(filter / padded.filters_per_group(), y * width) + offset..];
                match window.stride[1] {
                    1 => add_products(sums, *weight, values.iter()),
                    stride => add_products(sums, *weight, values.iter().step_by(stride)),
                }
            }
        }
    }
}

fn add_products<'a>(sums: &mut [f32], weight: f32, values: impl Iterator<Item = &'a f32>) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}
