//! Initial weights, from our own generator: equal seeds give equal weights on every device.

use crate::device::tensors::NamedTensor;
use kindling_core::config::InitConfig;
use kindling_core::network::shape::{PlacedLayer, Start, TensorSpec, network_tensors};
use kindling_core::random::Random;

/// Learned positional embeddings have a standard deviation of 0.02; the bound of a uniform distribution is √3 times that.
const POSITION_BOUND: f32 = 0.034_641_016;

/// All tensors of a network. Every draw is uniform: a normal draw needs logarithms, whose last digits differ between machines.
pub fn initial_weights(layers: &[PlacedLayer], init: InitConfig, random: &mut Random) -> Vec<NamedTensor> {
    let tensors = network_tensors(layers).into_iter();
    tensors
        .map(|(name, tensor)| {
            let shape = tensor.shape.iter().map(|&side| side as usize).collect();
            NamedTensor { name, shape, values: draw(tensor, init, random) }
        })
        .collect()
}

fn draw(tensor: &TensorSpec, init: InitConfig, random: &mut Random) -> Vec<f32> {
    let n_values = tensor.n_values() as usize;
    let bound = match (tensor.start, init) {
        (Start::Constant(value), _) => return vec![value; n_values],
        (Start::Weight { .. } | Start::Bias { .. } | Start::Position, InitConfig::Zeros) => 0.0,
        (Start::Bias { .. }, InitConfig::He | InitConfig::Xavier) => 0.0,
        (Start::Position, InitConfig::Pytorch | InitConfig::He | InitConfig::Xavier) => POSITION_BOUND,
        (Start::Weight { bound } | Start::Bias { bound }, InitConfig::Pytorch) => bound,
        (Start::Weight { .. }, InitConfig::He) => (6.0 / fans(&tensor.shape).0).sqrt(),
        (Start::Weight { .. }, InitConfig::Xavier) => {
            let (fan_in, fan_out) = fans(&tensor.shape);
            (6.0 / (fan_in + fan_out)).sqrt()
        }
    };
    match bound {
        0.0 => vec![0.0; n_values],
        bound => (0..n_values).map(|_| bound * signed_unit(random)).collect(),
    }
}

/// Fan-in and fan-out, computed from a weight's shape as in PyTorch.
fn fans(shape: &[u64]) -> (f32, f32) {
    let cells: u64 = shape.iter().skip(2).product();
    let along = |axis: usize| shape.get(axis).copied().unwrap_or(1) as f32;
    (along(1) * cells as f32, along(0) * cells as f32)
}

/// Uniform in [-1, 1), from 24 bits: exact in f32, so the same on every machine.
fn signed_unit(random: &mut Random) -> f32 {
    (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{Layer, NetworkConfig, Padding, States};
    use kindling_core::network::presets::lenet_network;
    use kindling_core::network::shape::place;
    use kindling_core::protocol::ImageShape;

    #[test]
    fn weights_are_uniform_within_pytorchs_bound() {
        for tensor in draw_lenet(1, InitConfig::Pytorch) {
            // A bias has the fan-in of its weight.
            let fan_in = match &tensor.name[..1] {
                "0" => 3 * 25,
                "3" => 6 * 25,
                "7" => 400,
                "9" => 120,
                _ => 84,
            };
            check_uniform(&tensor, 1.0 / (fan_in as f32).sqrt());
        }
    }

    #[test]
    fn he_and_xavier_go_by_fans_and_start_biases_at_zero() {
        for tensor in draw_lenet(1, InitConfig::He) {
            match tensor.shape[..] {
                [_] => assert!(tensor.values.iter().all(|&value| value == 0.0)),
                _ => check_uniform(&tensor, (6.0 / tensor.shape[1..].iter().product::<usize>() as f32).sqrt()),
            }
        }
        for tensor in draw_lenet(1, InitConfig::Xavier) {
            match tensor.shape[..] {
                [_] => assert!(tensor.values.iter().all(|&value| value == 0.0)),
                [n_out, n_in] => check_uniform(&tensor, (6.0 / (n_in + n_out) as f32).sqrt()),
                _ => check_uniform(&tensor, (6.0 / ((tensor.shape[0] + tensor.shape[1]) * 25) as f32).sqrt()),
            }
        }
    }

    #[test]
    fn zeros_leave_only_the_scales_of_norms() {
        let layers = vec![
            Layer::BatchNorm,
            Layer::PatchEmbedding { size: 4, features: 8 },
            Layer::PositionEmbedding,
            Layer::TransformerBlock { heads: 2, mlp_ratio: 2, dropout: 0.0 },
            Layer::GlobalAveragePool,
            Layer::Classifier { bias: true },
        ];
        for NamedTensor { name, values, .. } in draw_network(layers, InitConfig::Zeros) {
            let expected = match name.as_str() {
                "0.weight" | "0.running_var" | "3.norm1.weight" | "3.norm2.weight" => 1.0,
                _ => 0.0,
            };
            assert!(values.iter().all(|&value| value == expected), "{name}");
        }
    }

    #[test]
    fn recurrent_layers_and_attention_start_as_pytorchs() {
        let layers = vec![
            Layer::Rows,
            Layer::Lstm { units: 64, states: States::All },
            Layer::TransformerBlock { heads: 2, mlp_ratio: 2, dropout: 0.0 },
            Layer::Gru { units: 100, states: States::Last },
            Layer::Classifier { bias: true },
        ];
        let weights = draw_network(layers, InitConfig::Pytorch);
        for tensor in &weights {
            match tensor.name.as_str() {
                name if name.starts_with("1.") => check_uniform(tensor, 1.0 / 8.0),
                name if name.starts_with("3.") => check_uniform(tensor, 0.1),
                // Xavier: (6 / (64 + 192))^½.
                "2.self_attn.in_proj_weight" => check_uniform(tensor, (6.0_f32 / 256.0).sqrt()),
                "2.self_attn.in_proj_bias" | "2.self_attn.out_proj.bias" => {
                    assert!(tensor.values.iter().all(|&value| value == 0.0));
                }
                "2.self_attn.out_proj.weight" => check_uniform(tensor, 1.0 / 8.0),
                _ => {}
            }
        }
        assert_eq!(weights.len(), 4 + 12 + 4 + 2);
    }

    #[test]
    fn grouped_filters_see_only_their_group() {
        let conv = Layer::Conv {
            filters: 60,
            kernel: 3,
            stride: 1,
            padding: Padding::Same,
            dilation: 1,
            groups: 3,
            bias: true,
        };
        let layers = vec![conv, Layer::Flatten, Layer::Classifier { bias: false }];
        let weights = draw_network(layers, InitConfig::Pytorch);
        assert_eq!(weights[0].shape, [60, 1, 3, 3]);
        check_uniform(&weights[0], 1.0 / 3.0);
    }

    #[test]
    fn equal_seeds_give_equal_weights() {
        assert_eq!(draw_lenet(1, InitConfig::Pytorch), draw_lenet(1, InitConfig::Pytorch));
        assert_ne!(draw_lenet(1, InitConfig::Pytorch), draw_lenet(2, InitConfig::Pytorch));
    }

    /// Checks the bound and, if there are many values, the mean and variance of the uniform distribution.
    fn check_uniform(NamedTensor { name, values, .. }: &NamedTensor, bound: f32) {
        assert!(values.iter().all(|value| value.abs() <= bound), "{name}");
        assert!(values.iter().any(|&value| value != 0.0), "{name}");
        if values.len() > 1_000 {
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            let variance = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
            assert!(mean.abs() < 0.05 * bound, "{name}: {mean}");
            assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.1, "{name}: {variance}");
        }
    }

    fn draw_lenet(seed: u64, init: InitConfig) -> Vec<NamedTensor> {
        let weights = initial_weights(&placed(&lenet_network()), init, &mut Random::new(seed));
        assert_eq!(weights.len(), 10);
        weights
    }

    fn draw_network(layers: Vec<Layer>, init: InitConfig) -> Vec<NamedTensor> {
        let network = NetworkConfig { init, ..NetworkConfig::new("", layers) };
        initial_weights(&placed(&network), init, &mut Random::new(1))
    }

    fn placed(network: &NetworkConfig) -> Vec<PlacedLayer> {
        place(network, ImageShape { channels: 3, height: 32, width: 32 }, 10).unwrap()
    }
}
