//! Vectors of images. A *group* is one value of all images of a block: `V` vectors, two in a wide block and one in a narrow one.

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};

use crate::blocks::Unset;

/// Vectors in a group of a wide block.
pub(crate) const WIDE: usize = 2;

/// Images in one vector of this machine.
pub(crate) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// Work on one block. Everything that it calls is inlined, so that it is compiled for the vectors of `S`.
pub(crate) trait Kernel {
    type Output;

    fn run<S: Simd, const V: usize>(self, simd: S) -> Self::Output;
}

/// Runs a kernel with the machine's vectors; `width` is the number of images in the block.
pub(crate) fn run<K: Kernel>(kernel: K, width: usize) -> K::Output {
    struct Run<K>(K, usize);
    impl<K: Kernel> WithSimd for Run<K> {
        type Output = K::Output;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> K::Output {
            let Self(kernel, width) = self;
            if width > S::F32_LANES { kernel.run::<S, WIDE>(simd) } else { kernel.run::<S, 1>(simd) }
        }
    }
    Arch::new().dispatch(Run(kernel, width))
}

/// The groups of a block.
#[inline(always)]
pub(crate) fn groups<S: Simd, const V: usize>(values: &[f32]) -> &[[S::f32s; V]] {
    S::as_simd_f32s(values).0.as_chunks().0
}

#[inline(always)]
pub(crate) fn groups_mut<S: Simd, const V: usize>(values: &mut [f32]) -> &mut [[S::f32s; V]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

/// The groups of a block that are yet to be written.
#[inline(always)]
pub(crate) fn groups_unset<S: Simd, const V: usize>(values: &mut [Unset]) -> &mut [MaybeUninit<[S::f32s; V]>] {
    const { assert!(align_of::<S::f32s>() == align_of::<f32>(), "a vector may begin at any value") };
    let n_groups = values.len() / (V * S::F32_LANES);
    // SAFETY: a group is so many values that follow each other, aligned like one of them, and any of its bytes may be unset.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), n_groups) }
}

/// 0 for negative values; NaN stays NaN.
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
}

/// `gradient` where `output` is positive, else 0.
#[inline(always)]
pub(crate) fn relu_gradient<S: Simd, const V: usize>(
    simd: S,
    output: [S::f32s; V],
    mut gradient: [S::f32s; V],
) -> [S::f32s; V] {
    let zero = simd.splat_f32s(0.0);
    for v in 0..V {
        gradient[v] = simd.select_f32s(simd.greater_than_f32s(output[v], zero), gradient[v], zero);
    }
    gradient
}

/// The larger value, or NaN if either is.
#[inline(always)]
pub(crate) fn max<S: Simd>(simd: S, one: S::f32s, other: S::f32s) -> S::f32s {
    let larger = simd.select_f32s(simd.greater_than_or_equal_f32s(one, other), one, other);
    simd.select_f32s(simd.equal_f32s(one, one), larger, one)
}

/// The sum over a group's images.
#[inline(always)]
pub(crate) fn sum<S: Simd, const V: usize>(simd: S, group: [S::f32s; V]) -> f32 {
    let [first, rest @ ..] = &group[..] else { return 0.0 };
    simd.reduce_sum_f32s(rest.iter().fold(*first, |sum, &vector| simd.add_f32s(sum, vector)))
}

#[inline(always)]
pub(crate) fn add<S: Simd, const V: usize>(simd: S, mut one: [S::f32s; V], other: [S::f32s; V]) -> [S::f32s; V] {
    for v in 0..V {
        one[v] = simd.add_f32s(one[v], other[v]);
    }
    one
}

#[inline(always)]
pub(crate) fn sub<S: Simd, const V: usize>(simd: S, mut one: [S::f32s; V], other: [S::f32s; V]) -> [S::f32s; V] {
    for v in 0..V {
        one[v] = simd.sub_f32s(one[v], other[v]);
    }
    one
}

/// A group of equal values.
#[inline(always)]
pub(crate) fn splat<S: Simd, const V: usize>(simd: S, value: f32) -> [S::f32s; V] {
    [simd.splat_f32s(value); V]
}
