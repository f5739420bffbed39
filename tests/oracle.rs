//! Forward, loss, gradients, optimizer steps and batch norm against values that PyTorch computed: tests/oracle/make_golden.py.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use kindling::dataset::random::Random;
use kindling::dataset::{Dataset, Split};
use kindling::network::Network;
use kindling::network::presets::lenet_network;
use kindling::network::weights::NamedTensor;
use kindling::protocol::{Activation, ImageShape, Layer, NetworkConfig, OptimizerConfig, Padding, RunConfig};
use kindling::training::data::{Batch, DeviceDataset};
use kindling::training::gradients::NetworkGradients;
use kindling::training::loss::cross_entropy;
use kindling::training::optimizer::{Optimizer, Rates};
use kindling::training::step::{StepSettings, Trainer};
use safetensors::SafeTensors;

mod support;
use support::block_on;

#[path = "oracle/optimization.rs"]
mod optimization;

/// Largest difference allowed, as a share of the largest value of the tensor compared: sums in f32 come in another order here.
const TOLERANCE: f32 = 1e-5;

/// Three steps multiply the differences, and Adam divides by small second moments.
const STEPS_TOLERANCE: f32 = 2e-4;

/// PyTorch keeps every 17th value of a long tensor.
const LONG: usize = 2_000;
const STRIDE: usize = 17;

#[test]
fn lenet_puts_out_pytorchs_logits_loss_and_gradients() {
    let golden = Golden::open(include_bytes!("oracle/lenet.safetensors"));
    let mut network = golden.network(&lenet_network(), LENET_INPUT, 10);
    let batch = golden.batch("images", "labels", LENET_INPUT, 10);

    let logits = network.forward_train(batch.images.autodiff(), &mut Random::new(0));
    golden.check("logits", &values(logits.clone()), TOLERANCE);
    let loss = cross_entropy(logits, batch.targets);
    golden.check("loss", &values(loss.clone()), TOLERANCE);

    let gradients = named_gradients(&network, &loss.backward());
    assert_eq!(gradients.len(), 10);
    for NamedTensor { name, values, .. } in gradients {
        golden.check(&format!("gradient/{name}"), &thinned(values), 2.0 * TOLERANCE);
    }
}

#[test]
fn sgd_with_momentum_takes_pytorchs_steps() {
    check_three_steps("sgd", OptimizerConfig::SGD, 0.05, 0.0);
}

#[test]
fn sgd_with_decoupled_decay_takes_the_defined_steps() {
    check_three_steps("sgd_decay", OptimizerConfig::SGD, 0.05, 0.1);
}

#[test]
fn adam_takes_pytorchs_steps() {
    check_three_steps("adam", OptimizerConfig::ADAM, 0.003, 0.0);
}

#[test]
fn adam_with_decay_takes_the_steps_of_pytorchs_adamw() {
    check_three_steps("adam_decay", OptimizerConfig::ADAM, 0.003, 0.1);
}

#[test]
fn batch_norm_trains_and_evaluates_as_pytorchs() {
    let golden = Golden::open(include_bytes!("oracle/batch_norm.safetensors"));
    let input = ImageShape { channels: 3, height: 11, width: 9 };
    let mut network = golden.network(&batch_norm_network(), input, 3);
    let mut optimizer = Optimizer::new(&config(OptimizerConfig::SGD, 0.1, 0.0));
    let mut last_images = None;
    for number in [1, 2] {
        let batch = golden.batch(&format!("images{number}"), &format!("labels{number}"), input, 3);
        last_images = Some(batch.images.clone());
        let logits = network.forward_train(batch.images.autodiff(), &mut Random::new(0));
        golden.check(&format!("logits{number}"), &values(logits.clone()), STEPS_TOLERANCE);
        let loss = cross_entropy(logits, batch.targets);
        golden.check(&format!("loss{number}"), &values(loss.clone()), STEPS_TOLERANCE);
        let gradients = loss.backward();
        if number == 1 {
            for NamedTensor { name, values, .. } in named_gradients(&network, &gradients) {
                golden.check(&format!("gradient/{name}"), &values, 10.0 * TOLERANCE);
            }
        }
        let mut batch = NetworkGradients::default();
        batch.add(&network, gradients);
        network = optimizer.update(network, batch, Rates { learning_rate: 0.1, weight_decay: 0.0 });
    }
    let weights = block_on(network.weights()).unwrap();
    assert!(weights.iter().any(|tensor| tensor.name == "5.running_var"));
    for NamedTensor { name, values, .. } in weights {
        golden.check(&format!("end/{name}"), &values, STEPS_TOLERANCE);
    }
    golden.check("evaluated", &values(network.valid().forward(last_images.unwrap())), STEPS_TOLERANCE);
}

#[test]
fn weights_come_out_as_they_went_in() {
    let golden = Golden::open(include_bytes!("oracle/batch_norm.safetensors"));
    let input = ImageShape { channels: 3, height: 11, width: 9 };
    let network = golden.network(&batch_norm_network(), input, 3);
    assert_eq!(by_name(block_on(network.weights()).unwrap()), by_name(golden.start()));
}

const LENET_INPUT: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

fn check_three_steps(name: &str, optimizer: OptimizerConfig, learning_rate: f64, weight_decay: f64) {
    let golden = Golden::open(include_bytes!("oracle/lenet.safetensors"));
    let network = golden.network(&lenet_network(), LENET_INPUT, 10);
    let batch = golden.batch("images", "labels", LENET_INPUT, 10);
    let config = config(optimizer, learning_rate, weight_decay);
    let mut trainer = Trainer::new(network, &config, &[1; 10], Random::new(0)).unwrap();
    let settings = StepSettings { rates: Rates { learning_rate, weight_decay }, is_update: true };
    let losses: Vec<f32> = (0..3).flat_map(|_| values(trainer.step(batch.clone(), settings).loss)).collect();
    golden.check(&format!("{name}/losses"), &losses, STEPS_TOLERANCE);
    let weights = block_on(trainer.network().weights()).unwrap();
    assert_eq!(weights.len(), 10);
    for NamedTensor { name: tensor, values, .. } in weights {
        golden.check(&format!("{name}/{tensor}"), &thinned(values), STEPS_TOLERANCE);
    }
}

/// As in make_golden.py: an odd input, a stride, an even kernel, overlapping pools.
fn batch_norm_network() -> NetworkConfig {
    let relu = Layer::Activation(Activation::Relu);
    NetworkConfig {
        name: "oracle".to_owned(),
        layers: vec![
            Layer::Conv { filters: 4, kernel: 3, stride: 1, padding: Padding::Same, bias: false },
            Layer::BatchNorm,
            relu.clone(),
            Layer::MaxPool { size: 3, stride: 2 },
            Layer::Conv { filters: 5, kernel: 4, stride: 2, padding: Padding::Same, bias: false },
            Layer::BatchNorm,
            relu,
            Layer::GlobalAveragePool,
            Layer::Classifier { bias: true },
        ],
    }
}

fn config(optimizer: OptimizerConfig, learning_rate: f64, weight_decay: f64) -> RunConfig {
    RunConfig { optimizer, learning_rate, weight_decay, ..RunConfig::new("", lenet_network()) }
}

/// A file of golden values.
struct Golden(SafeTensors<'static>);

impl Golden {
    fn open(bytes: &'static [u8]) -> Self {
        Self(SafeTensors::deserialize(bytes).unwrap())
    }

    fn network(&self, description: &NetworkConfig, input: ImageShape, n_classes: usize) -> Network {
        Network::with_weights(description, input, n_classes, self.start(), &Device::flex()).unwrap()
    }

    /// The weights to begin with.
    fn start(&self) -> Vec<NamedTensor> {
        let named = self.0.names().into_iter().filter_map(|name| Some((name, name.strip_prefix("start/")?)));
        named
            .map(|(key, name)| NamedTensor {
                name: name.to_owned(),
                shape: self.0.tensor(key).unwrap().shape().to_vec(),
                values: self.floats(key),
            })
            .collect()
    }

    /// A batch, by the way that every batch goes: packed, gathered, unpacked.
    fn batch(&self, images: &str, labels: &str, shape: ImageShape, n_classes: usize) -> Batch {
        let labels: Vec<u16> =
            self.0.tensor(labels).unwrap().data().chunks_exact(8).map(|label| u16::from(label[0])).collect();
        let n_images = labels.len() as u32;
        let dataset = Dataset {
            name: String::new(),
            classes: (0..n_classes).map(|class| class.to_string()).collect(),
            shape,
            pixels: self.0.tensor(images).unwrap().data().to_vec(),
            labels,
            n_standard_test: 0,
        };
        let data = DeviceDataset::new(&dataset, Split::default(), &Device::flex(), u64::MAX).unwrap();
        data.batch(data.upload_indices(0..n_images))
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.0.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data();
        bytes.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect()
    }

    fn doubles(&self, name: &str) -> Vec<f64> {
        let bytes = self.0.tensor(name).unwrap_or_else(|_| panic!("{name} is missing")).data();
        bytes.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect()
    }

    fn check(&self, name: &str, found: &[f32], tolerance: f32) {
        let expected = self.floats(name);
        assert_eq!(found.len(), expected.len(), "{name}");
        let scale = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(scale > 0.0, "{name} is all zero, which would compare equal to a broken gradient");
        let difference =
            found.iter().zip(&expected).fold(0.0_f32, |largest, (one, other)| largest.max((one - other).abs()));
        assert!(difference <= tolerance * scale, "{name} differs by {difference}, the largest value is {scale}");
    }
}

fn thinned(values: Vec<f32>) -> Vec<f32> {
    if values.len() > LONG { values.into_iter().step_by(STRIDE).collect() } else { values }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn by_name(mut weights: Vec<NamedTensor>) -> Vec<NamedTensor> {
    weights.sort_by(|one, other| one.name.cmp(&other.name));
    weights
}

/// The gradient of each learned tensor, in PyTorch's names and layouts.
fn named_gradients(network: &Network, gradients: &Gradients) -> Vec<NamedTensor> {
    let mut collector = GradientCollector { gradients, path: Vec::new(), found: Vec::new() };
    network.visit(&mut collector);
    collector.found
}

struct GradientCollector<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<NamedTensor>,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if !parameter.val().is_require_grad() {
            return;
        }
        let name = format!("{}.{}", self.path[1], self.path[3]);
        let gradient = parameter.val().grad(self.gradients).unwrap_or_else(|| panic!("{name} has no gradient"));
        // A linear layer's weight is [in, out] in burn.
        let gradient = if D == 2 { gradient.swap_dims(0, 1) } else { gradient };
        let shape = gradient.dims().to_vec();
        self.found.push(NamedTensor { name, shape, values: values(gradient) });
    }
}
