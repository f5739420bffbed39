//! Runs ONNX files of the operations that Kindling writes, opset 17, and of those that it imports.

/// One operation.
mod operation;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use self::operation::Operation;
use super::kernels::{self, Outcome};
use crate::error::ExchangeError;
use crate::onnx_messages::{Graph, Model, Node, TensorProto, ValueInfo, element};
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
    let probabilities = parse(bytes).and_then(|graph| {
        let sides = sides(&graph);
        let [_, Some(height), Some(width), Some(3)] = sides[..] else {
            return Err("its input is no batch of color images".to_owned());
        };
        let network = Network::new(graph)?;
        let run = |image: &Vec<u8>| network.run(color_image(image, [height, width])?, "probabilities");
        images.iter().map(run).collect()
    });
    probabilities.map_err(unreadable)
}

/// What a graph of one input and one output computes for inputs in floats.
///
/// # Errors
///
/// [`ExchangeError::Unreadable`], naming the node.
pub(crate) fn run_floats(graph: &Graph, inputs: Vec<Tensor>) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let output = graph.output.first().map(|output| output.name.clone()).unwrap_or_default();
    let outputs = Network::new(graph.clone())
        .and_then(|network| inputs.into_iter().map(|input| network.run(input, &output)).collect());
    outputs.map_err(unreadable)
}

fn unreadable(why: String) -> ExchangeError {
    ExchangeError::Unreadable(format!("the ONNX file ({why})"))
}

fn parse(bytes: &[u8]) -> Result<Graph, String> {
    let model = Model::decode(bytes).map_err(|error| error.to_string())?;
    model.graph.ok_or_else(|| "it has no graph".to_owned())
}

/// The sides of a graph's input, as far as they are fixed: an initializer is none, though older files list them, too.
pub(crate) fn sides(graph: &Graph) -> Vec<Option<usize>> {
    let shape = input(graph).and_then(|input| input.kind.as_ref()?.tensor_type.as_ref()?.shape.as_ref());
    let sides = shape.iter().flat_map(|shape| &shape.dim);
    sides.map(|side| side.dim_value.and_then(|side| usize::try_from(side).ok())).collect()
}

/// The first input that is no constant.
pub(crate) fn input(graph: &Graph) -> Option<&ValueInfo> {
    let constants: BTreeSet<&str> = graph.initializer.iter().map(|constant| constant.name.as_str()).collect();
    graph.input.iter().find(|input| !constants.contains(input.name.as_str()))
}

struct Network {
    nodes: Vec<Node>,
    constants: BTreeMap<String, Constant>,
    input: String,
}

pub(crate) enum Constant {
    Floats(Tensor),
    Integers(Vec<i64>),
}

impl Network {
    fn new(graph: Graph) -> Result<Self, String> {
        if graph.node.len() > MAX_NODES {
            return Err(format!("more than {MAX_NODES} nodes"));
        }
        let input = input(&graph).ok_or("it has no input")?.name.clone();
        Ok(Self { constants: constants(&graph)?, nodes: graph.node, input })
    }

    fn run(&self, input: Tensor, output: &str) -> Result<Vec<f32>, String> {
        // Bytes become floats, which hold them exactly.
        let mut values = BTreeMap::from([(self.input.clone(), input)]);
        for node in self.nodes.iter().filter(|node| node.op_type != "Constant") {
            let operation = Operation { node, constants: &self.constants, values: &values };
            let (position, result) = operation.run().map_err(|why| format!("{} {}: {why}", node.op_type, node.name))?;
            values.insert(node.output.get(position).cloned().unwrap_or_default(), result);
        }
        let result = values.remove(output).ok_or_else(|| format!("nothing computes its {output}"))?;
        Ok(result.values)
    }
}

/// The initializers of a graph, and the values of its constant nodes.
pub(crate) fn constants(graph: &Graph) -> Result<BTreeMap<String, Constant>, String> {
    let initializers = graph.initializer.iter().map(|constant| (&constant.name, constant));
    let nodes = graph.node.iter().filter(|node| node.op_type == "Constant").filter_map(|node| {
        let value = node.attribute.iter().find(|attribute| attribute.name == "value");
        Some((node.output.first()?, value?.t.as_ref()?))
    });
    let constants = initializers.chain(nodes).map(|(name, constant)| {
        let value = constant_value(constant).map_err(|why| format!("{name}: {why}"))?;
        Ok((name.clone(), value))
    });
    constants.collect()
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
    if constant.data_location != 0 {
        return Err("its values are in another file".to_owned());
    }
    match constant.data_type {
        element::FLOAT => {
            let shape = constant.dims.iter().map(|&side| usize::try_from(side).map_err(|error| error.to_string()));
            let shape = shape.collect::<Result<Vec<_>, _>>()?;
            let values = match constant.float_data.is_empty() {
                true => floats(&constant.raw_data),
                false => constant.float_data.clone(),
            };
            Ok(Constant::Floats(kernels::tensor(shape, values)?))
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
        element::INT64 if !constant.int64_data.is_empty() => Ok(Constant::Integers(constant.int64_data.clone())),
        element::INT64 => {
            let (numbers, _) = constant.raw_data.as_chunks::<8>();
            Ok(Constant::Integers(numbers.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()))
        }
        other => Err(format!("elements of type {other} are not known")),
    }
}
