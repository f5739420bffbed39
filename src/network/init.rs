//! Initial weights as PyTorch draws them, from our own generator: equal seeds give equal weights on every device.

use super::shape::{FeatureShape, NetworkError, infer};
use super::weights::NamedTensor;
use crate::dataset::random::Random;
use crate::protocol::{ImageShape, Layer, NetworkConfig};

/// Weights and biases of convolutions and linear layers are uniform in ±1/√fan-in, which is what PyTorch's
/// `kaiming_uniform_(a=√5)` comes to; a batch norm starts as the identity.
pub fn initial_weights(
    network: &NetworkConfig,
    input: ImageShape,
    n_classes: usize,
    random: &mut Random,
) -> Result<Vec<NamedTensor>, NetworkError> {
    let summaries = infer(network, input, n_classes)?;
    let mut weights = Vec::new();
    let mut shape = FeatureShape::from(input);
    for (index, (layer, summary)) in network.layers.iter().zip(summaries).enumerate() {
        for (name, tensor_shape, start) in tensors_of(layer, shape, summary.output) {
            let n_values = tensor_shape.iter().product();
            let values = match start {
                Start::Value(value) => vec![value; n_values],
                Start::Uniform { bound } => (0..n_values).map(|_| bound * signed_unit(random)).collect(),
            };
            weights.push(NamedTensor { name: format!("{index}.{name}"), shape: tensor_shape, values });
        }
        shape = summary.output;
    }
    Ok(weights)
}

enum Start {
    Value(f32),
    Uniform { bound: f32 },
}

/// Name, shape (PyTorch's) and start of each tensor of a layer.
fn tensors_of(layer: &Layer, input: FeatureShape, output: FeatureShape) -> Vec<(&'static str, Vec<usize>, Start)> {
    match *layer {
        Layer::Conv { kernel, bias, .. } => {
            let (n_in, n_out, kernel) = (channels(input), channels(output), kernel as usize);
            weight_and_bias(vec![n_out, n_in, kernel, kernel], bias)
        }
        Layer::Linear { bias, .. } | Layer::Classifier { bias } => {
            weight_and_bias(vec![channels(output), channels(input)], bias)
        }
        Layer::BatchNorm => {
            let shape = vec![channels(input)];
            vec![
                ("weight", shape.clone(), Start::Value(1.0)),
                ("bias", shape.clone(), Start::Value(0.0)),
                ("running_mean", shape.clone(), Start::Value(0.0)),
                ("running_var", shape, Start::Value(1.0)),
            ]
        }
        Layer::Activation(_)
        | Layer::MaxPool { .. }
        | Layer::GlobalAveragePool
        | Layer::Dropout { .. }
        | Layer::Flatten => Vec::new(),
    }
}

fn weight_and_bias(shape: Vec<usize>, has_bias: bool) -> Vec<(&'static str, Vec<usize>, Start)> {
    let n_out = shape[0];
    let fan_in: usize = shape[1..].iter().product();
    let bound = 1.0 / (fan_in as f32).sqrt();
    let mut tensors = vec![("weight", shape, Start::Uniform { bound })];
    if has_bias {
        tensors.push(("bias", vec![n_out], Start::Uniform { bound }));
    }
    tensors
}

fn channels(shape: FeatureShape) -> usize {
    match shape {
        FeatureShape::Maps { channels, .. } => channels as usize,
        FeatureShape::Vector { length } => length as usize,
    }
}

/// Uniform in [-1, 1), from 24 bits: exact in f32, so the same on every machine.
fn signed_unit(random: &mut Random) -> f32 {
    (random.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::presets::lenet_network;

    #[test]
    fn weights_are_uniform_within_pytorchs_bound() {
        let weights = draw(1);
        assert_eq!(weights.len(), 10);
        for NamedTensor { name, shape, values } in &weights {
            // A bias follows the weight whose fan-in it shares.
            let fan_in = match shape[..] {
                [_] => weights.iter().find(|other| other.name == name.replace("bias", "weight")).unwrap().shape[1..]
                    .iter()
                    .product(),
                _ => shape[1..].iter().product::<usize>(),
            };
            let bound = 1.0 / (fan_in as f32).sqrt();
            assert!(values.iter().all(|value| value.abs() <= bound), "{name}");
            if values.len() > 1_000 {
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                let variance = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
                assert!(mean.abs() < 0.05 * bound, "{name}: {mean}");
                assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.1, "{name}: {variance}");
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_weights() {
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    fn draw(seed: u64) -> Vec<NamedTensor> {
        let input = ImageShape { channels: 3, height: 32, width: 32 };
        initial_weights(&lenet_network(), input, 10, &mut Random::new(seed)).unwrap()
    }
}
