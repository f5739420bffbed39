//! Exponential, logistic function, hyperbolic tangent and error function of vectors, within 1e-6 of their values. NaN stays NaN.

use pulp::Simd;

/// `e^x`, relatively within 1e-6 between -87 and 88; beyond, the value at that end, so that it is neither 0 nor infinite.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Added to a small number, it leaves the nearest whole number in the last bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// log 2 as the sum of a number of few bits, whose products with whole numbers are exact, and the rest.
    const LOG_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = clamp(simd, x, -87.0, 88.0);
    // x = n log 2 + rest
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), simd.splat_f32s(ROUNDING));
    let n = simd.sub_f32s(shifted, simd.splat_f32s(ROUNDING));
    let mut rest = x;
    for part in LOG_2 {
        rest = simd.mul_add_e_f32s(n, simd.splat_f32s(-part), rest);
    }
    // Of Moshier's Cephes library.
    let terms = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5, 1.0, 1.0];
    let power = polynomial(simd, rest, terms);
    // n moves into the exponent.
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scale = simd.transmute_f32s_u32s(simd.add_u32s(exponent, simd.splat_u32s(1.0_f32.to_bits())));
    simd.mul_f32s(power, scale)
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// The derivative of the logistic function, from its value.
#[inline(always)]
pub(crate) fn sigmoid_slope<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    simd.mul_f32s(value, simd.sub_f32s(simd.splat_f32s(1.0), value))
}

/// A quotient of polynomials, with the coefficients of Eigen's `generic_fast_tanh_float`.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = clamp(simd, x, -7.905_311, 7.905_311);
    let square = simd.mul_f32s(x, x);
    let terms =
        [-2.760_768_5e-16, 2.000_188e-13, -8.604_672e-11, 5.122_297e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_524_6e-3];
    let above = simd.mul_f32s(x, polynomial(simd, square, terms));
    let below = polynomial(simd, square, [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3]);
    simd.div_f32s(above, below)
}

/// The derivative of the hyperbolic tangent, from its value.
#[inline(always)]
pub(crate) fn tanh_slope<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(value, value))
}

/// The error function: a quotient of polynomials, with the coefficients of Eigen's `generic_fast_erf_float`.
#[inline(always)]
pub(crate) fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = clamp(simd, x, -4.0, 4.0);
    let square = simd.mul_f32s(x, x);
    let terms = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_5e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    let above = simd.mul_f32s(x, polynomial(simd, square, terms));
    let terms = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let quotient = simd.div_f32s(above, polynomial(simd, square, terms));
    // At the ends it is exactly -1 or 1, so that a GELU of large negative numbers is 0.
    let sign = simd.mul_f32s(x, simd.splat_f32s(0.25));
    simd.select_f32s(simd.greater_than_or_equal_f32s(square, simd.splat_f32s(16.0)), sign, quotient)
}

/// Coefficients begin with that of the highest power.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for (number, coefficient) in coefficients.into_iter().enumerate() {
        let coefficient = simd.splat_f32s(coefficient);
        sum = if number == 0 { coefficient } else { simd.mul_add_e_f32s(sum, x, coefficient) };
    }
    sum
}

#[inline(always)]
fn clamp<S: Simd>(simd: S, x: S::f32s, least: f32, most: f32) -> S::f32s {
    let (least, most) = (simd.splat_f32s(least), simd.splat_f32s(most));
    // Comparisons with NaN are false.
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    simd.select_f32s(simd.greater_than_f32s(x, most), most, x)
}
