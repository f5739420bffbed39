//! Naive loops in f64, to compare kernels with.

use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::{Conv, WeightOrder};
use kindling_kernels::pool::Pool;
use kindling_kernels::update::{Rule, Update};

/// Numbers in [-1, 1), equal for equal seeds.
pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// The largest difference, relative to the largest value.
pub fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-3, |largest: f64, value| largest.max(value.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |difference: f64, (found, expected)| difference.max((f64::from(*found) - expected).abs())) / largest
}

/// A convolution in f64, on images `[images, channels, height, width]`.
pub struct Naive {
    pub output: Vec<f64>,
    pub data_gradient: Vec<f64>,
    pub weight_gradient: Vec<f64>,
    pub bias_gradient: Vec<f64>,
}

/// `gradient` is `[images, filters, height, width]`.
pub fn convolve(conv: &Conv, n_images: usize, input: &[f32], weights: &[f32], bias: &[f32], gradient: &[f32]) -> Naive {
    // The flattened map of a linear layer has one row.
    let [height, width] = conv.size;
    let [out_height, out_width] = conv.output_size().unwrap();
    let (group_channels, group_filters) = (conv.channels / conv.groups, conv.filters / conv.groups);
    let mut naive = Naive {
        output: vec![0.0; gradient.len()],
        data_gradient: vec![0.0; input.len()],
        weight_gradient: vec![0.0; weights.len()],
        bias_gradient: vec![0.0; conv.filters],
    };
    for image in 0..n_images {
        for filter in 0..conv.filters {
            for place in 0..out_height * out_width {
                let at = (image * conv.filters + filter) * out_height * out_width + place;
                naive.output[at] += f64::from(bias[filter]);
                naive.bias_gradient[filter] += f64::from(gradient[at]);
                for channel in 0..group_channels {
                    for tap in 0..conv.kernel[0] * conv.kernel[1] {
                        let y = (place / out_width * conv.stride[0] + tap / conv.kernel[1] * conv.dilation[0])
                            .checked_sub(conv.padding[0]);
                        let x = (place % out_width * conv.stride[1] + tap % conv.kernel[1] * conv.dilation[1])
                            .checked_sub(conv.padding[1]);
                        let (Some(y), Some(x)) = (y, x) else { continue };
                        if y >= height || x >= width {
                            continue;
                        }
                        let source = filter / group_filters * group_channels + channel;
                        let from = ((image * conv.channels + source) * height + y) * width + x;
                        let taps = conv.kernel[0] * conv.kernel[1];
                        let weight = match conv.weights {
                            WeightOrder::Conv => (filter * group_channels + channel) * taps + tap,
                            WeightOrder::Linear => (channel * taps + tap) * conv.filters + filter,
                        };
                        naive.output[at] += f64::from(input[from]) * f64::from(weights[weight]);
                        naive.data_gradient[from] += f64::from(gradient[at]) * f64::from(weights[weight]);
                        naive.weight_gradient[weight] += f64::from(gradient[at]) * f64::from(input[from]);
                    }
                }
            }
        }
    }
    naive
}

/// Max and average pooling of `[images · channels, height, width]` in f64, and the gradients at their input.
pub struct NaivePool {
    pub max: Vec<f64>,
    pub max_gradient: Vec<f64>,
    pub average: Vec<f64>,
    pub average_gradient: Vec<f64>,
}

pub fn pool(pool: &Pool, n_maps: usize, input: &[f32], gradient: &[f32], relu: bool) -> NaivePool {
    let [height, width] = pool.size;
    let [out_height, out_width] = pool.output_size().unwrap();
    let n_outputs = n_maps * out_height * out_width;
    let mut naive = NaivePool {
        max: vec![0.0; n_outputs],
        max_gradient: vec![0.0; input.len()],
        average: vec![0.0; n_outputs],
        average_gradient: vec![0.0; input.len()],
    };
    for map in 0..n_maps {
        for place in 0..out_height * out_width {
            let at = map * out_height * out_width + place;
            let (mut largest, mut largest_at) = (f32::NEG_INFINITY, 0);
            let n = (pool.window[0] * pool.window[1]) as f64;
            for y in 0..pool.window[0] {
                for x in 0..pool.window[1] {
                    let row = place / out_width * pool.stride[0] + y;
                    let from = (map * height + row) * width + place % out_width * pool.stride[1] + x;
                    naive.average[at] += f64::from(input[from]) / n;
                    naive.average_gradient[from] += f64::from(gradient[at]) / n;
                    if input[from] > largest {
                        (largest, largest_at) = (input[from], from);
                    }
                }
            }
            naive.max[at] = f64::from(if relu { largest.max(0.0) } else { largest });
            if !relu || largest > 0.0 {
                naive.max_gradient[largest_at] += f64::from(gradient[at]);
            }
        }
    }
    naive
}

/// One update of a value and its moments.
pub fn update(update: Update, value: &mut f64, [first, second, third]: &mut [f64; 3], gradient: f64) {
    let Update { rule, rate, kept, l2 } = update;
    let g = gradient + f64::from(l2) * *value;
    let blend = |moment: &mut f64, old: f32, new: f64| *moment = *moment * f64::from(old) + new;
    let change = match rule {
        Rule::Plain => g,
        Rule::Momentum { momentum, nesterov } => {
            blend(first, momentum, g);
            if nesterov { g + f64::from(momentum) * *first } else { *first }
        }
        Rule::Adam { beta1, beta2, rest1, rest2, scale1, scale2, epsilon } => {
            blend(first, beta1, g * f64::from(rest1));
            blend(second, beta2, g * g * f64::from(rest2));
            *first * f64::from(scale1) / (second.sqrt() * f64::from(scale2) + f64::from(epsilon))
        }
        Rule::RmsProp { alpha, rest, epsilon, momentum, centered } => {
            blend(second, alpha, g * g * f64::from(rest));
            if centered {
                blend(first, alpha, g * f64::from(rest));
            }
            let direction = g / ((*second - *first * *first).max(0.0).sqrt() + f64::from(epsilon));
            blend(third, momentum, direction);
            *third
        }
        Rule::Adagrad { epsilon } => {
            blend(second, 1.0, g * g);
            g / (second.sqrt() + f64::from(epsilon))
        }
        Rule::Lion { beta1, beta2, rest1, rest2 } => {
            let direction = *first * f64::from(beta1) + g * f64::from(rest1);
            blend(first, beta2, g * f64::from(rest2));
            if direction == 0.0 { 0.0 } else { direction.signum() }
        }
    };
    *value = *value * f64::from(kept) - f64::from(rate) * change;
}

/// Images `[images, channels, places]` in blocks.
pub fn gathered(blocks: Blocks, images: &[f32], channels: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    blocks.gather(images, channels, height * width)
}

pub fn scattered(blocks: Blocks, values: &[f32], channels: usize, [height, width]: [usize; 2]) -> Vec<f32> {
    blocks.scatter(values, channels, height * width)
}
