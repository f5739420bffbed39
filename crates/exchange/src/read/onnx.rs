//! Runs ONNX files of the operations that Kindling writes, opset 17, by the definitions of the ONNX specification.

use std::collections::BTreeMap;

use prost::Message;

use super::kernels::{self, Outcome, Pooling, Recurrence, Window};
use crate::error::ExchangeError;
use crate::onnx_messages::{Attribute, Model, Node, TensorProto, element};
use crate::trained::{Tensor, floats};

/// Maximum number of operations; each costs memory for its output until the end.
const MAX_NODES: usize = 10_000;

/// The probabilities for images of the network's input shape: bytes, channel by channel.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], naming the node.
pub fn run(bytes: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    // One by one: a batch of large maps may not fit into a browser's memory.
    let probabilities =
        Network::parse(bytes).and_then(|network| images.iter().map(|image| network.run(image)).collect());
    probabilities.map_err(|why| ExchangeError::Unreadable(format!("the ONNX file ({why})")))
}

struct Network {
    nodes: Vec<Node>,
    constants: BTreeMap<String, Constant>,
    input: String,
    /// Height and width.
    input_size: [usize; 2],
}

enum Constant {
    Floats(Tensor),
    Integers(Vec<i64>),
}

impl Network {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let model = Model::decode(bytes).map_err(|error| error.to_string())?;
        let graph = model.graph.ok_or("it has no graph")?;
        if graph.node.len() > MAX_NODES {
            return Err(format!("more than {MAX_NODES} nodes"));
        }
        let input = graph.input.into_iter().next().ok_or("it has no input")?;
        let sides = input.kind.iter().flat_map(|kind| &kind.tensor_type).flat_map(|kind| &kind.shape);
        let sides: Vec<Option<i64>> = sides.flat_map(|shape| &shape.dim).map(|side| side.dim_value).collect();
        let [_, Some(height), Some(width), Some(3)] = sides[..] else {
            return Err("its input is no batch of color images".to_owned());
        };
        let input_size = [height, width].map(|side| usize::try_from(side).unwrap_or_default());
        let constants = graph.initializer.into_iter().map(|constant| {
            let value = constant_value(&constant).map_err(|why| format!("{}: {why}", constant.name))?;
            Ok((constant.name, value))
        });
        let constants = constants.collect::<Result<_, String>>()?;
        Ok(Self { nodes: graph.node, constants, input: input.name, input_size })
    }

    fn run(&self, image: &[u8]) -> Result<Vec<f32>, String> {
        // Bytes become floats, which hold them exactly.
        let mut values = BTreeMap::from([(self.input.clone(), color_image(image, self.input_size)?)]);
        for node in &self.nodes {
            let operation = Operation { node, constants: &self.constants, values: &values };
            let (position, result) = operation.run().map_err(|why| format!("{} {}: {why}", node.op_type, node.name))?;
            values.insert(node.output.get(position).cloned().unwrap_or_default(), result);
        }
        let probabilities = values.remove("probabilities").ok_or("nothing computes its probabilities")?;
        Ok(probabilities.values)
    }
}

/// An image channel by channel as `[1, height, width, 3]`; a gray one gets three equal colors.
fn color_image(image: &[u8], [height, width]: [usize; 2]) -> Outcome {
    let n_places = kernels::n_values(&[height, width])?;
    let n_channels = image.len().checked_div(n_places).filter(|n_channels| image.len() == n_channels * n_places);
    let Some(n_channels @ (1 | 3)) = n_channels else { return Err("the image has another size".to_owned()) };
    let value = |place: usize, color: usize| image.get(color.min(n_channels - 1) * n_places + place);
    let pixels = (0..n_places).flat_map(|place| (0..3).filter_map(move |color| value(place, color)));
    kernels::tensor([1, height, width, 3], pixels.map(|byte| f32::from(*byte)).collect())
}

fn constant_value(constant: &TensorProto) -> Result<Constant, String> {
    match constant.data_type {
        element::FLOAT => {
            let shape = constant.dims.iter().map(|&side| usize::try_from(side).map_err(|error| error.to_string()));
            let shape = shape.collect::<Result<Vec<_>, _>>()?;
            Ok(Constant::Floats(kernels::tensor(shape, floats(&constant.raw_data))?))
        }
        // Floats hold integers of 8 bits exactly, and those of 32 as well as sums of floats do.
        element::INT8 | element::INT32 => {
            let shape = constant.dims.iter().map(|&side| usize::try_from(side).map_err(|error| error.to_string()));
            let shape = shape.collect::<Result<Vec<_>, _>>()?;
            let (numbers, _) = constant.raw_data.as_chunks::<4>();
            let values = match constant.data_type {
                element::INT8 => constant.raw_data.iter().map(|&byte| f32::from(byte.cast_signed())).collect(),
                _ => numbers.iter().map(|bytes| i32::from_le_bytes(*bytes) as f32).collect(),
            };
            Ok(Constant::Floats(kernels::tensor(shape, values)?))
        }
        element::INT64 => {
            let (numbers, _) = constant.raw_data.as_chunks::<8>();
            Ok(Constant::Integers(numbers.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()))
        }
        other => Err(format!("elements of type {other} are not known")),
    }
}

struct Operation<'a> {
    node: &'a Node,
    constants: &'a BTreeMap<String, Constant>,
    values: &'a BTreeMap<String, Tensor>,
}

impl Operation<'_> {
    /// The position of the output that is computed, and its value.
    fn run(&self) -> Result<(usize, Tensor), String> {
        let result = match self.node.op_type.as_str() {
            "Cast" | "Identity" => Ok(self.floats(0)?.clone()),
            "Transpose" => kernels::transpose(self.floats(0)?, &self.sizes("perm")?),
            "Reshape" => self.reshape(),
            "Flatten" => self.flatten(),
            "Squeeze" => self.squeeze(),
            "Conv" => self.conv(),
            "Gemm" => self.gemm(),
            "MatMul" => kernels::matmul(self.floats(0)?, self.floats(1)?),
            "Add" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one + other),
            "Mul" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one * other),
            "Relu" => self.map(|value| value.max(0.0)),
            "Clip" => {
                let limit =
                    |index: usize| Ok::<_, String>(self.floats(index)?.values.first().copied().unwrap_or_default());
                let (least, most) = (limit(1)?, limit(2)?);
                self.map(|value| value.max(least).min(most))
            }
            "Concat" => {
                let parts = (0..self.node.input.len()).map(|index| self.floats(index));
                kernels::beside(&parts.collect::<Result<Vec<_>, _>>()?)
            }
            "LeakyRelu" => {
                let slope = self.attribute("alpha").and_then(|it| it.f).unwrap_or(0.01);
                self.map(|value| if value < 0.0 { slope * value } else { value })
            }
            "Tanh" => self.map(f32::tanh),
            "Sigmoid" => self.map(kernels::sigmoid),
            "Erf" => self.map(kernels::erf),
            "Softmax" => self.softmax(),
            "MaxPool" => self.pool(Pooling::Max),
            "AveragePool" => self.pool(Pooling::Average),
            "ReduceMean" => self.reduce(Pooling::Average),
            "ReduceMax" => self.reduce(Pooling::Max),
            "BatchNormalization" => self.batch_norm(),
            "InstanceNormalization" => self.instance_norm(),
            "LayerNormalization" => self.layer_norm(),
            "QuantizeLinear" => self.quantize(),
            "DequantizeLinear" => self.dequantize(),
            "LSTM" | "GRU" => return self.recurrent(),
            other => Err(format!("the operation {other} is not known")),
        };
        Ok((0, result?))
    }

    fn floats(&self, index: usize) -> Result<&Tensor, String> {
        let name = self.name(index)?;
        match (self.values.get(name), self.constants.get(name)) {
            (Some(tensor), _) | (None, Some(Constant::Floats(tensor))) => Ok(tensor),
            (None, Some(Constant::Integers(_))) => Err(format!("input {index} is of integers")),
            (None, None) => Err(format!("{name} is not computed before it is used")),
        }
    }

    fn optional(&self, index: usize) -> Result<Option<&Tensor>, String> {
        match self.node.input.get(index) {
            None => Ok(None),
            Some(name) if name.is_empty() => Ok(None),
            Some(_) => self.floats(index).map(Some),
        }
    }

    fn integers(&self, index: usize) -> Result<&[i64], String> {
        match self.constants.get(self.name(index)?) {
            Some(Constant::Integers(values)) => Ok(values),
            Some(Constant::Floats(_)) | None => Err(format!("input {index} is no constant of integers")),
        }
    }

    fn name(&self, index: usize) -> Result<&String, String> {
        self.node.input.get(index).ok_or_else(|| format!("input {index} is missing"))
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(default)
    }

    /// A list of numbers that are not negative.
    fn sizes(&self, name: &str) -> Result<Vec<usize>, String> {
        let attribute = self.attribute(name).ok_or_else(|| format!("{name} is missing"))?;
        attribute.ints.iter().map(|&it| usize::try_from(it).map_err(|_| format!("{name} is negative"))).collect()
    }

    fn sizes_or<const N: usize>(&self, name: &str, default: usize) -> Result<[usize; N], String> {
        match self.attribute(name) {
            None => Ok([default; N]),
            Some(_) => self.sizes(name)?.try_into().map_err(|_| format!("{name} has not {N} numbers")),
        }
    }

    fn map(&self, function: impl Fn(f32) -> f32) -> Outcome {
        Ok(kernels::map(self.floats(0)?, function))
    }

    /// 0 keeps a side, -1 takes what is left.
    fn reshape(&self) -> Outcome {
        let (x, wanted) = (self.floats(0)?, self.integers(1)?);
        let mut shape = Vec::with_capacity(wanted.len());
        let mut open = None;
        for (axis, &side) in wanted.iter().enumerate() {
            shape.push(match side {
                0 => *x.shape.get(axis).ok_or("a side that is not there is kept")?,
                -1 if open.is_none() => {
                    open = Some(axis);
                    1
                }
                side => usize::try_from(side).map_err(|_| "a side is negative".to_owned())?,
            });
        }
        let n_known = kernels::n_values(&shape)?;
        if let Some(side) = open.and_then(|axis| shape.get_mut(axis)) {
            *side = x.values.len().checked_div(n_known).unwrap_or_default();
        }
        kernels::reshape(x.clone(), shape)
    }

    fn flatten(&self) -> Outcome {
        let x = self.floats(0)?;
        let axis = usize::try_from(self.int("axis", 1)).unwrap_or(usize::MAX);
        let (before, after) = x.shape.split_at_checked(axis).ok_or("it flattens an axis that is not there")?;
        kernels::reshape(x.clone(), [kernels::n_values(before)?, kernels::n_values(after)?])
    }

    fn squeeze(&self) -> Outcome {
        let (x, axes) = (self.floats(0)?, self.integers(1)?);
        let sides = x.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(&(*axis as i64)));
        let shape: Vec<usize> = sides.map(|(_, side)| *side).collect();
        kernels::reshape(x.clone(), shape)
    }

    fn conv(&self) -> Outcome {
        let groups = usize::try_from(self.int("group", 1)).unwrap_or_default();
        let window = Window {
            stride: self.sizes_or("strides", 1)?,
            pads: self.sizes_or("pads", 0)?,
            dilation: self.sizes_or("dilations", 1)?,
            groups,
        };
        kernels::conv(self.floats(0)?, self.floats(1)?, self.optional(2)?, window)
    }

    fn gemm(&self) -> Outcome {
        if self.int("transB", 0) != 1 {
            return Err("a weight that is not transposed".to_owned());
        }
        kernels::dims::<2>(self.floats(0)?)?;
        kernels::linear(self.floats(0)?, self.floats(1)?, self.optional(2)?)
    }

    /// To signed integers of 8 bits, which are kept as floats.
    fn quantize(&self) -> Outcome {
        let (x, scale, zero) = (self.floats(0)?, self.floats(1)?, self.floats(2)?);
        let ([scale], [zero]) = (&scale.values[..], &zero.values[..]) else {
            return Err("more than one scale".to_owned());
        };
        Ok(kernels::map(x, |value| ((value / scale).round_ties_even() + zero).clamp(-128.0, 127.0)))
    }

    /// With one scale, or with one for each index along the first axis.
    fn dequantize(&self) -> Outcome {
        let (x, scale) = (self.floats(0)?, self.floats(1)?);
        if scale.values.len() != 1 && self.int("axis", 1) != 0 {
            return Err("scales along another axis than the first".to_owned());
        }
        let along_first = |tensor: &Tensor| {
            let n_axes = if tensor.values.len() == 1 { 0 } else { x.shape.len() };
            let mut shape = vec![1; n_axes];
            if let Some(first) = shape.first_mut() {
                *first = tensor.values.len();
            }
            kernels::tensor(shape, tensor.values.clone())
        };
        let centered = match self.optional(2)? {
            None => x.clone(),
            Some(zero) => kernels::binary(x, &along_first(zero)?, |value, zero| value - zero)?,
        };
        kernels::binary(&centered, &along_first(scale)?, |value, scale| value * scale)
    }

    fn softmax(&self) -> Outcome {
        let x = self.floats(0)?;
        let axis = self.int("axis", -1);
        if axis != -1 && axis + 1 != x.shape.len() as i64 {
            return Err("a softmax over another axis than the last".to_owned());
        }
        kernels::softmax(x)
    }

    fn pool(&self, pooling: Pooling) -> Outcome {
        if self.attribute("pads").is_some_and(|pads| pads.ints.iter().any(|&pad| pad != 0)) {
            return Err("a pooling with padding".to_owned());
        }
        let kernel = self.sizes("kernel_shape")?.try_into().map_err(|_| "a window without two sides".to_owned())?;
        kernels::pool(self.floats(0)?, pooling, kernel, self.sizes_or("strides", 1)?)
    }

    /// Over adjoining axes, which are dropped.
    fn reduce(&self, pooling: Pooling) -> Outcome {
        let x = self.floats(0)?;
        let axes = self.sizes("axes")?;
        if self.int("keepdims", 1) != 0 || axes.iter().any(|&axis| axis >= x.shape.len()) {
            return Err("a reduction that keeps its axes, or of axes that are not there".to_owned());
        }
        let kept = (0..x.shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        kernels::fold_last(&kernels::transpose(x, &order)?, axes.len(), pooling)
    }

    fn epsilon(&self) -> f32 {
        self.attribute("epsilon").and_then(|attribute| attribute.f).unwrap_or(1e-5)
    }

    fn batch_norm(&self) -> Outcome {
        let statistics = [self.floats(1)?, self.floats(2)?, self.floats(3)?, self.floats(4)?];
        let (scale, shift) = kernels::norm_scale_and_shift(statistics, self.epsilon());
        kernels::scale_channels(self.floats(0)?, &scale, &shift)
    }

    fn instance_norm(&self) -> Outcome {
        let standardized = kernels::standardize(self.floats(0)?, self.epsilon())?;
        kernels::scale_channels(&standardized, &self.floats(1)?.values, &self.floats(2)?.values)
    }

    fn layer_norm(&self) -> Outcome {
        let standardized = kernels::standardize(self.floats(0)?, self.epsilon())?;
        let scaled = kernels::binary(&standardized, self.floats(1)?, |value, scale| value * scale)?;
        kernels::binary(&scaled, self.floats(2)?, |value, shift| value + shift)
    }

    /// `X [length, batch, features]`, `W [1, gates * units, features]`, `R`, `B [1, 2 * gates * units]`; outputs `Y [length, 1, batch, units]`
    /// and `Y_h [1, batch, units]`.
    fn recurrent(&self) -> Result<(usize, Tensor), String> {
        let is_gru = self.node.op_type == "GRU";
        if is_gru && self.int("linear_before_reset", 0) != 1 {
            return Err("a GRU that resets before it multiplies".to_owned());
        }
        let single = |x: &Tensor| {
            let [_, rows, columns] = kernels::dims(x)?;
            kernels::tensor([rows, columns], x.values.clone())
        };
        let (of_item, of_state) = (single(self.floats(1)?)?, single(self.floats(2)?)?);
        let biases = &self.floats(3)?.values;
        let (item_bias, state_bias) = biases.split_at(biases.len() / 2);
        let bias = |values: &[f32]| kernels::tensor([values.len()], values.to_vec());
        let recurrence = Recurrence {
            of_item: &of_item,
            of_state: &of_state,
            item_bias: &bias(item_bias)?,
            state_bias: &bias(state_bias)?,
            // Input, output, forget, candidate; or update, reset, candidate.
            gates: if is_gru { &[1, 0, 2] } else { &[0, 2, 3, 1] },
        };
        let items = kernels::transpose(self.floats(0)?, &[1, 0, 2])?;
        let states = recurrence.states(&items)?;
        let [n_images, length, units] = kernels::dims(&states)?;
        if self.node.output.first().is_some_and(|name| !name.is_empty()) {
            let states = kernels::transpose(&states, &[1, 0, 2])?;
            return Ok((0, kernels::reshape(states, [length, 1, n_images, units])?));
        }
        Ok((1, kernels::reshape(kernels::last_item(&states)?, [1, n_images, units])?))
    }
}
