//! Activations with PyTorch's definitions, on batches in blocks, whatever their shape.

use pulp::Simd;

use crate::blocks::{Unset, written};
use crate::functions::{erf, exp, sigmoid, sigmoid_slope, tanh, tanh_slope};
use crate::simd::{self, Kernel, groups, groups_unset, relu};
use crate::threads::Threads;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// For a ReLU that is not computed together with another layer.
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` where it is positive, else `slope · x`.
    LeakyRelu {
        slope: f32,
    },
    /// `x Φ(x)`, Φ being the distribution function of the standard normal distribution.
    Gelu,
    /// `x σ(x)`
    Silu,
    Tanh,
    Sigmoid,
}

/// Values of an item: a few hundred kilobytes.
const CHUNK: usize = 1 << 16;

impl Activation {
    pub fn forward(self, input: &[f32]) -> Vec<f32> {
        check(input);
        // SAFETY: chunks cover the output, and the kernel writes every vector of a chunk; a batch in blocks is whole vectors.
        unsafe {
            written(input.len(), |output| {
                let items = output.chunks_mut(CHUNK).zip(input.chunks(CHUNK)).collect();
                self.threads(input).for_each(items, |(output, input)| {
                    simd::run(Forward { activation: self, input, output }, 1);
                });
            })
        }
    }

    /// Whether its gradient is computed from the output instead of the input.
    pub fn keeps_output(self) -> bool {
        match self {
            Self::LeakyRelu { .. } | Self::Gelu | Self::Silu => false,
            Self::Relu | Self::Relu6 | Self::Tanh | Self::Sigmoid => true,
        }
    }

    /// The gradient at the input, for the gradient at the output. `kept` is the output if it [`keeps_output`](Self::keeps_output), else the input.
    pub fn gradient(self, kept: &[f32], gradient: &[f32]) -> Vec<f32> {
        assert_eq!(kept.len(), gradient.len(), "a gradient is like the values");
        check(gradient);
        // SAFETY: as above.
        unsafe {
            written(gradient.len(), |result| {
                let inputs = kept.chunks(CHUNK).zip(gradient.chunks(CHUNK));
                let items = result.chunks_mut(CHUNK).zip(inputs).collect();
                self.threads(gradient).for_each(items, |(result, (kept, gradient))| {
                    simd::run(Backward { activation: self, kept, gradient, result }, 1);
                });
            })
        }
    }

    /// A value takes as long as several multiplications.
    fn threads(self, values: &[f32]) -> Threads {
        Threads::for_values(4 * values.len())
    }

    #[inline(always)]
    fn value<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Relu => relu(simd, x),
            Self::Relu6 => {
                let six = simd.splat_f32s(6.0);
                simd.select_f32s(simd.greater_than_f32s(x, six), six, relu(simd, x))
            }
            Self::LeakyRelu { slope } => {
                let is_negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
                simd.select_f32s(is_negative, simd.mul_f32s(x, simd.splat_f32s(slope)), x)
            }
            Self::Gelu => simd.mul_f32s(x, normal_distribution(simd, x)),
            Self::Silu => simd.mul_f32s(x, sigmoid(simd, x)),
            Self::Tanh => tanh(simd, x),
            Self::Sigmoid => sigmoid(simd, x),
        }
    }

    /// The gradient at the output times the derivative, from what is kept. A ReLU chooses instead of multiplying: an infinite
    /// gradient must not become NaN where nothing passes.
    #[inline(always)]
    fn times_slope<S: Simd>(self, simd: S, kept: S::f32s, gradient: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        match self {
            Self::Relu => {
                let is_positive = simd.greater_than_f32s(kept, simd.splat_f32s(0.0));
                simd.select_f32s(is_positive, gradient, simd.splat_f32s(0.0))
            }
            Self::LeakyRelu { slope } => {
                let is_positive = simd.greater_than_f32s(kept, simd.splat_f32s(0.0));
                simd.select_f32s(is_positive, gradient, simd.mul_f32s(gradient, simd.splat_f32s(slope)))
            }
            Self::Relu6 => {
                let zero = simd.splat_f32s(0.0);
                let is_positive = simd.greater_than_f32s(kept, zero);
                let is_below = simd.less_than_f32s(kept, simd.splat_f32s(6.0));
                simd.select_f32s(is_positive, simd.select_f32s(is_below, gradient, zero), zero)
            }
            Self::Gelu => {
                // Φ(x) + x φ(x)
                let half_square = simd.mul_f32s(simd.splat_f32s(-0.5), simd.mul_f32s(kept, kept));
                let density = simd.mul_f32s(exp(simd, half_square), simd.splat_f32s(0.398_942_3));
                simd.mul_f32s(gradient, simd.mul_add_e_f32s(kept, density, normal_distribution(simd, kept)))
            }
            Self::Silu => {
                // σ + x σ (1 - σ)
                let sigmoid = sigmoid(simd, kept);
                let rest = simd.sub_f32s(one, sigmoid);
                simd.mul_f32s(gradient, simd.mul_f32s(sigmoid, simd.mul_add_e_f32s(kept, rest, one)))
            }
            Self::Tanh => simd.mul_f32s(gradient, tanh_slope(simd, kept)),
            Self::Sigmoid => simd.mul_f32s(gradient, sigmoid_slope(simd, kept)),
        }
    }
}

fn check(values: &[f32]) {
    assert!(values.len().is_multiple_of(simd::lanes()), "a batch in blocks is whole vectors");
}

/// Φ
#[inline(always)]
fn normal_distribution<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = simd.splat_f32s(0.5);
    let scaled = simd.mul_f32s(x, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2));
    simd.mul_add_e_f32s(erf(simd, scaled), half, half)
}

struct Forward<'a> {
    activation: Activation,
    input: &'a [f32],
    output: &'a mut [Unset],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { activation, input, output } = self;
        for (output, input) in groups_unset::<S, V>(output).iter_mut().zip(groups::<S, V>(input)) {
            let mut values = *input;
            for v in 0..V {
                values[v] = activation.value(simd, input[v]);
            }
            output.write(values);
        }
    }
}

struct Backward<'a> {
    activation: Activation,
    kept: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [Unset],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { activation, kept, gradient, result } = self;
        let inputs = groups::<S, V>(kept).iter().zip(groups::<S, V>(gradient));
        for (result, (kept, gradient)) in groups_unset::<S, V>(result).iter_mut().zip(inputs) {
            let mut product = *gradient;
            for v in 0..V {
                product[v] = activation.times_slope(simd, kept[v], gradient[v]);
            }
            result.write(product);
        }
    }
}
