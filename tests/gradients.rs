//! Gradients of a network with every kind of layer against finite differences of its loss.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use kindling::dataset::random::Random;
use kindling::network::Network;
use kindling::network::weights::NamedTensor;
use kindling::protocol::{Activation, ImageShape, Layer, NetworkConfig, Padding};
use kindling::training::loss::cross_entropy;

mod support;
use support::block_on;

const INPUT: ImageShape = ImageShape { channels: 2, height: 9, width: 8 };
const N_CLASSES: usize = 4;
const N_IMAGES: usize = 6;

/// Long enough that the loss moves well above f32's rounding, short enough that few ReLUs and pools switch.
const STEP: f32 = 2e-3;

/// Of the slope. Switching ReLUs and rounding stay below a third of it.
const TOLERANCE: f32 = 0.03;

#[test]
fn slopes_agree_along_random_directions_in_every_tensor() {
    let weights = block_on(network(None).weights()).unwrap();
    let mut random = Random::new(3);
    let mut trained = network(Some(weights.clone()));
    let gradients = {
        let loss = loss(&mut trained);
        collect(&trained, &loss.backward())
    };
    assert_eq!(gradients.len(), 9);
    for (name, gradient) in gradients {
        // Signs that agree with the gradient's more often than not, so that the slope is well above the noise.
        let direction: Vec<f32> =
            gradient.iter().map(|slope| if random.below(4) == 0 { -slope.signum() } else { slope.signum() }).collect();
        let expected: f32 = gradient.iter().zip(&direction).map(|(slope, sign)| slope * sign).sum();
        let found =
            (moved(&weights, &name, &direction, STEP) - moved(&weights, &name, &direction, -STEP)) / (2.0 * STEP);
        assert!(expected.abs() > 0.01, "{name} has no slope: {expected}");
        assert!((found - expected).abs() <= TOLERANCE * expected.abs(), "{name}: {found} instead of {expected}");
    }
}

/// The loss with one tensor moved.
fn moved(weights: &[NamedTensor], name: &str, direction: &[f32], step: f32) -> f32 {
    let mut weights = weights.to_vec();
    let tensor = weights.iter_mut().find(|tensor| tensor.name == name).unwrap();
    for (value, sign) in tensor.values.iter_mut().zip(direction) {
        *value += step * sign;
    }
    loss(&mut network(Some(weights))).into_data().iter::<f32>().next().unwrap()
}

fn loss(network: &mut Network) -> Tensor<1> {
    let mut random = Random::new(5);
    let n_values = N_IMAGES * INPUT.n_values();
    let values: Vec<f32> = (0..n_values).map(|_| random.below(1_000) as f32 / 500.0 - 1.0).collect();
    let device = Device::flex();
    let images = Tensor::<1>::from_floats(values.as_slice(), &device).reshape([N_IMAGES, 2, 9, 8]);
    let mut targets = vec![0.0; N_IMAGES * N_CLASSES];
    for image in 0..N_IMAGES {
        targets[image * N_CLASSES + image % N_CLASSES] = 1.0;
    }
    let targets = Tensor::<1>::from_floats(targets.as_slice(), &device).reshape([N_IMAGES, N_CLASSES]);
    // The same masks every time.
    cross_entropy(network.forward_train(images.autodiff(), &mut Random::new(9)), targets)
}

fn network(weights: Option<Vec<NamedTensor>>) -> Network {
    let relu = Layer::Activation(Activation::Relu);
    let description = NetworkConfig {
        name: "every layer".to_owned(),
        layers: vec![
            Layer::Conv { filters: 5, kernel: 3, stride: 1, padding: Padding::Same, bias: false },
            Layer::BatchNorm,
            relu.clone(),
            Layer::MaxPool { size: 2, stride: 2 },
            Layer::Conv { filters: 6, kernel: 2, stride: 2, padding: Padding::Valid, bias: true },
            relu.clone(),
            Layer::Flatten,
            Layer::Linear { units: 7, bias: true },
            Layer::Dropout { rate: 0.3 },
            Layer::Classifier { bias: true },
        ],
    };
    let device = Device::flex();
    match weights {
        Some(weights) => Network::with_weights(&description, INPUT, N_CLASSES, weights, &device).unwrap(),
        None => Network::new(&description, INPUT, N_CLASSES, &mut Random::new(1), &device).unwrap(),
    }
}

fn collect(network: &Network, gradients: &Gradients) -> Vec<(String, Vec<f32>)> {
    let mut collector = Collector { gradients, path: Vec::new(), found: Vec::new() };
    network.visit(&mut collector);
    collector.found
}

struct Collector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if let Some(gradient) = parameter.val().is_require_grad().then(|| parameter.val().grad(self.gradients).unwrap())
        {
            // A linear layer's weight is [in, out] in burn, and [out, in] in `NamedTensor`.
            let gradient = if D == 2 { gradient.swap_dims(0, 1) } else { gradient };
            self.found
                .push((format!("{}.{}", self.path[1], self.path[3]), gradient.into_data().iter::<f32>().collect()));
        }
    }
}
