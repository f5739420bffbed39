//! The nodes of each layer. `x` is the name of a layer's input, the returned name that of its output.

use kindling_core::config::{Activation, Layer, States};
use kindling_core::network::bilinear;
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{FeatureShape, PlacedLayer};

use super::{GraphBuilder, float, int, ints};
use crate::trained::{Tensor, TrainedNetwork};
use crate::write::channels_last::turned;

const EPSILON: f32 = 1e-5;
const LEAKY_SLOPE: f32 = 0.01;

pub fn layer(
    graph: &mut GraphBuilder,
    network: &TrainedNetwork,
    placed: &PlacedLayer,
    path: &str,
    x: String,
) -> String {
    let mut writer = LayerWriter { graph, network, path, placed };
    match &placed.layer {
        Layer::Conv { kernel, stride, padding, dilation, groups, .. } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            writer.conv(&x, Window { stride: *stride, padding, dilation: *dilation, groups: (*groups).into() })
        }
        Layer::DepthwiseConv { kernel, stride, padding, dilation, .. } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            let groups = first_side(placed.input);
            writer.conv(&x, Window { stride: *stride, padding, dilation: *dilation, groups })
        }
        Layer::BatchNorm => writer.batch_norm(&x),
        Layer::GroupNorm { groups } => writer.group_norm(&x, *groups),
        Layer::LayerNorm => match placed.input {
            FeatureShape::Maps { .. } => writer.group_norm(&x, 1),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => {
                writer.layer_norm(&x, ["weight", "bias"], "")
            }
        },
        Layer::Activation(activation) => self::activation(writer.graph, &x, *activation, path),
        Layer::MaxPool { size, stride } => writer.pool("MaxPool", &x, *size, *stride),
        Layer::AveragePool { size, stride } => writer.pool("AveragePool", &x, *size, *stride),
        Layer::GlobalAveragePool => writer.global_pool("ReduceMean", &x),
        Layer::GlobalMaxPool => writer.global_pool("ReduceMax", &x),
        // Inference keeps every value.
        Layer::Dropout { .. } | Layer::SpatialDropout { .. } => x,
        Layer::Flatten => writer.graph.node("Flatten", &[&x], path, vec![int("axis", 1)]),
        Layer::Linear { bias, .. } | Layer::Classifier { bias } => {
            let names = ["weight", "bias"].map(|name| writer.weight(name, *bias || name == "weight"));
            writer.linear(&x, names, path)
        }
        Layer::Residual { .. } => writer.residual(x),
        Layer::PooledSkip { .. } => writer.pooled_skip(x),
        Layer::Resize { size } => writer.resize(&x, *size),
        Layer::DepthwiseSeparable { .. } => writer.inner(x),
        Layer::SqueezeExcitation { .. } => writer.squeeze_excitation(&x),
        Layer::Rows => writer.rows(&x),
        Layer::Lstm { states, .. } => writer.recurrent(&x, Cell::Lstm, *states),
        Layer::Gru { states, .. } => writer.recurrent(&x, Cell::Gru, *states),
        Layer::PatchEmbedding { size, .. } => writer.patch_embedding(&x, *size),
        Layer::PositionEmbedding => {
            let positions = writer.constant("positions");
            writer.graph.node("Add", &[&x, &positions], path, vec![])
        }
        Layer::TransformerBlock { heads, .. } => writer.transformer_block(&x, *heads),
    }
}

pub fn activation(graph: &mut GraphBuilder, x: &str, activation: Activation, output: &str) -> String {
    match activation {
        Activation::Relu => graph.node("Relu", &[x], output, vec![]),
        Activation::Relu6 => {
            let [least, most] = [("least", 0.0), ("most", 6.0)]
                .map(|(part, value)| graph.constant(format!("{output}.{part}"), &Tensor::new([], vec![value])));
            graph.node("Clip", &[x, &least, &most], output, vec![])
        }
        Activation::LeakyRelu => graph.node("LeakyRelu", &[x], output, vec![float("alpha", LEAKY_SLOPE)]),
        Activation::Tanh => graph.node("Tanh", &[x], output, vec![]),
        Activation::Sigmoid => graph.node("Sigmoid", &[x], output, vec![]),
        Activation::Silu => {
            let gate = graph.node("Sigmoid", &[x], format!("{output}.sigmoid"), vec![]);
            graph.node("Mul", &[x, &gate], output, vec![])
        }
        Activation::Gelu => gelu(graph, x, output),
    }
}

/// x/2 (1 + erf(x/√2)). The operation Gelu came with opset 20.
fn gelu(graph: &mut GraphBuilder, x: &str, output: &str) -> String {
    let name = |part: &str| format!("{output}.{part}");
    let number = |value: f32| Tensor::new([], vec![value]);
    let root = graph.constant(name("half_root"), &number(std::f32::consts::FRAC_1_SQRT_2));
    let one = graph.constant(name("one"), &number(1.0));
    let half = graph.constant(name("half"), &number(0.5));
    let inner = graph.node("Mul", &[x, &root], name("narrowed"), vec![]);
    let inner = graph.node("Erf", &[&inner], name("erf"), vec![]);
    let inner = graph.node("Add", &[&inner, &one], name("raised"), vec![]);
    let inner = graph.node("Mul", &[&inner, &half], name("gate"), vec![]);
    graph.node("Mul", &[x, &inner], output, vec![])
}

struct Window {
    stride: u32,
    padding: u64,
    dilation: u32,
    groups: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Lstm,
    Gru,
}

/// Writes the nodes of one layer, whose names begin with its path.
struct LayerWriter<'a> {
    graph: &'a mut GraphBuilder,
    network: &'a TrainedNetwork,
    path: &'a str,
    placed: &'a PlacedLayer,
}

impl LayerWriter<'_> {
    fn name(&self, part: &str) -> String {
        format!("{}.{part}", self.path)
    }

    /// A tensor of the layer as a constant.
    fn constant(&mut self, name: &str) -> String {
        self.graph.constant(self.name(name), self.network.tensor(self.path, name))
    }

    fn weight(&mut self, name: &str, is_there: bool) -> Option<String> {
        is_there.then(|| self.constant(name))
    }

    fn has_bias(&self) -> bool {
        self.placed.tensors.iter().any(|tensor| tensor.name == "bias")
    }

    fn conv(&mut self, x: &str, window: Window) -> String {
        let weight = self.constant("weight");
        let bias = self.weight("bias", self.has_bias());
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        let kernel = self.network.tensor(self.path, "weight").shape.last().copied().unwrap_or(1) as i64;
        let attributes = vec![
            ints("kernel_shape", [kernel; 2]),
            ints("strides", [i64::from(window.stride); 2]),
            ints("pads", [window.padding as i64; 4]),
            ints("dilations", [i64::from(window.dilation); 2]),
            int("group", window.groups as i64),
        ];
        self.graph.node("Conv", &inputs, self.path, attributes)
    }

    fn batch_norm(&mut self, x: &str) -> String {
        let names = ["weight", "bias", "running_mean", "running_var"].map(|name| self.constant(name));
        let inputs: Vec<&str> = std::iter::once(x).chain(names.iter().map(String::as_str)).collect();
        self.graph.node("BatchNormalization", &inputs, self.path, vec![float("epsilon", EPSILON)])
    }

    /// GroupNormalization came with opset 18: here it is an instance norm of each group, then scale and shift of each channel.
    fn group_norm(&mut self, x: &str, groups: u32) -> String {
        let FeatureShape::Maps { channels, height, width } = self.placed.input else {
            unreachable!("group norms are placed on maps")
        };
        let groups = groups as usize;
        let grouped = self.graph.integers(self.name("grouped"), &[0, groups as i64, -1]);
        let ones = self.graph.constant(self.name("ones"), &Tensor::new([groups], vec![1.0; groups]));
        let zeros = self.graph.constant(self.name("zeros"), &Tensor::new([groups], vec![0.0; groups]));
        let back = self.graph.integers(self.name("shape"), &[0, channels as i64, height as i64, width as i64]);
        let [scale, shift] = ["weight", "bias"].map(|name| {
            let values = self.network.tensor(self.path, name).values.clone();
            self.graph.constant(self.name(name), &Tensor::new([channels as usize, 1, 1], values))
        });
        let x = self.graph.node("Reshape", &[x, &grouped], self.name("groups"), vec![]);
        let epsilon = vec![float("epsilon", EPSILON)];
        let x = self.graph.node("InstanceNormalization", &[&x, &ones, &zeros], self.name("standardized"), epsilon);
        let x = self.graph.node("Reshape", &[&x, &back], self.name("maps"), vec![]);
        let x = self.graph.node("Mul", &[&x, &scale], self.name("scaled"), vec![]);
        self.graph.node("Add", &[&x, &shift], self.path, vec![])
    }

    /// Over the last axis. `part` names the norm inside a block.
    fn layer_norm(&mut self, x: &str, names: [&str; 2], part: &str) -> String {
        let [scale, shift] = names.map(|name| self.constant(name));
        let output = if part.is_empty() { self.path.to_owned() } else { self.name(part) };
        let attributes = vec![int("axis", -1), float("epsilon", EPSILON)];
        self.graph.node("LayerNormalization", &[x, &scale, &shift], output, attributes)
    }

    fn pool(&mut self, op: &str, x: &str, size: u32, stride: u32) -> String {
        let attributes = vec![ints("kernel_shape", [size.into(); 2]), ints("strides", [stride.into(); 2])];
        self.graph.node(op, &[x], self.path, attributes)
    }

    /// Two products with matrices: the operation Resize takes the size of the batch, too, or factors, which are rounded.
    fn resize(&mut self, x: &str, size: u32) -> String {
        let FeatureShape::Maps { height, width, .. } = self.placed.input else { unreachable!("maps are resized") };
        let mut x = x.to_owned();
        for (axis, part, from, output) in
            [(0, "columns", width, self.name("turned")), (1, "rows", height, self.path.to_owned())]
        {
            let (from, to) = (from as usize, size as usize);
            let weights = turned(&Tensor::new([to, from], bilinear::weights(from, to)));
            let weights = self.graph.constant(self.name(&format!("weights{axis}")), &weights);
            let product = self.graph.node("MatMul", &[&x, &weights], self.name(part), vec![]);
            x = self.graph.node("Transpose", &[&product], output, vec![ints("perm", [0, 1, 3, 2])]);
        }
        x
    }

    fn pooled_skip(&mut self, x: String) -> String {
        let axes = match self.placed.input {
            FeatureShape::Maps { .. } => vec![2, 3],
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => vec![1],
        };
        let attributes = vec![ints("axes", axes), int("keepdims", 0)];
        let averages = self.graph.node("ReduceMean", &[&x], self.name("averages"), attributes);
        let rest = self.inner(x);
        self.graph.node("Concat", &[&averages, &rest], self.path, vec![int("axis", 1)])
    }

    fn global_pool(&mut self, op: &str, x: &str) -> String {
        let axes = match self.placed.input {
            FeatureShape::Maps { .. } => vec![2, 3],
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => vec![1],
        };
        self.graph.node(op, &[x], self.path, vec![ints("axes", axes), int("keepdims", 0)])
    }

    /// On a vector, or on each item of a sequence; the weight is PyTorch's, `[out, in]`.
    fn linear(&mut self, x: &str, [weight, bias]: [Option<String>; 2], output: &str) -> String {
        let weight = weight.unwrap_or_default();
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        if let FeatureShape::Vector { .. } = self.placed.input {
            return self.graph.node("Gemm", &inputs, output, vec![int("transB", 1)]);
        }
        let turned = self.graph.node("Transpose", &[&weight], format!("{output}.turned"), vec![ints("perm", [1, 0])]);
        match bias {
            None => self.graph.node("MatMul", &[x, &turned], output, vec![]),
            Some(bias) => {
                let product = self.graph.node("MatMul", &[x, &turned], format!("{output}.product"), vec![]);
                self.graph.node("Add", &[&product, &bias], output, vec![])
            }
        }
    }

    fn inner(&mut self, mut x: String) -> String {
        for (index, inner) in self.placed.inner.iter().enumerate() {
            x = layer(self.graph, self.network, inner, &format!("{}.layers.{index}", self.path), x);
        }
        x
    }

    fn residual(&mut self, x: String) -> String {
        let shortcut = match &self.placed.shortcut {
            None => x.clone(),
            Some(shortcut) => layer(self.graph, self.network, shortcut, &self.name("shortcut"), x.clone()),
        };
        let x = self.inner(x);
        self.graph.node("Add", &[&x, &shortcut], self.path, vec![])
    }

    fn squeeze_excitation(&mut self, x: &str) -> String {
        let axes = vec![ints("axes", [2, 3]), int("keepdims", 0)];
        let mut gate = self.graph.node("ReduceMean", &[x], self.name("mean"), axes);
        for (part, activation) in [("fc1", "Relu"), ("fc2", "Sigmoid")] {
            let weight = self.constant(&format!("{part}.weight"));
            let bias = self.constant(&format!("{part}.bias"));
            gate = self.graph.node("Gemm", &[&gate, &weight, &bias], self.name(part), vec![int("transB", 1)]);
            gate = self.graph.node(activation, &[&gate], self.name(&format!("{part}.activation")), vec![]);
        }
        let shape = self.graph.integers(self.name("shape"), &[0, -1, 1, 1]);
        let gate = self.graph.node("Reshape", &[&gate, &shape], self.name("gate"), vec![]);
        self.graph.node("Mul", &[x, &gate], self.path, vec![])
    }

    fn rows(&mut self, x: &str) -> String {
        let FeatureShape::Sequence { length, features } = self.placed.output else {
            unreachable!("rows are a sequence")
        };
        let shape = self.graph.integers(self.name("shape"), &[0, length as i64, features as i64]);
        let turned = self.graph.node("Transpose", &[x], self.name("turned"), vec![ints("perm", [0, 2, 1, 3])]);
        self.graph.node("Reshape", &[&turned, &shape], self.path, vec![])
    }

    /// ONNX has the sequence first and the batch second, and other orders of gates than PyTorch.
    fn recurrent(&mut self, x: &str, cell: Cell, states: States) -> String {
        let (op, order): (&str, &[usize]) = match cell {
            // Input, output, forget, candidate; PyTorch: input, forget, candidate, output.
            Cell::Lstm => ("LSTM", &[0, 3, 1, 2]),
            // Update, reset, candidate; PyTorch: reset, update, candidate.
            Cell::Gru => ("GRU", &[1, 0, 2]),
        };
        let units = self.network.tensor(self.path, "weight_hh_l0").shape.last().copied().unwrap_or(1);
        let reordered = |name: &str| {
            let tensor = self.network.tensor(self.path, name);
            let gate_len = tensor.values.len() / order.len();
            let gates: Vec<&[f32]> = tensor.values.chunks_exact(gate_len.max(1)).collect();
            let values = order.iter().filter_map(|&gate| gates.get(gate)).flat_map(|gate| gate.iter().copied());
            let shape: Vec<usize> = std::iter::once(1).chain(tensor.shape.iter().copied()).collect();
            Tensor::new(shape, values.collect())
        };
        let [of_item, of_state] = ["weight_ih_l0", "weight_hh_l0"].map(reordered);
        let [item_bias, state_bias] = ["bias_ih_l0", "bias_hh_l0"].map(reordered);
        let both = Tensor::new([1, 2 * order.len() * units], [item_bias.values, state_bias.values].concat());
        let of_item = self.graph.constant(self.name("of_item"), &of_item);
        let of_state = self.graph.constant(self.name("of_state"), &of_state);
        let both = self.graph.constant(self.name("biases"), &both);
        let items = self.graph.node("Transpose", &[x], self.name("items"), vec![ints("perm", [1, 0, 2])]);
        let mut attributes = vec![int("hidden_size", units as i64)];
        if cell == Cell::Gru {
            // The reset gate scales the state's contribution including its bias, as in PyTorch.
            attributes.push(int("linear_before_reset", 1));
        }
        let inputs = [items.as_str(), &of_item, &of_state, &both];
        let (all, last) = (self.name("states"), self.name("last"));
        let axis = self.graph.integers(self.name("direction"), &[if states == States::All { 1 } else { 0 }]);
        match states {
            // [1, batch, units]
            States::Last => {
                self.graph.node_with_outputs(op, &inputs, &["", &last], attributes);
                self.graph.node("Squeeze", &[&last, &axis], self.path, vec![])
            }
            // [length, 1, batch, units]
            States::All => {
                self.graph.node_with_outputs(op, &inputs, &[&all], attributes);
                let squeezed = self.graph.node("Squeeze", &[&all, &axis], self.name("squeezed"), vec![]);
                self.graph.node("Transpose", &[&squeezed], self.path, vec![ints("perm", [1, 0, 2])])
            }
        }
    }

    fn patch_embedding(&mut self, x: &str, size: u32) -> String {
        let FeatureShape::Sequence { length, features } = self.placed.output else {
            unreachable!("patches are a sequence")
        };
        let [weight, bias] = ["projection.weight", "projection.bias"].map(|name| self.constant(name));
        let attributes = vec![ints("kernel_shape", [size.into(); 2]), ints("strides", [size.into(); 2])];
        let maps = self.graph.node("Conv", &[x, &weight, &bias], self.name("projection"), attributes);
        let shape = self.graph.integers(self.name("shape"), &[0, features as i64, length as i64]);
        let flat = self.graph.node("Reshape", &[&maps, &shape], self.name("flat"), vec![]);
        self.graph.node("Transpose", &[&flat], self.path, vec![ints("perm", [0, 2, 1])])
    }

    fn transformer_block(&mut self, x: &str, heads: u32) -> String {
        let normalized = self.layer_norm(x, ["norm1.weight", "norm1.bias"], "norm1");
        let attended = self.attention(&normalized, heads);
        let x = self.graph.node("Add", &[x, &attended], self.name("attended"), vec![]);
        let normalized = self.layer_norm(&x, ["norm2.weight", "norm2.bias"], "norm2");
        let hidden = self.part("linear1", &normalized);
        let name = self.name("gelu");
        let hidden = gelu(self.graph, &hidden, &name);
        let added = self.part("linear2", &hidden);
        self.graph.node("Add", &[&x, &added], self.path, vec![])
    }

    /// A linear layer inside the block.
    fn part(&mut self, part: &str, x: &str) -> String {
        let names = ["weight", "bias"].map(|name| Some(self.constant(&format!("{part}.{name}"))));
        self.linear(x, names, &self.name(part))
    }

    fn attention(&mut self, x: &str, heads: u32) -> String {
        let FeatureShape::Sequence { length, features } = self.placed.input else {
            unreachable!("transformer blocks are placed on sequences")
        };
        let (length, heads, features) = (length as usize, heads as usize, features as usize);
        let per_head = features / heads.max(1);
        let shape = [0, length as i64, heads as i64, per_head as i64];
        let split = self.graph.integers(self.name("self_attn.heads"), &shape);
        let [weight, bias] = ["in_proj_weight", "in_proj_bias"]
            .map(|name| self.network.tensor(self.path, &format!("self_attn.{name}")).values.clone());
        let mut parts = Vec::new();
        for (index, part) in ["queries", "keys", "values"].into_iter().enumerate() {
            let name = self.name(&format!("self_attn.{part}"));
            let third = |all: &[f32]| all.chunks_exact((all.len() / 3).max(1)).nth(index).unwrap_or_default().to_vec();
            let weight =
                self.graph.constant(format!("{name}.weight"), &Tensor::new([features, features], third(&weight)));
            let bias = self.graph.constant(format!("{name}.bias"), &Tensor::new([features], third(&bias)));
            let projected = self.linear(x, [Some(weight), Some(bias)], &format!("{name}.projected"));
            let split = self.graph.node("Reshape", &[&projected, &split], format!("{name}.split"), vec![]);
            // [batch, heads, length, per_head]; keys [batch, heads, per_head, length]
            let order = if part == "keys" { [0, 2, 3, 1] } else { [0, 2, 1, 3] };
            parts.push(self.graph.node("Transpose", &[&split], name, vec![ints("perm", order)]));
        }
        let [queries, keys, values] = &parts[..] else { unreachable!("queries, keys and values") };
        let scale = Tensor::new([], vec![1.0 / (per_head as f32).sqrt()]);
        let scale = self.graph.constant(self.name("self_attn.scale"), &scale);
        let scores = self.graph.node("MatMul", &[queries, keys], self.name("self_attn.products"), vec![]);
        let scores = self.graph.node("Mul", &[&scores, &scale], self.name("self_attn.scores"), vec![]);
        let shares = self.graph.node("Softmax", &[&scores], self.name("self_attn.shares"), vec![int("axis", -1)]);
        let attended = self.graph.node("MatMul", &[&shares, values], self.name("self_attn.sums"), vec![]);
        let order = vec![ints("perm", [0, 2, 1, 3])];
        let attended = self.graph.node("Transpose", &[&attended], self.name("self_attn.turned"), order);
        let shape = self.graph.integers(self.name("self_attn.shape"), &[0, length as i64, features as i64]);
        let joined = self.graph.node("Reshape", &[&attended, &shape], self.name("self_attn.joined"), vec![]);
        self.part("self_attn.out_proj", &joined)
    }
}

/// Channels of maps, length of a sequence or vector.
fn first_side(shape: FeatureShape) -> u64 {
    match shape {
        FeatureShape::Maps { channels, .. } => channels,
        FeatureShape::Sequence { length, .. } | FeatureShape::Vector { length } => length,
    }
}
