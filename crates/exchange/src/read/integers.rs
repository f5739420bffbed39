//! Arithmetic on integers of 8 bits as TFLite defines it: sums in 32 bits, then requantization, which multiplies by a fixed-point number.
//!
//! The output of an operation with real scales is `q = zero_point + M · sum`, where `M`, for instance `input scale · weight scale / output
//! scale`, is kept as `mantissa · 2^(shift - 31)` with a mantissa of 31 bits. The product is rounded twice, as in gemmlowp: `mantissa · sum ·
//! 2^-31` to the nearest integer with ties upward, and what the shift to the right leaves with ties away from zero. No float takes part.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; every function checks its operands' shapes first"
)]

/// Convolution.
mod conv;

/// Sums of products.
mod products;

pub use self::conv::conv;
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
        let high = (value * i64::from(self.mantissa) + (1 << 30)) >> 31;
        rounded_shift(high, (-self.shift).max(0) as u32)
    }
}

/// Division by a power of two, to the nearest integer, with ties away from zero.
fn rounded_shift(value: i64, exponent: u32) -> i64 {
    let half = (1_i64 << exponent) >> 1;
    (value + half - i64::from(value < 0 && half > 0)) >> exponent
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

/// A vector times `[out, in]`.
pub fn linear(x: &Integers, weights: Weights, output: Quantization, relu: bool) -> Outcome {
    let n_out = weights.check()?;
    let [_, n_in] = weights.shape[..] else { return Err("weights of a linear layer without two axes".to_owned()) };
    ensure(x.values.len() == n_in && n_in > 0, "a vector that does not fit the weights")?;
    // Differences from the zero point, which fit into 9 bits.
    let zero = i16::from(x.quantization.zero_point);
    let differences: Vec<i16> = x.values.iter().map(|&value| i16::from(value) - zero).collect();
    let rows = weights.values.chunks_exact(n_in).enumerate();
    let values = rows.map(|(channel, row)| {
        let products = row.iter().zip(&differences).map(|(&weight, &value)| i32::from(weight) * i32::from(value));
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
        // Ties of the first rounding go up, those of the second away from zero.
        assert_eq!([1, -1, 3, -3].map(|value| Multiplier { mantissa: 1 << 30, shift: 0 }.of(value)), [1, 0, 2, -1]);
        assert_eq!([2, -2, 6, -6, 7, -7].map(|value| rounded_shift(value, 2)), [1, -1, 2, -2, 2, -2]);
    }

    #[test]
    fn a_mean_is_rounded_away_from_zero() {
        assert_eq!(rounded_mean([1, 2].into_iter(), 2), 2);
        assert_eq!(rounded_mean([-1, -2].into_iter(), 2), -2);
        assert_eq!(rounded_mean([-128; 9].into_iter(), 9), -128);
    }
}
