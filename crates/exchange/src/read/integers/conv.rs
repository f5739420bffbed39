//! Convolution in integers of 8 bits.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

use super::products::{Pair, Patch, sums};
use super::{Integers, Outcome, Weights, dims, integers, requantized};
use crate::quantized::Quantization;
use crate::read::kernels::Window;
use crate::read::padded::{FILTERS, LANES, Padded, Tile};

/// Cross-correlation of maps with `[filters, channels / groups, height, width]`. Padding is the integer for 0.
pub fn conv(x: &Integers, weights: Weights, window: Window, output: Quantization, relu: bool) -> Outcome {
    let filters = weights.check()?;
    let kernel = weights.shape.try_into().map_err(|_| "weights of a convolution without four axes".to_owned())?;
    let mut padded = Padded::new(1, dims(x)?, kernel, window)?;
    let zero = i16::from(x.quantization.zero_point);
    // Differences from the zero point fit into 9 bits.
    padded.fill(x.values.iter().map(|&value| i16::from(value) - zero));
    let multipliers: Vec<_> = (0..filters).map(|filter| weights.multiplier(filter, x.quantization, output)).collect();
    let integer = |filter: usize, sum: i32| requantized(sum.into(), multipliers[filter], output, relu);
    let n_places = padded.n_places();
    let mut values = vec![0; filters * n_places];
    if padded.is_worth_patches() {
        let tile = IntegerTile::new(weights, padded.n_terms());
        padded.by_patches(tile, |filter, place, sum| values[filter * n_places + place] = integer(filter, sum));
    } else {
        let add = |weight: usize, sums: &mut [i32], values: &[i16], stride: usize| {
            let weight = i16::from(weights.values[weight]);
            match stride {
                1 => add_products(sums, weight, values.iter()),
                stride => add_products(sums, weight, values.iter().step_by(stride)),
            }
        };
        padded.by_rows(weights.bias, add, |filter, sums| {
            let values = values[filter * n_places..].iter_mut().zip(sums);
            values.for_each(|(value, sum)| *value = integer(filter, *sum));
        });
    }
    let [height, width] = padded.places;
    integers([filters, height, width], values, output)
}

fn add_products<'a>(sums: &mut [i32], weight: i16, values: impl Iterator<Item = &'a i16>) {
    let add = |(sum, value): (&mut i32, &i16)| *sum = sum.wrapping_add(i32::from(weight) * i32::from(*value));
    sums.iter_mut().zip(values).for_each(add);
}

/// Weights and values by pairs, because two products at a time are summed.
struct IntegerTile<'a> {
    /// The weights of each filter; where their number is odd, a zero follows.
    rows: Vec<Pair>,
    bias: &'a [i32],
    patch: Vec<Patch>,
}

impl<'a> IntegerTile<'a> {
    fn new(weights: Weights<'a>, n_terms: usize) -> Self {
        let pair = |pair: &[i8]| [0, 1].map(|place| pair.get(place).copied().map_or(0, i16::from));
        let rows = weights.values.chunks_exact(n_terms).flat_map(|row| row.chunks(2).map(pair)).collect();
        Self { rows, bias: weights.bias, patch: vec![[0; 2 * LANES]; n_terms.div_ceil(2)] }
    }
}

impl Tile for IntegerTile<'_> {
    type Value = i16;
    type Sum = i32;

    fn put(&mut self, term: usize, lane: usize, value: i16) {
        self.patch[term / 2][2 * lane + term % 2] = value;
    }

    fn sums(&self, filters: [usize; FILTERS]) -> [[i32; LANES]; FILTERS] {
        let length = self.patch.len();
        let rows = filters.map(|filter| &self.rows[filter * length..(filter + 1) * length]);
        sums(filters.map(|filter| self.bias[filter]), rows, &self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By its definition.
    fn plain(x: &Integers, weights: Weights, window: Window, output: Quantization) -> Vec<i8> {
        let ([channels, height, width], [filters, in_group, kernel, _]) =
            (x.shape[..].try_into().unwrap(), weights.shape.try_into().unwrap());
        let [out_height, out_width] = window.places([height, width], [kernel; 2]).unwrap();
        let mut values = Vec::new();
        for (filter, y, x_out) in (0..filters * out_height * out_width)
            .map(|place| (place / (out_height * out_width), place / out_width % out_height, place % out_width))
        {
            let mut sum = weights.bias[filter];
            for (c, u, v) in (0..in_group * kernel * kernel)
                .map(|term| (term / (kernel * kernel), term / kernel % kernel, term % kernel))
            {
                let channel = filter / (filters / window.groups) * in_group + c;
                let row = (y * window.stride[0] + u * window.dilation[0]).wrapping_sub(window.pads[0]);
                let column = (x_out * window.stride[1] + v * window.dilation[1]).wrapping_sub(window.pads[1]);
                if row < height && column < width && channel < channels {
                    let value = i32::from(x.values[(channel * height + row) * width + column]);
                    let weight = weights.values[((filter * in_group + c) * kernel + u) * kernel + v];
                    sum += i32::from(weight) * (value - i32::from(x.quantization.zero_point));
                }
            }
            values.push(requantized(sum.into(), weights.multiplier(filter, x.quantization, output), output, false));
        }
        values
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        for (groups, per_group, in_group, kernel, stride, dilation, pad) in [
            (1, 5, 3, 3, 1, 1, 1),
            (2, 4, 4, 2, 2, 1, 0),
            (1, 4, 2, 3, 2, 2, 2),
            (3, 6, 2, 3, 1, 3, 3),
            (1, 7, 17, 1, 1, 1, 0),
            (4, 1, 1, 3, 2, 1, 1),
            (1, 2, 5, 3, 1, 1, 0),
        ] {
            let (filters, channels) = (groups * per_group, groups * in_group);
            let [height, width] = [9, 11];
            let values = (0..channels * height * width).map(|place| (place * 89 % 256) as u8 as i8).collect();
            let n_weights = filters * in_group * kernel * kernel;
            let weights: Vec<i8> = (0..n_weights).map(|place| ((place * 53 % 255) as i16 - 127) as i8).collect();
            let bias: Vec<i32> = (0..filters as i32).map(|filter| 100 * filter - 200).collect();
            let quantization = Quantization { scale: 0.1, zero_point: -7 };
            let x = integers([channels, height, width], values, quantization).unwrap();
            let (shape, scales) = ([filters, in_group, kernel, kernel], vec![0.01; filters]);
            let weights = Weights { shape: &shape, values: &weights, scales: &scales, bias: &bias };
            let window = Window { stride: [stride; 2], pads: [pad; 4], dilation: [dilation; 2], groups };
            let output = Quantization { scale: 1.5, zero_point: 3 };
            let found = conv(&x, weights, window, output, false).unwrap();
            assert_eq!(found.values, plain(&x, weights, window, output), "{shape:?}, {window:?}");
        }
    }
}
