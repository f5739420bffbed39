//! Sums of products of integers of 16 bits, two products at a time: `i32x4.dot_i16x8_s` in wasm, and elsewhere what the compiler makes of the same.

use crate::read::padded::{FILTERS, LANES};

/// Two weights of a filter.
pub type Pair = [i16; 2];

/// For each place, the two values that a pair is multiplied by.
pub type Patch = [i16; 2 * LANES];

/// The sums of filters, each with its bias and its pairs, over the places of a patch. They wrap around at 32 bits.
#[cfg(target_arch = "wasm32")]
pub fn sums(bias: [i32; FILTERS], rows: [&[Pair]; FILTERS], patch: &[Patch]) -> [[i32; LANES]; FILTERS] {
    use std::arch::wasm32::{i16x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat};

    let mut sums = bias.map(|bias| [i32x4_splat(bias); 2]);
    let [one, two, three, four] = rows;
    for ((((patch, one), two), three), four) in patch.iter().zip(one).zip(two).zip(three).zip(four) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *patch;
        let places = [i16x8(a, b, c, d, e, f, g, h), i16x8(i, j, k, l, m, n, o, p)];
        for (sums, [low, high]) in sums.iter_mut().zip([one, two, three, four]) {
            let pair = i32x4_splat((i32::from(*high) << 16) | i32::from(low.cast_unsigned()));
            *sums = [0, 1].map(|half: usize| i32x4_add(sums[half], i32x4_dot_i16x8(pair, places[half])));
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

/// The sums of filters, each with its bias and its pairs, over the places of a patch. They wrap around at 32 bits.
#[cfg(not(target_arch = "wasm32"))]
pub fn sums(bias: [i32; FILTERS], rows: [&[Pair]; FILTERS], patch: &[Patch]) -> [[i32; LANES]; FILTERS] {
    let mut sums = bias.map(|bias| [bias; LANES]);
    let [one, two, three, four] = rows;
    for ((((patch, one), two), three), four) in patch.iter().zip(one).zip(two).zip(three).zip(four) {
        let (places, _) = patch.as_chunks::<2>();
        for (sums, [low, high]) in sums.iter_mut().zip([one, two, three, four]) {
            for (sum, [first, second]) in sums.iter_mut().zip(places) {
                let products = i32::from(*low) * i32::from(*first) + i32::from(*high) * i32::from(*second);
                *sum = sum.wrapping_add(products);
            }
        }
    }
    sums
}
