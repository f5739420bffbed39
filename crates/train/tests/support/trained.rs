//! Trained networks for exports, and what burn computes with them.

use burn::module::Module;
use burn::tensor::Device;
use kindling_core::config::NetworkConfig;
use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::patterns::patterns;
use kindling_core::network::shape::{network_tensors, place};
use kindling_core::protocol::{Bulk, ImageShape};
use kindling_core::random::Random;
use kindling_exchange::{Check, Description, Tensor, TrainedNetwork};
use kindling_train::device::tensors::NamedTensor;
use kindling_train::evaluation::ViewSet;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::module::Network;

use super::block_on;

/// A network with random weights and statistics, and the probabilities that burn computes for some images.
pub fn trained(
    config: &NetworkConfig,
    input: ImageShape,
    n_classes: usize,
    n_images: usize,
) -> (TrainedNetwork, Check) {
    let classes: Vec<String> = (0..n_classes).map(|class| format!("class \"{class}\" <é>")).collect();
    let tensors = random_tensors(config, input, n_classes);
    let weights = tensors.iter().map(|tensor| {
        let NamedTensor { name, shape, values } = tensor.clone();
        (name, Tensor::new(shape, values))
    });
    let description = Description { network: config.clone(), input, classes, style: DrawingStyle::Scene, origin: None };
    let trained = TrainedNetwork::new(description, weights.collect()).unwrap();
    let network = Network::with_weights(config, input, n_classes, tensors, &Device::flex()).unwrap().valid();
    let images: Vec<Vec<u8>> = patterns(input).into_iter().cycle().take(n_images).enumerate().map(varied).collect();
    let probabilities = images.iter().map(|image| {
        let classified = block_on(classify_prepared(&network, Bulk::from(image.clone()), ViewSet::One));
        let mut classes = classified.unwrap().classes;
        classes.sort_by_key(|class| class.class);
        classes.iter().map(|class| class.probability).collect()
    });
    let probabilities = probabilities.collect();
    (trained, Check { images, probabilities })
}

fn random_tensors(config: &NetworkConfig, input: ImageShape, n_classes: usize) -> Vec<NamedTensor> {
    let mut random = Random::new(3);
    let mut draw = |low: f32, high: f32| low + (high - low) * random.below(1 << 20) as f32 / (1 << 20) as f32;
    let layers = place(config, input, n_classes).unwrap();
    let tensors = network_tensors(&layers).into_iter().map(|(name, spec)| {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        // Keeps the variance of what passes through.
        let bound = (3.0 / shape.iter().skip(1).product::<usize>() as f32).sqrt();
        let (low, high) = match name.rsplit('.').next().unwrap() {
            "running_var" => (0.5, 1.5),
            "running_mean" | "bias" | "positions" => (-0.5, 0.5),
            "weight" if shape.len() == 1 => (0.5, 1.5),
            _ if shape.len() == 1 => (-0.5, 0.5),
            _ => (-bound, bound),
        };
        let values = (0..shape.iter().product()).map(|_| draw(low, high)).collect();
        NamedTensor { name, shape, values }
    });
    tensors.collect()
}

/// Another image at each position, because patterns are few.
fn varied((place, image): (usize, Vec<u8>)) -> Vec<u8> {
    image.iter().map(|value| value.rotate_left(place as u32 / 8) ^ place as u8).collect()
}
