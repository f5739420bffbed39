//! Max and average pooling with PyTorch's definitions, without padding. A window as large as the map is global pooling.

use pulp::Simd;

use crate::blocks::{Blocks, Unset, written, zeroed};
use crate::simd::{self, Kernel, add, groups, groups_mut, groups_unset, max, relu_gradient, splat};
use crate::threads::Threads;

/// A window that moves over feature maps. Pairs are `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub channels: usize,
    pub size: [usize; 2],
    pub window: [usize; 2],
    pub stride: [usize; 2],
}

impl Pool {
    /// One window over the whole map.
    pub fn global(channels: usize, size: [usize; 2]) -> Self {
        Self { channels, size, window: size, stride: [1; 2] }
    }

    /// `[height, width]` of the output, rounded down; none if the window does not fit.
    pub fn output_size(&self) -> Option<[usize; 2]> {
        let side = |axis: usize| Some(self.size[axis].checked_sub(self.window[axis])? / self.stride[axis] + 1);
        Some([side(0)?, side(1)?])
    }

    /// The maxima of all windows; at least 0 if `relu`, which is the same as a ReLU before or after.
    pub fn max(&self, blocks: Blocks, input: &[f32], relu: bool) -> Vec<f32> {
        self.pooled(blocks, input, if relu { Pooled::PositiveMax } else { Pooled::Max })
    }

    /// The gradient at the input of [`Pool::max`], which goes to the first maximum of each window.
    pub fn max_gradient(
        &self,
        blocks: Blocks,
        input: &[f32],
        output: &[f32],
        gradient: &[f32],
        relu: bool,
    ) -> Vec<f32> {
        // SAFETY: blocks are the result, and the kernel sets all of a block.
        unsafe {
            written(input.len(), |result| {
                let outputs = blocks.split(output, self.n_outputs()).zip(blocks.split(gradient, self.n_outputs()));
                let inputs = blocks.split(input, self.n_inputs()).zip(blocks.split_mut(result, self.n_inputs()));
                let items = inputs.zip(outputs).collect();
                Threads::for_values(2 * input.len()).for_each(items, |((input, result), (output, gradient))| {
                    let width = input.len() / self.n_inputs().max(1);
                    simd::run(MaxGradient { pool: self, input, output, gradient, is_relu: relu, result }, width);
                });
            })
        }
    }

    /// The means of all windows.
    pub fn average(&self, blocks: Blocks, input: &[f32]) -> Vec<f32> {
        self.pooled(blocks, input, Pooled::Average)
    }

    /// The gradient at the input of [`Pool::average`].
    pub fn average_gradient(&self, blocks: Blocks, gradient: &[f32]) -> Vec<f32> {
        // SAFETY: blocks are the result, and the kernel sets all of a block.
        unsafe {
            written(blocks.n_values(self.n_inputs()), |result| {
                let gradients = blocks.split(gradient, self.n_outputs());
                let items = gradients.zip(blocks.split_mut(result, self.n_inputs())).collect();
                Threads::for_values(blocks.n_slots() * self.n_inputs()).for_each(items, |(gradient, result)| {
                    let width = gradient.len() / self.n_outputs().max(1);
                    simd::run(AverageGradient { pool: self, gradient, result }, width);
                });
            })
        }
    }

    fn pooled(&self, blocks: Blocks, input: &[f32], pooled: Pooled) -> Vec<f32> {
        // SAFETY: blocks are the output, and windows all places of a block.
        unsafe {
            written(blocks.n_values(self.n_outputs()), |output| {
                let inputs = blocks.split(input, self.n_inputs());
                let items = inputs.zip(blocks.split_mut(output, self.n_outputs())).collect();
                Threads::for_values(input.len()).for_each(items, |(input, output)| {
                    let width = input.len() / self.n_inputs().max(1);
                    simd::run(Forward { pool: self, pooled, input, output }, width);
                });
            })
        }
    }

    fn n_inputs(&self) -> usize {
        self.channels * self.size[0] * self.size[1]
    }

    fn n_outputs(&self) -> usize {
        let [height, width] = self.output();
        self.channels * height * width
    }

    fn output(&self) -> [usize; 2] {
        let Some(size) = self.output_size() else {
            panic!("a window of {:?} does not fit into {:?}", self.window, self.size)
        };
        size
    }

    /// Where the values of each window's places begin, window by window.
    #[inline(always)]
    fn windows(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let pool = *self;
        let [height, width] = self.output();
        (0..height * width).map(move |window| {
            let corner = window / width * pool.stride[0] * pool.size[1] + window % width * pool.stride[1];
            let rows = 0..pool.window[0];
            rows.flat_map(move |row| {
                (0..pool.window[1]).map(move |column| (corner + row * pool.size[1] + column) * pool.channels)
            })
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooled {
    Max,
    PositiveMax,
    Average,
}

struct Forward<'a> {
    pool: &'a Pool,
    pooled: Pooled,
    input: &'a [f32],
    output: &'a mut [Unset],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { pool, pooled, input, output } = self;
        let input = groups::<S, V>(input);
        let channels = pool.channels;
        let scale = simd.splat_f32s(1.0 / (pool.window[0] * pool.window[1]) as f32);
        let first = match pooled {
            Pooled::Max => f32::NEG_INFINITY,
            Pooled::PositiveMax | Pooled::Average => 0.0,
        };
        let places = groups_unset::<S, V>(output).chunks_exact_mut(channels.max(1));
        for (output, window) in places.zip(pool.windows()) {
            for (channel, output) in output.iter_mut().enumerate() {
                let mut pool: [S::f32s; V] = splat(simd, first);
                for place in window.clone() {
                    let input = input[place + channel];
                    pool = match pooled {
                        Pooled::Average => add(simd, pool, input),
                        Pooled::Max | Pooled::PositiveMax => {
                            for v in 0..V {
                                pool[v] = max(simd, pool[v], input[v]);
                            }
                            pool
                        }
                    };
                }
                if pooled == Pooled::Average {
                    pool = pool.map(|vector| simd.mul_f32s(vector, scale));
                }
                output.write(pool);
            }
        }
    }
}

struct MaxGradient<'a> {
    pool: &'a Pool,
    input: &'a [f32],
    output: &'a [f32],
    gradient: &'a [f32],
    is_relu: bool,
    result: &'a mut [Unset],
}

impl Kernel for MaxGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { pool, input, output, gradient, is_relu, result } = self;
        let (input, result) = (groups::<S, V>(input), groups_mut::<S, V>(zeroed(result)));
        let (output, gradient) = (groups::<S, V>(output), groups::<S, V>(gradient));
        let channels = pool.channels;
        let zero = simd.splat_f32s(0.0);
        let outputs = output.chunks_exact(channels.max(1)).zip(gradient.chunks_exact(channels.max(1)));
        for ((output, gradient), window) in outputs.zip(pool.windows()) {
            for channel in 0..channels {
                let (output, mut left) = (output[channel], gradient[channel]);
                if is_relu {
                    left = relu_gradient(simd, output, left);
                }
                for place in window.clone() {
                    let (input, result) = (input[place + channel], &mut result[place + channel]);
                    for v in 0..V {
                        let is_max = simd.equal_f32s(input[v], output[v]);
                        result[v] = simd.add_f32s(result[v], simd.select_f32s(is_max, left[v], zero));
                        left[v] = simd.select_f32s(is_max, zero, left[v]);
                    }
                }
            }
        }
    }
}

struct AverageGradient<'a> {
    pool: &'a Pool,
    gradient: &'a [f32],
    result: &'a mut [Unset],
}

impl Kernel for AverageGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        let Self { pool, gradient, result } = self;
        let (gradient, result) = (groups::<S, V>(gradient), groups_mut::<S, V>(zeroed(result)));
        let channels = pool.channels;
        let scale = simd.splat_f32s(1.0 / (pool.window[0] * pool.window[1]) as f32);
        for (gradient, window) in gradient.chunks_exact(channels.max(1)).zip(pool.windows()) {
            for place in window {
                for (result, gradient) in result[place..][..channels].iter_mut().zip(gradient) {
                    for v in 0..V {
                        result[v] = simd.mul_add_e_f32s(gradient[v], scale, result[v]);
                    }
                }
            }
        }
    }
}
