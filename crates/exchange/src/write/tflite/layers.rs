//! The operations of each layer. Maps are `[1, height, width, channels]`, a sequence `[length, features]`, a vector `[1, length]`. `x` is the
//! number of a layer's input, the returned number that of its output.

mod sequences;

use kindling_core::config::{Activation, Layer};
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{FeatureShape, PlacedLayer};

use self::sequences::Cell;
use super::super::channels_last::Kernel;
use super::{ModelBuilder, Options, model};
use crate::tflite_operators as op;
use crate::trained::{Tensor, TrainedNetwork};

const EPSILON: f32 = 1e-5;
const LEAKY_SLOPE: f32 = 0.01;

/// Layers in sequence. `prefix` ends with a point, if it is not empty.
pub fn chain(
    model: &mut ModelBuilder,
    network: &TrainedNetwork,
    layers: &[PlacedLayer],
    prefix: &str,
    mut x: i32,
) -> i32 {
    let mut rest = layers.iter().enumerate().peekable();
    while let Some((index, placed)) = rest.next() {
        let path = format!("{prefix}{index}");
        let mut fused = Fused::default();
        if takes_norm(&placed.layer)
            && let Some((norm, _)) = rest.next_if(|(_, next)| matches!(next.layer, Layer::BatchNorm))
        {
            fused.norm = Some(scale_and_shift(network, &format!("{prefix}{norm}")));
        }
        if takes_norm(&placed.layer) {
            let next = rest.peek().map(|(_, next)| &next.layer);
            fused.activation = match next {
                Some(Layer::Activation(Activation::Relu)) => model::Fused::Relu,
                Some(Layer::Activation(Activation::Relu6)) => model::Fused::Relu6,
                _ => model::Fused::None,
            };
            if fused.activation != model::Fused::None {
                rest.next();
            }
        }
        x = LayerWriter { model, network, path: &path, placed, fused }.write(x);
    }
    x
}

/// One layer as it is.
pub fn layer(model: &mut ModelBuilder, network: &TrainedNetwork, placed: &PlacedLayer, path: &str, x: i32) -> i32 {
    LayerWriter { model, network, path, placed, fused: Fused::default() }.write(x)
}

/// Whether a batch norm and a ReLU after the layer can be part of it.
fn takes_norm(layer: &Layer) -> bool {
    matches!(layer, Layer::Conv { .. } | Layer::DepthwiseConv { .. } | Layer::Linear { .. })
}

/// What is computed together with a layer.
#[derive(Clone, Debug, Default)]
struct Fused {
    norm: Option<ScaleAndShift>,
    activation: model::Fused,
}

#[derive(Clone, Debug)]
struct ScaleAndShift {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// What a batch norm amounts to in inference.
fn scale_and_shift(network: &TrainedNetwork, path: &str) -> ScaleAndShift {
    let [weight, bias, mean, variance] =
        ["weight", "bias", "running_mean", "running_var"].map(|name| &network.tensor(path, name).values);
    let scale: Vec<f32> =
        weight.iter().zip(variance).map(|(weight, variance)| weight / (variance + EPSILON).sqrt()).collect();
    let shift = bias.iter().zip(mean.iter().zip(&scale)).map(|(bias, (mean, scale))| bias - mean * scale).collect();
    ScaleAndShift { scale, shift }
}

/// Weights `[out, …]` and a bias, with a batch norm folded in.
fn folded(weight: &Tensor, bias: Option<&Tensor>, norm: Option<&ScaleAndShift>) -> (Tensor, Tensor) {
    let n_out = weight.shape.first().copied().unwrap_or_default();
    let mut weight = weight.clone();
    let mut bias = bias.map_or_else(|| vec![0.0; n_out], |bias| bias.values.clone());
    if let Some(ScaleAndShift { scale, shift }) = norm {
        let per_unit = (weight.values.len() / n_out.max(1)).max(1);
        for (values, scale) in weight.values.chunks_exact_mut(per_unit).zip(scale) {
            values.iter_mut().for_each(|value| *value *= scale);
        }
        bias.iter_mut().zip(scale.iter().zip(shift)).for_each(|(bias, (scale, shift))| *bias = *bias * scale + shift);
    }
    (weight, Tensor::new([n_out], bias))
}

/// Writes the operations of one layer, whose names begin with its path.
struct LayerWriter<'a> {
    model: &'a mut ModelBuilder,
    network: &'a TrainedNetwork,
    path: &'a str,
    placed: &'a PlacedLayer,
    fused: Fused,
}

impl LayerWriter<'_> {
    fn write(&mut self, x: i32) -> i32 {
        match &self.placed.layer {
            Layer::Conv { kernel, stride, padding, dilation, groups, .. } => {
                let padding = padding_of(*kernel, *dilation, *padding);
                self.conv(x, [*stride, *dilation], padding, *groups as usize)
            }
            Layer::DepthwiseConv { kernel, stride, padding, dilation, .. } => {
                let padding = padding_of(*kernel, *dilation, *padding);
                self.depthwise_conv(x, [*stride, *dilation], padding)
            }
            Layer::BatchNorm => {
                let ScaleAndShift { scale, shift } = scale_and_shift(self.network, self.path);
                self.scale_and_shift(x, scale, shift)
            }
            Layer::GroupNorm { groups } => self.group_norm(x, *groups as usize),
            Layer::LayerNorm => match self.placed.input {
                FeatureShape::Maps { .. } => self.group_norm(x, 1),
                FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => self.layer_norm(x, ""),
            },
            Layer::Activation(activation) => self.activation(x, *activation, ""),
            Layer::MaxPool { size, stride } => self.pool(op::MAX_POOL_2D, x, *size, *stride),
            Layer::AveragePool { size, stride } => self.pool(op::AVERAGE_POOL_2D, x, *size, *stride),
            Layer::GlobalAveragePool => self.global_pool(op::MEAN, x),
            Layer::GlobalMaxPool => self.global_pool(op::REDUCE_MAX, x),
            // Inference keeps every value.
            Layer::Dropout { .. } | Layer::SpatialDropout { .. } => x,
            Layer::Flatten => self.flatten(x),
            Layer::Linear { .. } | Layer::Classifier { .. } => self.linear(x, "", self.has_bias()),
            Layer::Residual { .. } => self.residual(x),
            Layer::PooledSkip { .. } => {
                let averages = self.average(x, "averages");
                let rest = chain(self.model, self.network, &self.placed.inner, &format!("{}.layers.", self.path), x);
                let length = self.placed.output.n_values() as usize;
                self.node(op::CONCATENATION, &[averages, rest], "", &[1, length], Options::Concatenation { axis: 1 })
            }
            Layer::Resize { size } => {
                let side = *size as i32;
                let sides = self.model.integers(self.name("sides"), &[2], &[side, side]);
                self.node(op::RESIZE_BILINEAR, &[x, sides], "", &self.output_maps(), Options::ResizeBilinear)
            }
            Layer::DepthwiseSeparable { .. } => {
                chain(self.model, self.network, &self.placed.inner, &format!("{}.layers.", self.path), x)
            }
            Layer::SqueezeExcitation { .. } => self.squeeze_excitation(x),
            Layer::Rows => self.rows(x),
            Layer::Lstm { states, .. } => self.recurrent(x, Cell::Lstm, *states),
            Layer::Gru { states, .. } => self.recurrent(x, Cell::Gru, *states),
            Layer::PatchEmbedding { size, .. } => self.patch_embedding(x, *size),
            Layer::PositionEmbedding => {
                let shape = self.model.shape(x);
                let positions = Tensor::new(shape, self.tensor("positions").values.clone());
                let positions = self.model.constant(self.name("positions"), &positions);
                self.add(x, positions, "")
            }
            Layer::TransformerBlock { heads, .. } => self.transformer_block(x, *heads as usize),
        }
    }

    /// The layer's own name for an empty part.
    fn name(&self, part: &str) -> String {
        if part.is_empty() { self.path.to_owned() } else { format!("{}.{part}", self.path) }
    }

    fn tensor(&self, name: &str) -> &Tensor {
        self.network.tensor(self.path, name)
    }

    fn has_bias(&self) -> bool {
        self.placed.tensors.iter().any(|tensor| tensor.name == "bias")
    }

    fn node(&mut self, code: i32, inputs: &[i32], part: &str, shape: &[usize], options: Options) -> i32 {
        self.model.operation(code, inputs, self.name(part), shape, options)
    }

    /// An operation whose output has the shape of its first input.
    fn same(&mut self, code: i32, inputs: &[i32], part: &str, options: Options) -> i32 {
        let shape = inputs.first().map(|&x| self.model.shape(x)).unwrap_or_default();
        self.node(code, inputs, part, &shape, options)
    }

    fn add(&mut self, x: i32, other: i32, part: &str) -> i32 {
        self.same(op::ADD, &[x, other], part, Options::Add { activation: model::Fused::None })
    }

    fn constant(&mut self, part: &str, shape: &[usize], values: Vec<f32>) -> i32 {
        self.model.constant(self.name(part), &Tensor::new(shape, values))
    }

    fn reshape(&mut self, x: i32, part: &str, shape: &[usize]) -> i32 {
        let sides: Vec<i32> = shape.iter().map(|&side| side as i32).collect();
        let sides = self.model.integers(self.name(&format!("{part}shape")), &[shape.len()], &sides);
        self.node(op::RESHAPE, &[x, sides], part, shape, Options::Reshape)
    }

    fn transpose(&mut self, x: i32, part: &str, order: &[usize]) -> i32 {
        let shape = self.model.shape(x);
        let shape: Vec<usize> = order.iter().filter_map(|&axis| shape.get(axis).copied()).collect();
        let order: Vec<i32> = order.iter().map(|&axis| axis as i32).collect();
        let order = self.model.integers(self.name(&format!("{part}.order")), &[order.len()], &order);
        self.node(op::TRANSPOSE, &[x, order], part, &shape, Options::Transpose)
    }

    /// Zeros on all sides: the format's own "same" padding puts more of them at the end where strides leave a choice.
    fn pad(&mut self, x: i32, padding: u64) -> i32 {
        let shape = self.model.shape(x);
        let [batch, height, width, channels] = shape[..] else { unreachable!("maps have four axes") };
        if padding == 0 {
            return x;
        }
        let n = padding as i32;
        let pads = self.model.integers(self.name("padding.sides"), &[4, 2], &[0, 0, n, n, n, n, 0, 0]);
        let added = 2 * padding as usize;
        self.node(op::PAD, &[x, pads], "padding", &[batch, height + added, width + added, channels], Options::Pad)
    }

    fn output_maps(&self) -> [usize; 4] {
        let FeatureShape::Maps { channels, height, width } = self.placed.output else {
            unreachable!("convolutions and pooling make maps")
        };
        [1, height as usize, width as usize, channels as usize]
    }

    fn conv(&mut self, x: i32, [stride, dilation]: [u32; 2], padding: u64, groups: usize) -> i32 {
        let bias = self.has_bias().then(|| self.tensor("bias"));
        let (weight, bias) = folded(self.tensor("weight"), bias, self.fused.norm.as_ref());
        let kernel = Kernel::of(&weight, stride, dilation).ungrouped(groups);
        let x = self.pad(x, padding);
        let weight = self.model.constant(self.name("weight"), &kernel.ohwi());
        let bias = self.model.constant(self.name("bias"), &bias);
        let options =
            Options::Conv { stride: kernel.stride, dilation: kernel.dilation, activation: self.fused.activation };
        self.node(op::CONV_2D, &[x, weight, bias], "", &self.output_maps(), options)
    }

    fn depthwise_conv(&mut self, x: i32, [stride, dilation]: [u32; 2], padding: u64) -> i32 {
        let bias = self.has_bias().then(|| self.tensor("bias"));
        let (weight, bias) = folded(self.tensor("weight"), bias, self.fused.norm.as_ref());
        let kernel = Kernel::of(&weight, stride, dilation);
        let x = self.pad(x, padding);
        // [1, height, width, channels]
        let Tensor { shape, values } = kernel.hwci();
        let shape: Vec<usize> = std::iter::once(1).chain(shape.into_iter().take(3)).collect();
        let weight = self.model.constant(self.name("weight"), &Tensor::new(shape, values));
        let bias = self.model.constant(self.name("bias"), &bias);
        let options = Options::DepthwiseConv {
            stride: kernel.stride,
            dilation: kernel.dilation,
            activation: self.fused.activation,
        };
        self.node(op::DEPTHWISE_CONV_2D, &[x, weight, bias], "", &self.output_maps(), options)
    }

    /// Of each value of the last axis.
    fn scale_and_shift(&mut self, x: i32, scale: Vec<f32>, shift: Vec<f32>) -> i32 {
        let n_values = scale.len();
        let scale = self.constant("scale", &[n_values], scale);
        let shift = self.constant("shift", &[n_values], shift);
        let x = self.same(op::MUL, &[x, scale], "scaled", Options::Mul);
        self.add(x, shift, "")
    }

    /// Mean 0 and variance 1 over these axes.
    fn standardize(&mut self, x: i32, part: &str, axes: &[usize]) -> i32 {
        let mut reduced = self.model.shape(x);
        for (axis, side) in reduced.iter_mut().enumerate() {
            if axes.contains(&axis) {
                *side = 1;
            }
        }
        let name = |inner: &str| format!("{part}{inner}");
        let numbers: Vec<i32> = axes.iter().map(|&axis| axis as i32).collect();
        let axes = self.model.integers(self.name(&name("axes")), &[numbers.len()], &numbers);
        let epsilon = self.constant(&name("epsilon"), &[1], vec![EPSILON]);
        let mean = self.node(op::MEAN, &[x, axes], &name("mean"), &reduced, Options::Reducer);
        let squares = self.same(op::SQUARED_DIFFERENCE, &[x, mean], &name("squares"), Options::SquaredDifference);
        let variance = self.node(op::MEAN, &[squares, axes], &name("variance"), &reduced, Options::Reducer);
        let variance = self.add(variance, epsilon, &name("raised"));
        let scale = self.same(op::RSQRT, &[variance], &name("rsqrt"), Options::None);
        let centered = self.same(op::SUB, &[x, mean], &name("centered"), Options::Sub);
        self.same(op::MUL, &[centered, scale], &name("standardized"), Options::Mul)
    }

    fn group_norm(&mut self, x: i32, groups: usize) -> i32 {
        let shape = self.model.shape(x);
        let [_, height, width, channels] = shape[..] else { unreachable!("group norms are placed on maps") };
        let x = self.reshape(x, "groups", &[height * width, groups, channels / groups.max(1)]);
        let x = self.standardize(x, "", &[0, 2]);
        let x = self.reshape(x, "maps", &shape);
        let [scale, shift] = ["weight", "bias"].map(|name| self.tensor(name).values.clone());
        self.scale_and_shift(x, scale, shift)
    }

    /// `part` is the norm's name inside a block with a point behind it, or empty.
    fn layer_norm(&mut self, x: i32, part: &str) -> i32 {
        let x = self.standardize(x, part, &[1]);
        let [scale, shift] = ["weight", "bias"].map(|name| self.tensor(&format!("{part}{name}")).clone());
        let scale = self.model.constant(self.name(&format!("{part}weight")), &scale);
        let shift = self.model.constant(self.name(&format!("{part}bias")), &shift);
        let x = self.same(op::MUL, &[x, scale], &format!("{part}scaled"), Options::Mul);
        self.add(x, shift, part.trim_end_matches('.'))
    }

    fn activation(&mut self, x: i32, activation: Activation, part: &str) -> i32 {
        match activation {
            Activation::Relu => self.same(op::RELU, &[x], part, Options::None),
            Activation::Relu6 => self.same(op::RELU6, &[x], part, Options::None),
            Activation::LeakyRelu => self.same(op::LEAKY_RELU, &[x], part, Options::LeakyRelu { slope: LEAKY_SLOPE }),
            Activation::Gelu => self.same(op::GELU, &[x], part, Options::Gelu),
            Activation::Tanh => self.same(op::TANH, &[x], part, Options::None),
            Activation::Sigmoid => self.same(op::LOGISTIC, &[x], part, Options::None),
            Activation::Silu => {
                let gate = self.same(op::LOGISTIC, &[x], "gate", Options::None);
                self.same(op::MUL, &[x, gate], part, Options::Mul)
            }
        }
    }

    fn pool(&mut self, code: i32, x: i32, size: u32, stride: u32) -> i32 {
        let options = Options::Pool { size: [size as usize; 2], stride: [stride as usize; 2] };
        self.node(code, &[x], "", &self.output_maps(), options)
    }

    /// To `[1, channels]`.
    fn global_pool(&mut self, code: i32, x: i32) -> i32 {
        self.pool_all(code, x, "")
    }

    /// The averages of a skip connection: `[1, channels]`.
    fn average(&mut self, x: i32, part: &str) -> i32 {
        self.pool_all(op::MEAN, x, part)
    }

    fn pool_all(&mut self, code: i32, x: i32, part: &str) -> i32 {
        let name = |inner: &str| if part.is_empty() { inner.to_owned() } else { format!("{part}.{inner}") };
        let shape = self.model.shape(x);
        let channels = shape.last().copied().unwrap_or_default();
        match self.placed.input {
            FeatureShape::Maps { .. } => {
                let axes = self.model.integers(self.name(&name("axes")), &[2], &[1, 2]);
                let x = self.node(code, &[x, axes], &name("places"), &[1, 1, 1, channels], Options::Reducer);
                self.reshape(x, part, &[1, channels])
            }
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => {
                let axes = self.model.integers(self.name(&name("axes")), &[1], &[0]);
                self.node(code, &[x, axes], part, &[1, channels], Options::Reducer)
            }
        }
    }

    /// Channel by channel, as the layers after it are trained on.
    fn flatten(&mut self, x: i32) -> i32 {
        let x = match self.placed.input {
            FeatureShape::Maps { .. } => self.transpose(x, "by_channel", &[0, 3, 1, 2]),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => x,
        };
        self.reshape(x, "", &[1, self.placed.input.n_values() as usize])
    }

    /// On each row. `part` is the layer's name inside a block with a point behind it, or empty.
    fn linear(&mut self, x: i32, part: &str, has_bias: bool) -> i32 {
        let bias = has_bias.then(|| self.tensor(&format!("{part}bias")));
        let (weight, bias) = folded(self.tensor(&format!("{part}weight")), bias, self.fused.norm.as_ref());
        let options = Options::FullyConnected { activation: self.fused.activation };
        self.fully_connected(x, part, [&weight, &bias], options)
    }

    fn fully_connected(&mut self, x: i32, part: &str, [weight, bias]: [&Tensor; 2], options: Options) -> i32 {
        let shape = self.model.shape(x);
        let n_rows = shape.first().copied().unwrap_or_default();
        let units = weight.shape.first().copied().unwrap_or_default();
        let weight = self.model.constant(self.name(&format!("{part}weight")), weight);
        let bias = self.model.constant(self.name(&format!("{part}bias")), bias);
        let name = part.trim_end_matches('.');
        self.node(op::FULLY_CONNECTED, &[x, weight, bias], name, &[n_rows, units], options)
    }

    fn residual(&mut self, x: i32) -> i32 {
        let shortcut = match &self.placed.shortcut {
            None => x,
            Some(placed) => {
                let path = self.name("shortcut");
                let fused = Fused::default();
                LayerWriter { model: self.model, network: self.network, path: &path, placed, fused }.write(x)
            }
        };
        let x = chain(self.model, self.network, &self.placed.inner, &format!("{}.layers.", self.path), x);
        self.add(x, shortcut, "")
    }

    fn squeeze_excitation(&mut self, x: i32) -> i32 {
        let means = self.means(x);
        let [hidden_weight, hidden_bias, weight, bias] =
            ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map(|name| self.tensor(name).clone());
        let ending = |activation: model::Fused| Options::FullyConnected { activation };
        let hidden = self.fully_connected(means, "fc1.", [&hidden_weight, &hidden_bias], ending(model::Fused::Relu));
        let gates = self.fully_connected(hidden, "fc2.", [&weight, &bias], ending(model::Fused::None));
        let gates = self.same(op::LOGISTIC, &[gates], "gates", Options::None);
        let channels = self.model.shape(gates).last().copied().unwrap_or_default();
        let gates = self.reshape(gates, "gates.maps", &[1, 1, 1, channels]);
        self.same(op::MUL, &[x, gates], "", Options::Mul)
    }

    /// The mean of each channel: `[1, channels]`.
    fn means(&mut self, x: i32) -> i32 {
        let channels = self.model.shape(x).last().copied().unwrap_or_default();
        let axes = self.model.integers(self.name("axes"), &[2], &[1, 2]);
        let means = self.node(op::MEAN, &[x, axes], "places", &[1, 1, 1, channels], Options::Reducer);
        self.reshape(means, "means", &[1, channels])
    }
}
