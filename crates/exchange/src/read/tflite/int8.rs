//! TFLite's operations on integers of 8 bits.

use kindling_core::config::Activation;

use super::{Running, Value, Weights, op};
use crate::quantized::Quantization;
use crate::read::integers::{self, Integers, LANES, Outcome};
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
            op::DEQUANTIZE => Some(self.integer(0).and_then(|x| self.real(x)).map(Value::Float)),
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

    /// What the integers of each image stand for.
    fn real(&self, x: &Integers) -> Result<Vec<Tensor>, String> {
        (0..self.n_images).map(|image| kernels::tensor(x.shape.clone(), x.image(image).collect())).collect()
    }

    /// From the image's bytes, from floats, or to the bytes of probabilities.
    fn quantize(&self) -> Result<Value, String> {
        let Some(output) = self.output() else { return self.real(self.integer(0)?).map(Value::Float) };
        let number = self.number(0)?;
        match self.values.get(&number) {
            Some(Value::Float(images)) if number == self.model.input => {
                from_floats(images, output, |value| (value - INPUT_ZERO) as i8)
            }
            Some(Value::Float(images)) => from_floats(images, output, |value| output.integer(value)),
            _ => Err("nothing to quantize".to_owned()),
        }
        .map(Value::Integer)
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
                self.convolve(x, window, [0, 1, 2, 3], options.byte(3), output)
            }
            op::DEPTHWISE_CONV_2D => {
                let groups = x.shape.last().copied().unwrap_or_default();
                let window = Window { stride: sizes([2, 1]), dilation: sizes([6, 5]), groups, ..Window::PLAIN };
                self.convolve(x, window, [3, 1, 2, 0], options.byte(4), output)
            }
            op::FULLY_CONNECTED => {
                let [1, _] = x.shape[..] else { return Err("more than one vector".to_owned()) };
                let [n_out, n_in] = self.weights()?.shape[..] else {
                    return Err("weights of a linear layer without two axes".to_owned());
                };
                let weights = self.with_bias([n_out, n_in, 1, 1], [0, 2, 3, 1])?;
                integers::linear(x, &weights, output, is_relu(options.byte(0))?)
            }
            op::MAX_POOL_2D | op::AVERAGE_POOL_2D => {
                self.check_is_valid()?;
                let pooling = if self.operation.code == op::MAX_POOL_2D { Pooling::Max } else { Pooling::Average };
                integers::pool(x, pooling, sizes([4, 3]), sizes([2, 1]))
            }
            op::MEAN => self.over_places(x, integers::means(x, output)?),
            op::REDUCE_MAX => self.over_places(x, integers::maxima(x)?),
            op::PAD => self.pad_integers(x),
            op::RESHAPE => x.clone().reshaped(self.sizes(1)?),
            op::TRANSPOSE => x.transposed(&self.sizes(1)?),
            op::ADD => integers::add(x, self.integer(1)?, output, is_relu(options.byte(0))?),
            op::MUL => integers::multiply(x, self.integer(1)?, output),
            op::SOFTMAX => {
                let shares = self.real(x)?.iter().map(kernels::softmax).collect::<Result<Vec<_>, _>>()?;
                from_floats(&shares, output, |share| output.integer(share))
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

    /// `order` names the axes of filters, height, width and channels.
    fn with_bias(&self, shape: [usize; 4], order: [usize; 4]) -> Result<integers::Weights<'_>, String> {
        let Weights { values, scales, .. } = self.weights()?;
        let bias = self.model.integers.get(&self.number(2)?).ok_or("a bias is missing")?;
        integers::Weights::new((shape, order), values, scales, bias)
    }

    fn convolve(
        &self,
        x: &Integers,
        window: Window,
        order: [usize; 4],
        activation: u8,
        output: Quantization,
    ) -> Outcome {
        self.check_is_valid()?;
        let shape: Result<[usize; 4], _> = self.weights()?.shape.as_slice().try_into();
        let shape = shape.map_err(|_| "weights of a convolution without four axes".to_owned())?;
        integers::conv(x, &self.with_bias(shape, order)?, window, output, is_relu(activation)?)
    }

    /// The result of a reduction over height and width, which stay with length 1.
    fn over_places(&self, x: &Integers, reduced: Integers) -> Outcome {
        let (keeps_axes, axes) = (self.operation.options.byte(0) != 0, self.sizes(1)?);
        if !keeps_axes || axes != [1, 2] || x.shape.first() != Some(&1) {
            return Err("a reduction over other axes than height and width, or one that drops them".to_owned());
        }
        let length = kernels::n_values(&reduced.shape)?;
        reduced.reshaped([1, 1, 1, length])
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
        let zeros = [x.quantization.zero_point; LANES];
        let mut values = Vec::with_capacity(kernels::n_outputs(&shape)?);
        for block in x.blocks() {
            values.resize(values.len() + top * row_of, zeros);
            for row in block.chunks_exact((width * channels).max(1)) {
                values.resize(values.len() + left * channels, zeros);
                values.extend(row);
                values.resize(values.len() + right * channels, zeros);
            }
            values.resize(values.len() + bottom * row_of, zeros);
        }
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

/// Integers of images of one shape.
fn from_floats(images: &[Tensor], quantization: Quantization, integer: impl Fn(f32) -> i8) -> Outcome {
    let shape = images.first().map(|image| image.shape.clone()).unwrap_or_default();
    let images: Vec<_> = images.iter().map(|image| image.values.as_slice()).collect();
    Integers::of_images(shape, &images, quantization, integer)
}
