//! The burn module of a network, built from its description.

use burn::module::{Module, Param, ParamId};
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PaddingConfig2d, Relu};
use burn::tensor::module::batch_norm_train;
use burn::tensor::{Device, Tensor, TensorData};

use super::init::initial_weights;
use super::shape::{NetworkError, infer, padding_of};
use super::weights::NamedTensor;
use crate::dataset::random::Random;
use crate::protocol::{Activation, Failure, FailureKind, ImageShape, Layer, NetworkConfig};

/// A network on a device. Its parameters require gradients; [`Module::valid`] gives the copy that only answers.
#[derive(Module, Debug)]
pub struct Network {
    layers: Vec<NetworkLayer>,
    #[module(skip)]
    input: ImageShape,
    #[module(skip)]
    n_classes: usize,
}

impl Network {
    /// A network with initial weights.
    pub fn new(
        description: &NetworkConfig,
        input: ImageShape,
        n_classes: usize,
        random: &mut Random,
        device: &Device,
    ) -> Result<Self, NetworkError> {
        let weights = initial_weights(description, input, n_classes, random)?;
        Ok(build(description, input, n_classes, weights, device))
    }

    /// A network with given weights: those that [`Network::weights`] returns for the same description.
    pub fn with_weights(
        description: &NetworkConfig,
        input: ImageShape,
        n_classes: usize,
        weights: Vec<NamedTensor>,
        device: &Device,
    ) -> Result<Self, Failure> {
        // Only names and shapes are compared, so any seed will do.
        let expected = initial_weights(description, input, n_classes, &mut Random::new(0))?;
        let mut given = weights;
        let mut ordered = Vec::with_capacity(expected.len());
        for NamedTensor { name, shape, values } in expected {
            let place = given
                .iter()
                .position(|tensor| tensor.name == name && tensor.shape == shape && tensor.values.len() == values.len())
                .ok_or_else(|| {
                    Failure::new(FailureKind::BadNetwork, format!("no weights {name} of shape {shape:?} are given"))
                })?;
            ordered.push(given.swap_remove(place));
        }
        Ok(build(description, input, n_classes, ordered, device))
    }

    /// What the network says of images scaled to [-1, 1]: one logit per class.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.layers.iter().fold(Features::Maps(images), |features, layer| layer.forward(features)).vector()
    }

    /// As [`Network::forward`], but with the batch's own statistics in batch norms, which it adds to their running ones, and
    /// with dropout, which draws from `random`.
    pub fn forward_train(&mut self, images: Tensor<4>, random: &mut Random) -> Tensor<2> {
        let features = Features::Maps(images);
        self.layers.iter_mut().fold(features, |features, layer| layer.forward_train(features, random)).vector()
    }

    pub fn input(&self) -> ImageShape {
        self.input
    }

    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Learned numbers, as [`super::LayerSummary`] counts them.
    pub fn n_parameters(&self) -> u64 {
        let n_running: usize = self.layers.iter().map(NetworkLayer::n_running).sum();
        (self.num_params() - n_running) as u64
    }

    pub fn device(&self) -> Device {
        // A network has at least its classifier, which has a weight.
        self.devices().into_iter().next().unwrap_or_default()
    }
}

#[derive(Module, Debug)]
enum NetworkLayer {
    Conv(Conv2d),
    BatchNorm(BatchNorm),
    Relu(Relu),
    MaxPool(MaxPool2d),
    GlobalAveragePool(GlobalAveragePool),
    Dropout(Dropout),
    Flatten(Flatten),
    Linear(Linear),
}

/// What flows between layers: `[batch, channels, height, width]`, then `[batch, length]`.
enum Features {
    Maps(Tensor<4>),
    Vector(Tensor<2>),
}

impl NetworkLayer {
    fn forward(&self, features: Features) -> Features {
        match (self, features) {
            (Self::Conv(layer), Features::Maps(maps)) => Features::Maps(layer.forward(maps)),
            (Self::BatchNorm(layer), Features::Maps(maps)) => Features::Maps(layer.forward(maps)),
            (Self::Relu(layer), Features::Maps(maps)) => Features::Maps(layer.forward(maps)),
            (Self::Relu(layer), Features::Vector(vector)) => Features::Vector(layer.forward(vector)),
            (Self::MaxPool(layer), Features::Maps(maps)) => Features::Maps(layer.forward(maps)),
            (Self::GlobalAveragePool(_), Features::Maps(maps)) => {
                Features::Vector(maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)) // [batch, channels]
            }
            (Self::Dropout(_), features) => features,
            (Self::Flatten(_), Features::Maps(maps)) => Features::Vector(maps.flatten(1, 3)),
            (Self::Linear(layer), Features::Vector(vector)) => Features::Vector(layer.forward(vector)),
            _ => unreachable!("shape inference has checked that the layers follow each other"),
        }
    }

    /// Running statistics, which burn counts as parameters.
    fn n_running(&self) -> usize {
        match self {
            Self::BatchNorm(layer) => layer.running_mean.dims()[0] + layer.running_var.dims()[0],
            _ => 0,
        }
    }

    fn forward_train(&mut self, features: Features, random: &mut Random) -> Features {
        match (self, features) {
            (Self::BatchNorm(layer), Features::Maps(maps)) => Features::Maps(layer.forward_train(maps)),
            (Self::Dropout(layer), Features::Maps(maps)) => Features::Maps(layer.forward_train(maps, random)),
            (Self::Dropout(layer), Features::Vector(vector)) => Features::Vector(layer.forward_train(vector, random)),
            (layer, features) => layer.forward(features),
        }
    }
}

impl Features {
    fn vector(self) -> Tensor<2> {
        match self {
            Self::Vector(vector) => vector,
            Self::Maps(_) => unreachable!("shape inference has checked that the classifier is last"),
        }
    }
}

/// Mean over height and width.
#[derive(Module, Debug)]
struct GlobalAveragePool {}

/// Maps to a vector.
#[derive(Module, Debug)]
struct Flatten {}

/// Zeroes values with probability `rate`, and scales the rest so that the mean stays. burn's own draws from one generator for all
/// of a device; ours gives equal seeds equal masks, on every device, for an upload per step.
#[derive(Module, Debug)]
struct Dropout {
    #[module(skip)]
    rate: f32,
}

impl Dropout {
    fn forward_train<const D: usize>(&self, values: Tensor<D>, random: &mut Random) -> Tensor<D> {
        let shape = values.shape();
        let kept = 1.0 / (1.0 - self.rate);
        let threshold = (self.rate * 65_536.0) as u64;
        let n_values = shape.num_elements();
        // Four draws of 16 bits from each number.
        let draws = (0..n_values.div_ceil(4)).flat_map(|_| {
            let bits = random.next_u64();
            (0..4).map(move |draw| (bits >> (16 * draw)) & 0xffff)
        });
        let mask: Vec<f32> = draws.take(n_values).map(|draw| if draw < threshold { 0.0 } else { kept }).collect();
        let device = values.device();
        values * Tensor::from_data(TensorData::new(mask, shape), &device)
    }
}

/// PyTorch's `BatchNorm2d`. burn's own keeps the biased variance as its running one, PyTorch the unbiased; and burn's clones share their
/// running statistics, so that the best network could not be kept while training goes on.
#[derive(Module, Debug)]
struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
}

/// PyTorch's defaults.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

impl BatchNorm {
    fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let scale = self.weight.val() / (self.running_var.val() + EPSILON).sqrt();
        let shift = self.bias.val() - self.running_mean.val() * scale.clone();
        let [n_channels] = scale.dims();
        maps * scale.reshape([1, n_channels, 1, 1]) + shift.reshape([1, n_channels, 1, 1])
    }

    fn forward_train(&mut self, maps: Tensor<4>) -> Tensor<4> {
        let [n_images, _, height, width] = maps.dims();
        let n_values = (n_images * height * width) as f64;
        let normalized = batch_norm_train(maps, self.weight.val(), self.bias.val(), EPSILON);
        // Bessel's correction; one value alone has no variance.
        let unbiased = normalized.variance * (n_values / (n_values - 1.0).max(1.0));
        blend(&mut self.running_mean, normalized.mean);
        blend(&mut self.running_var, unbiased);
        normalized.output
    }
}

fn blend(running: &mut Param<Tensor<1>>, batch: Tensor<1>) {
    let old = running.val().without_autodiff();
    let new = old * (1.0 - MOMENTUM) + batch.without_autodiff() * MOMENTUM;
    *running = Param::initialized(running.id, new.autodiff());
}

/// `weights` are in the order in which [`initial_weights`] lists them.
fn build(
    description: &NetworkConfig,
    input: ImageShape,
    n_classes: usize,
    weights: Vec<NamedTensor>,
    device: &Device,
) -> Network {
    let mut weights = Weights { tensors: weights.into_iter(), device: device.clone().autodiff() };
    let layers = description.layers.iter().map(|layer| build_layer(layer, &mut weights)).collect();
    debug_assert!(infer(description, input, n_classes).is_ok());
    Network { layers, input, n_classes }
}

fn build_layer(layer: &Layer, weights: &mut Weights) -> NetworkLayer {
    match *layer {
        Layer::Conv { kernel, stride, padding, bias, .. } => {
            let side = padding_of(kernel, padding) as usize;
            NetworkLayer::Conv(Conv2d {
                weight: weights.learned(),
                bias: bias.then(|| weights.learned()),
                stride: [stride as usize; 2],
                kernel_size: [kernel as usize; 2],
                dilation: [1, 1],
                groups: 1,
                padding: PaddingConfig2d::Explicit(side, side, side, side),
            })
        }
        Layer::BatchNorm => NetworkLayer::BatchNorm(BatchNorm {
            weight: weights.learned(),
            bias: weights.learned(),
            running_mean: weights.fixed(),
            running_var: weights.fixed(),
        }),
        Layer::Activation(Activation::Relu) => NetworkLayer::Relu(Relu::new()),
        Layer::MaxPool { size, stride } => {
            NetworkLayer::MaxPool(MaxPool2dConfig::new([size as usize; 2]).with_strides([stride as usize; 2]).init())
        }
        Layer::GlobalAveragePool => NetworkLayer::GlobalAveragePool(GlobalAveragePool {}),
        Layer::Dropout { rate } => NetworkLayer::Dropout(Dropout { rate }),
        Layer::Flatten => NetworkLayer::Flatten(Flatten {}),
        Layer::Linear { bias, .. } | Layer::Classifier { bias } => {
            NetworkLayer::Linear(Linear { weight: weights.learned(), bias: bias.then(|| weights.learned()) })
        }
    }
}

/// Hands out tensors in order, each on the device.
struct Weights {
    tensors: std::vec::IntoIter<NamedTensor>,
    device: Device,
}

impl Weights {
    fn learned<const D: usize>(&mut self) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), self.next().require_grad())
    }

    fn fixed<const D: usize>(&mut self) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), self.next())
    }

    fn next<const D: usize>(&mut self) -> Tensor<D> {
        let Some(tensor) = self.tensors.next() else { unreachable!("initial_weights lists every tensor") };
        let NamedTensor { shape, values, .. } = tensor.linear_transposed();
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}
