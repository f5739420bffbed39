//! Arithmetic on integers of 8 bits as TFLite defines it: sums in 32 bits, then requantization, which multiplies by a fixed-point number.
//!
//! The output of an operation with real scales is `q = zero_point + M · sum`, where `M`, for instance `input scale · weight scale / output
//! scale`, is kept as `mantissa · 2^(shift - 31)` with a mantissa of 31 bits. The product is rounded twice, as in gemmlowp: `mantissa · sum ·
//! 2^-31` to the nearest integer with ties upward, and what the shift to the right leaves with ties away from zero. No float takes part.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; every function checks its operands' shapes first"
)]

use super::kernels::{self, Pooling, Window, ensure};
use crate::quantized::Quantization;

/// The activations of one image. Maps are `[channels, height, width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Integers {
    pub shape: Vec<usize>,
    pub values: Vec<i8>,
    pub quantization: Quantization,
}

pub type Outcome = Result<Integers, String>;

/// Weights `[out, …]` with one scale and one bias per output channel.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    pub shape: &'a [usize],
    pub values: &'a [i8],
    pub scales: &'a [f32],
    pub bias: &'a [i32],
}

/// A positive real number as `mantissa · 2^(shift - 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// From 2^30 to 2^31 - 1, or 0.
    mantissa: i32,
    shift: i32,
}

impl Multiplier {
    /// 0 for what is not positive, not finite, or below 2^-32.
    pub fn new(real: f64) -> Self {
        const ZERO: Multiplier = Multiplier { mantissa: 0, shift: 0 };
        if !real.is_normal() || real <= 0.0 {
            return ZERO;
        }
        // real = fraction · 2^shift with a fraction from 0.5 to 1.
        let mut shift = ((real.to_bits() >> 52) & 0x7ff) as i32 - 1022;
        let fraction = real / 2.0_f64.powi(shift);
        let mut mantissa = (fraction * 2.0_f64.powi(31)).round() as i64;
        if mantissa == 1 << 31 {
            mantissa >>= 1;
            shift += 1;
        }
        if shift < -31 { ZERO } else { Self { mantissa: mantissa as i32, shift: shift.min(30) } }
    }

    /// The product, rounded.
    pub fn of(self, value: i64) -> i64 {
        let value = value << self.shift.max(0);
        // Beyond 32 bits the result is far out of the range of 8.
        let value = value.clamp(i32::MIN.into(), i32::MAX.into());
        let product = value * i64::from(self.mantissa);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = (product + nudge) / (1 << 31);
        rounded_shift(high, (-self.shift).max(0) as u32)
    }
}

/// Division by a power of two, to the nearest integer, with ties away from zero.
fn rounded_shift(value: i64, exponent: u32) -> i64 {
    let mask = (1_i64 << exponent) - 1;
    let threshold = (mask >> 1) + i64::from(value < 0);
    (value >> exponent) + i64::from(value & mask > threshold)
}

/// The integer of 8 bits that a sum becomes; with a ReLU nothing below the integer for 0.
fn requantized(sum: i64, multiplier: Multiplier, output: Quantization, relu: bool) -> i8 {
    let zero = i64::from(output.zero_point);
    let least = if relu { zero } else { -128 };
    (multiplier.of(sum) + zero).clamp(least, 127) as i8
}

pub fn integers(shape: impl Into<Vec<usize>>, values: Vec<i8>, quantization: Quantization) -> Outcome {
    let shape = shape.into();
    ensure(quantization.scale > 0.0 && quantization.scale.is_finite(), "a scale that is not positive")?;
    ensure(kernels::n_values(&shape)? == values.len(), "values that do not fill their shape")?;
    Ok(Integers { shape, values, quantization })
}

fn dims<const D: usize>(x: &Integers) -> Result<[usize; D], String> {
    let dims = x.shape.as_slice().try_into();
    dims.map_err(|_| format!("a tensor of shape {:?} where {D} axes are needed", x.shape))
}

impl Weights<'_> {
    /// The number of output channels.
    fn check(&self) -> Result<usize, String> {
        let n_out = self.shape.first().copied().unwrap_or_default();
        ensure(kernels::n_values(self.shape)? == self.values.len(), "weights that do not fill their shape")?;
        ensure(self.scales.len() == n_out && self.bias.len() == n_out, "a scale or a bias that is missing")?;
        Ok(n_out)
    }

    fn multiplier(&self, channel: usize, input: Quantization, output: Quantization) -> Multiplier {
        Multiplier::new(f64::from(input.scale) * f64::from(self.scales[channel]) / f64::from(output.scale))
    }
}

/// Cross-correlation of maps with `[filters, channels / groups, height, width]`. Padding is the integer for 0.
pub fn conv(x: &Integers, weights: Weights, window: Window, output: Quantization, relu: bool) -> Outcome {
    let [channels, height, width] = dims(x)?;
    let filters = weights.check()?;
    let [_, in_group, kernel_height, kernel_width] = weights.shape[..] else {
        return Err("weights of a convolution without four axes".to_owned());
    };
    let groups = window.groups;
    ensure(groups > 0 && filters % groups == 0, "filters that do not fit their groups")?;
    ensure(in_group.checked_mul(groups) == Some(channels), "channels that do not fit the filters")?;
    let [out_height, out_width] = window.places([height, width], [kernel_height, kernel_width])?;
    let [top, left, bottom, right] = window.pads;
    let (padded_height, padded_width) = (height + top + bottom, width + left + right);
    let n_places = out_height * out_width;
    kernels::check_work(&[filters, n_places, in_group, kernel_height, kernel_width])?;
    kernels::n_outputs(&[filters, n_places])?;
    // Differences from the zero point, which fit into 9 bits.
    let mut padded = vec![0_i16; kernels::n_outputs(&[channels, padded_height, padded_width])?];
    let zero = i16::from(x.quantization.zero_point);
    for (row, source) in x.values.chunks_exact(width.max(1)).enumerate() {
        let (channel, y) = (row / height, row % height);
        let start = (channel * padded_height + y + top) * padded_width + left;
        let places = padded[start..start + width].iter_mut();
        places.zip(source).for_each(|(place, value)| *place = i16::from(*value) - zero);
    }
    let mut values = Vec::with_capacity(filters * n_places);
    let mut sums = vec![0_i32; n_places];
    for filter in 0..filters {
        sums.fill(weights.bias[filter]);
        let first = filter / (filters / groups) * in_group;
        for channel in 0..in_group {
            for (u, v) in (0..kernel_height).flat_map(|u| (0..kernel_width).map(move |v| (u, v))) {
                let place = ((filter * in_group + channel) * kernel_height + u) * kernel_width + v;
                let factor = i16::from(weights.values[place]);
                for (y, sums) in sums.chunks_exact_mut(out_width.max(1)).enumerate() {
                    let row = (first + channel) * padded_height + y * window.stride[0] + u * window.dilation[0];
                    let source = &padded[row * padded_width + v * window.dilation[1]..(row + 1) * padded_width];
                    match window.stride[1] {
                        1 => add_products(sums, factor, source.iter()),
                        stride => add_products(sums, factor, source.iter().step_by(stride)),
                    }
                }
            }
        }
        let multiplier = weights.multiplier(filter, x.quantization, output);
        values.extend(sums.iter().map(|&sum| requantized(sum.into(), multiplier, output, relu)));
    }
    integers([filters, out_height, out_width], values, output)
}

fn add_products<'a>(sums: &mut [i32], factor: i16, values: impl Iterator<Item = &'a i16>) {
    let add = |(sum, value): (&mut i32, &i16)| *sum = sum.wrapping_add(i32::from(factor) * i32::from(*value));
    sums.iter_mut().zip(values).for_each(add);
}

/// A vector times `[out, in]`.
pub fn linear(x: &Integers, weights: Weights, output: Quantization, relu: bool) -> Outcome {
    let n_out = weights.check()?;
    let [_, n_in] = weights.shape[..] else { return Err("weights of a linear layer without two axes".to_owned()) };
    ensure(x.values.len() == n_in && n_in > 0, "a vector that does not fit the weights")?;
    let zero = i32::from(x.quantization.zero_point);
    let rows = weights.values.chunks_exact(n_in).enumerate();
    let values = rows.map(|(channel, row)| {
        let products = row.iter().zip(&x.values).map(|(&weight, &value)| i32::from(weight) * (i32::from(value) - zero));
        let sum = products.fold(weights.bias[channel], i32::wrapping_add);
        requantized(sum.into(), weights.multiplier(channel, x.quantization, output), output, relu)
    });
    integers([n_out], values.collect(), output)
}

/// Windows without padding. The mean is rounded to the nearest integer, with ties away from zero.
pub fn pool(x: &Integers, pooling: Pooling, kernel: [usize; 2], stride: [usize; 2]) -> Outcome {
    let [channels, height, width] = dims(x)?;
    let window = Window { stride, ..Window::PLAIN };
    let [out_height, out_width] = window.places([height, width], kernel)?;
    kernels::check_work(&[channels, out_height, out_width, kernel[0], kernel[1]])?;
    let mut values = Vec::with_capacity(kernels::n_outputs(&[channels, out_height, out_width])?);
    for channel in 0..channels {
        for (y, left) in (0..out_height).flat_map(|y| (0..out_width).map(move |left| (y * stride[0], left * stride[1])))
        {
            let rows = (y..y + kernel[0]).map(|y| (channel * height + y) * width + left);
            let seen = rows.flat_map(|start| &x.values[start..start + kernel[1]]).copied();
            values.push(match pooling {
                Pooling::Max => seen.max().unwrap_or_default(),
                Pooling::Average => rounded_mean(seen, kernel[0] * kernel[1]),
            });
        }
    }
    integers([channels, out_height, out_width], values, x.quantization)
}

fn rounded_mean(values: impl Iterator<Item = i8>, n: usize) -> i8 {
    let (sum, n) = (values.map(i64::from).sum::<i64>(), n.max(1) as i64);
    let half = if sum > 0 { n / 2 } else { -(n / 2) };
    ((sum + half) / n) as i8
}

/// The mean of each channel.
pub fn means(x: &Integers, output: Quantization) -> Outcome {
    let [channels, height, width] = dims(x)?;
    let n_places = height * width;
    ensure(n_places > 0, "maps without a place")?;
    let real = f64::from(x.quantization.scale) / (f64::from(output.scale) * n_places as f64);
    let (multiplier, zero) = (Multiplier::new(real), i64::from(x.quantization.zero_point));
    let values = x.values.chunks_exact(n_places).map(|channel| {
        let sum = channel.iter().map(|&value| i64::from(value) - zero).sum();
        requantized(sum, multiplier, output, false)
    });
    integers([channels], values.collect(), output)
}

/// The largest value of each channel.
pub fn maxima(x: &Integers) -> Outcome {
    let [channels, height, width] = dims(x)?;
    let maxima = x.values.chunks_exact((height * width).max(1)).filter_map(|channel| channel.iter().max().copied());
    integers([channels], maxima.collect(), x.quantization)
}

/// Both are brought to a scale that is finer by 2^20, added, and brought to that of the output.
pub fn add(a: &Integers, b: &Integers, output: Quantization, relu: bool) -> Outcome {
    const FINER: u32 = 20;
    ensure(a.shape == b.shape, "summands of different shapes")?;
    let wide = 2.0 * f64::from(a.quantization.scale.max(b.quantization.scale));
    let shared = |x: &Integers| Multiplier::new(f64::from(x.quantization.scale) / wide);
    let (of_a, of_b) = (shared(a), shared(b));
    let of_sum = Multiplier::new(wide / (f64::from(1_u32 << FINER) * f64::from(output.scale)));
    let fine = |value: i8, x: &Integers, multiplier: Multiplier| {
        multiplier.of((i64::from(value) - i64::from(x.quantization.zero_point)) << FINER)
    };
    let sums = a.values.iter().zip(&b.values).map(|(&one, &other)| {
        let sum = fine(one, a, of_a) + fine(other, b, of_b);
        requantized(sum, of_sum, output, relu)
    });
    integers(a.shape.clone(), sums.collect(), output)
}

/// Of equal shapes, or of maps and one factor per channel.
pub fn multiply(a: &Integers, b: &Integers, output: Quantization) -> Outcome {
    let per_factor = a.values.len().checked_div(b.values.len()).unwrap_or_default().max(1);
    ensure(per_factor * b.values.len() == a.values.len(), "factors that do not fit")?;
    let real = f64::from(a.quantization.scale) * f64::from(b.quantization.scale) / f64::from(output.scale);
    let multiplier = Multiplier::new(real);
    let [zero_a, zero_b] = [a, b].map(|x| i64::from(x.quantization.zero_point));
    let products = a.values.chunks_exact(per_factor).zip(&b.values).flat_map(|(values, &factor)| {
        let factor = i64::from(factor) - zero_b;
        values.iter().map(move |&value| requantized((i64::from(value) - zero_a) * factor, multiplier, output, false))
    });
    integers(a.shape.clone(), products.collect(), output)
}

/// A function by a table of its 256 values.
pub fn map(x: &Integers, output: Quantization, function: impl Fn(f32) -> f32) -> Outcome {
    let table: Vec<i8> = (-128..=127_i8).map(|value| output.integer(function(x.quantization.real(value)))).collect();
    let values = x.values.iter().map(|&value| table[usize::from((i16::from(value) + 128) as u16) & 255]);
    integers(x.shape.clone(), values.collect(), output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_multiply_and_round() {
        for (real, value, expected) in [
            (0.5, 3, 2),
            (0.5, -3, -1),
            (0.25, -6, -2),
            (0.25, 6, 2),
            (0.25, 5, 2),
            (0.75, 100, 75),
            (3.0, 7, 21),
            (1e-3, 1_499, 1),
        ] {
            assert_eq!(Multiplier::new(real).of(value), expected, "{real} · {value}");
        }
        for real in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-12] {
            assert_eq!(Multiplier::new(real).of(1_000_000), 0, "{real}");
        }
    }

    #[test]
    fn a_mean_is_rounded_away_from_zero() {
        assert_eq!(rounded_mean([1, 2].into_iter(), 2), 2);
        assert_eq!(rounded_mean([-1, -2].into_iter(), 2), -2);
        assert_eq!(rounded_mean([-128; 9].into_iter(), 9), -128);
    }
}
