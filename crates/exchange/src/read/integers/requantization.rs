//! From sums to integers of 8 bits.
//!
//! The output of an operation with real scales is `q = zero_point + M · sum`, where `M`, for instance `input scale · weight scale / output
//! scale`, is kept as `mantissa · 2^(shift - 31)` with a mantissa of 31 bits. The product is rounded twice, as in gemmlowp: `mantissa · sum ·
//! 2^-31` to the nearest integer with ties upward, and what the shift to the right leaves with ties away from zero. No float takes part.

use super::Lanes;
use crate::quantized::Quantization;

/// A positive real number as `mantissa · 2^(shift - 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// From 2^30 to 2^31 - 1, or 0.
    mantissa: i32,
    /// From -31 to 30.
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

    /// The products, rounded.
    #[inline(always)]
    pub fn of(self, values: Lanes<i32>) -> Lanes<i32> {
        let mut values = values;
        if self.shift > 0 {
            // Beyond 32 bits the result is far out of the range of 8.
            let shifted = |value: i32| i64::from(value) << self.shift;
            values = values.map(|value| shifted(value).clamp(i32::MIN.into(), i32::MAX.into()) as i32);
        }
        values.map(|value| {
            let high = (i64::from(value) * i64::from(self.mantissa) + (1 << 30)) >> 31;
            rounded_shift(high as i32, (-self.shift).max(0) as u32)
        })
    }
}

/// Division by a power of two up to 2^31, to the nearest integer, with ties away from zero.
#[inline(always)]
fn rounded_shift(value: i32, exponent: u32) -> i32 {
    let mask = ((1_u32 << exponent) - 1).cast_signed();
    let is_up = (value & mask) > (mask >> 1) + i32::from(value < 0);
    (value >> exponent) + i32::from(is_up)
}

/// What becomes of the sums of an operation, or of one of its filters.
#[derive(Clone, Copy, Debug)]
pub struct Requantization {
    multiplier: Multiplier,
    zero: i32,
    /// The least integer: with a ReLU that for 0.
    least: i32,
}

impl Requantization {
    /// `real` is the scale of the sums divided by that of the output.
    pub fn new(real: f64, output: Quantization, relu: bool) -> Self {
        let zero = output.zero_point.into();
        Self { multiplier: Multiplier::new(real), zero, least: if relu { zero } else { -128 } }
    }

    #[inline(always)]
    pub fn of(self, sums: Lanes<i32>) -> Lanes<i8> {
        // The limits come before the zero point, with which a product could exceed 32 bits.
        let (least, largest) = (self.least - self.zero, 127 - self.zero);
        self.multiplier.of(sums).map(|product| (product.clamp(least, largest) + self.zero) as i8)
    }
}

#[cfg(test)]
mod tests {
    use super::super::LANES;
    use super::*;

    /// As gemmlowp defines it, in 64 bits.
    fn defined(multiplier: Multiplier, value: i32) -> i64 {
        let value = (i64::from(value) << multiplier.shift.max(0)).clamp(i32::MIN.into(), i32::MAX.into());
        let high = (value * i64::from(multiplier.mantissa) + (1 << 30)) >> 31;
        let exponent = (-multiplier.shift).max(0);
        let half = (1_i64 << exponent) >> 1;
        (high + half - i64::from(high < 0 && half > 0)) >> exponent
    }

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
            assert_eq!(Multiplier::new(real).of([value; LANES]), [expected; LANES], "{real} · {value}");
        }
        for real in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-12] {
            assert_eq!(Multiplier::new(real).of([1_000_000; LANES]), [0; LANES], "{real}");
        }
        // Ties of the first rounding go up, those of the second away from zero.
        let half = Multiplier { mantissa: 1 << 30, shift: 0 };
        assert_eq!(half.of([1, -1, 3, -3, 0, 0, 0, 0]), [1, 0, 2, -1, 0, 0, 0, 0]);
        assert_eq!([2, -2, 6, -6, 7, -7].map(|value| rounded_shift(value, 2)), [1, -1, 2, -2, 2, -2]);
    }

    #[test]
    fn products_are_those_of_the_definition_to_the_ends_of_32_bits() {
        let values = [i32::MIN, i32::MIN + 1, -77_777_777, -1, 1, 123_456_789, i32::MAX - 1, i32::MAX];
        for mantissa in [0, 1 << 30, 1_234_567_890, i32::MAX] {
            for shift in -31..=30 {
                let multiplier = Multiplier { mantissa, shift };
                let expected = values.map(|value| defined(multiplier, value));
                assert_eq!(multiplier.of(values).map(i64::from), expected, "{multiplier:?}");
            }
        }
    }

    #[test]
    fn what_is_out_of_range_becomes_its_end() {
        let sums = [i32::MIN, -300, -20, 0, 20, 300, i32::MAX, 1];
        for (relu, expected) in [(false, [-128, -128, -13, 7, 27, 127, 127, 8]), (true, [7, 7, 7, 7, 27, 127, 127, 8])]
        {
            let output = Quantization { scale: 1.0, zero_point: 7 };
            assert_eq!(Requantization::new(1.0, output, relu).of(sums), expected);
        }
    }
}
