//! ONNX in integers of 8 bits, as QDQ: each integer tensor is dequantized, the usual operation follows, and its output is quantized. Runtimes
//! replace such groups by operations on integers; those that cannot compute the same with floats.
//!
//! Activations are signed, as weights are: on x86 without VNNI, onnxruntime saturates products of unsigned and signed integers.

use kindling_core::protocol::ImageShape;

use super::graph::{GraphBuilder, int, ints, value};
use super::{FEATURES, IMAGE, LOGITS, PROBABILITIES, encoded, layers, metadata, normalize};
use crate::check::Check;
use crate::onnx_messages::element;
use crate::quantized::{Kind, Operation, Quantization, QuantizedNetwork, Weights};
use crate::trained::Tensor;

/// The check should have the probabilities of the quantized network.
pub fn write(quantized: &QuantizedNetwork, check: &Check) -> Vec<u8> {
    let description = &quantized.network.description;
    let ImageShape { channels, height, width } = description.input;
    let mut graph = GraphBuilder::default();
    let input = normalize(&mut graph, channels);
    let input = match quantized.values.first().and_then(|value| value.quantization) {
        None => input,
        Some(quantization) => through_integers(&mut graph, &input, quantization),
    };
    let mut values = vec![input];
    for (index, operation) in quantized.operations.iter().enumerate() {
        let inputs: Vec<String> = operation.inputs.iter().filter_map(|&input| values.get(input).cloned()).collect();
        let output = write_operation(&mut graph, quantized, operation, &inputs);
        values.push(match quantized.output(index) {
            None => output,
            Some(quantization) => through_integers(&mut graph, &output, quantization),
        });
    }
    let last = quantized.operations.last();
    let features = last.and_then(|last| last.inputs.first()).and_then(|&input| values.get(input));
    graph.node("Identity", &[features.map_or("", String::as_str)], "features", vec![]);
    let logits = graph.node("Identity", &[values.last().map_or("", String::as_str)], "logits", vec![]);
    graph.node("Softmax", &[&logits], "probabilities", vec![int("axis", 1)]);
    let n_classes = description.classes.len() as u64;
    let (_, classifier) = quantized.network.classifier();
    let outputs = vec![
        value("probabilities", element::FLOAT, &[n_classes], PROBABILITIES),
        value("logits", element::FLOAT, &[n_classes], LOGITS),
        value("features", element::FLOAT, &[classifier.input.n_values()], FEATURES),
    ];
    let image = value("image", element::UINT8, &[u64::from(height), u64::from(width), 3], IMAGE);
    encoded(graph.finish("network", image, outputs), metadata(&quantized.network, check))
}

/// Quantizes a value and dequantizes it again. Returns the name of the result.
fn through_integers(graph: &mut GraphBuilder, x: &str, quantization: Quantization) -> String {
    let scale = graph.constant(format!("{x}.quantized.scale"), &Tensor::new([], vec![quantization.scale]));
    let zero = graph.bytes(format!("{x}.quantized.zero"), &[], &[quantization.zero_point]);
    let integers = graph.node("QuantizeLinear", &[x, &scale, &zero], format!("{x}.quantized"), vec![]);
    graph.node("DequantizeLinear", &[&integers, &scale, &zero], format!("{x}.dequantized"), vec![])
}

/// Returns the name of its output, which is the operation's path.
fn write_operation(
    graph: &mut GraphBuilder,
    quantized: &QuantizedNetwork,
    operation: &Operation,
    inputs: &[String],
) -> String {
    let path = operation.path.as_str();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let x = inputs.first().copied().unwrap_or_default();
    let of_input = operation.inputs.first().and_then(|&input| quantized.values.get(input));
    let of_input = of_input.and_then(|value| value.quantization);
    // A ReLU is a node of its own.
    let named = |relu: bool| if relu { format!("{path}.sum") } else { path.to_owned() };
    let rectified = |graph: &mut GraphBuilder, sum: String, relu: bool| match relu {
        true => graph.node("Relu", &[&sum], path, vec![]),
        false => sum,
    };
    let side = |side: u32| [i64::from(side); 2];
    match &operation.kind {
        Kind::Conv { weights, window, relu } => {
            let [weight, bias] = write_weights(graph, path, weights, of_input);
            let kernel = shape_of(weights).last().copied().unwrap_or(1) as i64;
            let attributes = vec![
                ints("kernel_shape", [kernel; 2]),
                ints("strides", side(window.stride)),
                ints("pads", [i64::from(window.padding); 4]),
                ints("dilations", side(window.dilation)),
                int("group", window.groups),
            ];
            let sum = graph.node("Conv", &[x, &weight, &bias], named(*relu), attributes);
            rectified(graph, sum, *relu)
        }
        Kind::Linear { weights, relu } => {
            let [weight, bias] = write_weights(graph, path, weights, of_input);
            let sum = graph.node("Gemm", &[x, &weight, &bias], named(*relu), vec![int("transB", 1)]);
            rectified(graph, sum, *relu)
        }
        Kind::MaxPool { size, stride } => {
            graph.node("MaxPool", &[x], path, vec![ints("kernel_shape", side(*size)), ints("strides", side(*stride))])
        }
        Kind::AveragePool { size, stride } => {
            let attributes = vec![ints("kernel_shape", side(*size)), ints("strides", side(*stride))];
            graph.node("AveragePool", &[x], path, attributes)
        }
        Kind::GlobalAveragePool => graph.node("ReduceMean", &[x], path, vec![ints("axes", [2, 3]), int("keepdims", 0)]),
        Kind::GlobalMaxPool => graph.node("ReduceMax", &[x], path, vec![ints("axes", [2, 3]), int("keepdims", 0)]),
        Kind::Flatten => graph.node("Flatten", &[x], path, vec![int("axis", 1)]),
        Kind::Add { relu } => {
            let sum = graph.node("Add", &inputs, named(*relu), vec![]);
            rectified(graph, sum, *relu)
        }
        Kind::Multiply => {
            let shapes = operation.inputs.iter().filter_map(|&input| quantized.values.get(input));
            let shapes: Vec<_> = shapes.map(|value| value.shape).collect();
            let factors = inputs.get(1).copied().unwrap_or_default();
            if shapes.first() == shapes.get(1) {
                return graph.node("Mul", &inputs, path, vec![]);
            }
            let shape = graph.integers(format!("{path}.shape"), &[0, -1, 1, 1]);
            let factors = graph.node("Reshape", &[factors, &shape], format!("{path}.factors"), vec![]);
            graph.node("Mul", &[x, &factors], path, vec![])
        }
        Kind::Concatenate => graph.node("Concat", &inputs, path, vec![int("axis", 1)]),
        Kind::Activation(activation) => layers::activation(graph, x, *activation, path),
        Kind::Float(placed) => layers::layer(graph, &quantized.network, placed, path, x.to_owned()),
    }
}

fn shape_of(weights: &Weights) -> &[usize] {
    let (Weights::Float { weight: Tensor { shape, .. }, .. } | Weights::Int8 { shape, .. }) = weights;
    shape
}

/// Weight and bias as floats, after their dequantization.
fn write_weights(graph: &mut GraphBuilder, path: &str, weights: &Weights, input: Option<Quantization>) -> [String; 2] {
    let name = |part: &str| format!("{path}.{part}");
    match weights {
        Weights::Float { weight, bias } => {
            let bias = Tensor::new([bias.len()], bias.clone());
            [graph.constant(name("weight"), weight), graph.constant(name("bias"), &bias)]
        }
        Weights::Int8 { shape, values, scales, bias } => {
            let per_channel = |values: Vec<f32>| Tensor::new([values.len()], values);
            let input_scale = input.map_or(1.0, |input| input.scale);
            let sum_scales = scales.iter().map(|scale| scale * input_scale).collect();
            let axis = || vec![int("axis", 0)];
            let integers = graph.bytes(name("weight.quantized"), shape, values);
            let scale = graph.constant(name("weight.scale"), &per_channel(scales.clone()));
            let zero = graph.bytes(name("weight.zero"), &[scales.len()], &vec![0; scales.len()]);
            let weight = graph.node("DequantizeLinear", &[&integers, &scale, &zero], name("weight"), axis());
            let integers = graph.sums(name("bias.quantized"), bias);
            let scale = graph.constant(name("bias.scale"), &per_channel(sum_scales));
            // Without a zero point, which onnxruntime-web refuses here.
            let bias = graph.node("DequantizeLinear", &[&integers, &scale], name("bias"), axis());
            [weight, bias]
        }
    }
}
