//! Runs TFLite models of the operations that Kindling writes, by LiteRT's definitions: maps are `[batch, height, width, channels]`.

/// Operations on integers of 8 bits.
mod int8;

use std::collections::BTreeMap;

use super::flatbuffer::Table;
use super::integers::{Integers, LANES};
use super::kernels::{self, Outcome, Pooling, Window};
use crate::error::ExchangeError;
use crate::quantized::Quantization;
use crate::tflite_operators as op;
use crate::trained::{Tensor, floats};

/// Maximum number of operations.
const MAX_OPERATIONS: usize = 100_000;

/// `TensorType`
const FLOAT32: u8 = 0;
const INT32: u8 = 2;
const UINT8: u8 = 3;
const INT8: u8 = 9;

/// The probabilities for images of the network's input shape: bytes, channel by channel.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], naming the operation.
pub fn run(bytes: &[u8], images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let probabilities = Model::parse(bytes).and_then(|model| {
        let batches = images.chunks(LANES).map(|images| model.run(images)).collect::<Result<Vec<_>, _>>()?;
        Ok(batches.concat())
    });
    probabilities.map_err(|why| ExchangeError::Unreadable(format!("the TFLite file ({why})")))
}

struct Model {
    /// By the number of their tensor.
    floats: BTreeMap<i32, Tensor>,
    integers: BTreeMap<i32, Vec<i32>>,
    /// Constants of integers of 8 bits.
    weights: BTreeMap<i32, Weights>,
    /// What the integers of other tensors stand for.
    quantizations: BTreeMap<i32, Quantization>,
    operations: Vec<Operation>,
    input: i32,
    /// Height and width.
    input_size: [usize; 2],
    output: i32,
}

struct Weights {
    shape: Vec<usize>,
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// What an operation computes for a batch of images.
enum Value {
    /// Image by image: shapes in the file are those of one.
    Float(Vec<Tensor>),
    /// In the tensor's own order of axes.
    Integer(Integers),
}

struct Operation {
    code: i32,
    inputs: Vec<i32>,
    outputs: Vec<i32>,
    options: Fields,
}

/// The fields of any kind of operation, as far as they are needed: what a number means depends on the kind.
#[derive(Default)]
struct Fields {
    /// As bytes and as integers, by their number in the table.
    bytes: [u8; 7],
    ints: [i32; 7],
    slope: f32,
}

impl Fields {
    /// Numbers are read as integers where the kind of operation has integers, as bytes elsewhere.
    fn parse(table: Option<Table>, code: i32) -> Result<Self, String> {
        let Some(table) = table else { return Ok(Self::default()) };
        let mut fields = Self::default();
        let int_fields: &[usize] = match code {
            op::AVERAGE_POOL_2D | op::MAX_POOL_2D => &[1, 2, 3, 4],
            op::CONCATENATION | op::SPLIT => &[0],
            op::CONV_2D => &[1, 2, 4, 5],
            op::DEPTHWISE_CONV_2D => &[1, 2, 3, 5, 6],
            op::LEAKY_RELU => {
                fields.slope = table.float(0, 0.0)?;
                &[]
            }
            _ => &[],
        };
        for (number, (byte, int)) in fields.bytes.iter_mut().zip(&mut fields.ints).enumerate() {
            if int_fields.contains(&number) {
                *int = table.int(number, 0)?;
            } else if code != op::LEAKY_RELU && code != op::SOFTMAX {
                *byte = table.byte(number)?;
            }
        }
        Ok(fields)
    }

    fn size(&self, number: usize) -> usize {
        self.ints.get(number).and_then(|&value| usize::try_from(value).ok()).unwrap_or_default()
    }

    fn byte(&self, number: usize) -> u8 {
        self.bytes.get(number).copied().unwrap_or_default()
    }
}

impl Model {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let model = Table::root(bytes, b"TFL3")?;
        let codes = model.tables(1)?;
        let codes = codes.iter().map(|code| Ok(code.int(3, 0)?.max(code.byte(0)?.into())));
        let codes = codes.collect::<Result<Vec<i32>, String>>()?;
        let buffers = model.tables(4)?;
        let graph = model.tables(2)?.into_iter().next().ok_or("it has no graph")?;
        let (mut constants, mut integers, mut input_size) = (BTreeMap::new(), BTreeMap::new(), None);
        let (mut weights, mut quantizations) = (BTreeMap::new(), BTreeMap::new());
        let input = graph.ints(1)?.first().copied().ok_or("it has no input")?;
        for (tensor, number) in graph.tables(0)?.into_iter().zip(0..) {
            let sides =
                tensor.ints(0)?.into_iter().map(|side| usize::try_from(side).map_err(|error| error.to_string()));
            let shape = sides.collect::<Result<Vec<_>, _>>()?;
            let buffer = tensor.int(2, 0)? as usize;
            let data = buffers.get(buffer).ok_or("a tensor has no buffer")?.bytes(0)?;
            let (scales, zero_point) = scales_of(&tensor)?;
            match tensor.byte(1)? {
                INT8 if data.is_empty() => {
                    let (Some(&scale), Ok(zero_point)) = (scales.first(), i8::try_from(zero_point)) else {
                        return Err("integers without a scale".to_owned());
                    };
                    quantizations.insert(number, Quantization { scale, zero_point });
                }
                INT8 => {
                    let values = data.iter().map(|byte| byte.cast_signed()).collect();
                    weights.insert(number, Weights { shape, values, scales });
                }
                UINT8 if number == input => input_size = Some(shape),
                _ if data.is_empty() => {}
                FLOAT32 => drop(constants.insert(number, kernels::tensor(shape, floats(data))?)),
                INT32 => {
                    let (numbers, _) = data.as_chunks::<4>();
                    integers.insert(number, numbers.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect());
                }
                other => return Err(format!("elements of type {other} are not known")),
            }
        }
        let operations = graph.tables(3)?;
        if operations.len() > MAX_OPERATIONS {
            return Err(format!("more than {MAX_OPERATIONS} operations"));
        }
        let operations = operations.iter().map(|operation| {
            let code = *codes.get(operation.int(0, 0)? as usize).ok_or("an operation without a code")?;
            let options = Fields::parse(operation.table(4)?, code)?;
            Ok(Operation { code, inputs: operation.ints(1)?, outputs: operation.ints(2)?, options })
        });
        let operations = operations.collect::<Result<_, String>>()?;
        let Some([1, height, width, 3]) = input_size.as_deref() else {
            return Err("its input is no color image of bytes".to_owned());
        };
        let output = graph.ints(2)?.first().copied().ok_or("it has no output")?;
        Ok(Self {
            floats: constants,
            integers,
            weights,
            quantizations,
            operations,
            input,
            input_size: [*height, *width],
            output,
        })
    }

    fn run(&self, images: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, String> {
        let pixels = images.iter().map(|image| self.pixels(image)).collect::<Result<_, _>>()?;
        let mut values = BTreeMap::from([(self.input, Value::Float(pixels))]);
        let uses = self.operations.iter().enumerate();
        let last_use: BTreeMap<i32, usize> =
            uses.flat_map(|(index, operation)| operation.inputs.iter().map(move |&input| (input, index))).collect();
        for (index, operation) in self.operations.iter().enumerate() {
            let running = Running { model: self, values: &values, operation, n_images: images.len(), image: 0 };
            let results = match running.in_integers() {
                Some(result) => result.map(|result| vec![result]),
                None => running.in_floats(),
            };
            let results = results.map_err(|why| format!("operation {}: {why}", operation.code))?;
            values.extend(operation.outputs.iter().copied().zip(results));
            values.retain(|value, _| *value == self.output || last_use.get(value).is_some_and(|&used| used > index));
        }
        match values.remove(&self.output) {
            Some(Value::Float(outputs)) => Ok(outputs.into_iter().map(|output| output.values).collect()),
            Some(Value::Integer(_)) => Err("its output is of signed integers".to_owned()),
            None => Err("nothing computes its output".to_owned()),
        }
    }

    fn pixels(&self, image: &[u8]) -> Outcome {
        let [height, width] = self.input_size;
        let n_places = kernels::n_values(&[height, width])?;
        let n_channels = image.len().checked_div(n_places).filter(|n| image.len() == n * n_places);
        let Some(n_channels @ (1 | 3)) = n_channels else { return Err("the image has another size".to_owned()) };
        let channel = |place: usize, color: usize| image.get(color.min(n_channels - 1) * n_places + place);
        let pixels = (0..n_places).flat_map(|place| (0..3).filter_map(move |color| channel(place, color)));
        kernels::tensor([1, height, width, 3], pixels.map(|&byte| f32::from(byte)).collect())
    }
}

/// The scales of a tensor and its first zero point.
fn scales_of(tensor: &Table) -> Result<(Vec<f32>, i64), String> {
    let Some(scales) = tensor.table(4)? else { return Ok((Vec::new(), 0)) };
    Ok((scales.floats(2)?, scales.longs(3)?.first().copied().unwrap_or_default()))
}

struct Running<'a> {
    model: &'a Model,
    values: &'a BTreeMap<i32, Value>,
    operation: &'a Operation,
    n_images: usize,
    /// Of which floats are read.
    image: usize,
}

impl Running<'_> {
    fn in_floats(&self) -> Result<Vec<Value>, String> {
        let mut results: Vec<Vec<Tensor>> = Vec::new();
        for image in 0..self.n_images {
            let tensors = Running { image, ..*self }.run()?;
            results.resize(tensors.len(), Vec::new());
            results.iter_mut().zip(tensors).for_each(|(images, tensor)| images.push(tensor));
        }
        Ok(results.into_iter().map(Value::Float).collect())
    }

    fn run(&self) -> Result<Vec<Tensor>, String> {
        let options = &self.operation.options;
        let result = match self.operation.code {
            op::ADD => kernels::binary(self.x(0)?, self.x(1)?, |one, other| one + other),
            op::MUL => kernels::binary(self.x(0)?, self.x(1)?, |one, other| one * other),
            op::SUB => kernels::binary(self.x(0)?, self.x(1)?, |one, other| one - other),
            op::SQUARED_DIFFERENCE => kernels::binary(self.x(0)?, self.x(1)?, |one, other| (one - other).powi(2)),
            op::AVERAGE_POOL_2D => self.pool(Pooling::Average),
            op::MAX_POOL_2D => self.pool(Pooling::Max),
            op::CONCATENATION => self.concatenate(),
            op::CONV_2D => self.conv(),
            op::DEPTHWISE_CONV_2D => self.depthwise_conv(),
            op::FULLY_CONNECTED => {
                let sum = kernels::linear(self.x(0)?, self.x(1)?, Some(self.x(2)?))?;
                fused(sum, options.byte(0))
            }
            op::LOGISTIC => self.map(kernels::sigmoid),
            op::RELU6 => self.map(|value| value.clamp(0.0, 6.0)),
            op::RESIZE_BILINEAR => self.resize(),
            op::RELU => self.map(|value| value.max(0.0)),
            op::TANH => self.map(f32::tanh),
            op::CAST => Ok(self.x(0)?.clone()),
            op::RSQRT => self.map(|value| 1.0 / value.sqrt()),
            op::LEAKY_RELU => self.map(|value| if value < 0.0 { options.slope * value } else { value }),
            op::GELU => self.map(|value| 0.5 * value * (1.0 + libm::erff(value * std::f32::consts::FRAC_1_SQRT_2))),
            op::RESHAPE => kernels::reshape(self.x(0)?.clone(), self.sizes(1)?),
            op::SOFTMAX => kernels::softmax(self.x(0)?),
            op::PAD => self.pad(),
            op::TRANSPOSE => kernels::transpose(self.x(0)?, &self.sizes(1)?),
            op::MEAN => self.reduce(Pooling::Average),
            op::REDUCE_MAX => self.reduce(Pooling::Max),
            op::SPLIT => return self.split(),
            op::BATCH_MATMUL => match options.byte(1) {
                0 => kernels::matmul(self.x(0)?, self.x(1)?),
                _ => kernels::matmul(self.x(0)?, &kernels::transpose(self.x(1)?, &[0, 2, 1])?),
            },
            _ => Err("it is not known".to_owned()),
        };
        Ok(vec![result?])
    }

    fn number(&self, index: usize) -> Result<i32, String> {
        self.operation.inputs.get(index).copied().ok_or_else(|| format!("input {index} is missing"))
    }

    fn x(&self, index: usize) -> Result<&Tensor, String> {
        let number = self.number(index)?;
        match self.values.get(&number) {
            Some(Value::Float(images)) => images.get(self.image).ok_or_else(|| "an image is missing".to_owned()),
            Some(Value::Integer(_)) => Err(format!("input {index} is of integers")),
            None => {
                let constant = self.model.floats.get(&number);
                constant.ok_or_else(|| format!("input {index} is not computed before it is used"))
            }
        }
    }

    fn sizes(&self, index: usize) -> Result<Vec<usize>, String> {
        let values = self.model.integers.get(&self.number(index)?).ok_or("a list of integers is missing")?;
        values.iter().map(|&value| usize::try_from(value).map_err(|error| error.to_string())).collect()
    }

    fn map(&self, function: impl Fn(f32) -> f32) -> Outcome {
        Ok(kernels::map(self.x(0)?, function))
    }

    fn check_is_valid(&self) -> Result<(), String> {
        if self.operation.options.byte(0) == 1 { Ok(()) } else { Err("padding of its own".to_owned()) }
    }

    fn pool(&self, pooling: Pooling) -> Outcome {
        self.check_is_valid()?;
        let size = |number| self.operation.options.size(number);
        let x = kernels::transpose(self.x(0)?, &[0, 3, 1, 2])?;
        kernels::transpose(&kernels::pool(&x, pooling, [size(4), size(3)], [size(2), size(1)])?, &[0, 2, 3, 1])
    }

    fn conv(&self) -> Outcome {
        let size = |number| self.operation.options.size(number);
        let window = Window { stride: [size(2), size(1)], dilation: [size(5), size(4)], ..Window::PLAIN };
        self.slide(window, [0, 3, 1, 2], self.operation.options.byte(3))
    }

    fn depthwise_conv(&self) -> Outcome {
        let size = |number| self.operation.options.size(number);
        let groups = self.x(0)?.shape.last().copied().unwrap_or_default();
        let window = Window { stride: [size(2), size(1)], pads: [0; 4], dilation: [size(6), size(5)], groups };
        self.slide(window, [3, 0, 1, 2], self.operation.options.byte(4))
    }

    /// `order` turns the weight into `[out, in / groups, height, width]`.
    fn slide(&self, window: Window, order: [usize; 4], activation: u8) -> Outcome {
        self.check_is_valid()?;
        let weight = kernels::transpose(self.x(1)?, &order)?;
        let maps = kernels::conv(&kernels::transpose(self.x(0)?, &[0, 3, 1, 2])?, &weight, Some(self.x(2)?), window)?;
        fused(kernels::transpose(&maps, &[0, 2, 3, 1])?, activation)
    }

    /// Zeros around maps.
    fn pad(&self) -> Outcome {
        let x = self.x(0)?;
        let [n_images, height, width, channels] = kernels::dims(x)?;
        let [0, 0, top, bottom, left, right, 0, 0] = self.sizes(1)?[..] else {
            return Err("padding of other axes than height and width".to_owned());
        };
        if [top, bottom, left, right].iter().any(|&side| side > 1 << 16) {
            return Err("too much padding".to_owned());
        }
        let shape = [n_images, height + top + bottom, width + left + right, channels];
        let mut values = Vec::with_capacity(kernels::n_outputs(&shape)?);
        let zeros = |values: &mut Vec<f32>, n: usize| values.resize(values.len() + n * channels, 0.0);
        for image in x.values.chunks_exact((height * width * channels).max(1)) {
            zeros(&mut values, top * (width + left + right));
            for row in image.chunks_exact((width * channels).max(1)) {
                zeros(&mut values, left);
                values.extend(row);
                zeros(&mut values, right);
            }
            zeros(&mut values, bottom * (width + left + right));
        }
        kernels::tensor(shape, values)
    }

    /// The reduced axes stay, with length 1.
    fn reduce(&self, pooling: Pooling) -> Outcome {
        let (x, axes) = (self.x(0)?, self.sizes(1)?);
        if self.operation.options.byte(0) == 0 || axes.iter().any(|&axis| axis >= x.shape.len()) {
            return Err("a reduction that drops its axes, or of axes that are not there".to_owned());
        }
        let kept = (0..x.shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let reduced = kernels::fold_last(&kernels::transpose(x, &order)?, axes.len(), pooling)?;
        let sides = x.shape.iter().enumerate();
        let shape: Vec<usize> = sides.map(|(axis, &side)| if axes.contains(&axis) { 1 } else { side }).collect();
        kernels::reshape(reduced, shape)
    }

    /// Between the centers of pixels, to a square.
    fn resize(&self) -> Outcome {
        let [height, width] = self.sizes(1)?[..] else { return Err("a size without two sides".to_owned()) };
        let options = &self.operation.options;
        if height != width || options.byte(2) != 0 || options.byte(3) != 1 {
            return Err("maps that do not become square, or are aligned by their corners".to_owned());
        }
        let maps = kernels::resize(&kernels::transpose(self.x(0)?, &[0, 3, 1, 2])?, height)?;
        kernels::transpose(&maps, &[0, 2, 3, 1])
    }

    /// Along the first axis, or the second of vectors.
    fn concatenate(&self) -> Outcome {
        let parts = (0..self.operation.inputs.len()).map(|index| self.x(index));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        match self.operation.options.size(0) {
            0 => {}
            1 => return kernels::beside(&parts),
            _ => return Err("a concatenation along another axis than the first or second".to_owned()),
        }
        let rest = parts.first().and_then(|part| part.shape.get(1..)).unwrap_or_default();
        let length = parts.iter().map(|part| part.shape.first().copied().unwrap_or_default()).sum();
        let values = parts.iter().flat_map(|part| part.values.iter().copied()).collect();
        kernels::tensor(std::iter::once(length).chain(rest.iter().copied()).collect::<Vec<_>>(), values)
    }

    /// Equal parts along the rows or the columns of a matrix.
    fn split(&self) -> Result<Vec<Tensor>, String> {
        let x = self.x(1)?;
        let [rows, columns] = kernels::dims(x)?;
        let n_parts = self.operation.options.size(0);
        let (axis, n_outputs) = (self.sizes(0)?, self.operation.outputs.len());
        let along = match axis[..] {
            [0] => rows,
            [1] => columns,
            _ => return Err("a split along another axis".to_owned()),
        };
        if n_parts == 0 || n_parts != n_outputs || along % n_parts != 0 || rows == 0 || columns == 0 {
            return Err("parts that are not equal".to_owned());
        }
        let part = along / n_parts;
        let parts = (0..n_parts).map(|index| match axis[..] {
            [0] => {
                let values = x.values.iter().skip(index * part * columns).take(part * columns);
                kernels::tensor([part, columns], values.copied().collect())
            }
            _ => {
                let rows_of = x.values.chunks_exact(columns);
                let values = rows_of.flat_map(|row| row.iter().skip(index * part).take(part));
                kernels::tensor([rows, part], values.copied().collect())
            }
        });
        parts.collect()
    }
}

/// An activation that is part of an operation.
fn fused(x: Tensor, activation: u8) -> Outcome {
    match activation {
        0 => Ok(x),
        1 => Ok(kernels::map(&x, |value| value.max(0.0))),
        3 => Ok(kernels::map(&x, |value| value.clamp(0.0, 6.0))),
        other => Err(format!("the activation {other} is not known")),
    }
}
