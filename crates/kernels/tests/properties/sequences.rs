//! Activations, norms of each image, attention, recurrent layers and cross-entropy, whose gradients are compared with differences of naive loops in f64.

use kindling_kernels::activation::Activation;
use kindling_kernels::attention::Attention;
use kindling_kernels::blocks::Blocks;
use kindling_kernels::loss;
use kindling_kernels::norm::GroupNorm;
use kindling_kernels::recurrent::{Cell, Recurrent, Weights};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::naive::{difference, numbers};
use super::{TOLERANCE, hold};

pub fn activations(runner: &mut TestRunner) {
    let all = [
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    hold(runner, (0..all.len(), 1_usize..40, 0_u32..8, any::<u32>()), |(number, n_images, magnitude, seed)| {
        let (activation, blocks) = (all[number], Blocks::new(n_images));
        let factor = f32::powi(3.0, magnitude as i32 - 3);
        let images: Vec<f32> = numbers(n_images * 20, seed.into()).iter().map(|x| x * factor).collect();
        let gradient = numbers(images.len(), u64::from(seed) + 1);
        let input = blocks.gather(&images, 5, 4);
        let output = activation.forward(&input);
        let kept = if activation.keeps_output() { &output } else { &input };
        let found = activation.gradient(kept, &blocks.gather(&gradient, 5, 4));
        let (output, found) = (blocks.scatter(&output, 5, 4), blocks.scatter(&found, 5, 4));
        for (place, x) in images.iter().enumerate() {
            let x = f64::from(*x);
            let value = activated(activation, x);
            let near =
                |found: f32, expected: f64| (f64::from(found) - expected).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!(near(output[place], value), "{activation:?} of {x} is {value}, not {}", output[place]);
            let slope = match activation {
                // Differences would not know the kink.
                Activation::Relu => {
                    if x > 0.0 {
                        1.0
                    } else {
                        0.0
                    }
                }
                Activation::Relu6 => f64::from(u8::from(x > 0.0 && x < 6.0)),
                Activation::LeakyRelu { slope } => {
                    if x > 0.0 {
                        1.0
                    } else {
                        f64::from(slope)
                    }
                }
                _ => (activated(activation, x + 1e-5) - activated(activation, x - 1e-5)) / 2e-5,
            };
            let expected = f64::from(gradient[place]) * slope;
            assert!(near(found[place], expected), "the slope of {activation:?} at {x} is {slope}");
        }
    });
    for activation in all {
        let nan = vec![f32::NAN; 64];
        assert!(activation.forward(&nan).iter().all(|value| value.is_nan()), "{activation:?} of NaN");
        let ends: Vec<f32> = [-1e30, 1e30].repeat(32);
        assert!(activation.forward(&ends).iter().all(|value| value.is_finite()), "{activation:?} of large numbers");
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::LeakyRelu { slope } => {
            if x < 0.0 {
                x * f64::from(slope)
            } else {
                x
            }
        }
        Activation::Gelu => x * normal_distribution(x),
        Activation::Silu => x * sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Φ, by the series of the density's integral, which converges where Φ is neither 0 nor 1 in f64.
fn normal_distribution(x: f64) -> f64 {
    if x.abs() > 8.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > 1e-18 {
        n += 2.0;
        term *= x * x / n;
        sum += term;
    }
    0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

pub fn group_norms(runner: &mut TestRunner) {
    let shapes = (1_usize..40, 1_usize..4, 1_usize..6, 1_usize..7, any::<bool>(), -20_f32..20.0, any::<u32>());
    hold(runner, shapes, |(n_images, groups, group_channels, places, over_maps, offset, seed)| {
        let (blocks, channels) = (Blocks::new(n_images), groups * group_channels);
        let norm = GroupNorm { channels, groups, places: if over_maps { places } else { 1 }, epsilon: 1e-2 };
        let n_values = channels * places;
        let images: Vec<f32> = numbers(n_images * n_values, seed.into()).iter().map(|x| x + offset).collect();
        let (scale, shift) = (numbers(channels, 1), numbers(channels, 2));
        let gradient = numbers(images.len(), u64::from(seed) + 3);
        let input = blocks.gather(&images, channels, places);
        let found = norm.forward(blocks, &input, &scale, &shift);
        let expected = |images: &[f64], scale: &[f64], shift: &[f64]| {
            let mut output = vec![0.0; images.len()];
            for place in 0..images.len() {
                let (image, channel, at) = (place / n_values, place / places % channels, place % places);
                let is_like = |other: usize| {
                    let (channel_of, at_of) = (other / places, other % places);
                    channel_of / group_channels == channel / group_channels && (over_maps || at_of == at)
                };
                let set: Vec<f64> =
                    (0..n_values).filter(|&at| is_like(at)).map(|at| images[image * n_values + at]).collect();
                let mean = set.iter().sum::<f64>() / set.len() as f64;
                let variance = set.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / set.len() as f64;
                output[place] = scale[channel] * (images[place] - mean) / (variance + 1e-2).sqrt() + shift[channel];
            }
            output
        };
        let all = [&images, &scale, &shift].map(|values| wide(values));
        let outputs = expected(&all[0], &all[1], &all[2]);
        assert!(difference(&blocks.scatter(&found, channels, places), &outputs) < TOLERANCE, "{norm:?} on {n_images}");
        let found = norm.gradients(blocks, &input, &scale, &blocks.gather(&gradient, channels, places));
        assert_padding_is_0(blocks, &found.input);
        let input_gradient = blocks.scatter(&found.input, channels, places);
        check_slopes(&all, [&input_gradient, &found.scale, &found.shift], &gradient, seed, |values| {
            expected(&values[0], &values[1], &values[2])
        });
    });
}

pub fn attention(runner: &mut TestRunner) {
    let shapes = (1_usize..20, 1_usize..4, 1_usize..6, 1_usize..9, any::<u32>());
    hold(runner, shapes, |(n_images, heads, per_head, length, seed)| {
        let (blocks, features) = (Blocks::new(n_images), heads * per_head);
        let attention = Attention { length, features, heads };
        let n_values = length * 3 * features;
        let projected: Vec<f32> = numbers(n_images * n_values, seed.into()).iter().map(|x| 2.0 * x).collect();
        let gradient = numbers(n_images * length * features, u64::from(seed) + 1);
        // The order of a sequence in blocks is that of a map with one place.
        let input = blocks.gather(&projected, n_values, 1);
        let found = attention.forward(blocks, &input);
        let expected = |values: &[Vec<f64>; 1]| {
            let mut output = vec![0.0; n_images * length * features];
            for place in 0..output.len() {
                let (image, query, feature) = (place / features / length, place / features % length, place % features);
                let first = feature / per_head * per_head;
                let at = |item: usize, part: usize, feature: usize| {
                    values[0][image * n_values + (item * 3 + part) * features + feature]
                };
                let scores: Vec<f64> = (0..length)
                    .map(|key| {
                        let products = (first..first + per_head).map(|c| at(query, 0, c) * at(key, 1, c));
                        (products.sum::<f64>() / (per_head as f64).sqrt()).exp()
                    })
                    .collect();
                let total: f64 = scores.iter().sum();
                output[place] = (0..length).map(|key| scores[key] / total * at(key, 2, feature)).sum();
            }
            output
        };
        let all = [wide(&projected)];
        let output = blocks.scatter(&found.output, length * features, 1);
        assert!(difference(&output, &expected(&all)) < TOLERANCE, "{attention:?} on {n_images}");
        let of_output = blocks.gather(&gradient, length * features, 1);
        let found = attention.gradient(blocks, &input, &found.shares, &of_output);
        assert_padding_is_0(blocks, &found);
        check_slopes(&all, [&blocks.scatter(&found, n_values, 1)], &gradient, seed, expected);
    });
}

pub fn recurrent_layers(runner: &mut TestRunner) {
    let shapes = (any::<bool>(), any::<bool>(), 1_usize..20, 1_usize..6, 1_usize..5, 1_usize..6, any::<u32>());
    hold(runner, shapes, |(is_lstm, only_last, n_images, features, length, units, seed)| {
        let blocks = Blocks::new(n_images);
        let cell = if is_lstm { Cell::Lstm } else { Cell::Gru };
        let layer = Recurrent { cell, length, features, units };
        let gates = cell.n_gates() * units;
        let seed = u64::from(seed);
        let items = numbers(n_images * length * features, seed);
        let [of_item, of_state] = [numbers(features * gates, seed + 1), numbers(units * gates, seed + 2)];
        let [item_bias, state_bias] = [numbers(gates, seed + 3), numbers(gates, seed + 4)];
        let weights =
            Weights { of_item: &of_item, of_state: &of_state, item_bias: &item_bias, state_bias: &state_bias };
        let input = blocks.gather(&items, length * features, 1);
        let states = layer.forward(blocks, &input, weights);
        let n_outputs = if only_last { units } else { length * units };
        let expected = |values: &[Vec<f64>; 5]| naive_states(&layer, n_images, only_last, values);
        let all = [&items, &of_item, &of_state, &item_bias, &state_bias].map(|values| wide(values));
        let last = only_last.then(|| layer.last(blocks, &states.hidden));
        let output = blocks.scatter(last.as_ref().unwrap_or(&states.hidden), n_outputs, 1);
        assert!(difference(&output, &expected(&all)) < TOLERANCE, "{layer:?} on {n_images}");
        let gradient = numbers(output.len(), seed + 5);
        let mut at_states = blocks.gather(&gradient, n_outputs, 1);
        if only_last {
            at_states = layer.last_gradient(blocks, &at_states);
        }
        let found = layer.gradients(blocks, &input, weights, &states, &at_states);
        assert_padding_is_0(blocks, &found.items);
        let of_items = blocks.scatter(&found.items, length * features, 1);
        let found: [&[f32]; 5] = [&of_items, &found.of_item, &found.of_state, &found.item_bias, &found.state_bias];
        check_slopes(&all, found, &gradient, seed as u32, expected);
    });
}

fn naive_states(layer: &Recurrent, n_images: usize, only_last: bool, values: &[Vec<f64>; 5]) -> Vec<f64> {
    let &Recurrent { cell, length, features, units } = layer;
    let [items, of_item, of_state, item_bias, state_bias] = values;
    let n_gates = cell.n_gates() * units;
    let mut output = Vec::new();
    for image in 0..n_images {
        let (mut state, mut cell_state) = (vec![0.0; units], vec![0.0; units]);
        for item in 0..length {
            let item_of = |gate: usize| {
                let values = &items[(image * length + item) * features..][..features];
                item_bias[gate] + (0..features).map(|f| values[f] * of_item[f * n_gates + gate]).sum::<f64>()
            };
            let state_of = |gate: usize| {
                state_bias[gate] + (0..units).map(|u| state[u] * of_state[u * n_gates + gate]).sum::<f64>()
            };
            let gate = |gate: usize| item_of(gate) + state_of(gate);
            let new = (0..units).map(|unit| match cell {
                Cell::Lstm => {
                    let (input, forget) = (sigmoid(gate(unit)), sigmoid(gate(units + unit)));
                    cell_state[unit] = forget * cell_state[unit] + input * gate(2 * units + unit).tanh();
                    sigmoid(gate(3 * units + unit)) * cell_state[unit].tanh()
                }
                Cell::Gru => {
                    let (reset, update) = (sigmoid(gate(unit)), sigmoid(gate(units + unit)));
                    let new = (item_of(2 * units + unit) + reset * state_of(2 * units + unit)).tanh();
                    (1.0 - update) * new + update * state[unit]
                }
            });
            state = new.collect();
            if !only_last || item + 1 == length {
                output.extend_from_slice(&state);
            }
        }
    }
    output
}

pub fn cross_entropy(runner: &mut TestRunner) {
    hold(runner, (0_usize..40, 1_usize..12, any::<u32>()), |(n_images, classes, seed)| {
        let mut logits: Vec<f32> = numbers(n_images * classes, seed.into()).iter().map(|x| 30.0 * x).collect();
        for row in logits.chunks_exact_mut(classes) {
            let largest = row.iter().fold(f32::NEG_INFINITY, |largest, logit| largest.max(*logit));
            row.iter_mut().for_each(|logit| *logit -= largest);
        }
        let weights: Vec<f32> = numbers(logits.len(), u64::from(seed) + 1).iter().map(|x| x.abs()).collect();
        let found = loss::cross_entropy(&logits, &weights, classes);
        let (mut parts, mut gradient) = (Vec::new(), Vec::new());
        for (logits, weights) in wide(&logits).chunks_exact(classes).zip(wide(&weights).chunks_exact(classes)) {
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            let total: f64 = weights.iter().sum();
            parts.extend(logits.iter().zip(weights).map(|(logit, weight)| weight * (sum.ln() - logit)));
            gradient.extend(logits.iter().zip(weights).map(|(logit, weight)| logit.exp() / sum * total - weight));
        }
        assert!(difference(&found.parts, &parts) < 1e-6 && difference(&found.gradient, &gradient) < 1e-6);
    });
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// All sums over a batch rely on it.
fn assert_padding_is_0(blocks: Blocks, values: &[f32]) {
    let n_values = values.len() / blocks.n_slots();
    let images = blocks.scatter(values, n_values, 1);
    assert_eq!(blocks.gather(&images, n_values, 1), values, "gradients of padding are 0");
}

/// Compares gradients with the slope of `Σ gradient · output` in a few directions: along single values, and along random ones.
fn check_slopes<const N: usize>(
    values: &[Vec<f64>; N],
    found: [&[f32]; N],
    gradient: &[f32],
    seed: u32,
    output: impl Fn(&[Vec<f64>; N]) -> Vec<f64>,
) {
    let loss = |values: &[Vec<f64>; N]| {
        output(values).iter().zip(gradient).map(|(value, gradient)| value * f64::from(*gradient)).sum::<f64>()
    };
    for tensor in 0..N {
        let n = values[tensor].len();
        assert_eq!(found[tensor].len(), n);
        let largest = found[tensor].iter().fold(1e-2_f32, |largest, value| largest.max(value.abs()));
        let single = [0, n / 2, n - 1].map(|at| (0..n).map(|place| if place == at { 1.0 } else { 0.0 }).collect());
        let directions = single.into_iter().chain([wide(&numbers(n, u64::from(seed) + 9))]);
        for direction in directions {
            let direction: Vec<f64> = direction;
            let moved = |step: f64| {
                let mut moved = values.clone();
                moved[tensor].iter_mut().zip(&direction).for_each(|(value, along)| *value += step * along);
                loss(&moved)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let slope: f64 = found[tensor].iter().zip(&direction).map(|(value, along)| f64::from(*value) * along).sum();
            let scale = f64::from(largest) * direction.iter().map(|along| along.abs()).sum::<f64>().max(1.0);
            assert!((slope - expected).abs() <= TOLERANCE * scale, "{slope} instead of {expected} in tensor {tensor}");
        }
    }
}
