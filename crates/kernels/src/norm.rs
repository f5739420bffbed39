//! Batch norm with PyTorch's definitions, and the sums over a batch that it needs.

use pulp::Simd;

use crate::blocks::Blocks;
use crate::simd::{self, Kernel, add, groups, groups_mut, relu, relu_gradient, splat};
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
        let [sums, _] = self.sums(blocks, input, Term::Value);
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / n) as f32).collect();
        // Around the mean, so that no digits cancel.
        let [squares, _] = self.sums(blocks, input, Term::Square { mean: &mean });
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
        self.threads(input).for_each(pairs, |(input, output)| {
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
        let mean = &statistics.mean;
        let [shifts, products] = self.sums(blocks, gradient, Term::Gradient { input, mean, output });
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
        let outputs = blocks_of(blocks, output, n_values);
        let items = blocks.split_mut(&mut result, n_values).enumerate().zip(inputs).collect();
        self.threads(gradient).for_each(items, |((number, result), (input, gradient))| {
            let width = input.len() / n_values.max(1);
            let output = outputs.get(number).copied();
            simd::run(Backward { factors: &factors, input, output, gradient, result }, width);
        });
        // The means were subtracted in the padding, too.
        blocks.clear_padding(&mut result, n_values);
        Gradients { input: result, scale: scales, shift: shifts.iter().map(|sum| *sum as f32).collect() }
    }

    fn threads(&self, values: &[f32]) -> Threads {
        Threads::for_values(values.len())
    }

    fn inverse_deviation(&self, statistics: &Statistics, channel: usize) -> f32 {
        (1.0 / (f64::from(statistics.variance[channel]) + self.epsilon).sqrt()) as f32
    }

    /// The sums of a term over all images and places, for each channel. The second is of gradients only.
    fn sums(&self, blocks: Blocks, values: &[f32], term: Term) -> [Vec<f64>; 2] {
        let n_values = self.channels * self.places;
        let (inputs, outputs) = match term {
            Term::Gradient { input, output, .. } => {
                (blocks_of(blocks, Some(input), n_values), blocks_of(blocks, output, n_values))
            }
            Term::Value | Term::Square { .. } => (Vec::new(), Vec::new()),
        };
        let items = blocks.split(values, n_values).enumerate().collect();
        let parts = self.threads(values).map(items, |(number, values)| {
            let width = values.len() / n_values.max(1);
            let n_images = blocks.images_in(number).min(width);
            let (input, output) = (inputs.get(number).copied(), outputs.get(number).copied());
            simd::run(Sums { channels: self.channels, n_images, values, input, output, term }, width)
        });
        let mut sums = [vec![0.0; self.channels], vec![0.0; self.channels]];
        for part in parts {
            for (sums, part) in sums.iter_mut().zip(part) {
                sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += f64::from(value));
            }
        }
        sums
    }
}

/// The blocks of a batch, if there is one.
fn blocks_of(blocks: Blocks, values: Option<&[f32]>, n_values: usize) -> Vec<&[f32]> {
    values.map(|values| blocks.split(values, n_values).collect()).unwrap_or_default()
}

/// The sums over all images and places, for each channel.
pub(crate) fn channel_sums(blocks: Blocks, values: &[f32], channels: usize, places: usize) -> Vec<f32> {
    let norm = BatchNorm { channels, places, epsilon: 0.0 };
    let [sums, _] = norm.sums(blocks, values, Term::Value);
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// What is summed.
#[derive(Clone, Copy)]
enum Term<'a> {
    Value,
    /// `(value - mean)²`
    Square {
        mean: &'a [f32],
    },
    /// The value, which is a gradient, and `value · (input - mean)`; where the output is given, only where it is positive.
    Gradient {
        input: &'a [f32],
        mean: &'a [f32],
        output: Option<&'a [f32]>,
    },
}

/// The sums of one block, for each channel, over its images without padding.
struct Sums<'a> {
    channels: usize,
    n_images: usize,
    values: &'a [f32],
    input: Option<&'a [f32]>,
    output: Option<&'a [f32]>,
    term: Term<'a>,
}

impl Kernel for Sums<'_> {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) -> [Vec<f32>; 2] {
        let Self { channels, n_images, values, input, output, term } = self;
        let values = groups::<S, V>(values);
        let mut sums = vec![splat::<S, V>(simd, 0.0); channels];
        let mut products = Vec::new();
        let n = channels.max(1);
        match term {
            Term::Value => {
                for values in values.chunks_exact(n) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = add(simd, *sum, *value);
                    }
                }
            }
            Term::Square { mean } => {
                for values in values.chunks_exact(n) {
                    for ((sum, value), &mean) in sums.iter_mut().zip(values).zip(mean) {
                        for v in 0..V {
                            let distance = simd.sub_f32s(value[v], simd.splat_f32s(mean));
                            sum[v] = simd.mul_add_e_f32s(distance, distance, sum[v]);
                        }
                    }
                }
            }
            Term::Gradient { mean, .. } => {
                products = vec![splat::<S, V>(simd, 0.0); channels];
                let input = groups::<S, V>(input.unwrap_or_default());
                let output = output.map(groups::<S, V>);
                for (place, (gradients, inputs)) in values.chunks_exact(n).zip(input.chunks_exact(n)).enumerate() {
                    let outputs = output.map(|output| &output[place * n..][..n]);
                    let totals = sums.iter_mut().zip(products.iter_mut()).zip(mean);
                    for (channel, ((sum, product), &mean)) in totals.enumerate() {
                        let (mut gradient, input) = (gradients[channel], inputs[channel]);
                        if let Some(outputs) = outputs {
                            gradient = relu_gradient(simd, outputs[channel], gradient);
                        }
                        for v in 0..V {
                            let distance = simd.sub_f32s(input[v], simd.splat_f32s(mean));
                            sum[v] = simd.add_f32s(sum[v], gradient[v]);
                            product[v] = simd.mul_add_e_f32s(gradient[v], distance, product[v]);
                        }
                    }
                }
            }
        }
        [sums, products].map(|sums| {
            let lanes: &[f32] = pulp::bytemuck::cast_slice(sums.as_flattened());
            lanes.chunks_exact(V * S::F32_LANES).map(|lanes| lanes[..n_images].iter().sum()).collect()
        })
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
    /// If it went through a ReLU.
    output: Option<&'a [f32]>,
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { factors, input, output, gradient, result } = self;
        let n = factors.len().max(1);
        let output = output.map(groups::<S, V>);
        let inputs = groups::<S, V>(input).chunks_exact(n).zip(groups::<S, V>(gradient).chunks_exact(n));
        for (place, (results, (inputs, gradients))) in
            groups_mut::<S, V>(result).chunks_exact_mut(n).zip(inputs).enumerate()
        {
            let outputs = output.map(|output| &output[place * n..][..n]);
            for (channel, (result, &[mean, factor, slope, shift])) in results.iter_mut().zip(factors).enumerate() {
                let [mean, factor, slope, shift] = [mean, factor, slope, shift].map(|value| simd.splat_f32s(value));
                let (mut gradient, input) = (gradients[channel], inputs[channel]);
                if let Some(outputs) = outputs {
                    gradient = relu_gradient(simd, outputs[channel], gradient);
                }
                for v in 0..V {
                    let distance = simd.sub_f32s(input[v], mean);
                    let value = simd.mul_add_e_f32s(distance, slope, shift);
                    result[v] = simd.mul_add_e_f32s(gradient[v], factor, value);
                }
            }
        }
    }
}
