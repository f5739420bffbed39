//! Batch norm with PyTorch's definitions, and the sums over a batch that it needs.

use pulp::Simd;

use crate::blocks::Blocks;
use crate::simd::{self, Kernel, groups, groups_mut, relu, splat};
use crate::threads;

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

/// The gradients of [`BatchNorm::forward`].
#[derive(Clone, Debug)]
pub struct Gradients {
    /// In blocks.
    pub input: Vec<f32>,
    /// `[channels]`: of γ.
    pub scale: Vec<f32>,
    /// `[channels]`: of β.
    pub shift: Vec<f32>,
}

impl BatchNorm {
    pub fn statistics(&self, blocks: Blocks, input: &[f32]) -> Statistics {
        let n = (blocks.n_images() * self.places).max(1) as f64;
        let sums = self.sums(blocks, input, Term::Value);
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / n) as f32).collect();
        // Around the mean, so that no digits cancel.
        let squares = self.sums(blocks, input, Term::Square { mean: &mean });
        Statistics { variance: squares.iter().map(|sum| (sum / n) as f32).collect(), mean }
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
        let mut output = vec![0.0; input.len()];
        let factors: Vec<[f32; 3]> = (0..self.channels)
            .map(|channel| {
                [statistics.mean[channel], scale[channel] * self.inverse_deviation(statistics, channel), shift[channel]]
            })
            .collect();
        let n_values = self.channels * self.places;
        let pairs = blocks.split(input, n_values).zip(blocks.split_mut(&mut output, n_values)).collect();
        threads::for_each(pairs, |(input, output)| {
            let width = input.len() / n_values.max(1);
            simd::run(Forward { factors: &factors, is_relu: relu, input, output }, width);
        });
        output
    }

    /// The gradients for the gradient at the output; `output` is given if it went through a ReLU.
    pub fn gradients(
        &self,
        blocks: Blocks,
        input: &[f32],
        statistics: &Statistics,
        scale: &[f32],
        output: Option<&[f32]>,
        gradient: &[f32],
    ) -> Gradients {
        let masked = output.map(|output| crate::blocks::relu_gradient(output, gradient));
        let gradient = masked.as_deref().unwrap_or(gradient);
        let mean = &statistics.mean;
        let shifts = self.sums(blocks, gradient, Term::Value);
        let products = self.sums(blocks, gradient, Term::Product { input, mean });
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
        let n_values = self.channels * self.places;
        let mut result = vec![0.0; gradient.len()];
        let inputs = blocks.split(input, n_values).zip(blocks.split(gradient, n_values));
        let items = blocks.split_mut(&mut result, n_values).zip(inputs).collect();
        threads::for_each(items, |(result, (input, gradient))| {
            let width = input.len() / n_values.max(1);
            simd::run(Backward { factors: &factors, input, gradient, result }, width);
        });
        // The means were subtracted in the padding, too.
        blocks.clear_padding(&mut result, n_values);
        Gradients { input: result, scale: scales, shift: shifts.iter().map(|sum| *sum as f32).collect() }
    }

    fn inverse_deviation(&self, statistics: &Statistics, channel: usize) -> f32 {
        (1.0 / (f64::from(statistics.variance[channel]) + self.epsilon).sqrt()) as f32
    }

    /// The sum of a term over all places and images, for each channel.
    fn sums(&self, blocks: Blocks, values: &[f32], term: Term) -> Vec<f64> {
        let n_values = self.channels * self.places;
        let others: Vec<&[f32]> = match term {
            Term::Product { input, .. } => blocks.split(input, n_values).collect(),
            Term::Value | Term::Square { .. } => Vec::new(),
        };
        let items = blocks.split(values, n_values).enumerate().collect();
        let parts = threads::map(items, |(number, values): (usize, &[f32])| {
            let width = values.len() / n_values.max(1);
            let n_images = blocks.images_in(number).min(width);
            let other = others.get(number).copied();
            simd::run(Sums { channels: self.channels, n_images, values, other, term }, width)
        });
        let mut sums = vec![0.0; self.channels];
        for part in parts {
            sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += f64::from(value));
        }
        sums
    }
}

/// The sums over all places and images, for each channel; padding counts.
pub(crate) fn channel_sums(blocks: Blocks, values: &[f32], channels: usize, places: usize) -> Vec<f32> {
    let norm = BatchNorm { channels, places, epsilon: 0.0 };
    norm.sums(blocks, values, Term::Value).into_iter().map(|sum| sum as f32).collect()
}

/// What is summed.
#[derive(Clone, Copy)]
enum Term<'a> {
    Value,
    /// `(value - mean)²`
    Square {
        mean: &'a [f32],
    },
    /// `value · (input - mean)`
    Product {
        input: &'a [f32],
        mean: &'a [f32],
    },
}

/// The sums of one block, for each channel, over its images without padding.
struct Sums<'a> {
    channels: usize,
    n_images: usize,
    values: &'a [f32],
    other: Option<&'a [f32]>,
    term: Term<'a>,
}

impl Kernel for Sums<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> Vec<f32> {
        let Self { channels, n_images, values, other, term } = self;
        let values = groups::<S, V>(values);
        let mut sums = vec![splat::<S, V>(simd, 0.0); channels];
        let n = channels.max(1);
        match (term, other) {
            (Term::Value, _) => {
                for values in values.chunks_exact(n) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        for v in 0..V {
                            sum[v] = simd.add_f32s(sum[v], value[v]);
                        }
                    }
                }
            }
            (Term::Square { mean }, _) => {
                for values in values.chunks_exact(n) {
                    for ((sum, value), &mean) in sums.iter_mut().zip(values).zip(mean) {
                        for v in 0..V {
                            let distance = simd.sub_f32s(value[v], simd.splat_f32s(mean));
                            sum[v] = simd.mul_add_e_f32s(distance, distance, sum[v]);
                        }
                    }
                }
            }
            (Term::Product { mean, .. }, other) => {
                let others = groups::<S, V>(other.unwrap_or_default());
                for (values, others) in values.chunks_exact(n).zip(others.chunks_exact(n)) {
                    for (((sum, value), other), &mean) in sums.iter_mut().zip(values).zip(others).zip(mean) {
                        for v in 0..V {
                            let distance = simd.sub_f32s(other[v], simd.splat_f32s(mean));
                            sum[v] = simd.mul_add_e_f32s(value[v], distance, sum[v]);
                        }
                    }
                }
            }
        }
        let sums: &[S::f32s] = sums.as_flattened();
        let lanes: &[f32] = pulp::bytemuck::cast_slice(sums);
        lanes.chunks_exact(V * S::F32_LANES).map(|lanes| lanes[..n_images].iter().sum()).collect()
    }
}

struct Forward<'a> {
    /// Mean, factor and shift of each channel.
    factors: &'a [[f32; 3]],
    is_relu: bool,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { factors, is_relu, input, output } = self;
        let n = factors.len().max(1);
        let pairs = groups::<S, V>(input).chunks_exact(n).zip(groups_mut::<S, V>(output).chunks_exact_mut(n));
        for (input, output) in pairs {
            for ((output, input), &[mean, factor, shift]) in output.iter_mut().zip(input).zip(factors) {
                let [mean, factor, shift] = [mean, factor, shift].map(|value| simd.splat_f32s(value));
                for v in 0..V {
                    let value = simd.mul_add_e_f32s(simd.sub_f32s(input[v], mean), factor, shift);
                    output[v] = if is_relu { relu(simd, value) } else { value };
                }
            }
        }
    }
}

struct Backward<'a> {
    /// Mean, factor of the gradient, factor of the distance from the mean, and shift of each channel.
    factors: &'a [[f32; 4]],
    input: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { factors, input, gradient, result } = self;
        let n = factors.len().max(1);
        let inputs = groups::<S, V>(input).chunks_exact(n).zip(groups::<S, V>(gradient).chunks_exact(n));
        for (result, (input, gradient)) in groups_mut::<S, V>(result).chunks_exact_mut(n).zip(inputs) {
            let values = result.iter_mut().zip(input.iter().zip(gradient));
            for ((result, (input, gradient)), &[mean, factor, slope, shift]) in values.zip(factors) {
                let [mean, factor, slope, shift] = [mean, factor, slope, shift].map(|value| simd.splat_f32s(value));
                for v in 0..V {
                    let distance = simd.sub_f32s(input[v], mean);
                    let value = simd.mul_add_e_f32s(distance, slope, shift);
                    result[v] = simd.mul_add_e_f32s(gradient[v], factor, value);
                }
            }
        }
    }
}
