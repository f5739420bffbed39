//! The layers of an ONNX graph's nodes. What a layer cannot express is refused with the node's name.

use std::collections::BTreeMap;

use kindling_core::config::{Activation, Layer, Padding};

use super::Scaling;
use super::graph::{Ending, named};
use super::node::{Constants, EPSILON, Reading};
use crate::error::ExchangeError;
use crate::onnx_messages::Node;
use crate::trained::Tensor;

const LEAKY_SLOPE: f32 = 0.01;
/// Constants of functions are compared after rounding to this.
const CLOSE: f32 = 1e-4;

/// A layer with its tensors.
#[derive(Clone, Debug)]
pub struct Built {
    /// Of the node that it was made from.
    pub node: String,
    pub layer: Layer,
    pub tensors: Vec<(&'static str, Tensor)>,
    /// The layers in a block.
    pub inner: Vec<Built>,
}

impl Built {
    /// Adds the tensors under their full names.
    pub fn name(self, path: &str, all: &mut BTreeMap<String, Tensor>) {
        all.extend(self.tensors.into_iter().map(|(name, tensor)| (format!("{path}.{name}"), tensor)));
        for (index, inner) in self.inner.into_iter().enumerate() {
            inner.name(&format!("{path}.layers.{index}"), all);
        }
    }
}

/// What a layer passes on, as far as it decides about the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Maps,
    /// A vector that the graph still holds as maps of one place.
    Pooled,
    Vector,
}

/// Layers, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    pub built: Vec<Built>,
    pub ending: Ending,
    form: Form,
    /// Whether a GELU lacks its factor of one half, which is a node of its own.
    awaits_half: bool,
}

/// A layer that computes `factor · x + shift` for each channel, if the network of another tool expects other pixels than Kindling's.
pub fn scaled(Scaling { mean, std }: &Scaling, channels: u32) -> Result<Option<Built>, ExchangeError> {
    let bad = ExchangeError::Incomplete("mean and std are one finite number, or one for each channel; std is not 0");
    let fits = |values: &[f32]| values.len() == 1 || values.len() == channels as usize;
    let are_sound = mean.iter().chain(std).all(|value| value.is_finite()) && std.iter().all(|value| *value != 0.0);
    if !fits(mean) || !fits(std) || !are_sound {
        return Err(bad);
    }
    let pairs: Vec<(f32, f32)> =
        mean.iter().cycle().zip(std.iter().cycle()).take(channels as usize).map(|(mean, std)| (*mean, *std)).collect();
    let factors: Vec<f32> = pairs.iter().map(|(_, std)| 0.5 / std).collect();
    let shifts: Vec<f32> = pairs.iter().map(|(mean, std)| (0.5 - mean) / std).collect();
    if factors.iter().all(|factor| *factor == 1.0) && shifts.iter().all(|shift| *shift == 0.0) {
        return Ok(None);
    }
    let n = channels as usize;
    Ok(Some(Built {
        node: "the scale of the pixels".to_owned(),
        layer: Layer::DepthwiseConv { kernel: 1, stride: 1, padding: Padding::Valid, dilation: 1, bias: true },
        tensors: vec![("weight", Tensor::new([n, 1, 1, 1], factors)), ("bias", Tensor::new([n], shifts))],
        inner: Vec::new(),
    }))
}

impl Chain {
    /// The start of a branch.
    pub fn inside(&self) -> Self {
        Self { form: self.form, ..Self::default() }
    }

    fn add(&mut self, node: &Node, layer: Layer, tensors: Vec<(&'static str, Tensor)>) {
        self.built.push(Built { node: named(node), layer, tensors, inner: Vec::new() });
    }

    /// Adds a node that reads one value besides constants.
    pub fn push(&mut self, node: &Node, constants: Constants) -> Result<(), ExchangeError> {
        let reading = Reading { node, constants };
        self.push_node(&reading).map_err(|reason| ExchangeError::Node { node: named(node), reason })
    }

    fn push_node(&mut self, reading: &Reading) -> Result<(), String> {
        let node = reading.node;
        let op = node.op_type.as_str();
        if std::mem::take(&mut self.awaits_half) != (op == "Mul" && is_close(reading.factor(), 0.5)) {
            return Err(NO_PRODUCT.to_owned());
        }
        if self.ending != Ending::Logits && !matches!(op, "Identity") {
            return Err("it follows the softmax, which must be the end".to_owned());
        }
        let is_spatial = matches!(op, "Conv" | "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool");
        if is_spatial && self.form != Form::Maps {
            return Err("it follows a global pool or a flatten".to_owned());
        }
        match op {
            // Inference keeps every value; a product can only be the end of a GELU.
            "Identity" | "Dropout" | "Mul" => {}
            "Cast" if reading.int("to", 0) == i64::from(crate::onnx_messages::element::FLOAT) => {}
            "Conv" => {
                let (layer, tensors) = reading.conv()?;
                self.add(node, layer, tensors);
            }
            "BatchNormalization" => self.add(node, Layer::BatchNorm, reading.batch_norm()?),
            "Relu" => self.add(node, Layer::Activation(Activation::Relu), vec![]),
            "Sigmoid" => self.add(node, Layer::Activation(Activation::Sigmoid), vec![]),
            "Tanh" => self.add(node, Layer::Activation(Activation::Tanh), vec![]),
            "LeakyRelu" => match reading.float("alpha", LEAKY_SLOPE) {
                slope if (slope - LEAKY_SLOPE).abs() < CLOSE * LEAKY_SLOPE => {
                    self.add(node, Layer::Activation(Activation::LeakyRelu), vec![]);
                }
                slope => return Err(format!("its slope is {slope} instead of {LEAKY_SLOPE}")),
            },
            "Clip" => match (reading.limit(1, "min"), reading.limit(2, "max")) {
                (Some(0.0), Some(6.0)) => self.add(node, Layer::Activation(Activation::Relu6), vec![]),
                _ => return Err("only a clip to 0 and 6, which is ReLU6, is a layer".to_owned()),
            },
            "Gelu" if reading.text("approximate").is_none_or(|kind| kind == b"none") => {
                self.add(node, Layer::Activation(Activation::Gelu), vec![]);
            }
            "MaxPool" | "AveragePool" => {
                let (size, stride) = reading.pool()?;
                let layer = match op {
                    "MaxPool" => Layer::MaxPool { size, stride },
                    _ => Layer::AveragePool { size, stride },
                };
                self.add(node, layer, vec![]);
            }
            "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" | "ReduceMax" => {
                let keeps_axes = reading.global_pool()?;
                let is_mean = matches!(op, "GlobalAveragePool" | "ReduceMean");
                let layer = if is_mean { Layer::GlobalAveragePool } else { Layer::GlobalMaxPool };
                self.add(node, layer, vec![]);
                self.form = if keeps_axes { Form::Pooled } else { Form::Vector };
            }
            "Flatten" | "Reshape" | "Squeeze" => {
                if op != "Squeeze" {
                    reading.check_flattens()?;
                } else if self.form != Form::Pooled {
                    return Err("only maps of one place, as a global pool makes them, may be squeezed".to_owned());
                }
                if self.form == Form::Maps {
                    self.add(node, Layer::Flatten, vec![]);
                }
                self.form = Form::Vector;
            }
            "Gemm" | "MatMul" => {
                if self.form != Form::Vector {
                    return Err("it multiplies maps instead of a vector: a flatten is missing".to_owned());
                }
                let (layer, tensors) = reading.linear()?;
                self.add(node, layer, tensors);
            }
            "Add" => {
                let shift = reading.any_floats().ok_or("what it adds is not of floats")?;
                self.shift_last(&shift.values).ok_or("only a bias may be added to a convolution or a product")?;
            }
            "Softmax" | "LogSoftmax" if self.form == Form::Vector => {
                self.ending = if op == "Softmax" { Ending::Probabilities } else { Ending::LogProbabilities };
            }
            _ => return Err("there is no such layer".to_owned()),
        }
        Ok(())
    }

    /// Adds a sum of two branches.
    pub fn push_residual(&mut self, node: &Node, branches: [Self; 2]) -> Result<(), ExchangeError> {
        let refuse = |reason: &str| Err(ExchangeError::Node { node: named(node), reason: reason.to_owned() });
        if branches.iter().any(|branch| branch.form != self.form || branch.ending != Ending::Logits) {
            return refuse("a branch of a sum may neither flatten nor end in a softmax");
        }
        let [mut main, mut shortcut] = branches;
        if main.built.len() < shortcut.built.len() {
            std::mem::swap(&mut main, &mut shortcut);
        }
        let mut tensors = Vec::new();
        if !shortcut.built.is_empty() {
            let Some((weight, shift)) = projection(shortcut.built) else {
                return refuse("the shorter branch is neither empty nor a convolution of 1 x 1 or a linear layer");
            };
            tensors.push(("shortcut.weight", weight));
            if shift.iter().any(|value| *value != 0.0) && main.shift_last(&shift).is_none() {
                return refuse("the shorter branch has a bias that no layer of the longer one can take");
            }
        }
        if main.built.is_empty() {
            return refuse("it adds a value to itself");
        }
        let layers = main.built.iter().map(|built| built.layer.clone()).collect();
        self.built.push(Built { node: named(node), layer: Layer::Residual { layers }, tensors, inner: main.built });
        Ok(())
    }

    /// Adds a product of a value with a function of it: `x σ(x)`, or `x Φ(x)`. The branches' nodes are in reverse order.
    pub fn push_gate(
        &mut self,
        node: &Node,
        branches: [Vec<&Node>; 2],
        constants: Constants,
    ) -> Result<(), ExchangeError> {
        let gate = match &branches {
            [plain, gate] | [gate, plain] if plain.is_empty() => gate,
            _ => return Err(ExchangeError::Node { node: named(node), reason: NO_PRODUCT.to_owned() }),
        };
        let operations: Vec<&str> = gate.iter().map(|node| node.op_type.as_str()).collect();
        let factor = |node: Option<&&Node>| node.and_then(|node| Reading { node, constants }.factor());
        let is_erf = |rest: &[&Node]| {
            let [add, _, narrow] = rest else { return false };
            let one = Reading { node: add, constants }.any_floats();
            is_close(one.and_then(|tensor| tensor.values.first().copied()), 1.0)
                && is_close(factor(Some(narrow)), std::f32::consts::FRAC_1_SQRT_2)
        };
        let activation = match operations[..] {
            ["Sigmoid"] => Activation::Silu,
            ["Add", "Erf", "Div" | "Mul"] if is_erf(gate) => {
                self.awaits_half = true;
                Activation::Gelu
            }
            ["Mul", "Add", "Erf", "Div" | "Mul"]
                if is_close(factor(gate.first()), 0.5) && is_erf(gate.get(1..).unwrap_or_default()) =>
            {
                Activation::Gelu
            }
            _ => return Err(ExchangeError::Node { node: named(node), reason: NO_PRODUCT.to_owned() }),
        };
        self.add(node, Layer::Activation(activation), vec![]);
        Ok(())
    }

    /// Adds a value to each channel of the last layer's output.
    fn shift_last(&mut self, shift: &[f32]) -> Option<()> {
        let Built { layer, tensors, .. } = self.built.last_mut()?;
        let n_outputs = match layer {
            Layer::Conv { .. } | Layer::DepthwiseConv { .. } | Layer::Linear { .. } | Layer::BatchNorm => {
                tensors.iter().find(|(name, _)| *name == "weight")?.1.shape.first().copied()?
            }
            _ => return None,
        };
        if shift.len() != n_outputs {
            return None;
        }
        match tensors.iter_mut().find(|(name, _)| *name == "bias") {
            Some((_, bias)) => bias.values.iter_mut().zip(shift).for_each(|(bias, shift)| *bias += shift),
            None => tensors.push(("bias", Tensor::new([n_outputs], shift.to_vec()))),
        }
        if let Layer::Conv { bias, .. } | Layer::DepthwiseConv { bias, .. } | Layer::Linear { bias, .. } = layer {
            *bias = true;
        }
        Some(())
    }
}

fn is_close(value: Option<f32>, to: f32) -> bool {
    value.is_some_and(|value| (value - to).abs() < CLOSE)
}

const NO_PRODUCT: &str = "only SiLU and GELU multiply a value with a function of it";

/// The weight of a shortcut's projection, with a batch norm folded into it, and what it adds to each channel.
fn projection(built: Vec<Built>) -> Option<(Tensor, Vec<f32>)> {
    let mut built = built.into_iter();
    let (first, norm, None) = (built.next()?, built.next(), built.next()) else { return None };
    if !matches!(first.layer, Layer::Conv { kernel: 1, groups: 1, .. } | Layer::Linear { .. }) {
        return None;
    }
    let take =
        |built: &Built, of: &str| built.tensors.iter().find(|(name, _)| *name == of).map(|(_, tensor)| tensor.clone());
    let mut weight = take(&first, "weight")?;
    let n_outputs = weight.shape.first().copied()?;
    let mut shift = take(&first, "bias").map_or_else(|| vec![0.0; n_outputs], |bias| bias.values);
    if let Some(norm) = norm {
        let [scale, bias, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|name| take(&norm, name).map(|it| it.values));
        let (scale, bias, mean, variance) = (scale?, bias?, mean?, variance?);
        let factors = scale.iter().zip(&variance).map(|(scale, variance)| scale / (variance + EPSILON).sqrt());
        let factors: Vec<f32> = factors.collect();
        let n_inputs = weight.values.len().checked_div(n_outputs)?;
        for (row, factor) in weight.values.chunks_mut(n_inputs.max(1)).zip(&factors) {
            row.iter_mut().for_each(|value| *value *= factor);
        }
        let parts = shift.iter().zip(&mean).zip(&factors).zip(&bias);
        shift = parts.map(|(((shift, mean), factor), bias)| (shift - mean) * factor + bias).collect();
    }
    Some((weight, shift))
}
