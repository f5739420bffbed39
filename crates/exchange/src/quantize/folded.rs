//! A network as operations in floats, with batch norms folded into the weights before them: where quantization begins.

use kindling_core::config::{Activation, Layer};
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{FeatureShape, PlacedLayer};

use crate::quantized::{Kind, Operation, QuantizedNetwork, Value, Weights, Window};
use crate::trained::{Tensor, TrainedNetwork};

const EPSILON: f32 = 1e-5;

/// The same network, none of whose operations is quantized yet.
pub fn fold(network: &TrainedNetwork) -> QuantizedNetwork {
    let input = FeatureShape::from(network.description.input);
    let mut folding =
        Folding { network, values: vec![Value { shape: input, quantization: None }], operations: Vec::new() };
    folding.chain(&network.layers, "", 0);
    let Folding { values, operations, .. } = folding;
    QuantizedNetwork { network: network.clone(), values, operations }
}

struct Folding<'a> {
    network: &'a TrainedNetwork,
    values: Vec<Value>,
    operations: Vec<Operation>,
}

/// What is computed together with a layer.
#[derive(Clone, Debug, Default)]
struct Fused {
    norm: Option<ScaleAndShift>,
    relu: bool,
}

/// What a batch norm amounts to in inference.
#[derive(Clone, Debug)]
struct ScaleAndShift {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Folding<'_> {
    /// Layers in sequence. `prefix` ends with a point, if it is not empty. Returns the number of their output.
    fn chain(&mut self, layers: &[PlacedLayer], prefix: &str, mut x: usize) -> usize {
        let mut rest = layers.iter().enumerate().peekable();
        while let Some((index, placed)) = rest.next() {
            let mut fused = Fused::default();
            let takes_norm = match placed.layer {
                Layer::Conv { .. } | Layer::DepthwiseConv { .. } => true,
                Layer::Linear { .. } => matches!(placed.input, FeatureShape::Vector { .. }),
                _ => false,
            };
            if takes_norm && let Some((norm, _)) = rest.next_if(|(_, next)| matches!(next.layer, Layer::BatchNorm)) {
                fused.norm = Some(self.scale_and_shift(&format!("{prefix}{norm}")));
            }
            if takes_norm || matches!(placed.layer, Layer::Residual { .. }) {
                let is_relu = |layer: &Layer| matches!(layer, Layer::Activation(Activation::Relu));
                fused.relu = rest.next_if(|(_, next)| is_relu(&next.layer)).is_some();
            }
            x = self.layer(placed, format!("{prefix}{index}"), fused, x);
        }
        x
    }

    fn layer(&mut self, placed: &PlacedLayer, path: String, fused: Fused, x: usize) -> usize {
        match &placed.layer {
            Layer::Conv { kernel, stride, padding, dilation, groups, .. } => {
                let padding = padding_of(*kernel, *dilation, *padding) as u32;
                let window = Window { stride: *stride, padding, dilation: *dilation, groups: *groups };
                self.conv(placed, path, fused, window, x)
            }
            Layer::DepthwiseConv { kernel, stride, padding, dilation, .. } => {
                let padding = padding_of(*kernel, *dilation, *padding) as u32;
                let groups = n_channels(placed.input);
                let window = Window { stride: *stride, padding, dilation: *dilation, groups };
                self.conv(placed, path, fused, window, x)
            }
            Layer::BatchNorm if is_maps(placed.input) => self.norm(placed, path, x),
            Layer::Linear { .. } | Layer::Classifier { .. } if !is_sequence(placed.input) => {
                let weights = self.weights(placed, &path, fused.norm.as_ref());
                self.add_layer(placed, path, vec![x], Kind::Linear { weights, relu: fused.relu })
            }
            Layer::MaxPool { size, stride } => {
                self.add_layer(placed, path, vec![x], Kind::MaxPool { size: *size, stride: *stride })
            }
            Layer::AveragePool { size, stride } => {
                self.add_layer(placed, path, vec![x], Kind::AveragePool { size: *size, stride: *stride })
            }
            Layer::GlobalAveragePool if is_maps(placed.input) => {
                self.add_layer(placed, path, vec![x], Kind::GlobalAveragePool)
            }
            Layer::GlobalMaxPool if is_maps(placed.input) => self.add_layer(placed, path, vec![x], Kind::GlobalMaxPool),
            Layer::Flatten if is_maps(placed.input) => self.add_layer(placed, path, vec![x], Kind::Flatten),
            // Inference keeps every value.
            Layer::Dropout { .. } | Layer::SpatialDropout { .. } => x,
            Layer::Activation(Activation::Silu) if !is_sequence(placed.input) => {
                let gate =
                    self.add_part(placed, format!("{path}.gate"), vec![x], Kind::Activation(Activation::Sigmoid));
                self.add_layer(placed, path, vec![x, gate], Kind::Multiply)
            }
            Layer::Activation(activation) if !is_sequence(placed.input) => {
                self.add_layer(placed, path, vec![x], Kind::Activation(*activation))
            }
            Layer::Residual { .. } => {
                let shortcut = match &placed.shortcut {
                    None => x,
                    Some(shortcut) => self.layer(shortcut, format!("{path}.shortcut"), Fused::default(), x),
                };
                let x = self.chain(&placed.inner, &format!("{path}.layers."), x);
                self.add_layer(placed, path, vec![x, shortcut], Kind::Add { relu: fused.relu })
            }
            Layer::PooledSkip { .. } if is_maps(placed.input) => {
                let averages = Operation::named(format!("{path}.averages"), placed, vec![x], Kind::GlobalAveragePool);
                let length = u64::from(n_channels(placed.input));
                let averages = self.push(averages, FeatureShape::Vector { length });
                let rest = self.chain(&placed.inner, &format!("{path}.layers."), x);
                self.add_layer(placed, path, vec![averages, rest], Kind::Concatenate)
            }
            Layer::DepthwiseSeparable { .. } => self.chain(&placed.inner, &format!("{path}.layers."), x),
            Layer::SqueezeExcitation { .. } => self.squeeze_excitation(placed, path, x),
            Layer::BatchNorm
            | Layer::GroupNorm { .. }
            | Layer::LayerNorm
            | Layer::Activation(_)
            | Layer::GlobalAveragePool
            | Layer::GlobalMaxPool
            | Layer::Flatten
            | Layer::Linear { .. }
            | Layer::Classifier { .. }
            | Layer::PooledSkip { .. }
            | Layer::Resize { .. }
            | Layer::Rows
            | Layer::Lstm { .. }
            | Layer::Gru { .. }
            | Layer::PatchEmbedding { .. }
            | Layer::PositionEmbedding
            | Layer::TransformerBlock { .. } => {
                self.add_layer(placed, path, vec![x], Kind::Float(Box::new(placed.clone())))
            }
        }
    }

    fn conv(&mut self, placed: &PlacedLayer, path: String, fused: Fused, window: Window, x: usize) -> usize {
        let weights = self.weights(placed, &path, fused.norm.as_ref());
        self.add_layer(placed, path, vec![x], Kind::Conv { weights, window, relu: fused.relu })
    }

    /// A batch norm that follows neither convolution nor linear layer: one factor and one summand per channel.
    fn norm(&mut self, placed: &PlacedLayer, path: String, x: usize) -> usize {
        let ScaleAndShift { scale, shift } = self.scale_and_shift(&path);
        let window = Window { stride: 1, padding: 0, dilation: 1, groups: n_channels(placed.input) };
        let weights = Weights::Float { weight: Tensor::new([scale.len(), 1, 1, 1], scale), bias: shift };
        self.add_layer(placed, path, vec![x], Kind::Conv { weights, window, relu: false })
    }

    fn squeeze_excitation(&mut self, placed: &PlacedLayer, path: String, x: usize) -> usize {
        let linear = |part: &str| {
            let weight = self.network.tensor(&path, &format!("{part}.weight")).clone();
            let bias = self.network.tensor(&path, &format!("{part}.bias")).values.clone();
            Weights::Float { weight, bias }
        };
        let (reduce, expand) = (linear("fc1"), linear("fc2"));
        let channels = u64::from(n_channels(placed.input));
        let hidden = match &reduce {
            Weights::Float { bias, .. } => bias.len() as u64,
            Weights::Int8 { bias, .. } => bias.len() as u64,
        };
        let mut part = |name: &str, inputs: Vec<usize>, length: u64, kind: Kind| {
            let operation = Operation::named(format!("{path}.{name}"), placed, inputs, kind);
            self.push(operation, FeatureShape::Vector { length })
        };
        let means = part("mean", vec![x], channels, Kind::GlobalAveragePool);
        let hidden = part("fc1", vec![means], hidden, Kind::Linear { weights: reduce, relu: true });
        let gates = part("fc2", vec![hidden], channels, Kind::Linear { weights: expand, relu: false });
        let gates = part("gates", vec![gates], channels, Kind::Activation(Activation::Sigmoid));
        self.add_layer(placed, path, vec![x, gates], Kind::Multiply)
    }

    /// The weights of a layer with a batch norm folded in.
    fn weights(&self, placed: &PlacedLayer, path: &str, norm: Option<&ScaleAndShift>) -> Weights {
        let mut weight = self.network.tensor(path, "weight").clone();
        let n_out = weight.shape.first().copied().unwrap_or_default();
        let has_bias = placed.tensors.iter().any(|tensor| tensor.name == "bias");
        let mut bias = if has_bias { self.network.tensor(path, "bias").values.clone() } else { vec![0.0; n_out] };
        if let Some(ScaleAndShift { scale, shift }) = norm {
            let per_unit = (weight.values.len() / n_out.max(1)).max(1);
            for (values, scale) in weight.values.chunks_exact_mut(per_unit).zip(scale) {
                values.iter_mut().for_each(|value| *value *= scale);
            }
            bias.iter_mut()
                .zip(scale.iter().zip(shift))
                .for_each(|(bias, (scale, shift))| *bias = *bias * scale + shift);
        }
        Weights::Float { weight, bias }
    }

    fn scale_and_shift(&self, path: &str) -> ScaleAndShift {
        let [weight, bias, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|name| &self.network.tensor(path, name).values);
        let scale: Vec<f32> =
            weight.iter().zip(variance).map(|(weight, variance)| weight / (variance + EPSILON).sqrt()).collect();
        let shift = bias.iter().zip(mean.iter().zip(&scale)).map(|(bias, (mean, scale))| bias - mean * scale).collect();
        ScaleAndShift { scale, shift }
    }

    /// An operation whose output is that of its layer.
    fn add_layer(&mut self, placed: &PlacedLayer, path: String, inputs: Vec<usize>, kind: Kind) -> usize {
        self.push(Operation::named(path, placed, inputs, kind), placed.output)
    }

    /// An operation whose output has the shape of its layer's input.
    fn add_part(&mut self, placed: &PlacedLayer, path: String, inputs: Vec<usize>, kind: Kind) -> usize {
        self.push(Operation::named(path, placed, inputs, kind), placed.input)
    }

    fn push(&mut self, operation: Operation, shape: FeatureShape) -> usize {
        self.operations.push(operation);
        self.values.push(Value { shape, quantization: None });
        self.values.len() - 1
    }
}

fn is_maps(shape: FeatureShape) -> bool {
    matches!(shape, FeatureShape::Maps { .. })
}

fn is_sequence(shape: FeatureShape) -> bool {
    matches!(shape, FeatureShape::Sequence { .. })
}

fn n_channels(shape: FeatureShape) -> u32 {
    match shape {
        FeatureShape::Maps { channels, .. } => channels as u32,
        FeatureShape::Sequence { features, .. } => features as u32,
        FeatureShape::Vector { length } => length as u32,
    }
}
