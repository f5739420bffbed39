//! Batch norm with PyTorch's definitions, and the sums over a batch that it needs; group norm and layer norm.
//!
//! Batch norm is limited by memory, so a batch is read as seldom as possible: once for its statistics, once for the output, twice for the gradients.
//! It is cut into parts that stay in the cache, and sums of parts are added in their order, whatever thread computed them.

/// Norms of each image.
mod group;

use pulp::Simd;

pub use self::group::GroupNorm;
use crate::blocks::{Blocks, Unset, written};
use crate::simd::{self, Kernel, add, groups, groups_unset, relu, splat};
use crate::threads::Threads;

/// Batch norm over feature maps with `places` pixels each; over vectors with one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    pub channels: usize,
    pub places: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Mean and biased variance of each channel over a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

/// The gradients of [`BatchNorm::forward`] and [`GroupNorm::forward`].
#[derive(Clone, Debug)]
pub struct Gradients {
    /// In blocks.
    pub input: Vec<f32>,
    /// `[channels]`: of γ.
    pub scale: Vec<f32>,
    /// `[channels]`: of β.
    pub shift: Vec<f32>,
}

/// Values of a part: 128 KiB of them.
const PART: usize = 1 << 15;

impl BatchNorm {
    pub fn statistics(&self, blocks: Blocks, input: &[f32]) -> Statistics {
        let parts = self.parts(blocks, input);
        let moments = self.threads(input).map(parts.collect(), |Part { n_images, width, values }| {
            simd::run(Moments { channels: self.channels, n_images, values }, width)
        });
        let n = (blocks.n_images() * self.places).max(1) as f64;
        let mut statistics = Statistics { mean: Vec::new(), variance: Vec::new() };
        for channel in 0..self.channels {
            let sum: f64 = moments.iter().map(|part| part.n * f64::from(part.means[channel])).sum();
            let mean = sum / n;
            // Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983.
            let squares = moments.iter().map(|part| {
                let distance = f64::from(part.means[channel]) - mean;
                f64::from(part.squares[channel]) + part.n * distance * distance
            });
            statistics.mean.push(mean as f32);
            statistics.variance.push((squares.sum::<f64>() / n) as f32);
        }
        statistics
    }

    /// `γ (x - mean) / √(variance + ε) + β`, with `max(0, ·)` of it if `relu`.
    pub fn forward(
        &self,
        blocks: Blocks,
        input: &[f32],
        statistics: &Statistics,
        scale: &[f32],
        shift: &[f32],
        relu: bool,
    ) -> Vec<f32> {
        let factors = self.factors(statistics, scale, shift);
        // SAFETY: parts of the output are all of it, and the kernel writes all of a part.
        unsafe {
            written(input.len(), |output| {
                let inputs = self.parts(blocks, input);
                let outputs = self.parts_mut(blocks, output);
                self.threads(input).for_each(inputs.zip(outputs).collect(), |(Part { width, values, .. }, output)| {
                    simd::run(Forward { factors: &factors, is_relu: relu, input: values, output }, width);
                });
            })
        }
    }

    /// The gradients for the gradient at the output; `relu` has β, if the output went through a ReLU.
    pub fn gradients(
        &self,
        blocks: Blocks,
        input: &[f32],
        statistics: &Statistics,
        scale: &[f32],
        relu: Option<&[f32]>,
        gradient: &[f32],
    ) -> Gradients {
        let forward = relu.map(|shift| self.factors(statistics, scale, shift));
        let forward = forward.as_deref();
        let mean = &statistics.mean;
        let pairs = || self.parts(blocks, input).zip(self.parts(blocks, gradient)).collect();
        let threads = self.threads(gradient);
        let parts = threads.map(pairs(), |(Part { n_images, width, values: input }, gradient)| {
            simd::run(GradientSums { mean, forward, n_images, input, gradient: gradient.values }, width)
        });
        let [shifts, products] = totals(self.channels, &parts);
        let n = (blocks.n_images() * self.places).max(1) as f64;
        let mut factors = Vec::with_capacity(self.channels);
        let mut scales = Vec::with_capacity(self.channels);
        for channel in 0..self.channels {
            let inverse = f64::from(self.inverse_deviation(statistics, channel));
            let scale_gradient = products[channel] * inverse;
            let factor = f64::from(scale[channel]) * inverse;
            scales.push(scale_gradient as f32);
            // dx = γ/σ · (dy - mean(dy) - x̂ · mean(dy · x̂))
            let slope = -factor * inverse * scale_gradient / n;
            factors.push([mean[channel], factor as f32, slope as f32, (-factor * shifts[channel] / n) as f32]);
        }
        // SAFETY: parts of the result are all of it, and the kernel writes all of a part.
        let mut result = unsafe {
            written(gradient.len(), |result| {
                let items: Vec<_> = pairs();
                let items = items.into_iter().zip(self.parts_mut(blocks, result)).collect();
                threads.for_each(
                    items,
                    |((Part { width, values: input, .. }, gradient), result): ((Part, Part), _)| {
                        let gradient = gradient.values;
                        simd::run(Backward { factors: &factors, forward, input, gradient, result }, width);
                    },
                );
            })
        };
        // The means were subtracted in the padding, too.
        blocks.clear_padding(&mut result, self.channels * self.places);
        Gradients { input: result, scale: scales, shift: shifts.iter().map(|sum| *sum as f32).collect() }
    }

    fn threads(&self, values: &[f32]) -> Threads {
        Threads::for_values(values.len())
    }

    fn inverse_deviation(&self, statistics: &Statistics, channel: usize) -> f32 {
        (1.0 / (f64::from(statistics.variance[channel]) + self.epsilon).sqrt()) as f32
    }

    /// Mean, factor and shift of each channel.
    fn factors(&self, statistics: &Statistics, scale: &[f32], shift: &[f32]) -> Vec<[f32; 3]> {
        let factors = (0..self.channels).map(|channel| {
            [statistics.mean[channel], scale[channel] * self.inverse_deviation(statistics, channel), shift[channel]]
        });
        factors.collect()
    }

    /// Places of a part, in a block of so many images.
    fn places_in_part(&self, width: usize) -> usize {
        (PART / (self.channels * width).max(1)).max(1)
    }

    fn parts<'a>(&self, blocks: Blocks, values: &'a [f32]) -> impl Iterator<Item = Part<'a>> {
        let norm = *self;
        blocks.split(values, self.channels * self.places).enumerate().flat_map(move |(number, block)| {
            let width = block.len() / (norm.channels * norm.places).max(1);
            let n_images = blocks.images_in(number).min(width);
            let parts = block.chunks((norm.places_in_part(width) * norm.channels * width).max(1));
            parts.map(move |values| Part { n_images, width, values })
        })
    }

    fn parts_mut<'a>(&self, blocks: Blocks, values: &'a mut [Unset]) -> impl Iterator<Item = &'a mut [Unset]> {
        let norm = *self;
        blocks.split_mut(values, self.channels * self.places).flat_map(move |block| {
            let width = block.len() / (norm.channels * norm.places).max(1);
            block.chunks_mut((norm.places_in_part(width) * norm.channels * width).max(1))
        })
    }
}

/// Some places of a block.
#[derive(Clone, Copy)]
struct Part<'a> {
    /// Without padding.
    n_images: usize,
    width: usize,
    values: &'a [f32],
}

/// The sums over all images and places, for each channel.
pub(crate) fn channel_sums(blocks: Blocks, values: &[f32], channels: usize, places: usize) -> Vec<f32> {
    let norm = BatchNorm { channels, places, epsilon: 0.0 };
    let parts = norm.parts(blocks, values).collect();
    let parts = norm
        .threads(values)
        .map(parts, |Part { n_images, width, values }| [simd::run(Sums { channels, n_images, values }, width)]);
    let [sums] = totals(channels, &parts);
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Adds the sums of parts.
fn totals<const N: usize>(channels: usize, parts: &[[Vec<f32>; N]]) -> [Vec<f64>; N] {
    let mut totals = [const { Vec::new() }; N];
    for (number, totals) in totals.iter_mut().enumerate() {
        *totals = vec![0.0; channels];
        for part in parts {
            totals.iter_mut().zip(&part[number]).for_each(|(total, value)| *total += f64::from(*value));
        }
    }
    totals
}

/// The sums over the images of each channel, without padding, of sums over places.
#[inline(always)]
fn over_images<S: Simd, const V: usize>(sums: &[[S::f32s; V]], n_images: usize) -> Vec<f32> {
    let lanes: &[f32] = pulp::bytemuck::cast_slice(sums.as_flattened());
    lanes.chunks_exact(V * S::F32_LANES).map(|lanes| lanes[..n_images].iter().sum()).collect()
}

/// The sum of a part's values, for each channel.
struct Sums<'a> {
    channels: usize,
    n_images: usize,
    values: &'a [f32],
}

impl Kernel for Sums<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> Vec<f32> {
        let mut sums = vec![splat::<S, V>(simd, 0.0); self.channels];
        for values in groups::<S, V>(self.values).chunks_exact(self.channels.max(1)) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = add(simd, *sum, *value);
            }
        }
        over_images::<S, V>(&sums, self.n_images)
    }
}

/// Computes the mean of a part's values for each channel, and the sum of their squared distances from it, while they are in the cache.
struct Moments<'a> {
    channels: usize,
    n_images: usize,
    values: &'a [f32],
}

struct PartMoments {
    /// Number of values of a channel.
    n: f64,
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl Kernel for Moments<'_> {
    type Output = PartMoments;

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> PartMoments {
        let Self { channels, n_images, values } = self;
        let sums = Sums { channels, n_images, values }.run::<S, V>(simd);
        let values = groups::<S, V>(values);
        let n = (values.len() / channels.max(1) * n_images).max(1) as f64;
        let means: Vec<f32> = sums.iter().map(|sum| (f64::from(*sum) / n) as f32).collect();
        let mut squares = vec![splat::<S, V>(simd, 0.0); channels];
        for values in values.chunks_exact(channels.max(1)) {
            for ((sum, value), &mean) in squares.iter_mut().zip(values).zip(&means) {
                for v in 0..V {
                    let distance = simd.sub_f32s(value[v], simd.splat_f32s(mean));
                    sum[v] = simd.mul_add_e_f32s(distance, distance, sum[v]);
                }
            }
        }
        PartMoments { n, means, squares: over_images::<S, V>(&squares, n_images) }
    }
}

/// One vector of the output before a ReLU.
#[inline(always)]
fn normalized<S: Simd>(simd: S, input: S::f32s, [mean, factor, shift]: [f32; 3]) -> S::f32s {
    let distance = simd.sub_f32s(input, simd.splat_f32s(mean));
    simd.mul_add_e_f32s(distance, simd.splat_f32s(factor), simd.splat_f32s(shift))
}

/// One vector of the gradient before a ReLU: 0 where the output is not positive. The output is computed again, which is cheaper than reading it.
#[inline(always)]
fn before_relu<S: Simd>(simd: S, input: S::f32s, factors: [f32; 3], gradient: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let is_positive = simd.greater_than_f32s(normalized(simd, input, factors), zero);
    simd.select_f32s(is_positive, gradient, zero)
}

struct Forward<'a> {
    /// Mean, factor and shift of each channel.
    factors: &'a [[f32; 3]],
    is_relu: bool,
    input: &'a [f32],
    output: &'a mut [Unset],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { factors, is_relu, input, output } = self;
        let n = factors.len().max(1);
        let pairs = groups::<S, V>(input).chunks_exact(n).zip(groups_unset::<S, V>(output).chunks_exact_mut(n));
        for (input, output) in pairs {
            for ((output, input), factors) in output.iter_mut().zip(input).zip(factors) {
                let mut group = *input;
                for v in 0..V {
                    let value = normalized(simd, input[v], *factors);
                    group[v] = if is_relu { relu(simd, value) } else { value };
                }
                output.write(group);
            }
        }
    }
}

/// The sums of a part's gradients, and of their products with the input's distance from the mean, for each channel.
struct GradientSums<'a> {
    mean: &'a [f32],
    /// Mean, factor and shift of each channel, if a ReLU followed.
    forward: Option<&'a [[f32; 3]]>,
    n_images: usize,
    input: &'a [f32],
    gradient: &'a [f32],
}

impl Kernel for GradientSums<'_> {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> [Vec<f32>; 2] {
        let Self { mean, forward, n_images, input, gradient } = self;
        let n = mean.len().max(1);
        let mut sums = vec![splat::<S, V>(simd, 0.0); mean.len()];
        let mut products = sums.clone();
        let pairs = groups::<S, V>(input).chunks_exact(n).zip(groups::<S, V>(gradient).chunks_exact(n));
        for (inputs, gradients) in pairs {
            let totals = sums.iter_mut().zip(products.iter_mut()).zip(mean);
            for (channel, ((sum, product), &mean)) in totals.enumerate() {
                let (mut gradient, input) = (gradients[channel], inputs[channel]);
                if let Some(forward) = forward {
                    for v in 0..V {
                        gradient[v] = before_relu(simd, input[v], forward[channel], gradient[v]);
                    }
                }
                for v in 0..V {
                    let distance = simd.sub_f32s(input[v], simd.splat_f32s(mean));
                    sum[v] = simd.add_f32s(sum[v], gradient[v]);
                    product[v] = simd.mul_add_e_f32s(gradient[v], distance, product[v]);
                }
            }
        }
        [sums, products].map(|sums| over_images::<S, V>(&sums, n_images))
    }
}

struct Backward<'a> {
    /// Mean, factor of the gradient, factor of the distance from the mean, and shift of each channel.
    factors: &'a [[f32; 4]],
    /// Mean, factor and shift of each channel, if a ReLU followed.
    forward: Option<&'a [[f32; 3]]>,
    input: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [Unset],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { factors, forward, input, gradient, result } = self;
        let n = factors.len().max(1);
        let pairs = groups::<S, V>(input).chunks_exact(n).zip(groups::<S, V>(gradient).chunks_exact(n));
        for (results, (inputs, gradients)) in groups_unset::<S, V>(result).chunks_exact_mut(n).zip(pairs) {
            for (channel, (result, &[mean, factor, slope, shift])) in results.iter_mut().zip(factors).enumerate() {
                let [mean, factor, slope, shift] = [mean, factor, slope, shift].map(|value| simd.splat_f32s(value));
                let (mut gradient, input) = (gradients[channel], inputs[channel]);
                for v in 0..V {
                    if let Some(forward) = forward {
                        gradient[v] = before_relu(simd, input[v], forward[channel], gradient[v]);
                    }
                    let distance = simd.sub_f32s(input[v], mean);
                    let value = simd.mul_add_e_f32s(distance, slope, shift);
                    gradient[v] = simd.mul_add_e_f32s(gradient[v], factor, value);
                }
                result.write(gradient);
            }
        }
    }
}
