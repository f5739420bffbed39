//! Convolutions and linear layers in integers of 8 bits.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

use super::paired::Paired;
use super::products::{WeightPair, sums, weight_pair};
use super::requantization::Requantization;
use super::{Integers, Lanes, Outcome, integers};
use crate::quantized::Quantization;
use crate::read::kernels::{self, Window, ensure};

/// Filters that read the same values at a time: as many sums as fit the registers.
const FILTERS: usize = 4;

/// Weights with one scale and one bias per filter.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    bias: &'a [i32],
    /// Filters, height, width and channels of a group.
    sides: [usize; 4],
    /// How far neighbors are from each other along these axes.
    strides: [usize; 4],
}

impl<'a> Weights<'a> {
    /// `order` names the axes of filters, height, width and channels.
    pub fn new(
        (shape, order): ([usize; 4], [usize; 4]),
        values: &'a [i8],
        scales: &'a [f32],
        bias: &'a [i32],
    ) -> Result<Self, String> {
        ensure(kernels::n_values(&shape)? == values.len(), "weights that do not fill their shape")?;
        let sides = order.map(|axis| shape[axis]);
        let strides = order.map(|axis| shape[axis + 1..].iter().product());
        ensure(scales.len() == sides[0] && bias.len() == sides[0], "a scale or a bias that is missing")?;
        Ok(Self { values, scales, bias, sides, strides })
    }

    /// Where a weight is in its filter.
    fn place(&self, [row, column, channel]: [usize; 3]) -> Option<usize> {
        let [_, _, width, channels] = self.sides;
        let [_, of_row, of_column, of_channel] = self.strides;
        (column < width && channel < channels).then_some(row * of_row + column * of_column + channel * of_channel)
    }
}

/// Cross-correlation of maps. Padding is the integer for 0.
pub fn conv(x: &Integers, weights: &Weights, window: Window, output: Quantization, relu: bool) -> Outcome {
    let [1, height, width, channels] = x.shape[..] else { return Err("a convolution of no maps".to_owned()) };
    slide(x, [height, width, channels], weights, window, output, relu)
}

/// A vector times weights of one place.
pub fn linear(x: &Integers, weights: &Weights, output: Quantization, relu: bool) -> Outcome {
    let Integers { shape, values, quantization } =
        slide(x, [1, 1, x.n_values()], weights, Window::PLAIN, output, relu)?;
    integers([1, shape[3]], values, quantization)
}

fn slide(
    x: &Integers,
    size: [usize; 3],
    weights: &Weights,
    window: Window,
    output: Quantization,
    relu: bool,
) -> Outcome {
    let [n_filters, kernel_height, kernel_width, in_group] = weights.sides;
    let fit = window.groups > 0 && n_filters > 0 && n_filters.is_multiple_of(window.groups);
    ensure(fit, "filters that do not fit their groups")?;
    let mut maps = Paired::new(size, [kernel_height, kernel_width, in_group], window)?;
    let [height, width] = maps.places;
    let n_outputs = kernels::n_outputs(&[height, width, n_filters])?;
    kernels::check_work(&[n_outputs, in_group, kernel_height, kernel_width])?;
    let scale = f64::from(x.quantization.scale);
    let requantization =
        |of_filter: &f32| Requantization::new(scale * f64::from(*of_filter) / f64::from(output.scale), output, relu);
    let filters = Filters::new(weights, &maps, window.groups, weights.scales.iter().map(requantization).collect());
    let blocks = x.blocks();
    let mut values = vec![Lanes::default(); blocks.len() * n_outputs];
    for (block, outputs) in blocks.zip(values.chunks_exact_mut(n_outputs)) {
        maps.fill(block, x.quantization.zero_point);
        // Row by row, so that of large maps only what a kernel covers has to stay in the cache.
        for (y, outputs) in outputs.chunks_exact_mut(width * n_filters).enumerate() {
            for set in &filters.sets {
                match set.n_filters {
                    FILTERS => filters.row::<FILTERS>(set, &maps, y, outputs),
                    _ => filters.row::<1>(set, &maps, y, outputs),
                }
            }
        }
    }
    integers([1, height, width, n_filters], values, output)
}

/// Filters in the order in which products are summed.
struct Filters<'a> {
    sets: Vec<Set>,
    /// Set by set; for each pair of values the weights of all filters of the set.
    weights: Vec<WeightPair>,
    /// Where the pairs of values are below the kernel.
    offsets: Vec<usize>,
    bias: &'a [i32],
    requantizations: Vec<Requantization>,
}

/// Filters of a group that are computed together: [`FILTERS`], or one.
struct Set {
    group: usize,
    first: usize,
    n_filters: usize,
}

impl<'a> Filters<'a> {
    fn new(weights: &Weights<'a>, maps: &Paired, groups: usize, requantizations: Vec<Requantization>) -> Self {
        let taps = maps.taps();
        let places: Vec<_> = taps.iter().map(|tap| tap.weights.map(|weight| weights.place(weight))).collect();
        let per_group = weights.sides[0] / groups;
        let mut sets = Vec::new();
        let mut packed = Vec::with_capacity(weights.sides[0] * taps.len());
        for group in 0..groups {
            let end = (group + 1) * per_group;
            let mut first = end - per_group;
            while first < end {
                let n_filters = if first + FILTERS <= end { FILTERS } else { 1 };
                sets.push(Set { group, first, n_filters });
                for pair in &places {
                    packed.extend((first..first + n_filters).map(|filter| {
                        let filter = &weights.values[filter * weights.strides[0]..];
                        let [one, other] = pair.map(|place| place.map_or(0, |place| filter[place]));
                        weight_pair(one, other)
                    }));
                }
                first += n_filters;
            }
        }
        let offsets = taps.iter().map(|tap| tap.offset).collect();
        Self { sets, weights: packed, offsets, bias: weights.bias, requantizations }
    }

    /// The outputs of a set in a row of places.
    fn row<const N: usize>(&self, set: &Set, maps: &Paired, y: usize, outputs: &mut [Lanes<i8>]) {
        let length = self.offsets.len();
        let (weights, _) = self.weights[set.first * length..(set.first + N) * length].as_chunks::<N>();
        let bias = std::array::from_fn(|index| self.bias[set.first + index]);
        let requantizations = &self.requantizations[set.first..set.first + N];
        for (x, outputs) in outputs.chunks_exact_mut(self.bias.len()).enumerate() {
            let sums: [_; N] = sums(bias, weights, &self.offsets, maps.below(set.group, [y, x]));
            let outputs = outputs[set.first..set.first + N].iter_mut();
            for (output, (sums, requantization)) in outputs.zip(sums.into_iter().zip(requantizations)) {
                *output = requantization.of(sums);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LANES;
    use super::*;

    const SIZE: [usize; 2] = [9, 11];
    const INPUT: Quantization = Quantization { scale: 0.1, zero_point: -7 };
    const OUTPUT: Quantization = Quantization { scale: 1.5, zero_point: 3 };

    /// By its definition, for one lane of a block. Weights are `[filters, channels, height, width]`.
    fn plain(
        block: &[Lanes<i8>],
        lane: usize,
        (shape, weights, bias): ([usize; 4], &[i8], &[i32]),
        window: Window,
    ) -> Vec<i8> {
        let ([height, width], [filters, in_group, kernel, _]) = (SIZE, shape);
        let channels = in_group * window.groups;
        let [out_height, out_width] = window.places(SIZE, [kernel; 2]).unwrap();
        let mut values = Vec::new();
        for (y, x_out, filter) in (0..out_height * out_width * filters)
            .map(|place| (place / filters / out_width, place / filters % out_width, place % filters))
        {
            let mut sum = bias[filter];
            for (c, u, v) in (0..in_group * kernel * kernel)
                .map(|term| (term / (kernel * kernel), term / kernel % kernel, term % kernel))
            {
                let channel = filter / (filters / window.groups) * in_group + c;
                let row = (y * window.stride[0] + u * window.dilation[0]).wrapping_sub(window.pads[0]);
                let column = (x_out * window.stride[1] + v * window.dilation[1]).wrapping_sub(window.pads[1]);
                if row < height && column < width {
                    let value = i32::from(block[(row * width + column) * channels + channel][lane]);
                    let weight = weights[((filter * in_group + c) * kernel + u) * kernel + v];
                    sum += i32::from(weight) * (value - i32::from(INPUT.zero_point));
                }
            }
            let real = f64::from(INPUT.scale) * f64::from(0.01_f32) / f64::from(OUTPUT.scale);
            values.push(Requantization::new(real, OUTPUT, false).of([sum; LANES])[0]);
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
            (2, 5, 1, 4, 1, 2, 3),
            (1, 9, 1, 5, 2, 1, 0),
            (3, 2, 3, 3, 1, 2, 1),
            (1, 2, 5, 3, 1, 1, 0),
        ] {
            let (filters, channels, n_blocks) = (groups * per_group, groups * in_group, 2);
            let n_values = SIZE[0] * SIZE[1] * channels;
            let value = |place: usize| std::array::from_fn(|lane| ((place * 89 + lane * 37) % 256) as u8 as i8);
            let values = (0..n_blocks * n_values).map(value).collect();
            let x = integers([1, SIZE[0], SIZE[1], channels], values, INPUT).unwrap();
            let shape = [filters, in_group, kernel, kernel];
            let n_weights = shape.iter().product();
            let values: Vec<i8> = (0..n_weights).map(|place: usize| ((place * 53 % 255) as i16 - 127) as i8).collect();
            let bias: Vec<i32> = (0..filters as i32).map(|filter| 100 * filter - 200).collect();
            let scales = vec![0.01; filters];
            let weights = Weights::new((shape, [0, 2, 3, 1]), &values, &scales, &bias).unwrap();
            let window = Window { stride: [stride; 2], pads: [pad; 4], dilation: [dilation; 2], groups };
            let found = conv(&x, &weights, window, OUTPUT, false).unwrap();
            for (found, block) in found.blocks().zip(x.blocks()) {
                for lane in 0..LANES {
                    let found: Vec<i8> = found.iter().map(|lanes| lanes[lane]).collect();
                    assert_eq!(found, plain(block, lane, (shape, &values, &bias), window), "{shape:?}, {window:?}");
                }
            }
        }
    }
}
