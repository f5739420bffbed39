//! The operations of ONNX, by their definitions in its specification.

use std::collections::BTreeMap;

use super::Constant;
use crate::onnx_messages::{Attribute, Node};
use crate::read::kernels::{self, Outcome, Pooling, Recurrence, Window};
use crate::trained::Tensor;

/// An operation with what is known when its turn comes.
pub struct Operation<'a> {
    pub node: &'a Node,
    pub constants: &'a BTreeMap<String, Constant>,
    pub values: &'a BTreeMap<String, Tensor>,
}

impl Operation<'_> {
    /// The position of the output that is computed, and its value.
    pub fn run(&self) -> Result<(usize, Tensor), String> {
        let result = match self.node.op_type.as_str() {
            "Cast" | "Identity" | "Dropout" => Ok(self.floats(0)?.clone()),
            "Transpose" => kernels::transpose(self.floats(0)?, &self.sizes("perm")?),
            "Reshape" => self.reshape(),
            "Flatten" => self.flatten(),
            "Squeeze" => self.squeeze(),
            "Conv" => self.conv(),
            "Gemm" => self.gemm(),
            "MatMul" => kernels::matmul(self.floats(0)?, self.floats(1)?),
            "Add" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one + other),
            "Sub" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one - other),
            "Mul" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one * other),
            "Div" => kernels::binary(self.floats(0)?, self.floats(1)?, |one, other| one / other),
            "Relu" => self.map(|value| value.max(0.0)),
            "Clip" => {
                let (least, most) = (self.limit(1, "min", f32::MIN)?, self.limit(2, "max", f32::MAX)?);
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
            "Erf" => self.map(libm::erff),
            "Softmax" => self.softmax(),
            "LogSoftmax" => Ok(kernels::map(&self.softmax()?, f32::ln)),
            "MaxPool" => self.pool(Pooling::Max),
            "AveragePool" => self.pool(Pooling::Average),
            "ReduceMean" => self.reduce(Pooling::Average),
            "ReduceMax" => self.reduce(Pooling::Max),
            "GlobalAveragePool" => self.global_pool(Pooling::Average),
            "GlobalMaxPool" => self.global_pool(Pooling::Max),
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

    /// A limit of a clip: an input since opset 11, an attribute before.
    fn limit(&self, index: usize, name: &str, default: f32) -> Result<f32, String> {
        let of_input = self.optional(index)?.map(|tensor| tensor.values.first().copied().unwrap_or_default());
        let of_attribute = self.attribute(name).and_then(|attribute| attribute.f);
        Ok(of_input.or(of_attribute).unwrap_or(default))
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
        let x = self.floats(0)?;
        let axes = match self.node.input.len() {
            // An attribute until opset 12.
            1 => self.attribute("axes").map_or(&[][..], |axes| &axes.ints),
            _ => self.integers(1)?,
        };
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
        let factor = |name: &str| self.attribute(name).and_then(|attribute| attribute.f).unwrap_or(1.0);
        if self.int("transA", 0) != 0 || factor("alpha") != 1.0 || factor("beta") != 1.0 {
            return Err("a product with factors, or of a transposed input".to_owned());
        }
        let (x, weight) = (self.floats(0)?, self.floats(1)?);
        kernels::dims::<2>(x)?;
        match self.int("transB", 0) {
            0 => kernels::linear(x, &kernels::transpose(weight, &[1, 0])?, self.optional(2)?),
            _ => kernels::linear(x, weight, self.optional(2)?),
        }
    }

    fn global_pool(&self, pooling: Pooling) -> Outcome {
        let x = self.floats(0)?;
        let [n_images, channels, _, _] = kernels::dims(x)?;
        kernels::reshape(kernels::fold_last(x, 2, pooling)?, [n_images, channels, 1, 1])
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

    fn reduce(&self, pooling: Pooling) -> Outcome {
        let x = self.floats(0)?;
        let n_axes = x.shape.len();
        let axes = match self.node.input.len() {
            1 => &self.attribute("axes").ok_or("axes are missing")?.ints,
            // An input since opset 18.
            _ => self.integers(1)?,
        };
        // A negative axis counts from the end.
        let axes = axes.iter().map(|&axis| usize::try_from(if axis < 0 { axis + n_axes as i64 } else { axis }));
        let axes: Vec<usize> = axes.collect::<Result<_, _>>().map_err(|_| "an axis that is not there")?;
        if axes.iter().any(|&axis| axis >= n_axes) {
            return Err("a reduction of axes that are not there".to_owned());
        }
        let kept = (0..n_axes).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let reduced = kernels::fold_last(&kernels::transpose(x, &order)?, axes.len(), pooling)?;
        if self.int("keepdims", 1) == 0 {
            return Ok(reduced);
        }
        let sides = x.shape.iter().enumerate().map(|(axis, &side)| if axes.contains(&axis) { 1 } else { side });
        kernels::reshape(reduced, sides.collect::<Vec<_>>())
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
