//! Runs networks in integers of 8 bits.

use std::collections::BTreeMap;

use super::integers::{self, Integers};
use super::kernels::{self, Pooling};
use super::kindling::{Runner, activate};
use crate::error::ExchangeError;
use crate::quantized::{Kind, Operation, Quantization, QuantizedNetwork, Weights, Window};
use crate::trained::Tensor;

/// What an operation computes for a batch of images. Maps are `[batch, channels, height, width]` in floats.
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
    run_observed(network, images, &mut |_, _| ())
}

/// Calls a function with each value of each batch, by its number.
///
/// # Errors
///
/// As [`run`].
pub fn run_observed(
    network: &QuantizedNetwork,
    images: &[Vec<u8>],
    observe: &mut dyn FnMut(usize, &Activation),
) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let uses = network.operations.iter().enumerate();
    let uses = uses.flat_map(|(index, operation)| operation.inputs.iter().map(move |&input| (input, index)));
    let last_use = uses.collect();
    let mut probabilities = Vec::with_capacity(images.len());
    for images in images.chunks(batch_size(network)) {
        probabilities.extend(Batch { network, last_use: &last_use, images }.run(observe)?);
    }
    Ok(probabilities)
}

/// Four blocks, so that weights are prepared once for as many images; of large maps fewer, for the sake of memory.
fn batch_size(network: &QuantizedNetwork) -> usize {
    const MAX_VALUES: u64 = 1 << 24;
    let largest = network.values.iter().map(|value| value.shape.n_values()).max().unwrap_or_default();
    let n_images = (MAX_VALUES / largest.max(1)).clamp(1, 4 * integers::LANES as u64) as usize;
    if n_images < integers::LANES { n_images } else { n_images - n_images % integers::LANES }
}

struct Batch<'a> {
    network: &'a QuantizedNetwork,
    /// After which operation each value is needed no more.
    last_use: &'a BTreeMap<usize, usize>,
    images: &'a [Vec<u8>],
}

impl Batch<'_> {
    fn run(&self, observe: &mut dyn FnMut(usize, &Activation)) -> Result<Vec<Vec<f32>>, ExchangeError> {
        let unreadable = |layer: &str, why: String| {
            ExchangeError::Unreadable(format!("the quantized network (layer {layer}: {why})"))
        };
        let input = self.input().map_err(|why| unreadable("0", why))?;
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
        let logits = values.get(&last).ok_or_else(|| "nothing is computed".to_owned());
        let probabilities = logits.and_then(|logits| kernels::softmax(&self.float(logits)?));
        let Tensor { values, .. } = probabilities.map_err(|why| unreadable("0", why))?;
        let n_classes = (values.len() / self.images.len().max(1)).max(1);
        Ok(values.chunks_exact(n_classes).map(<[f32]>::to_vec).collect())
    }

    fn input(&self) -> Result<Activation, String> {
        let shape = self.network.network.description.input;
        let shape = [shape.channels, shape.height, shape.width].map(|side| side as usize);
        let real = |byte: u8| f32::from(byte) / 127.5 - 1.0;
        match self.quantization(0) {
            None => {
                let [channels, height, width] = shape;
                let values = self.images.iter().flatten().map(|&byte| real(byte)).collect();
                kernels::tensor([self.images.len(), channels, height, width], values).map(Activation::Float)
            }
            Some(quantization) => {
                let table: [i8; 256] = std::array::from_fn(|byte| quantization.integer(real(byte as u8)));
                let images: Vec<_> = self.images.iter().map(Vec::as_slice).collect();
                from_images(&shape, &images, quantization, |byte: u8| {
                    table.get(usize::from(byte)).copied().unwrap_or_default()
                })
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
        let result = self.float_operation(operation, |place| input(place).and_then(|value| self.float(value)))?;
        let Some(quantization) = output else { return Ok(Activation::Float(result)) };
        let shape = result.shape.get(1..).unwrap_or_default();
        let images: Vec<_> = result.values.chunks_exact(kernels::n_values(shape)?.max(1)).collect();
        from_images(shape, &images, quantization, |real| quantization.integer(real))
    }

    fn float(&self, value: &Activation) -> Result<Tensor, String> {
        match value {
            Activation::Float(tensor) => Ok(tensor.clone()),
            Activation::Integer(x) if x.shape.len() == 4 => self.real(&x.transposed(&[0, 3, 1, 2])?),
            Activation::Integer(x) => self.real(x),
        }
    }

    fn real(&self, x: &Integers) -> Result<Tensor, String> {
        let mut shape = x.shape.clone();
        shape.splice(..1, [self.images.len()]);
        kernels::tensor(shape, (0..self.images.len()).flat_map(|image| x.image(image)).collect())
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
                let n_images = self.images.len();
                let length = x.values.len() / n_images.max(1);
                kernels::reshape(x, [n_images, length])
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
            integers::conv(x, &integer_weights(weights)?, sliding(*window), output, *relu)
        }
        Kind::Linear { weights, relu } => integers::linear(x, &integer_weights(weights)?, output, *relu),
        Kind::MaxPool { size, stride } => integers::pool(x, Pooling::Max, [*size as usize; 2], [*stride as usize; 2]),
        Kind::AveragePool { size, stride } => {
            integers::pool(x, Pooling::Average, [*size as usize; 2], [*stride as usize; 2])
        }
        Kind::GlobalAveragePool => integers::means(x, output),
        Kind::GlobalMaxPool => integers::maxima(x),
        Kind::Flatten => {
            let channels_first = x.transposed(&[0, 3, 1, 2])?;
            let length = kernels::n_values(&channels_first.shape)?;
            channels_first.reshaped([1, length])
        }
        Kind::Add { relu } => integers::add(x, integer(1)?, output, *relu),
        Kind::Multiply => integers::multiply(x, integer(1)?, output),
        Kind::Activation(function) => integers::map(x, output, |value| activate(*function, value)),
        Kind::Float(_) | Kind::Concatenate => Err("it has no integer arithmetic".to_owned()),
    }
}

/// Integers of images of one shape, channel by channel.
fn from_images<T: Copy>(
    shape: &[usize],
    images: &[&[T]],
    quantization: Quantization,
    integer: impl Fn(T) -> i8,
) -> Result<Activation, String> {
    let shape: Vec<usize> = std::iter::once(1).chain(shape.iter().copied()).collect();
    let x = Integers::of_images(shape, images, quantization, integer)?;
    match x.shape.len() {
        4 => x.transposed(&[0, 2, 3, 1]).map(Activation::Integer),
        _ => Ok(Activation::Integer(x)),
    }
}

fn float_weights(weights: &Weights) -> Result<(&Tensor, Tensor), String> {
    match weights {
        Weights::Float { weight, bias } => Ok((weight, kernels::tensor([bias.len()], bias.clone())?)),
        Weights::Int8 { .. } => Err("its weights are of integers".to_owned()),
    }
}

fn integer_weights(weights: &Weights) -> Result<integers::Weights<'_>, String> {
    let Weights::Int8 { shape, values, scales, bias } = weights else {
        return Err("its weights are of floats".to_owned());
    };
    let shape = match shape[..] {
        [n_out, n_in] => [n_out, n_in, 1, 1],
        [filters, channels, height, width] => [filters, channels, height, width],
        _ => return Err("weights with neither two axes nor four".to_owned()),
    };
    integers::Weights::new((shape, [0, 2, 3, 1]), values, scales, bias)
}

fn sliding(window: Window) -> kernels::Window {
    kernels::Window {
        stride: [window.stride as usize; 2],
        pads: [window.padding as usize; 4],
        dilation: [window.dilation as usize; 2],
        groups: window.groups as usize,
    }
}
