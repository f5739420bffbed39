//! The Keras layers of each of Kindling's. Maps are `[height, width, channels]` there. `x` is the name of the layer that gives the input, the
//! returned name that of the layer that gives the output.

use kindling_core::config::{Activation, Layer, States};
use kindling_core::network::bilinear;
use kindling_core::network::shape::maps::padding_of;
use kindling_core::network::shape::{FeatureShape, PlacedLayer, layer_name};
use serde_json::{Value, json};

use super::super::channels_last::{Kernel, turned};
use super::super::description::extended;
use super::{GraphBuilder, NAME};
use crate::error::ExchangeError;
use crate::trained::{Tensor, TrainedNetwork};

const EPSILON: f32 = 1e-5;

pub fn layer(
    graph: &mut GraphBuilder,
    network: &TrainedNetwork,
    placed: &PlacedLayer,
    path: &str,
    x: String,
) -> Result<String, ExchangeError> {
    let mut writer = LayerWriter { graph, network, path, placed };
    Ok(match &placed.layer {
        Layer::Conv { stride, padding, kernel, dilation, groups, .. } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            writer.conv(&x, Sliding { stride: *stride, padding, dilation: *dilation }, *groups as usize)
        }
        Layer::DepthwiseConv { stride, padding, kernel, dilation, .. } => {
            let padding = padding_of(*kernel, *dilation, *padding);
            writer.depthwise_conv(&x, Sliding { stride: *stride, padding, dilation: *dilation })
        }
        Layer::BatchNorm => {
            let [scale, shift, mean, variance] =
                ["weight", "bias", "running_mean", "running_var"].map(|name| writer.tensor(name).clone());
            writer.batch_norm(&x, path, [scale, shift, mean, variance])
        }
        Layer::GroupNorm { groups } => writer.group_norm(&x, *groups as usize),
        Layer::LayerNorm => match placed.input {
            FeatureShape::Maps { .. } => writer.group_norm(&x, 1),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => writer.layer_norm(&x, "", path),
        },
        Layer::Activation(activation) => writer.activation(&x, *activation, path),
        Layer::MaxPool { size, stride } => writer.pool("MaxPooling2D", &x, *size, *stride),
        Layer::AveragePool { size, stride } => writer.pool("AveragePooling2D", &x, *size, *stride),
        Layer::GlobalAveragePool => writer.global_pool("Average", &x),
        Layer::GlobalMaxPool => writer.global_pool("Max", &x),
        // Inference keeps every value.
        Layer::Dropout { .. } | Layer::SpatialDropout { .. } => x,
        Layer::Flatten => writer.flatten(&x),
        Layer::Linear { .. } | Layer::Classifier { .. } => {
            let bias = placed.tensors.iter().any(|tensor| tensor.name == "bias").then(|| writer.tensor("bias").clone());
            let weight = writer.tensor("weight").clone();
            writer.dense(&x, path, &weight, bias, "linear")
        }
        Layer::Residual { .. } => {
            let shortcut = match &placed.shortcut {
                None => x.clone(),
                Some(shortcut) => layer(writer.graph, network, shortcut, &format!("{path}.shortcut"), x.clone())?,
            };
            let x = writer.inner(x)?;
            writer.graph.layer("Add", path, &[&x, &shortcut], json!({}), vec![])
        }
        Layer::PooledSkip { .. } => {
            let averages = writer.global_average(&x);
            let rest = writer.inner(x)?;
            writer.graph.layer("Concatenate", path, &[&averages, &rest], json!({ "axis": -1 }), vec![])
        }
        Layer::Resize { size } => writer.resize(&x, *size as usize),
        Layer::DepthwiseSeparable { .. } => writer.inner(x)?,
        Layer::SqueezeExcitation { .. } => writer.squeeze_excitation(&x),
        Layer::Rows => writer.rows(&x),
        Layer::Lstm { units, states } => writer.lstm(&x, *units, *states),
        Layer::Gru { .. } => {
            let reason = "its GRU applies the reset gate before the matrix product, PyTorch's and Kindling's after it";
            let name = layer_name(&placed.layer);
            return Err(ExchangeError::CannotHold { format: NAME, layer: counted(path), name, reason });
        }
        Layer::PatchEmbedding { size, features } => writer.patch_embedding(&x, *size, *features),
        Layer::PositionEmbedding => writer.position_embedding(&x),
        Layer::TransformerBlock { heads, .. } => writer.transformer_block(&x, *heads as usize),
    })
}

/// `3.layers.1` as people count layers: `4.2`.
pub fn counted(path: &str) -> String {
    let numbers = path.split('.').filter_map(|part| part.parse::<usize>().ok());
    numbers.map(|number| (number + 1).to_string()).collect::<Vec<_>>().join(".")
}

/// The fields of a pooling layer.
pub fn window(size: [usize; 2], strides: [usize; 2]) -> Value {
    json!({ "pool_size": size, "strides": strides, "padding": "valid", "data_format": "channels_last" })
}

struct Sliding {
    stride: u32,
    padding: u64,
    dilation: u32,
}

/// Writes the layers of one layer, whose names begin with its path.
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

    fn tensor(&self, name: &str) -> &Tensor {
        self.network.tensor(self.path, name)
    }

    fn bias(&self) -> Option<Tensor> {
        self.placed.tensors.iter().any(|tensor| tensor.name == "bias").then(|| self.tensor("bias").clone())
    }

    /// Zeros on all sides: Keras's own "same" padding puts more of them at the end where strides leave a choice.
    fn pad(&mut self, x: &str, padding: u64) -> String {
        if padding == 0 {
            return x.to_owned();
        }
        let config = json!({ "padding": [[padding, padding], [padding, padding]], "data_format": "channels_last" });
        self.graph.layer("ZeroPadding2D", &self.name("padding"), &[x], config, vec![])
    }

    fn conv(&mut self, x: &str, sliding: Sliding, groups: usize) -> String {
        let weight = self.tensor("weight");
        let filters = weight.shape.first().copied().unwrap_or_default();
        // TensorFlow.js has no groups: a filter gets zeros for the channels of other groups.
        let kernel = Kernel::of(weight, sliding.stride, sliding.dilation).ungrouped(groups);
        let bias = self.bias();
        let x = self.pad(x, sliding.padding);
        let config = extended(sliding_fields(&kernel, bias.is_some()), [("filters", filters.into())]);
        let weights = std::iter::once(("kernel", kernel.hwio())).chain(bias.map(|bias| ("bias", bias))).collect();
        self.graph.layer("Conv2D", self.path, &[&x], config, weights)
    }

    fn depthwise_conv(&mut self, x: &str, sliding: Sliding) -> String {
        let kernel = Kernel::of(self.tensor("weight"), sliding.stride, sliding.dilation);
        let bias = self.bias();
        let x = self.pad(x, sliding.padding);
        let config = extended(sliding_fields(&kernel, bias.is_some()), [("depth_multiplier", 1.into())]);
        let weights =
            std::iter::once(("depthwise_kernel", kernel.hwci())).chain(bias.map(|bias| ("bias", bias))).collect();
        self.graph.layer("DepthwiseConv2D", self.path, &[&x], config, weights)
    }

    fn batch_norm(&mut self, x: &str, name: &str, [scale, shift, mean, variance]: [Tensor; 4]) -> String {
        let config = json!({ "axis": -1, "momentum": 0.9, "epsilon": EPSILON, "center": true, "scale": true });
        let weights = vec![("gamma", scale), ("beta", shift), ("moving_mean", mean), ("moving_variance", variance)];
        self.graph.layer("BatchNormalization", name, &[x], config, weights)
    }

    /// Scale and shift of each value of the last axis: a batch norm whose statistics change nothing.
    fn scale_and_shift(&mut self, x: &str, name: &str, scale: Vec<f32>, shift: Vec<f32>) -> String {
        let vector = |values: Vec<f32>| Tensor::new([values.len()], values);
        let n_values = scale.len();
        let statistics = [vec![0.0; n_values], vec![1.0 - EPSILON; n_values]].map(vector);
        let [mean, variance] = statistics;
        self.batch_norm(x, name, [vector(scale), vector(shift), mean, variance])
    }

    /// A layer norm over each group of channels, then scale and shift of each channel.
    fn group_norm(&mut self, x: &str, groups: usize) -> String {
        let FeatureShape::Maps { channels, height, width } = self.placed.input else {
            unreachable!("group norms are placed on maps")
        };
        let [channels, height, width] = [channels, height, width].map(|side| side as usize);
        let per_group = channels / groups.max(1);
        // [groups, height · width · channels of the group]
        let x = self.reshape(x, "split", &[height * width, groups, per_group]);
        let x = self.permute(&x, "by_group", [2, 1, 3]);
        let x = self.reshape(&x, "flat", &[groups, height * width * per_group]);
        let config = json!({ "axis": -1, "epsilon": EPSILON, "center": false, "scale": false });
        let x = self.graph.layer("LayerNormalization", &self.name("standardized"), &[&x], config, vec![]);
        let x = self.reshape(&x, "unflat", &[groups, height * width, per_group]);
        let x = self.permute(&x, "by_place", [2, 1, 3]);
        let x = self.reshape(&x, "maps", &[height, width, channels]);
        let [scale, shift] = ["weight", "bias"].map(|name| self.tensor(name).values.clone());
        self.scale_and_shift(&x, self.path, scale, shift)
    }

    fn layer_norm(&mut self, x: &str, part: &str, name: &str) -> String {
        let [scale, shift] = ["weight", "bias"].map(|name| self.tensor(&format!("{part}{name}")).clone());
        let config = json!({ "axis": -1, "epsilon": EPSILON, "center": true, "scale": true });
        self.graph.layer("LayerNormalization", name, &[x], config, vec![("gamma", scale), ("beta", shift)])
    }

    fn activation(&mut self, x: &str, activation: Activation, name: &str) -> String {
        let function = match activation {
            Activation::LeakyRelu => {
                return self.graph.layer("LeakyReLU", name, &[x], json!({ "alpha": 0.01 }), vec![]);
            }
            Activation::Relu6 => {
                return self.graph.layer("ReLU", name, &[x], json!({ "max_value": 6 }), vec![]);
            }
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::Silu => "swish",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
        };
        self.graph.layer("Activation", name, &[x], json!({ "activation": function }), vec![])
    }

    fn pool(&mut self, class: &str, x: &str, size: u32, stride: u32) -> String {
        let config = window([size as usize; 2], [stride as usize; 2]);
        self.graph.layer(class, self.path, &[x], config, vec![])
    }

    /// The averages of a skip connection.
    fn global_average(&mut self, x: &str) -> String {
        let (kind, config) = match self.placed.input {
            FeatureShape::Maps { .. } => ("GlobalAveragePooling2D", json!({ "data_format": "channels_last" })),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => ("GlobalAveragePooling1D", json!({})),
        };
        self.graph.layer(kind, &self.name("averages"), &[x], config, vec![])
    }

    /// Two products with matrices: Keras's own layer interpolates between the corners of pixels there.
    fn resize(&mut self, x: &str, side: usize) -> String {
        let FeatureShape::Maps { height, width, .. } = self.placed.input else { unreachable!("maps are resized") };
        let weights = |from: u64| Tensor::new([side, from as usize], bilinear::weights(from as usize, side));
        let x = self.permute(x, "columns_last", [1, 3, 2]);
        let x = self.dense(&x, &self.name("columns"), &weights(width), None, "linear");
        let x = self.permute(&x, "rows_last", [3, 2, 1]);
        let x = self.dense(&x, &self.name("rows"), &weights(height), None, "linear");
        let config = json!({ "dims": [3, 1, 2] });
        self.graph.layer("Permute", self.path, &[&x], config, vec![])
    }

    fn global_pool(&mut self, kind: &str, x: &str) -> String {
        match self.placed.input {
            FeatureShape::Maps { .. } => {
                let config = json!({ "data_format": "channels_last" });
                self.graph.layer(&format!("Global{kind}Pooling2D"), self.path, &[x], config, vec![])
            }
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => {
                self.graph.layer(&format!("Global{kind}Pooling1D"), self.path, &[x], json!({}), vec![])
            }
        }
    }

    /// Channel by channel, as the layers after it are trained on.
    fn flatten(&mut self, x: &str) -> String {
        let x = match self.placed.input {
            FeatureShape::Maps { .. } => self.permute(x, "by_channel", [3, 1, 2]),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => x.to_owned(),
        };
        let n_values = self.placed.input.n_values() as usize;
        self.graph.layer("Reshape", self.path, &[&x], json!({ "target_shape": [n_values] }), vec![])
    }

    /// On a vector, or on each item of a sequence. `weight` is PyTorch's, `[out, in]`.
    fn dense(&mut self, x: &str, name: &str, weight: &Tensor, bias: Option<Tensor>, activation: &str) -> String {
        let units = weight.shape.first().copied().unwrap_or_default();
        let config = json!({ "units": units, "activation": activation, "use_bias": bias.is_some() });
        let weights = std::iter::once(("kernel", turned(weight))).chain(bias.map(|bias| ("bias", bias))).collect();
        self.graph.layer("Dense", name, &[x], config, weights)
    }

    fn reshape(&mut self, x: &str, part: &str, shape: &[usize]) -> String {
        self.graph.layer("Reshape", &self.name(part), &[x], json!({ "target_shape": shape }), vec![])
    }

    /// Axes count from 1: the batch stays.
    fn permute(&mut self, x: &str, part: &str, order: [usize; 3]) -> String {
        self.graph.layer("Permute", &self.name(part), &[x], json!({ "dims": order }), vec![])
    }

    fn inner(&mut self, mut x: String) -> Result<String, ExchangeError> {
        for (index, inner) in self.placed.inner.iter().enumerate() {
            x = layer(self.graph, self.network, inner, &format!("{}.layers.{index}", self.path), x)?;
        }
        Ok(x)
    }

    fn squeeze_excitation(&mut self, x: &str) -> String {
        let channels = match self.placed.input {
            FeatureShape::Maps { channels, .. } => channels as usize,
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => {
                unreachable!("squeeze and excitation is placed on maps")
            }
        };
        let config = json!({ "data_format": "channels_last" });
        let mut gates = self.graph.layer("GlobalAveragePooling2D", &self.name("mean"), &[x], config, vec![]);
        for (part, activation) in [("fc1", "relu"), ("fc2", "sigmoid")] {
            let [weight, bias] = ["weight", "bias"].map(|name| self.tensor(&format!("{part}.{name}")).clone());
            gates = self.dense(&gates, &self.name(part), &weight, Some(bias), activation);
        }
        let gates = self.reshape(&gates, "gates", &[1, 1, channels]);
        self.graph.layer("Multiply", self.path, &[x, &gates], json!({}), vec![])
    }

    fn rows(&mut self, x: &str) -> String {
        let FeatureShape::Sequence { length, features } = self.placed.output else {
            unreachable!("rows are a sequence")
        };
        let x = self.permute(x, "by_row", [1, 3, 2]);
        self.graph.layer("Reshape", self.path, &[&x], json!({ "target_shape": [length, features] }), vec![])
    }

    /// Keras has PyTorch's order of gates, and one bias.
    fn lstm(&mut self, x: &str, units: u32, states: States) -> String {
        let [of_item, of_state] = ["weight_ih_l0", "weight_hh_l0"].map(|name| turned(self.tensor(name)));
        let (one, other) = (self.tensor("bias_ih_l0"), self.tensor("bias_hh_l0"));
        let bias = one.values.iter().zip(&other.values).map(|(one, other)| one + other).collect();
        let bias = Tensor::new(one.shape.clone(), bias);
        let config = json!({
            "units": units, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": true, "unit_forget_bias": false,
            "return_sequences": states == States::All, "implementation": 1,
        });
        let weights = vec![("kernel", of_item), ("recurrent_kernel", of_state), ("bias", bias)];
        self.graph.layer("LSTM", self.path, &[x], config, weights)
    }

    fn patch_embedding(&mut self, x: &str, size: u32, features: u32) -> String {
        let FeatureShape::Sequence { length, .. } = self.placed.output else { unreachable!("patches are a sequence") };
        let kernel = Kernel::of(self.tensor("projection.weight"), size, 1);
        let config = extended(sliding_fields(&kernel, true), [("filters", features.into())]);
        let weights = vec![("kernel", kernel.hwio()), ("bias", self.tensor("projection.bias").clone())];
        let x = self.graph.layer("Conv2D", &self.name("projection"), &[x], config, weights);
        self.graph.layer("Reshape", self.path, &[&x], json!({ "target_shape": [length, features] }), vec![])
    }

    /// Keras has no layer that adds a constant to each feature of each item, but its batch norm shifts each value of a vector.
    fn position_embedding(&mut self, x: &str) -> String {
        let FeatureShape::Sequence { length, features } = self.placed.input else {
            unreachable!("positions are added to sequences")
        };
        let n_values = (length * features) as usize;
        let x = self.reshape(x, "flat", &[n_values]);
        let positions = self.tensor("positions").values.clone();
        let x = self.scale_and_shift(&x, &self.name("added"), vec![1.0; n_values], positions);
        self.graph.layer("Reshape", self.path, &[&x], json!({ "target_shape": [length, features] }), vec![])
    }

    fn transformer_block(&mut self, x: &str, heads: usize) -> String {
        let normalized = self.layer_norm(x, "norm1.", &self.name("norm1"));
        let attended = self.attention(&normalized, heads);
        let x = self.graph.layer("Add", &self.name("attended"), &[x, &attended], json!({}), vec![]);
        let normalized = self.layer_norm(&x, "norm2.", &self.name("norm2"));
        let mut hidden = normalized;
        for (part, activation) in [("linear1", "gelu"), ("linear2", "linear")] {
            let [weight, bias] = ["weight", "bias"].map(|name| self.tensor(&format!("{part}.{name}")).clone());
            hidden = self.dense(&hidden, &self.name(part), &weight, Some(bias), activation);
        }
        self.graph.layer("Add", self.path, &[&x, &hidden], json!({}), vec![])
    }

    /// Head by head, because Keras's products of stacks of matrices are of one stack.
    fn attention(&mut self, x: &str, heads: usize) -> String {
        let weight = self.tensor("self_attn.in_proj_weight").clone();
        let bias = self.tensor("self_attn.in_proj_bias").clone();
        let features = weight.shape.last().copied().unwrap_or_default();
        let per_head = features / heads.max(1);
        let mut outputs = Vec::new();
        for head in 0..heads {
            let mut project = |kind: usize, part: &str, scale: f32| {
                let first = kind * features + head * per_head;
                let scaled = |values: &[f32], per_row: usize| {
                    let rows = values.iter().skip(first * per_row).take(per_head * per_row);
                    rows.map(|value| value * scale).collect::<Vec<f32>>()
                };
                let weight = Tensor::new([per_head, features], scaled(&weight.values, features));
                let bias = Tensor::new([per_head], scaled(&bias.values, 1));
                self.dense(x, &format!("{}.self_attn.{part}{head}", self.path), &weight, Some(bias), "linear")
            };
            // The scale of the scores is part of the queries.
            let queries = project(0, "queries", 1.0 / (per_head as f32).sqrt());
            let keys = project(1, "keys", 1.0);
            let values = project(2, "values", 1.0);
            let name = |part: &str| format!("{}.self_attn.{part}{head}", self.path);
            let dot = |axes: [usize; 2]| json!({ "axes": axes, "normalize": false });
            let (scores, shares, sums) = (name("scores"), name("shares"), name("sums"));
            let scores = self.graph.layer("Dot", &scores, &[&queries, &keys], dot([2, 2]), vec![]);
            let softmax = json!({ "activation": "softmax" });
            let shares = self.graph.layer("Activation", &shares, &[&scores], softmax, vec![]);
            outputs.push(self.graph.layer("Dot", &sums, &[&shares, &values], dot([2, 1]), vec![]));
        }
        let joined = match &outputs[..] {
            [only] => only.clone(),
            _ => {
                let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
                self.graph.layer("Concatenate", &self.name("self_attn.joined"), &outputs, json!({ "axis": -1 }), vec![])
            }
        };
        let [weight, bias] = ["weight", "bias"].map(|name| self.tensor(&format!("self_attn.out_proj.{name}")).clone());
        self.dense(&joined, &self.name("self_attn.out_proj"), &weight, Some(bias), "linear")
    }
}

/// The fields of a convolution.
fn sliding_fields(kernel: &Kernel, has_bias: bool) -> Value {
    let [_, _, height, width] = kernel.shape;
    let (strides, dilation) = ([kernel.stride; 2], [kernel.dilation; 2]);
    json!({
        "kernel_size": [height, width], "strides": strides, "dilation_rate": dilation,
        "padding": "valid", "data_format": "channels_last", "activation": "linear", "use_bias": has_bias,
    })
}
