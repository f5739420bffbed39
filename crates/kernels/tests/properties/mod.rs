//! What holds for every kernel, natively and in a browser: each is compared with naive loops in f64, over drawn shapes and batches of all kinds of
//! blocks.

use kindling_kernels::blocks::{Blocks, relu_gradient};
use kindling_kernels::conv::{Conv, WeightOrder};
use kindling_kernels::dropout::Dropout;
use kindling_kernels::norm::BatchNorm;
use kindling_kernels::pixels;
use kindling_kernels::pool::Pool;
use kindling_kernels::sample;
use kindling_kernels::update::{Rule, Update, sum_of_squares, update};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

/// Naive loops in f64.
mod naive;

/// Activations, norms of each image, attention, recurrent layers, cross-entropy.
mod sequences;

use naive::{convolve, difference, gathered, numbers, pool, scattered};

/// What a runner checks.
pub type Property = fn(&mut TestRunner);

/// Every property, by name.
pub const ALL: &[(&str, Property)] = &[
    ("convolutions", convolutions),
    ("depthwise convolutions", depthwise_convolutions),
    ("linear layers", linear_layers),
    ("pools", pools),
    ("blocks", blocks_come_and_go),
    ("batch norm", batch_norms),
    ("batch norm in parts", |_| batch_norm(20, 3, 3_000, 5.0, true, 3)),
    ("activations", sequences::activations),
    ("group norm and layer norm", sequences::group_norms),
    ("dropout", dropout),
    ("attention", sequences::attention),
    ("recurrent layers", sequences::recurrent_layers),
    ("cross-entropy", sequences::cross_entropy),
    ("bytes", bytes),
    ("resampling", resampling),
    ("updates", updates),
    ("sums of squares", sums_of_squares),
    ("Winograd's kernels", |_| large_kernels_of_three_take_the_short_way_and_stay_exact()),
    ("kernels of one place", |_| kernels_of_one_place_are_the_naive_loops()),
    ("kernels of 1×1 on few images", kernels_of_one_tap_on_few_images),
    ("the presets' convolutions", |_| the_presets_convolutions_are_the_naive_loops()),
    ("ReLU", |_| a_relu_passes_gradients_where_its_output_is_positive()),
    ("NaN", |_| nan_passes_through_relu_and_pooling()),
];

/// A runner that draws the same cases every time, because a browser's module has no source of entropy.
pub fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let algorithm = config.rng_algorithm;
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(algorithm))
}

/// Panics with the smallest case that fails.
fn hold<S: Strategy>(runner: &mut TestRunner, strategy: S, property: impl Fn(S::Value)) {
    let outcome = runner.run(&strategy, |value| {
        property(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn pair(sides: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [sides.clone(), sides]
}

fn convolutions(runner: &mut TestRunner) {
    let channels = (1_usize..4, 1_usize..5, 1_usize..8);
    let windows = (pair(1..10), pair(1..5), pair(1..4), pair(0..4), pair(1..3));
    hold(runner, (1_usize..40, channels, windows, any::<u32>()), |(n_images, channels, windows, seed)| {
        let (groups, group_channels, group_filters) = channels;
        let (size, kernel, stride, padding, dilation) = windows;
        let conv = Conv {
            channels: groups * group_channels,
            size,
            filters: groups * group_filters,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            weights: WeightOrder::Conv,
        };
        check(&conv, n_images, seed.into());
    });
}

fn depthwise_convolutions(runner: &mut TestRunner) {
    let windows = (pair(3..10), 1_usize..5, 1_usize..3, 0_usize..3, 1_usize..3);
    hold(runner, (1_usize..20, 2_usize..11, windows, any::<u32>()), |(n_images, channels, windows, seed)| {
        let (size, kernel, stride, padding, dilation) = windows;
        let conv = Conv {
            channels,
            size,
            filters: channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [dilation; 2],
            groups: channels,
            weights: WeightOrder::Conv,
        };
        check(&conv, n_images, seed.into());
    });
}

fn linear_layers(runner: &mut TestRunner) {
    let shapes = (1_usize..40, 1_usize..9, pair(1..5), 1_usize..20, any::<u32>());
    hold(runner, shapes, |(n_images, channels, size, units, seed)| {
        check(&Conv::linear(channels, size, units), n_images, seed.into());
    });
}

fn pools(runner: &mut TestRunner) {
    let windows = (pair(1..9), pair(1..4), pair(1..4));
    let shapes = (1_usize..20, 1_usize..5, windows, any::<bool>(), any::<u32>());
    hold(runner, shapes, |(n_images, channels, (size, window, stride), relu, seed)| {
        let pooling = Pool { channels, size, window, stride };
        let Some(output) = pooling.output_size() else { return };
        let blocks = Blocks::new(n_images);
        // Few different values, so that maxima tie.
        let input = numbers(n_images * channels * size[0] * size[1], seed.into());
        let input: Vec<f32> = input.iter().map(|x| (x * 4.0).round()).collect();
        let gradient = numbers(n_images * channels * output[0] * output[1], u64::from(seed) + 1);
        let naive = pool(&pooling, n_images * channels, &input, &gradient, relu);
        let input = gathered(blocks, &input, channels, size);
        let gradient = gathered(blocks, &gradient, channels, output);
        let max = pooling.max(blocks, &input, relu);
        let max_gradient = pooling.max_gradient(blocks, &input, &max, &gradient, relu);
        assert!(difference(&scattered(blocks, &max, channels, output), &naive.max) < TOLERANCE);
        assert!(difference(&scattered(blocks, &max_gradient, channels, size), &naive.max_gradient) < TOLERANCE);
        let average = pooling.average(blocks, &input);
        assert!(difference(&scattered(blocks, &average, channels, output), &naive.average) < TOLERANCE);
        let average_gradient = pooling.average_gradient(blocks, &gradient);
        assert!(difference(&scattered(blocks, &average_gradient, channels, size), &naive.average_gradient) < TOLERANCE);
    });
}

fn blocks_come_and_go(runner: &mut TestRunner) {
    hold(runner, (0_usize..50, 1_usize..5, 1_usize..40, any::<u32>()), |(n_images, channels, places, seed)| {
        let images = numbers(n_images * channels * places, seed.into());
        let blocks = Blocks::new(n_images);
        let values = blocks.gather(&images, channels, places);
        let n_nonzero = |values: &[f32]| values.iter().filter(|value| **value != 0.0).count();
        assert_eq!(n_nonzero(&values), n_nonzero(&images), "padding is 0");
        assert!(blocks.n_slots() < n_images + 8);
        assert_eq!(blocks.scatter(&values, channels, places), images);
    });
}

fn dropout(runner: &mut TestRunner) {
    let shapes = (1_usize..40, 1_usize..9, 1_usize..40, 0.0_f32..0.9, any::<u32>());
    hold(runner, shapes, |(n_images, channels, places, rate, seed)| {
        let (blocks, n_values) = (Blocks::new(n_images), channels * places);
        let dropout = Dropout { channels, places, rate };
        let number = |n: usize| (n as u64 + u64::from(seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(dropout.n_numbers(blocks), (n_images * n_values).div_ceil(4), "four values have a number");
        let images = numbers(n_images * n_values, seed.into());
        let in_blocks = dropout.apply(blocks, &blocks.gather(&images, channels, places), number);
        let expected = images.iter().enumerate().map(|(place, value)| {
            let draw = (number(place / 4) >> (16 * (place % 4))) & 0xffff;
            value * if draw < (rate * 65_536.0) as u64 { 0.0 } else { 1.0 / (1.0 - rate) }
        });
        let found = blocks.scatter(&in_blocks, channels, places);
        assert_eq!(found, expected.collect::<Vec<_>>());
        assert_eq!(in_blocks, blocks.gather(&found, channels, places), "padding is 0");
    });
}

fn bytes(runner: &mut TestRunner) {
    hold(runner, (1_usize..6, 1_usize..40, any::<u32>()), |(n_images, n_values, first)| {
        let byte = |place: usize| (first as usize + 37 * place) as u8;
        let image = |image: usize| (0..n_values).map(move |value| byte(image * n_values + value));
        let words = (0..n_images).flat_map(|number| {
            let bytes: Vec<u8> = image(number).collect();
            let word = |bytes: &[u8]| i32::from_le_bytes(std::array::from_fn(|n| bytes.get(n).copied().unwrap_or(7)));
            bytes.chunks(4).map(word).collect::<Vec<_>>()
        });
        let expected: Vec<f32> =
            (0..n_images).flat_map(image).map(|byte| f32::from(byte) * (2.0 / 255.0) - 1.0).collect();
        assert_eq!(pixels::unpack(&words.collect::<Vec<_>>(), n_images, n_values), expected);
    });
}

fn resampling(runner: &mut TestRunner) {
    let shapes = (1_usize..4, 1_usize..4, pair(1..8), (-9_i32..10, -9_i32..10), any::<u32>());
    hold(runner, shapes, |(n_images, channels, [height, width], (right, down), seed)| {
        let images = numbers(n_images * channels * height * width, seed.into());
        let whole = [1.0, 0.0, right as f32, 0.0, 1.0, down as f32].repeat(n_images);
        let moved = sample::affine(&images, &whole, channels, [height, width]);
        let inside = |place: i32, side: usize| place.clamp(0, side as i32 - 1) as usize;
        for (place, value) in moved.iter().enumerate() {
            let (map, row, column) = (place / width / height, place / width % height, place % width);
            let source =
                (map * height + inside(row as i32 + down, height)) * width + inside(column as i32 + right, width);
            assert_eq!(*value, images[source], "a move by whole pixels repeats the edge");
        }
        let halves = [1.0, 0.0, 0.5, 0.0, 1.0, 0.0].repeat(n_images);
        let between = sample::affine(&images, &halves, channels, [height, width]);
        for (place, value) in between.iter().enumerate() {
            let next = if place % width + 1 < width { place + 1 } else { place };
            assert!((value - (images[place] + images[next]) / 2.0).abs() < 1e-6, "half a pixel is the mean of two");
        }
    });
}

fn batch_norms(runner: &mut TestRunner) {
    let shapes = (2_usize..40, 1_usize..6, 1_usize..20, -50_f32..50.0, any::<bool>(), any::<u32>());
    hold(runner, shapes, |(n_images, channels, places, offset, relu, seed)| {
        batch_norm(n_images, channels, places, offset, relu, seed.into());
    });
}

/// Three updates of every rule, against the formulas in f64.
fn updates(runner: &mut TestRunner) {
    let rules = [
        Rule::Plain,
        Rule::Momentum { momentum: 0.9, nesterov: false },
        Rule::Momentum { momentum: 0.9, nesterov: true },
        Rule::Adam { beta1: 0.9, beta2: 0.99, rest1: 0.1, rest2: 0.01, scale1: 3.0, scale2: 2.0, epsilon: 1e-8 },
        Rule::RmsProp { alpha: 0.9, rest: 0.1, epsilon: 1e-3, momentum: 0.0, centered: false },
        Rule::RmsProp { alpha: 0.9, rest: 0.1, epsilon: 1e-3, momentum: 0.5, centered: true },
        Rule::Adagrad { epsilon: 1e-8 },
        Rule::Lion { beta1: 0.9, beta2: 0.99, rest1: 0.1, rest2: 0.01 },
    ];
    let shapes = (0..rules.len(), 1_usize..70, any::<bool>(), any::<bool>(), any::<u32>());
    hold(runner, shapes, |(rule, n, decays, regularizes, seed)| {
        // Beyond one item of work, too.
        let n = if n == 1 { 40_000 } else { n };
        let update_of = Update {
            rule: rules[rule],
            rate: 0.1,
            kept: if decays { 0.99 } else { 1.0 },
            l2: if regularizes { 0.05 } else { 0.0 },
        };
        let mut values = numbers(n, seed.into());
        let mut expected: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let mut moments = rules[rule].moments().map(|exists| vec![0.0; if exists { n } else { 0 }]);
        let mut expected_moments = vec![[0.0; 3]; n];
        for step in 1..4 {
            let gradients = numbers(n, u64::from(seed) + step);
            update(update_of, &mut values, &gradients, moments.each_mut().map(Vec::as_mut_slice));
            for ((value, moments), gradient) in expected.iter_mut().zip(&mut expected_moments).zip(&gradients) {
                naive::update(update_of, value, moments, f64::from(*gradient));
            }
        }
        assert!(difference(&values, &expected) < 1e-4, "{update_of:?}");
        for (number, moment) in moments.iter().enumerate().filter(|(_, moment)| !moment.is_empty()) {
            let expected: Vec<f64> = expected_moments.iter().map(|moments| moments[number]).collect();
            assert!(difference(moment, &expected) < 1e-5, "moment {number} of {update_of:?}");
        }
    });
}

fn sums_of_squares(runner: &mut TestRunner) {
    hold(runner, (0_usize..100_000, any::<u32>()), |(n, seed)| {
        let values = numbers(n, seed.into());
        let expected: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        assert!((f64::from(sum_of_squares(&values)) - expected).abs() <= 1e-6 * expected);
    });
}

/// Far above the rounding of these sums, far below a wrong term.
const TOLERANCE: f64 = 2e-5;

fn conv(channels: usize, side: usize, filters: usize, kernel: usize, stride: usize, padding: usize) -> Conv {
    Conv {
        channels,
        size: [side; 2],
        filters,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
        weights: WeightOrder::Conv,
    }
}

/// Forward pass and all gradients, against the naive loops.
fn check(conv: &Conv, n_images: usize, seed: u64) {
    let Some(output) = conv.output_size() else { return };
    let blocks = Blocks::new(n_images);
    let input = numbers(n_images * conv.channels * conv.size[0] * conv.size[1], seed);
    let weights = numbers(conv.filters * conv.channels / conv.groups * conv.kernel[0] * conv.kernel[1], seed + 1);
    let bias = numbers(conv.filters, seed + 2);
    let gradient = numbers(n_images * conv.filters * output[0] * output[1], seed + 3);
    let naive = convolve(conv, n_images, &input, &weights, &bias, &gradient);

    let input = gathered(blocks, &input, conv.channels, conv.size);
    let forward =
        |relu| scattered(blocks, &conv.forward(blocks, &input, &weights, Some(&bias), relu), conv.filters, output);
    assert!(difference(&forward(false), &naive.output) < TOLERANCE, "forward of {conv:?} on {n_images}");
    let positive: Vec<f64> = naive.output.iter().map(|value| value.max(0.0)).collect();
    assert!(difference(&forward(true), &positive) < TOLERANCE, "ReLU of {conv:?}");

    let gradient = gathered(blocks, &gradient, conv.filters, output);
    let data = conv.data_gradient(blocks, &gradient, &weights);
    assert!(data.iter().all(|value| value.is_finite()));
    let data = scattered(blocks, &data, conv.channels, conv.size);
    assert!(difference(&data, &naive.data_gradient) < TOLERANCE, "data gradient of {conv:?} on {n_images}");

    let weight = conv.weight_gradient(blocks, &input, &gradient);
    assert!(difference(&weight, &naive.weight_gradient) < TOLERANCE, "weight gradient of {conv:?} on {n_images}");
    let bias = conv.bias_gradient(blocks, &gradient);
    assert!(difference(&bias, &naive.bias_gradient) < TOLERANCE, "bias gradient of {conv:?} on {n_images}");
}

fn batch_norm(n_images: usize, channels: usize, places: usize, offset: f32, relu: bool, seed: u64) {
    let blocks = Blocks::new(n_images);
    let norm = BatchNorm { channels, places, epsilon: 1e-5 };
    let images: Vec<f32> = numbers(n_images * channels * places, seed).iter().map(|value| value + offset).collect();
    let (scale, shift) = (numbers(channels, seed + 1), numbers(channels, seed + 2));
    let gradient = numbers(images.len(), seed + 3);
    let input = blocks.gather(&images, channels, places);
    let statistics = norm.statistics(blocks, &input);
    let output = norm.forward(blocks, &input, &statistics, &scale, &shift, relu);
    let found = norm.gradients(
        blocks,
        &input,
        &statistics,
        &scale,
        relu.then_some(&shift[..]),
        &blocks.gather(&gradient, channels, places),
    );
    let passed = blocks.scatter(&output, channels, places);
    let n = (n_images * places) as f64;
    let (mut outputs, mut gradients) = (vec![0.0; images.len()], vec![0.0; images.len()]);
    for channel in 0..channels {
        let at: Vec<usize> = (0..images.len()).filter(|place| place / places % channels == channel).collect();
        let mean = at.iter().map(|&place| f64::from(images[place])).sum::<f64>() / n;
        let variance = at.iter().map(|&place| (f64::from(images[place]) - mean).powi(2)).sum::<f64>() / n;
        let deviation = (variance + 1e-5).sqrt();
        assert!((f64::from(statistics.mean[channel]) - mean).abs() < 1e-4);
        assert!((f64::from(statistics.variance[channel]) - variance).abs() < 1e-4);
        let normalized = |place: usize| (f64::from(images[place]) - mean) / deviation;
        let value = |place: usize| f64::from(scale[channel]) * normalized(place) + f64::from(shift[channel]);
        // By the output that was found: a value that is 0 but for rounding may be on either side of a ReLU.
        let arrived = |place: usize| if relu && passed[place] <= 0.0 { 0.0 } else { f64::from(gradient[place]) };
        let shift_gradient: f64 = at.iter().map(|&place| arrived(place)).sum();
        let scale_gradient: f64 = at.iter().map(|&place| arrived(place) * normalized(place)).sum();
        assert!((f64::from(found.shift[channel]) - shift_gradient).abs() < 1e-3 * n.sqrt());
        assert!((f64::from(found.scale[channel]) - scale_gradient).abs() < 1e-3 * n.sqrt());
        for place in at {
            outputs[place] = if relu { value(place).max(0.0) } else { value(place) };
            gradients[place] = f64::from(scale[channel]) / deviation
                * (arrived(place) - shift_gradient / n - normalized(place) * scale_gradient / n);
        }
    }
    // Distances from a far mean have few digits.
    let tolerance = 1e-3;
    assert!(difference(&passed, &outputs) < tolerance);
    assert!(difference(&blocks.scatter(&found.input, channels, places), &gradients) < tolerance);
    let padding = found.input.iter().filter(|value| **value != 0.0).count();
    assert!(padding <= images.len(), "padding has no gradient");
}

fn large_kernels_of_three_take_the_short_way_and_stay_exact() {
    for (n_images, channels, size, filters, padding) in [
        (16, 16, [8, 8], 32, 1),
        (5, 32, [7, 7], 16, 1),
        (3, 16, [8, 8], 16, 2),
        (9, 16, [10, 10], 20, 0),
        (2, 20, [9, 12], 16, 1),
    ] {
        let conv = Conv { size, ..conv(channels, 1, filters, 3, 1, padding) };
        check(&conv, n_images, 11);
    }
}

/// Shapes that random draws seldom meet.
fn kernels_of_one_place_are_the_naive_loops() {
    for (groups, size, kernel, stride) in
        [(2, 1, 1, 1), (4, 1, 1, 1), (2, 2, 1, 2), (1, 2, 1, 2), (2, 3, 3, 1), (1, 3, 3, 1)]
    {
        check(&Conv { groups, ..conv(8, size, 12, kernel, stride, 0) }, 9, 7);
    }
}

/// Places take the lanes of images that are not there.
fn kernels_of_one_tap_on_few_images(runner: &mut TestRunner) {
    let shapes = (1_usize..5, 1_usize..20, pair(1..9), 1_usize..20, any::<bool>(), any::<u32>());
    hold(runner, shapes, |(n_images, channels, size, filters, is_linear, seed)| {
        let places = size[0] * size[1];
        let of_maps = Conv { size, ..conv(channels, 1, filters, 1, 1, 0) };
        let conv = if is_linear { Conv::pointwise(channels, places, filters) } else { of_maps };
        check(&conv, n_images, seed.into());
    });
}

fn the_presets_convolutions_are_the_naive_loops() {
    for (channels, side, filters, kernel, stride, padding) in
        [(3, 32, 6, 5, 1, 0), (6, 14, 16, 5, 1, 0), (1, 28, 16, 5, 2, 0), (16, 12, 32, 3, 2, 0), (1, 28, 24, 3, 1, 1)]
    {
        check(&conv(channels, side, filters, kernel, stride, padding), 12, 5);
    }
}

fn a_relu_passes_gradients_where_its_output_is_positive() {
    let output: Vec<f32> = numbers(1 << 17, 1).iter().map(|value| value.max(0.0)).collect();
    let gradient = numbers(output.len(), 2);
    let found = relu_gradient(&output, &gradient);
    assert!(
        found
            .iter()
            .zip(&output)
            .zip(&gradient)
            .all(|((found, output), gradient)| *found == if *output > 0.0 { *gradient } else { 0.0 })
    );
}

fn nan_passes_through_relu_and_pooling() {
    let blocks = Blocks::new(1);
    for place in 0..4 {
        let mut image = [1.0, -2.0, 3.0, 0.5];
        image[place] = f32::NAN;
        let input = blocks.gather(&image, 1, 4);
        let pooling = Pool::global(1, [2, 2]);
        assert!(pooling.max(blocks, &input, true)[0].is_nan() && pooling.average(blocks, &input)[0].is_nan());
        let same = Conv { kernel: [1; 2], ..conv(1, 2, 1, 1, 1, 0) };
        let output = blocks.scatter(&same.forward(blocks, &input, &[1.0], None, true), 1, 4);
        assert!(output[place].is_nan());
    }
}
