//! Runs networks in integers of 8 bits.

use std::collections::BTreeMap;

use super::integers::{self, Integers};
use super::kernels::{self, Pooling};
use super::kindling::{Runner, activate};
use crate::error::ExchangeError;
use crate::quantized::{Kind, Operation, Quantization, QuantizedNetwork, Weights, Window};
use crate::trained::Tensor;

/// What an operation computes for one image. Floats have a batch of one in front.
#[derive(Clone, Debug)]
pub enum Activation {
    Float(Tensor),
    Integer(Integers),
}

/// The probabilities for images of the network's input shape: bytes, channel by channel.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], naming the layer.
pub fn run(network: &QuantizedNetwork, images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let evaluator = Evaluator::new(network);
    images.iter().map(|image| evaluator.run(image)).collect()
}

pub struct Evaluator<'a> {
    network: &'a QuantizedNetwork,
    /// After which operation each value is needed no more.
    last_use: BTreeMap<usize, usize>,
}

impl<'a> Evaluator<'a> {
    pub fn new(network: &'a QuantizedNetwork) -> Self {
        let uses = network.operations.iter().enumerate();
        let uses = uses.flat_map(|(index, operation)| operation.inputs.iter().map(move |&input| (input, index)));
        Self { network, last_use: uses.collect() }
    }

    /// The probabilities for an image.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Unreadable`], naming the layer.
    pub fn run(&self, image: &[u8]) -> Result<Vec<f32>, ExchangeError> {
        self.run_observed(image, |_, _| ())
    }

    /// Calls a function with each value, by its number.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Unreadable`], naming the layer.
    pub fn run_observed(
        &self,
        image: &[u8],
        mut observe: impl FnMut(usize, &Activation),
    ) -> Result<Vec<f32>, ExchangeError> {
        let unreadable = |layer: &str, why: String| {
            ExchangeError::Unreadable(format!("the quantized network (layer {layer}: {why})"))
        };
        let input = self.input(image).map_err(|why| unreadable("0", why))?;
        observe(0, &input);
        let mut values = BTreeMap::from([(0, input)]);
        let mut last = 0;
        for (index, operation) in self.network.operations.iter().enumerate() {
            let value = self.compute(index, operation, &values).map_err(|why| unreadable(&operation.path, why))?;
            last = index + 1;
            observe(last, &value);
            values.insert(last, value);
            values.retain(|value, _| *value == last || self.last_use.get(value).is_some_and(|&used| used > index));
        }
        let logits =
            values.remove(&last).map(float).ok_or_else(|| unreadable("0", "nothing is computed".to_owned()))?;
        let probabilities = logits.and_then(|logits| kernels::softmax(&logits));
        probabilities.map(|it| it.values).map_err(|why| unreadable("0", why))
    }

    fn input(&self, image: &[u8]) -> Result<Activation, String> {
        let shape = self.network.network.description.input;
        let shape = [shape.channels, shape.height, shape.width].map(|side| side as usize);
        let real = image.iter().map(|byte| f32::from(*byte) / 127.5 - 1.0);
        match self.quantization(0) {
            None => {
                let [channels, height, width] = shape;
                kernels::tensor([1, channels, height, width], real.collect()).map(Activation::Float)
            }
            Some(quantization) => {
                let values = real.map(|real| quantization.integer(real)).collect();
                integers::integers(shape, values, quantization).map(Activation::Integer)
            }
        }
    }

    fn quantization(&self, value: usize) -> Option<Quantization> {
        self.network.values.get(value).and_then(|value| value.quantization)
    }

    fn compute(
        &self,
        index: usize,
        operation: &Operation,
        values: &BTreeMap<usize, Activation>,
    ) -> Result<Activation, String> {
        let input = |place: usize| {
            let value = operation.inputs.get(place).and_then(|value| values.get(value));
            value.ok_or_else(|| format!("input {place} is not there"))
        };
        let output = self.quantization(index + 1);
        if operation.is_integer {
            let output = output.ok_or("its output has no scale")?;
            return integer_operation(&operation.kind, input, output).map(Activation::Integer);
        }
        let float_input = |place: usize| input(place).and_then(|value| float(value.clone()));
        let result = self.float_operation(operation, float_input)?;
        let Some(quantization) = output else { return Ok(Activation::Float(result)) };
        let values = result.values.iter().map(|&real| quantization.integer(real)).collect();
        let shape = result.shape.get(1..).unwrap_or_default();
        integers::integers(shape, values, quantization).map(Activation::Integer)
    }

    fn float_operation(
        &self,
        operation: &Operation,
        input: impl Fn(usize) -> Result<Tensor, String>,
    ) -> Result<Tensor, String> {
        let x = input(0)?;
        // `f32::max` would turn NaN into 0, so that an overflow passed as finite.
        let relu_of = |value: f32| if value < 0.0 { 0.0 } else { value };
        let rectified = |x: Tensor, relu: bool| if relu { kernels::map(&x, relu_of) } else { x };
        match &operation.kind {
            Kind::Conv { weights, window, relu } => {
                let (weight, bias) = float_weights(weights)?;
                Ok(rectified(kernels::conv(&x, weight, Some(&bias), sliding(*window))?, *relu))
            }
            Kind::Linear { weights, relu } => {
                let (weight, bias) = float_weights(weights)?;
                Ok(rectified(kernels::linear(&x, weight, Some(&bias))?, *relu))
            }
            Kind::MaxPool { size, stride } => {
                kernels::pool(&x, Pooling::Max, [*size as usize; 2], [*stride as usize; 2])
            }
            Kind::AveragePool { size, stride } => {
                kernels::pool(&x, Pooling::Average, [*size as usize; 2], [*stride as usize; 2])
            }
            Kind::GlobalAveragePool => kernels::fold_last(&x, 2, Pooling::Average),
            Kind::GlobalMaxPool => kernels::fold_last(&x, 2, Pooling::Max),
            Kind::Flatten => {
                let length = x.values.len();
                kernels::reshape(x, [1, length])
            }
            Kind::Add { relu } => Ok(rectified(kernels::binary(&x, &input(1)?, |one, other| one + other)?, *relu)),
            Kind::Multiply => {
                let mut factors = input(1)?;
                if factors.shape != x.shape {
                    factors.shape.resize(x.shape.len(), 1);
                }
                kernels::binary(&x, &factors, |one, other| one * other)
            }
            Kind::Concatenate => kernels::beside(&[&x, &input(1)?]),
            Kind::Activation(function) => Ok(kernels::map(&x, |value| activate(*function, value))),
            Kind::Float(placed) => {
                let runner = Runner { weights: self.network.network.weights() };
                runner.layer(placed, &operation.path, x)
            }
        }
    }
}

fn integer_operation<'a>(
    kind: &Kind,
    input: impl Fn(usize) -> Result<&'a Activation, String>,
    output: Quantization,
) -> integers::Outcome {
    let integer = |place: usize| match input(place)? {
        Activation::Integer(integers) => Ok(integers),
        Activation::Float(_) => Err(format!("input {place} is of floats")),
    };
    let x = integer(0)?;
    match kind {
        Kind::Conv { weights, window, relu } => {
            integers::conv(x, integer_weights(weights)?, sliding(*window), output, *relu)
        }
        Kind::Linear { weights, relu } => integers::linear(x, integer_weights(weights)?, output, *relu),
        Kind::MaxPool { size, stride } => integers::pool(x, Pooling::Max, [*size as usize; 2], [*stride as usize; 2]),
        Kind::AveragePool { size, stride } => {
            integers::pool(x, Pooling::Average, [*size as usize; 2], [*stride as usize; 2])
        }
        Kind::GlobalAveragePool => integers::means(x, output),
        Kind::GlobalMaxPool => integers::maxima(x),
        Kind::Flatten => integers::integers([x.values.len()], x.values.clone(), output),
        Kind::Add { relu } => integers::add(x, integer(1)?, output, *relu),
        Kind::Multiply => integers::multiply(x, integer(1)?, output),
        Kind::Activation(function) => integers::map(x, output, |value| activate(*function, value)),
        Kind::Float(_) | Kind::Concatenate => Err("it has no integer arithmetic".to_owned()),
    }
}

fn float(value: Activation) -> Result<Tensor, String> {
    match value {
        Activation::Float(tensor) => Ok(tensor),
        Activation::Integer(Integers { shape, values, quantization }) => {
            let shape: Vec<usize> = std::iter::once(1).chain(shape).collect();
            kernels::tensor(shape, values.iter().map(|&integer| quantization.real(integer)).collect())
        }
    }
}

fn float_weights(weights: &Weights) -> Result<(&Tensor, Tensor), String> {
    match weights {
        Weights::Float { weight, bias } => Ok((weight, kernels::tensor([bias.len()], bias.clone())?)),
        Weights::Int8 { .. } => Err("its weights are of integers".to_owned()),
    }
}

fn integer_weights(weights: &Weights) -> Result<integers::Weights<'_>, String> {
    match weights {
        Weights::Float { .. } => Err("its weights are of floats".to_owned()),
        Weights::Int8 { shape, values, scales, bias } => Ok(integers::Weights { shape, values, scales, bias }),
    }
}

fn sliding(window: Window) -> kernels::Window {
    kernels::Window {
        stride: [window.stride as usize; 2],
        pads: [window.padding as usize; 4],
        dilation: [window.dilation as usize; 2],
        groups: window.groups as usize,
    }
}
