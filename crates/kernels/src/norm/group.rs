//! Group norm and layer norm with PyTorch's definitions: each image is normalized by itself, so that each lane has its own statistics.

use pulp::Simd;

use super::{Gradients, over_images, totals};
use crate::blocks::{Blocks, Unset, written};
use crate::simd::{self, Kernel, groups, groups_unset, splat};
use crate::threads::Threads;

/// A norm of maps or sequences with these channels. Values of `places` that follow each other, and of a group of channels, share their statistics:
/// all places of a map in PyTorch's `GroupNorm`, one in its `LayerNorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    pub channels: usize,
    pub groups: usize,
    pub places: usize,
    /// Added to the variance.
    pub epsilon: f32,
}

impl GroupNorm {
    /// `γ (x - mean) / √(variance + ε) + β`
    pub fn forward(&self, blocks: Blocks, input: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
        let n_values = self.n_values(blocks, input);
        // SAFETY: blocks are the output, and the kernel writes all of a block.
        unsafe {
            written(input.len(), |output| {
                let items = blocks.split(input, n_values).zip(blocks.split_mut(output, n_values)).collect();
                Threads::for_values(2 * input.len()).for_each(items, |(input, output)| {
                    let width = input.len() / n_values;
                    simd::run(Forward { norm: self, scale, shift, input, output }, width);
                });
            })
        }
    }

    /// The gradients for the gradient at the output.
    pub fn gradients(&self, blocks: Blocks, input: &[f32], scale: &[f32], gradient: &[f32]) -> Gradients {
        let n_values = self.n_values(blocks, input);
        let mut sums = Vec::new();
        // SAFETY: as above.
        let result = unsafe {
            written(input.len(), |result| {
                let gradients = blocks.split(gradient, n_values).zip(blocks.split_mut(result, n_values));
                let items = blocks.split(input, n_values).zip(gradients).enumerate().collect();
                sums = Threads::for_values(4 * input.len()).map(items, |(block, (input, (gradient, result)))| {
                    let (width, n_images) = (input.len() / n_values, blocks.images_in(block));
                    simd::run(Backward { norm: self, n_images, scale, input, gradient, result }, width)
                });
            })
        };
        let [scales, shifts] =
            totals(self.channels, &sums).map(|sums| sums.into_iter().map(|sum| sum as f32).collect());
        Gradients { input: result, scale: scales, shift: shifts }
    }

    /// The values of an image.
    fn n_values(&self, blocks: Blocks, values: &[f32]) -> usize {
        let n_values = values.len() / blocks.n_slots().max(1);
        assert!(
            n_values > 0 && n_values.is_multiple_of(self.places * self.channels),
            "images are whole sets of places"
        );
        assert!(self.channels.is_multiple_of(self.groups), "groups divide channels");
        n_values
    }
}

/// The values that share statistics: a group's channels at some places.
struct Set<'a, S: Simd, const V: usize> {
    simd: S,
    /// All channels of the places.
    values: &'a [[S::f32s; V]],
    channels: usize,
    first_channel: usize,
    group_channels: usize,
    epsilon: f32,
}

impl<S: Simd, const V: usize> Set<'_, S, V> {
    /// The mean, and the inverse of the standard deviation.
    #[inline(always)]
    fn statistics(&self) -> [[S::f32s; V]; 2] {
        let Self { simd, values, channels, first_channel, group_channels, epsilon } = *self;
        let n = simd.splat_f32s((values.len() / channels * group_channels) as f32);
        let mut mean = splat::<S, V>(simd, 0.0);
        for place in values.chunks_exact(channels) {
            for value in &place[first_channel..][..group_channels] {
                for v in 0..V {
                    mean[v] = simd.add_f32s(mean[v], value[v]);
                }
            }
        }
        for v in 0..V {
            mean[v] = simd.div_f32s(mean[v], n);
        }
        let mut inverse = splat::<S, V>(simd, 0.0);
        for place in values.chunks_exact(channels) {
            for value in &place[first_channel..][..group_channels] {
                for v in 0..V {
                    let distance = simd.sub_f32s(value[v], mean[v]);
                    inverse[v] = simd.mul_add_e_f32s(distance, distance, inverse[v]);
                }
            }
        }
        for v in 0..V {
            let variance = simd.add_f32s(simd.div_f32s(inverse[v], n), simd.splat_f32s(epsilon));
            inverse[v] = simd.div_f32s(simd.splat_f32s(1.0), simd.sqrt_f32s(variance));
        }
        [mean, inverse]
    }
}

impl GroupNorm {
    #[inline(always)]
    fn set<'a, S: Simd, const V: usize>(&self, simd: S, values: &'a [[S::f32s; V]], group: usize) -> Set<'a, S, V> {
        let group_channels = self.channels / self.groups;
        let first_channel = group * group_channels;
        Set { simd, values, channels: self.channels, first_channel, group_channels, epsilon: self.epsilon }
    }
}

struct Forward<'a> {
    norm: &'a GroupNorm,
    scale: &'a [f32],
    shift: &'a [f32],
    input: &'a [f32],
    output: &'a mut [Unset],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { norm, scale, shift, input, output } = self;
        let set_values = norm.places * norm.channels;
        let outputs = groups_unset::<S, V>(output).chunks_exact_mut(set_values);
        for (input, output) in groups::<S, V>(input).chunks_exact(set_values).zip(outputs) {
            for group in 0..norm.groups {
                let set = norm.set::<S, V>(simd, input, group);
                let [mean, inverse] = set.statistics();
                let channels = set.first_channel..set.first_channel + set.group_channels;
                let (scale, shift) = (&scale[channels.clone()], &shift[channels.clone()]);
                let places = input.chunks_exact(norm.channels).zip(output.chunks_exact_mut(norm.channels));
                for (input, output) in places {
                    let values = input[channels.clone()].iter().zip(&mut output[channels.clone()]);
                    for ((input, output), (&scale, &shift)) in values.zip(scale.iter().zip(shift)) {
                        let mut group = *input;
                        for v in 0..V {
                            let factor = simd.mul_f32s(inverse[v], simd.splat_f32s(scale));
                            let distance = simd.sub_f32s(input[v], mean[v]);
                            group[v] = simd.mul_add_e_f32s(distance, factor, simd.splat_f32s(shift));
                        }
                        output.write(group);
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    norm: &'a GroupNorm,
    n_images: usize,
    scale: &'a [f32],
    input: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [Unset],
}

impl Kernel for Backward<'_> {
    /// The sums over places and images of the gradients at γ and β.
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> [Vec<f32>; 2] {
        let Self { norm, n_images, scale, input, gradient, result } = self;
        let set_values = norm.places * norm.channels;
        let mut scales = vec![splat::<S, V>(simd, 0.0); norm.channels];
        let mut shifts = scales.clone();
        let gradients = groups::<S, V>(gradient).chunks_exact(set_values);
        let results = groups_unset::<S, V>(result).chunks_exact_mut(set_values);
        for (input, (gradient, result)) in groups::<S, V>(input).chunks_exact(set_values).zip(gradients.zip(results)) {
            for group in 0..norm.groups {
                let set = norm.set::<S, V>(simd, input, group);
                let [mean, inverse] = set.statistics();
                let channels = set.first_channel..set.first_channel + set.group_channels;
                let n = simd.splat_f32s((norm.places * set.group_channels) as f32);
                // The sums of γ dy, and of γ dy x̂.
                let mut sum = splat::<S, V>(simd, 0.0);
                let mut product = sum;
                for (input, gradient) in input.chunks_exact(norm.channels).zip(gradient.chunks_exact(norm.channels)) {
                    for channel in channels.clone() {
                        let factor = simd.splat_f32s(scale[channel]);
                        for v in 0..V {
                            let distance = simd.sub_f32s(input[channel][v], mean[v]);
                            let normalized = simd.mul_f32s(distance, inverse[v]);
                            let change = gradient[channel][v];
                            scales[channel][v] = simd.mul_add_e_f32s(change, normalized, scales[channel][v]);
                            shifts[channel][v] = simd.add_f32s(shifts[channel][v], change);
                            let scaled = simd.mul_f32s(change, factor);
                            sum[v] = simd.add_f32s(sum[v], scaled);
                            product[v] = simd.mul_add_e_f32s(scaled, normalized, product[v]);
                        }
                    }
                }
                // dx = (γ dy - mean(γ dy) - x̂ mean(γ dy x̂)) / σ
                for v in 0..V {
                    sum[v] = simd.div_f32s(sum[v], n);
                    product[v] = simd.div_f32s(product[v], n);
                }
                let places = input.chunks_exact(norm.channels).zip(gradient.chunks_exact(norm.channels));
                for ((input, gradient), result) in places.zip(result.chunks_exact_mut(norm.channels)) {
                    for channel in channels.clone() {
                        let factor = simd.splat_f32s(scale[channel]);
                        let mut value = gradient[channel];
                        for v in 0..V {
                            let distance = simd.sub_f32s(input[channel][v], mean[v]);
                            let normalized = simd.mul_f32s(distance, inverse[v]);
                            let of_means = simd.mul_add_e_f32s(normalized, product[v], sum[v]);
                            let change = simd.sub_f32s(simd.mul_f32s(value[v], factor), of_means);
                            value[v] = simd.mul_f32s(change, inverse[v]);
                        }
                        result[channel].write(value);
                    }
                }
            }
        }
        [scales, shifts].map(|sums| over_images::<S, V>(&sums, n_images))
    }
}
