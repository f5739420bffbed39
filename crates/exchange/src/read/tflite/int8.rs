//! TFLite's operations on integers of 8 bits.

use kindling_core::config::Activation;

use super::{Running, Value, Weights, op};
use crate::quantized::Quantization;
use crate::read::integers::{self, Integers, Outcome};
use crate::read::kernels::{self, Pooling, Window};
use crate::read::kindling::activate;
use crate::trained::Tensor;

/// Of the one input of bytes: a byte stands for itself less 128.
const INPUT_ZERO: f32 = 128.0;

impl Running<'_> {
    /// None for an operation on floats.
    pub(super) fn in_integers(&self) -> Option<Result<Value, String>> {
        let is_integer = matches!(self.number(0).map(|number| self.values.get(&number)), Ok(Some(Value::Integer(_))));
        match self.operation.code {
            op::QUANTIZE => Some(self.quantize()),
            op::DEQUANTIZE => Some(self.integer(0).and_then(real).map(Value::Float)),
            _ if is_integer => Some(self.integer_operation().map(Value::Integer)),
            _ => None,
        }
    }

    fn integer(&self, index: usize) -> Result<&Integers, String> {
        match self.values.get(&self.number(index)?) {
            Some(Value::Integer(integers)) => Ok(integers),
            Some(Value::Float(_)) | None => Err(format!("input {index} is not of integers")),
        }
    }

    /// None for an output of unsigned bytes.
    fn output(&self) -> Option<Quantization> {
        self.operation.outputs.first().and_then(|output| self.model.quantizations.get(output)).copied()
    }

    /// From the image's bytes, from floats, or to the bytes of probabilities.
    fn quantize(&self) -> Result<Value, String> {
        let Some(output) = self.output() else { return real(self.integer(0)?).map(Value::Float) };
        let x = self.x(0)?;
        let is_image = self.number(0)? == self.model.input;
        let values = x.values.iter().map(|&value| match is_image {
            true => (value - INPUT_ZERO) as i8,
            false => output.integer(value),
        });
        integers::integers(x.shape.clone(), values.collect(), output).map(Value::Integer)
    }

    fn integer_operation(&self) -> Outcome {
        let x = self.integer(0)?;
        let output = self.output().ok_or("its output has no scale")?;
        let options = &self.operation.options;
        let function = |function: Activation| integers::map(x, output, |value| activate(function, value));
        let sizes = |numbers: [usize; 2]| numbers.map(|number| options.size(number));
        match self.operation.code {
            op::CONV_2D => {
                let window = Window { stride: sizes([2, 1]), dilation: sizes([5, 4]), ..Window::PLAIN };
                self.convolve(x, window, [0, 3, 1, 2], options.byte(3), output)
            }
            op::DEPTHWISE_CONV_2D => {
                let groups = x.shape.last().copied().unwrap_or_default();
                let window = Window { stride: sizes([2, 1]), dilation: sizes([6, 5]), groups, ..Window::PLAIN };
                self.convolve(x, window, [3, 0, 1, 2], options.byte(4), output)
            }
            op::FULLY_CONNECTED => {
                let [1, _] = x.shape[..] else { return Err("more than one vector".to_owned()) };
                let weights = self.weights()?;
                let sums = integers::linear(x, self.with_bias(weights)?, output, is_relu(options.byte(0))?)?;
                integers::integers([1, sums.values.len()], sums.values, output)
            }
            op::MAX_POOL_2D | op::AVERAGE_POOL_2D => {
                self.check_is_valid()?;
                let pooling = if self.operation.code == op::MAX_POOL_2D { Pooling::Max } else { Pooling::Average };
                maps_last(integers::pool(&maps_first(x)?, pooling, sizes([4, 3]), sizes([2, 1]))?)
            }
            op::MEAN => self.over_places(x, integers::means(&maps_first(x)?, output)?),
            op::REDUCE_MAX => self.over_places(x, integers::maxima(&maps_first(x)?)?),
            op::PAD => self.pad_integers(x),
            op::RESHAPE => integers::integers(self.sizes(1)?, x.values.clone(), output),
            op::TRANSPOSE => transpose(x, &self.sizes(1)?),
            op::ADD => integers::add(x, self.integer(1)?, output, is_relu(options.byte(0))?),
            op::MUL => {
                let other = self.integer(1)?;
                if x.shape == other.shape {
                    return integers::multiply(x, other, output);
                }
                maps_last(integers::multiply(&maps_first(x)?, other, output)?)
            }
            op::SOFTMAX => {
                let shares = kernels::softmax(&real(x)?)?;
                let values = shares.values.iter().map(|&share| output.integer(share)).collect();
                integers::integers(shares.shape, values, output)
            }
            op::RELU => function(Activation::Relu),
            op::RELU6 => function(Activation::Relu6),
            op::LEAKY_RELU => integers::map(x, output, |value| if value < 0.0 { options.slope * value } else { value }),
            op::GELU => function(Activation::Gelu),
            op::TANH => function(Activation::Tanh),
            op::LOGISTIC => function(Activation::Sigmoid),
            _ => Err("it is not known for integers".to_owned()),
        }
    }

    fn weights(&self) -> Result<&Weights, String> {
        self.model.weights.get(&self.number(1)?).ok_or_else(|| "weights are missing".to_owned())
    }

    fn with_bias<'a>(&'a self, weights: &'a Weights) -> Result<integers::Weights<'a>, String> {
        let bias = self.model.integers.get(&self.number(2)?).ok_or("a bias is missing")?;
        let Weights { shape, values, scales } = weights;
        Ok(integers::Weights { shape, values, scales, bias })
    }

    /// `order` turns the weight into `[out, in / groups, height, width]`.
    fn convolve(
        &self,
        x: &Integers,
        window: Window,
        order: [usize; 4],
        activation: u8,
        output: Quantization,
    ) -> Outcome {
        self.check_is_valid()?;
        let Weights { shape, values, scales } = self.weights()?;
        let plain = Quantization { scale: 1.0, zero_point: 0 };
        let turned = transpose(&integers::integers(shape.clone(), values.clone(), plain)?, &order)?;
        let weights = Weights { shape: turned.shape, values: turned.values, scales: scales.clone() };
        maps_last(integers::conv(&maps_first(x)?, self.with_bias(&weights)?, window, output, is_relu(activation)?)?)
    }

    /// The result of a reduction over height and width, which stay with length 1.
    fn over_places(&self, x: &Integers, reduced: Integers) -> Outcome {
        let (keeps_axes, axes) = (self.operation.options.byte(0) != 0, self.sizes(1)?);
        if !keeps_axes || axes != [1, 2] || x.shape.first() != Some(&1) {
            return Err("a reduction over other axes than height and width, or one that drops them".to_owned());
        }
        integers::integers([1, 1, 1, reduced.values.len()], reduced.values, reduced.quantization)
    }

    /// The zero point around maps.
    fn pad_integers(&self, x: &Integers) -> Outcome {
        let [0, 0, top, bottom, left, right, 0, 0] = self.sizes(1)?[..] else {
            return Err("padding of other axes than height and width".to_owned());
        };
        if [top, bottom, left, right].iter().any(|&side| side > 1 << 16) {
            return Err("too much padding".to_owned());
        }
        let [1, height, width, channels] = x.shape[..] else { return Err("padding of no maps".to_owned()) };
        let shape = [1, height + top + bottom, width + left + right, channels];
        let row_of = (width + left + right) * channels;
        let zero = x.quantization.zero_point;
        let mut values = Vec::with_capacity(kernels::n_outputs(&shape)?);
        values.resize(top * row_of, zero);
        for row in x.values.chunks_exact((width * channels).max(1)) {
            values.resize(values.len() + left * channels, zero);
            values.extend(row);
            values.resize(values.len() + right * channels, zero);
        }
        values.resize(values.len() + bottom * row_of, zero);
        integers::integers(shape, values, x.quantization)
    }
}

fn is_relu(activation: u8) -> Result<bool, String> {
    match activation {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(format!("the activation {other} is not known")),
    }
}

fn real(x: &Integers) -> Result<Tensor, String> {
    kernels::tensor(x.shape.clone(), x.values.iter().map(|&value| x.quantization.real(value)).collect())
}

/// Axis `i` of the result is axis `order[i]` of `x`.
fn transpose(x: &Integers, order: &[usize]) -> Outcome {
    // Floats hold these integers exactly.
    let floats = kernels::tensor(x.shape.clone(), x.values.iter().map(|&value| value.into()).collect())?;
    let turned = kernels::transpose(&floats, order)?;
    integers::integers(turned.shape, turned.values.iter().map(|&value| value as i8).collect(), x.quantization)
}

/// `[1, height, width, channels]` to `[channels, height, width]`.
fn maps_first(x: &Integers) -> Outcome {
    let turned = transpose(x, &[0, 3, 1, 2])?;
    let [1, channels, height, width] = turned.shape[..] else { return Err("no maps of one image".to_owned()) };
    integers::integers([channels, height, width], turned.values, turned.quantization)
}

/// `[channels, height, width]` to `[1, height, width, channels]`.
fn maps_last(x: Integers) -> Outcome {
    let [channels, height, width] = x.shape[..] else { return Err("no maps of one image".to_owned()) };
    transpose(&integers::integers([1, channels, height, width], x.values, x.quantization)?, &[0, 2, 3, 1])
}
