//! TFLite in integers of 8 bits, for LiteRT, and for TensorFlow Lite Micro since September 2024: one image of bytes in, probabilities in steps of
//! 1/256 out. Layers without integer arithmetic stay in floats, between a dequantization and a quantization.

use kindling_core::config::Activation;
use kindling_core::network::shape::FeatureShape;
use kindling_core::protocol::ImageShape;

use super::super::channels_last::Kernel;
use super::super::description::{HALF_RANGE, color_weights};
use super::model::{Element, Fused, ModelBuilder, Options, Scales};
use super::{layers, metadata, normalize};
use crate::check::Check;
use crate::quantized::{Kind, Operation, Quantization, QuantizedNetwork, Weights, Window};
use crate::tflite_operators as op;
use crate::trained::Tensor;

const LEAKY_SLOPE: f32 = 0.01;

/// What TFLite prescribes for a softmax.
const OF_SOFTMAX: Quantization = Quantization { scale: 1.0 / 256.0, zero_point: -128 };

/// The check should have the probabilities of the quantized network.
pub fn write(quantized: &QuantizedNetwork, check: &Check) -> Vec<u8> {
    let description = &quantized.network.description;
    let mut model = ModelBuilder::default();
    let ImageShape { height, width, .. } = description.input;
    let sides = [1, height as usize, width as usize, 3];
    let (image, input) = match quantized.values.first().and_then(|value| value.quantization) {
        None => {
            let image = model.input("image", &sides, Element::Uint8);
            (image, normalize(&mut model, image, description.input))
        }
        Some(quantization) => {
            let image = model.quantized_input("image", &sides, Element::Uint8, Scales::one(1.0 / HALF_RANGE, 128));
            (image, normalize_integers(&mut model, image, description.input, quantization))
        }
    };
    let mut writer = Writer { model, quantized, values: vec![input] };
    for (index, operation) in quantized.operations.iter().enumerate() {
        let output = writer.operation(index, operation);
        writer.values.push(output);
    }
    let logits = writer.values.last().copied().unwrap_or_default();
    let is_integer = quantized.values.last().is_some_and(|value| value.quantization.is_some());
    let mut model = writer.model;
    let shape = [1, description.classes.len()];
    let probabilities = if is_integer {
        let place = ("probabilities.signed".to_owned(), &shape[..]);
        let shares = model.quantized_operation(
            op::SOFTMAX,
            &[logits],
            place,
            Options::Softmax,
            (Element::Int8, one(OF_SOFTMAX)),
        );
        let output = (Element::Uint8, Scales::one(OF_SOFTMAX.scale, 0));
        let place = ("probabilities".to_owned(), &shape[..]);
        model.quantized_operation(op::QUANTIZE, &[shares], place, Options::None, output)
    } else {
        model.operation(op::SOFTMAX, &[logits], "probabilities".to_owned(), &shape, Options::Softmax)
    };
    model.finish(image, &[probabilities, logits], &metadata(&quantized.network, check))
}

fn one(quantization: Quantization) -> Scales {
    Scales::one(quantization.scale, quantization.zero_point.into())
}

/// Bytes of red, green and blue to the network's input. A byte stands for itself less 128, which the bias of the convolution corrects to 127.5.
fn normalize_integers(model: &mut ModelBuilder, image: i32, shape: ImageShape, quantization: Quantization) -> i32 {
    let [channels, height, width] = [shape.channels, shape.height, shape.width].map(|side| side as usize);
    let input_scale = 1.0 / HALF_RANGE;
    let signed = (Element::Int8, Scales::one(input_scale, 0));
    let place = ("input.signed".to_owned(), &[1, height, width, 3][..]);
    let signed = model.quantized_operation(op::QUANTIZE, &[image], place, Options::None, signed);
    let weights = color_weights(channels, 1.0);
    let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(*weight));
    let integers: Vec<i8> = weights.iter().map(|weight| (weight / largest * 127.0).round() as i8).collect();
    // The weights of each channel together are exactly 1, so that gray stays gray.
    let sum: f32 = integers.iter().take(3).map(|&weight| f32::from(weight)).sum();
    let scale = 1.0 / sum;
    let bias = (0.5 / HALF_RANGE / (input_scale * scale)).round() as i32;
    let scales = Scales { scales: vec![scale; channels], zero_point: 0, axis: 0 };
    let weight = model.bytes("input.scale".to_owned(), &[channels, 1, 1, 3], &integers, scales);
    let scales = Scales { scales: vec![input_scale * scale; channels], zero_point: 0, axis: 0 };
    let bias = model.sums("input.shift".to_owned(), &vec![bias; channels], scales);
    let options = Options::Conv { stride: 1, dilation: 1, activation: Fused::None };
    let place = ("input".to_owned(), &[1, height, width, channels][..]);
    model.quantized_operation(op::CONV_2D, &[signed, weight, bias], place, options, (Element::Int8, one(quantization)))
}

struct Writer<'a> {
    model: ModelBuilder,
    quantized: &'a QuantizedNetwork,
    /// The tensor of each value.
    values: Vec<i32>,
}

/// An operation to write, with the tensors that it reads.
struct Place<'a> {
    path: &'a str,
    x: i32,
    other: i32,
    /// Of the output; none for floats.
    output: Option<Quantization>,
    input: Option<Quantization>,
    shape: Vec<usize>,
}

impl Place<'_> {
    fn name(&self, part: &str) -> String {
        if part.is_empty() { self.path.to_owned() } else { format!("{}.{part}", self.path) }
    }
}

impl Writer<'_> {
    fn operation(&mut self, index: usize, operation: &Operation) -> i32 {
        let output = self.quantized.output(index);
        let input = |place: usize| operation.inputs.get(place).copied();
        let shape = self.quantized.values.get(index + 1).map(|value| tensor_shape(value.shape)).unwrap_or_default();
        let quantization = |value: Option<usize>| self.quantized.values.get(value?).and_then(|it| it.quantization);
        let of_input = quantization(input(0));
        let tensor = |place: usize| input(place).and_then(|value| self.values.get(value)).copied().unwrap_or_default();
        let (x, other) = (tensor(0), tensor(1));
        if operation.is_integer {
            let place = Place { path: &operation.path, x, other, output, input: of_input, shape };
            return self.write(operation, &place);
        }
        let x = self.dequantized(x, of_input, &operation.path, "x");
        let other = if operation.inputs.len() > 1 {
            self.dequantized(other, quantization(input(1)), &operation.path, "other")
        } else {
            other
        };
        let place = Place { path: &operation.path, x, other, output: None, input: None, shape };
        let result = self.write(operation, &place);
        let Some(output) = output else { return result };
        let shape = self.model.shape(result);
        let place = (format!("{}.quantized", operation.path), &shape[..]);
        self.model.quantized_operation(op::QUANTIZE, &[result], place, Options::None, (Element::Int8, one(output)))
    }

    fn dequantized(&mut self, x: i32, quantization: Option<Quantization>, path: &str, part: &str) -> i32 {
        if quantization.is_none() {
            return x;
        }
        let shape = self.model.shape(x);
        self.model.operation(op::DEQUANTIZE, &[x], format!("{path}.{part}"), &shape, Options::None)
    }

    fn write(&mut self, operation: &Operation, place: &Place) -> i32 {
        let inputs = [place.x, place.other];
        match &operation.kind {
            Kind::Conv { weights, window, relu } => self.conv(place, weights, *window, *relu),
            Kind::Linear { weights, relu } => {
                let weight = self.weight(place, weights, |weight| weight.clone(), 0);
                let bias = self.bias(place, weights);
                let options = Options::FullyConnected { activation: fused(*relu) };
                self.node(op::FULLY_CONNECTED, &[place.x, weight, bias], place, "", &place.shape, options)
            }
            Kind::MaxPool { size, stride } => self.pool(op::MAX_POOL_2D, place, *size, *stride),
            Kind::AveragePool { size, stride } => self.pool(op::AVERAGE_POOL_2D, place, *size, *stride),
            Kind::GlobalAveragePool => self.global_pool(op::MEAN, place),
            Kind::GlobalMaxPool => self.global_pool(op::REDUCE_MAX, place),
            Kind::Flatten => {
                let shape = self.model.shape(place.x);
                let order = [0, 3, 1, 2];
                let turned: Vec<usize> = order.iter().filter_map(|&axis| shape.get(axis).copied()).collect();
                let order = self.model.integers(place.name("order"), &[4], &order.map(|axis| axis as i32));
                let x = self.node(op::TRANSPOSE, &[place.x, order], place, "by_channel", &turned, Options::Transpose);
                self.reshape(x, place, "", &place.shape)
            }
            Kind::Add { relu } => {
                self.node(op::ADD, &inputs, place, "", &place.shape, Options::Add { activation: fused(*relu) })
            }
            Kind::Multiply => {
                let mut other = place.other;
                if self.model.shape(other) != place.shape {
                    other = self.factors(place);
                }
                self.node(op::MUL, &[place.x, other], place, "", &place.shape, Options::Mul)
            }
            Kind::Concatenate => {
                self.node(op::CONCATENATION, &inputs, place, "", &place.shape, Options::Concatenation { axis: 1 })
            }
            Kind::Activation(activation) => {
                let (code, options) = match activation {
                    Activation::Relu => (op::RELU, Options::None),
                    Activation::Relu6 => (op::RELU6, Options::None),
                    Activation::LeakyRelu => (op::LEAKY_RELU, Options::LeakyRelu { slope: LEAKY_SLOPE }),
                    Activation::Gelu => (op::GELU, Options::Gelu),
                    Activation::Tanh => (op::TANH, Options::None),
                    Activation::Sigmoid => (op::LOGISTIC, Options::None),
                    Activation::Silu => unreachable!("a SiLU is a sigmoid and a product"),
                };
                self.node(code, &[place.x], place, "", &place.shape, options)
            }
            Kind::Float(placed) => layers::layer(&mut self.model, &self.quantized.network, placed, place.path, place.x),
        }
    }

    /// An operation in integers if its output has a scale, else in floats.
    fn node(&mut self, code: i32, inputs: &[i32], place: &Place, part: &str, shape: &[usize], options: Options) -> i32 {
        self.node_with(code, inputs, (place.name(part), shape), options, place.output)
    }

    fn node_with(
        &mut self,
        code: i32,
        inputs: &[i32],
        (name, shape): (String, &[usize]),
        options: Options,
        output: Option<Quantization>,
    ) -> i32 {
        match output {
            None => self.model.operation(code, inputs, name, shape, options),
            Some(output) => {
                self.model.quantized_operation(code, inputs, (name, shape), options, (Element::Int8, one(output)))
            }
        }
    }

    fn reshape(&mut self, x: i32, place: &Place, part: &str, shape: &[usize]) -> i32 {
        let sides: Vec<i32> = shape.iter().map(|&side| side as i32).collect();
        let sides = self.model.integers(place.name(&format!("{part}shape")), &[shape.len()], &sides);
        self.node(op::RESHAPE, &[x, sides], place, part, shape, Options::Reshape)
    }

    /// The second input, one factor per channel, in the shape of maps.
    fn factors(&mut self, place: &Place) -> i32 {
        let channels = self.model.shape(place.other).last().copied().unwrap_or_default();
        let shape = [1, 1, 1, channels];
        let sides = self.model.integers(place.name("factors.shape"), &[4], &shape.map(|side| side as i32));
        // Sigmoids gate channels; their scale is that of the second input.
        let output = place.output.and(self.quantization_of(place.other));
        let name = (place.name("factors"), &shape[..]);
        self.node_with(op::RESHAPE, &[place.other, sides], name, Options::Reshape, output)
    }

    fn quantization_of(&self, tensor: i32) -> Option<Quantization> {
        let value = self.values.iter().position(|&value| value == tensor)?;
        self.quantized.values.get(value).and_then(|value| value.quantization)
    }

    /// Zeros on all sides, which are the zero point.
    fn pad(&mut self, place: &Place, padding: u32) -> i32 {
        let shape = self.model.shape(place.x);
        let [batch, height, width, channels] = shape[..] else { unreachable!("maps have four axes") };
        if padding == 0 {
            return place.x;
        }
        let n = padding as i32;
        let pads = self.model.integers(place.name("padding.sides"), &[4, 2], &[0, 0, n, n, n, n, 0, 0]);
        let added = 2 * padding as usize;
        let shape = [batch, height + added, width + added, channels];
        self.node_with(op::PAD, &[place.x, pads], (place.name("padding"), &shape), Options::Pad, place.input)
    }

    fn conv(&mut self, place: &Place, weights: &Weights, window: Window, relu: bool) -> i32 {
        let Window { stride, padding, dilation, groups } = window;
        let shape = match weights {
            Weights::Float { weight, .. } => &weight.shape,
            Weights::Int8 { shape, .. } => shape,
        };
        let is_depthwise = shape.get(1) == Some(&1) && shape.first() == Some(&(groups as usize)) && groups > 1;
        let x = self.pad(place, padding);
        let bias = self.bias(place, weights);
        // Strides and dilation after a dilation is written into the kernel.
        let [step, spread] = if stride > 1 && dilation > 1 { [stride, 1] } else { [stride, dilation] };
        let [step, spread] = [step as usize, spread as usize];
        if is_depthwise {
            let order = |weight: &Tensor| {
                let Tensor { shape, values } = Kernel::of(weight, stride, dilation).hwci();
                Tensor::new(std::iter::once(1).chain(shape.into_iter().take(3)).collect::<Vec<_>>(), values)
            };
            let weight = self.weight(place, weights, order, 3);
            let options = Options::DepthwiseConv { stride: step, dilation: spread, activation: fused(relu) };
            return self.node(op::DEPTHWISE_CONV_2D, &[x, weight, bias], place, "", &place.shape, options);
        }
        let order = |weight: &Tensor| Kernel::of(weight, stride, dilation).ungrouped(groups as usize).ohwi();
        let weight = self.weight(place, weights, order, 0);
        let options = Options::Conv { stride: step, dilation: spread, activation: fused(relu) };
        self.node(op::CONV_2D, &[x, weight, bias], place, "", &place.shape, options)
    }

    /// A weight in another order, with the axis of its output channels.
    fn weight(&mut self, place: &Place, weights: &Weights, order: impl Fn(&Tensor) -> Tensor, axis: i32) -> i32 {
        let name = place.name("weight");
        match weights {
            Weights::Float { weight, .. } => self.model.constant(name, &order(weight)),
            Weights::Int8 { shape, values, scales, .. } => {
                // Floats hold these integers exactly.
                let floats = values.iter().map(|&value| f32::from(value)).collect();
                let Tensor { shape, values } = order(&Tensor::new(shape.clone(), floats));
                let values: Vec<i8> = values.iter().map(|&value| value as i8).collect();
                self.model.bytes(name, &shape, &values, Scales { scales: scales.clone(), zero_point: 0, axis })
            }
        }
    }

    fn bias(&mut self, place: &Place, weights: &Weights) -> i32 {
        let name = place.name("bias");
        match weights {
            Weights::Float { bias, .. } => self.model.constant(name, &Tensor::new([bias.len()], bias.clone())),
            Weights::Int8 { bias, scales, .. } => {
                let input_scale = place.input.map_or(1.0, |input| input.scale);
                let scales = scales.iter().map(|scale| scale * input_scale).collect();
                self.model.sums(name, bias, Scales { scales, zero_point: 0, axis: 0 })
            }
        }
    }

    fn pool(&mut self, code: i32, place: &Place, size: u32, stride: u32) -> i32 {
        let options = Options::Pool { size: [size as usize; 2], stride: [stride as usize; 2] };
        self.node(code, &[place.x], place, "", &place.shape, options)
    }

    fn global_pool(&mut self, code: i32, place: &Place) -> i32 {
        let channels = place.shape.last().copied().unwrap_or_default();
        let axes = self.model.integers(place.name("axes"), &[2], &[1, 2]);
        let x = self.node(code, &[place.x, axes], place, "places", &[1, 1, 1, channels], Options::Reducer);
        self.reshape(x, place, "", &[1, channels])
    }
}

fn fused(relu: bool) -> Fused {
    if relu { Fused::Relu } else { Fused::None }
}

fn tensor_shape(shape: FeatureShape) -> Vec<usize> {
    let sides = match shape {
        FeatureShape::Maps { channels, height, width } => vec![1, height, width, channels],
        FeatureShape::Sequence { length, features } => vec![length, features],
        FeatureShape::Vector { length } => vec![1, length],
    };
    sides.into_iter().map(|side| side as usize).collect()
}
