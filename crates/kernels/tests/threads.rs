//! The kernels on several threads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::needless_range_loop, reason = "naive loops are the definitions with their indices")]

use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::{Conv, WeightOrder};
use kindling_kernels::norm::{BatchNorm, GroupNorm};
use kindling_kernels::recurrent::{Cell, Recurrent, Weights};
use kindling_kernels::threads::share_all_work;
use kindling_kernels::update::{Rule, Update, sum_of_squares, update};
use rayon::{ThreadPool, ThreadPoolBuilder};

mod properties;

fn pool(n_threads: usize) -> ThreadPool {
    share_all_work();
    ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap()
}

#[test]
fn every_property_holds() {
    for n_threads in [2, 3] {
        pool(n_threads).install(|| {
            for (name, property) in properties::ALL {
                println!("{name} on {n_threads} threads");
                property(&mut properties::runner(60));
            }
        });
    }
}

/// Forward pass, data gradient and weight gradient.
type Results = [Vec<f32>; 3];

fn results(conv: &Conv, n_images: usize, n_threads: usize) -> Results {
    let [height, width] = conv.output_size().unwrap();
    let blocks = Blocks::new(n_images);
    let numbers =
        |n: usize| -> Vec<f32> { (0..n).map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 1.0).collect() };
    let input = numbers(n_images * conv.channels * conv.size[0] * conv.size[1]);
    let input = blocks.gather(&input, conv.channels, conv.size[0] * conv.size[1]);
    let gradient = numbers(n_images * conv.filters * height * width);
    let gradient = blocks.gather(&gradient, conv.filters, height * width);
    let weights = numbers(conv.filters * conv.channels / conv.groups * conv.kernel[0] * conv.kernel[1]);
    pool(n_threads).install(|| {
        [
            conv.forward(blocks, &input, &weights, None, true),
            conv.data_gradient(blocks, &gradient, &weights),
            conv.weight_gradient(blocks, &input, &gradient),
        ]
    })
}

#[test]
fn results_are_equal_bit_for_bit_on_as_many_threads_and_but_for_weight_gradients_on_any() {
    let square = |channels, side, filters, kernel, padding, groups| Conv {
        channels,
        size: [side; 2],
        filters,
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups,
        weights: WeightOrder::Conv,
    };
    let convs = [
        square(3, 12, 6, 5, 0, 1),
        square(16, 8, 32, 3, 1, 1),
        square(8, 9, 8, 3, 1, 8),
        square(6, 7, 9, 3, 1, 3),
        Conv::linear(8, [3, 3], 20),
        // Sums that are more than what is added at once, and, of the second, more than there are gradients.
        square(32, 6, 40, 3, 1, 1),
        Conv::linear(64, [4, 4], 40),
    ];
    for conv in convs {
        for n_images in [3, 40, 67, 128] {
            let [forward, data, weights] = results(&conv, n_images, 1);
            for n_threads in [2, 3] {
                let found = results(&conv, n_images, n_threads);
                assert_eq!(found, results(&conv, n_images, n_threads), "{conv:?} on {n_threads} threads, again");
                assert_eq!((&found[0], &found[1]), (&forward, &data), "{conv:?} on {n_threads} threads");
                let largest = weights.iter().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
                let close = |(found, weight): (&f32, &f32)| (found - weight).abs() <= 1e-5 * largest;
                assert!(found[2].iter().zip(&weights).all(close), "{conv:?} on {n_threads} threads");
            }
        }
    }
}

#[test]
fn norms_updates_and_sums_are_equal_bit_for_bit_on_any_number_of_threads() {
    let (n_images, norm) = (67, BatchNorm { channels: 5, places: 900, epsilon: 1e-5 });
    let blocks = Blocks::new(n_images);
    let numbers =
        |n: usize| -> Vec<f32> { (0..n).map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 0.9).collect() };
    let input = blocks.gather(&numbers(n_images * norm.channels * norm.places), norm.channels, norm.places);
    let (scale, shift) = (numbers(norm.channels), numbers(norm.channels));
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.99, rest1: 0.1, rest2: 0.01, scale1: 1.0, scale2: 1.0, epsilon: 1e-8 };
    let of_threads = |n_threads| {
        pool(n_threads).install(|| {
            let statistics = norm.statistics(blocks, &input);
            let output = norm.forward(blocks, &input, &statistics, &scale, &shift, true);
            let found = norm.gradients(blocks, &input, &statistics, &scale, Some(&shift), &output);
            let (mut values, mut first) = (input.clone(), output.clone());
            let mut second: Vec<f32> = input.iter().map(|value| value * value).collect();
            let moments = [&mut first[..], &mut second[..], &mut []];
            update(Update { rule: adam, rate: 0.1, kept: 0.9, l2: 0.1 }, &mut values, &input, moments);
            let sums = vec![sum_of_squares(&input)];
            [statistics.mean, statistics.variance, output, found.input, found.scale, values, first, second, sums]
        })
    };
    let expected = of_threads(1);
    assert!(expected.iter().flatten().all(|value| value.is_finite()));
    for n_threads in [2, 3] {
        assert_eq!(of_threads(n_threads), expected, "{n_threads} threads");
    }
}

#[test]
fn sequences_are_equal_bit_for_bit_on_any_number_of_threads_but_for_weight_gradients() {
    let (n_images, length, features) = (67, 9, 12);
    let blocks = Blocks::new(n_images);
    let numbers =
        |n: usize| -> Vec<f32> { (0..n).map(|i| ((i * 2_654_435_761) % 1_000) as f32 / 500.0 - 0.9).collect() };
    let sequence = |features: usize| blocks.gather(&numbers(n_images * length * features), length * features, 1);
    let norm = GroupNorm { channels: features, groups: 1, places: 1, epsilon: 1e-5 };
    let attention = Attention { length, features, heads: 3 };
    let layer = Recurrent { cell: Cell::Gru, length, features, units: features };
    let (matrix, bias) = (numbers(3 * features * features), numbers(3 * features));
    let weights = Weights { of_item: &matrix, of_state: &matrix, item_bias: &bias, state_bias: &bias };
    let of_threads = |n_threads| {
        pool(n_threads).install(|| {
            let (items, gradient) = (sequence(features), sequence(features));
            let normed = norm.forward(blocks, &items, &bias[..features], &bias[..features]);
            let of_norm = norm.gradients(blocks, &items, &bias[..features], &gradient);
            let attended = attention.forward(blocks, &sequence(3 * features));
            let of_attention = attention.gradient(blocks, &sequence(3 * features), &attended.shares, &gradient);
            let states = layer.forward(blocks, &items, weights);
            let of_states = layer.gradients(blocks, &items, weights, &states, &gradient);
            let activated = Activation::Gelu.forward(&items);
            let any = [normed, of_norm.input, of_norm.scale, attended.output, of_attention, states.hidden, activated];
            (any, of_states.items, [of_states.of_item, of_states.of_state, of_states.item_bias, of_states.state_bias])
        })
    };
    let (expected, items, _) = of_threads(1);
    assert!(expected.iter().flatten().all(|value| value.is_finite()));
    for n_threads in [2, 3] {
        let found = of_threads(n_threads);
        assert_eq!(found, of_threads(n_threads), "{n_threads} threads, again");
        assert_eq!((found.0, found.1), (expected.clone(), items.clone()), "{n_threads} threads");
    }
}
