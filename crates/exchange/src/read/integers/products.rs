//! Sums of products of integers of 16 bits, two products at a time: `i32x4.dot_i16x8_s` in wasm, and elsewhere what the compiler makes of the same.

use super::{LANES, Lanes};

/// Two weights of 16 bits, the first in the lower half.
pub type WeightPair = i32;

/// For each image, the two values that a pair of weights is multiplied by.
pub type ValuePair = [i16; 2 * LANES];

pub fn weight_pair(first: i8, second: i8) -> WeightPair {
    (i32::from(second) << 16) | i32::from(i16::from(first).cast_unsigned())
}

/// The sums of filters, each with its bias: of the values at these offsets, each pair with one of weights. They wrap around at 32 bits.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
pub fn sums<const FILTERS: usize>(
    bias: [i32; FILTERS],
    weights: &[[WeightPair; FILTERS]],
    offsets: &[usize],
    values: &[ValuePair],
) -> [Lanes<i32>; FILTERS] {
    use std::arch::wasm32::{i16x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat};

    let mut sums = bias.map(|bias| [i32x4_splat(bias); 2]);
    for (weights, &offset) in weights.iter().zip(offsets) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = values[offset];
        let images = [i16x8(a, b, c, d, e, f, g, h), i16x8(i, j, k, l, m, n, o, p)];
        for (sums, &weights) in sums.iter_mut().zip(weights) {
            *sums =
                [0, 1].map(|half: usize| i32x4_add(sums[half], i32x4_dot_i16x8(i32x4_splat(weights), images[half])));
        }
    }
    sums.map(|[low, high]| {
        [
            i32x4_extract_lane::<0>(low),
            i32x4_extract_lane::<1>(low),
            i32x4_extract_lane::<2>(low),
            i32x4_extract_lane::<3>(low),
            i32x4_extract_lane::<0>(high),
            i32x4_extract_lane::<1>(high),
            i32x4_extract_lane::<2>(high),
            i32x4_extract_lane::<3>(high),
        ]
    })
}

/// The sums of filters, each with its bias: of the values at these offsets, each pair with one of weights. They wrap around at 32 bits.
#[cfg(not(target_arch = "wasm32"))]
#[inline(always)]
pub fn sums<const FILTERS: usize>(
    bias: [i32; FILTERS],
    weights: &[[WeightPair; FILTERS]],
    offsets: &[usize],
    values: &[ValuePair],
) -> [Lanes<i32>; FILTERS] {
    let mut sums = bias.map(|bias| [bias; LANES]);
    for (weights, &offset) in weights.iter().zip(offsets) {
        let (images, _) = values[offset].as_chunks::<2>();
        for (sums, &weights) in sums.iter_mut().zip(weights) {
            let (low, high) = (weights as i16, (weights >> 16) as i16);
            for (sum, [first, second]) in sums.iter_mut().zip(images) {
                let products = i32::from(low) * i32::from(*first) + i32::from(high) * i32::from(*second);
                *sum = sum.wrapping_add(products);
            }
        }
    }
    sums
}
