//! ONNX of other tools: a graph from images to one score for each class becomes a chain of layers, with a residual block wherever two branches
//! from one value are added.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kindling_core::config::{Layer, NetworkConfig};
use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::patterns::patterns;
use kindling_core::network::shape::{MAX_NESTING, NetworkError, network_tensors, place};
use kindling_core::protocol::ImageShape;

use super::layers::{Built, Chain, scaled};
use super::{Imported, Scaling, check_input, check_is_finite, proven};
use crate::error::ExchangeError;
use crate::onnx_messages::{Entry, Graph, Node};
use crate::read;
use crate::read::kernels;
use crate::read::onnx::{Constant, constants, input, sides};
use crate::trained::{Description, Tensor, TrainedNetwork};

/// Maximum number of operations, as when a file is run.
const MAX_NODES: usize = 10_000;

/// Makes a network of a graph. `name` becomes the network's.
pub fn import(graph: Graph, metadata: &[Entry], name: &str, scaling: &Scaling) -> Result<Imported, ExchangeError> {
    let unreadable = |why: String| ExchangeError::Unreadable(format!("the ONNX file ({why})"));
    if graph.node.len() > MAX_NODES {
        return Err(unreadable(format!("more than {MAX_NODES} nodes")));
    }
    let shape = image_shape(&graph).map_err(|why| unreadable(why.to_owned()))?;
    let constants = constants(&graph).map_err(unreadable)?;
    let flow = Flow::of(&graph, constants);
    let Chain { mut built, ending, .. } = flow.whole(&graph)?;
    let n_classes = as_classifier(&mut built)?;
    if let Some(first) = scaled(scaling, shape.channels)? {
        built.insert(0, first);
    }
    let given =
        metadata.iter().find(|entry| entry.key == "labels").and_then(|entry| serde_json::from_str(&entry.value).ok());
    let classes = given.filter(|classes: &Vec<String>| classes.len() == n_classes);
    let has_class_names = classes.is_some();
    let layers = built.iter().map(|built| built.layer.clone()).collect();
    let description = Description {
        network: NetworkConfig::new(name, layers),
        input: shape,
        classes: classes.unwrap_or_else(|| (0..n_classes).map(|class| class.to_string()).collect()),
        style: DrawingStyle::Scene,
        origin: None,
    };
    let network = network(description, built)?;
    proven(network, has_class_names, |_| run(&graph, shape, scaling, ending))
}

/// Gray or color images of a fixed size, channel by channel.
fn image_shape(graph: &Graph) -> Result<ImageShape, &'static str> {
    /// `TensorProto.DataType`
    const FLOAT: i32 = crate::onnx_messages::element::FLOAT;
    let kind = input(graph).and_then(|input| input.kind.as_ref()?.tensor_type.as_ref()).ok_or("it has no input")?;
    let [_, Some(channels @ (1 | 3)), Some(height), Some(width)] = sides(graph)[..] else {
        return Err("its input is no batch of images with 1 or 3 channels, a fixed height and a fixed width");
    };
    if kind.elem_type != FLOAT {
        return Err("its input is not of 32-bit floats");
    }
    let side = |side: usize| u32::try_from(side).map_err(|_| "its images are too large");
    Ok(ImageShape { channels: side(channels)?, height: side(height)?, width: side(width)? })
}

/// The last layer becomes the classifier. Returns its number of classes.
fn as_classifier(built: &mut [Built]) -> Result<usize, ExchangeError> {
    match built.last_mut() {
        Some(Built { layer: layer @ Layer::Linear { .. }, .. }) => {
            let Layer::Linear { units, bias } = *layer else { unreachable!("it is linear") };
            *layer = Layer::Classifier { bias };
            Ok(units as usize)
        }
        Some(Built { node, .. }) => {
            let reason = "the last layer must be linear, with one output for each class".to_owned();
            Err(ExchangeError::Node { node: node.clone(), reason })
        }
        None => Err(ExchangeError::Unreadable("a graph without layers".to_owned())),
    }
}

fn network(description: Description, built: Vec<Built>) -> Result<TrainedNetwork, ExchangeError> {
    check_input(&description)?;
    let nodes: Vec<String> = built.iter().map(|built| built.node.clone()).collect();
    let placed = place(&description.network, description.input, description.classes.len());
    let placed = placed.map_err(|error| match &error {
        NetworkError::Layer { layer, .. } => {
            let node = nodes.get(*layer).cloned().unwrap_or_default();
            ExchangeError::Node { node, reason: error.to_string() }
        }
        _ => ExchangeError::Network(error),
    })?;
    let mut tensors = BTreeMap::new();
    for (index, built) in built.into_iter().enumerate() {
        built.name(&index.to_string(), &mut tensors);
    }
    let needed: BTreeMap<String, _> = network_tensors(&placed).into_iter().collect();
    if let Some(name) = tensors.keys().find(|name| !needed.contains_key(*name)) {
        let reason = "projects a shortcut whose shape its block does not change";
        return Err(ExchangeError::BadTensor { name: name.clone(), reason });
    }
    let network = TrainedNetwork::new(description, tensors)?;
    check_is_finite(&network)?;
    Ok(network)
}

/// What follows the classifier in a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    #[default]
    Logits,
    Probabilities,
    LogProbabilities,
}

/// The graph's probabilities for patterns.
fn run(
    graph: &Graph,
    shape: ImageShape,
    Scaling { mean, std }: &Scaling,
    ending: Ending,
) -> Result<Vec<Vec<f32>>, ExchangeError> {
    let sides = [1, shape.channels, shape.height, shape.width].map(|side| side as usize);
    let n_places = (shape.height * shape.width).max(1) as usize;
    let of = |values: &[f32], channel: usize| values.get(channel.min(values.len().saturating_sub(1))).copied();
    let inputs = patterns(shape).into_iter().map(|image| {
        let values = image.iter().enumerate().map(|(place, byte)| {
            let channel = place / n_places;
            (f32::from(*byte) / 255.0 - of(mean, channel).unwrap_or(0.5)) / of(std, channel).unwrap_or(0.5)
        });
        Tensor::new(sides, values.collect())
    });
    let outputs = read::onnx::run_floats(graph, inputs.collect())?;
    let probabilities = outputs.into_iter().map(|values| match ending {
        Ending::Probabilities => Ok(values),
        Ending::LogProbabilities => Ok(values.iter().map(|value| value.exp()).collect()),
        Ending::Logits => {
            let logits = kernels::tensor([1, values.len()], values)?;
            kernels::softmax(&logits).map(|probabilities| probabilities.values)
        }
    });
    probabilities.collect::<Result<_, String>>().map_err(ExchangeError::Unreadable)
}

/// A node's name and operation.
pub fn named(node: &Node) -> String {
    let name = Some(&node.name).filter(|name| !name.is_empty()).or(node.output.first());
    format!("{} ({})", name.map_or("", String::as_str), node.op_type)
}

/// A graph as a tree of values: each has the nearest value before it that all of its ways from the input go through.
struct Flow<'a> {
    values: Vec<Value<'a>>,
    /// The place of each value by its name.
    places: BTreeMap<&'a str, usize>,
    constants: BTreeMap<String, Constant>,
    /// Names of values that are equal to a constant.
    aliases: BTreeMap<&'a str, &'a str>,
}

struct Value<'a> {
    /// None for the input.
    node: Option<&'a Node>,
    before: usize,
    depth: usize,
    /// What the node reads besides constants.
    inputs: Vec<usize>,
}

impl<'a> Flow<'a> {
    fn of(graph: &'a Graph, constants: BTreeMap<String, Constant>) -> Self {
        let mut flow = Self { values: Vec::new(), places: BTreeMap::new(), constants, aliases: BTreeMap::new() };
        flow.values.push(Value { node: None, before: 0, depth: 0, inputs: Vec::new() });
        if let Some(input) = input(graph) {
            flow.places.insert(&input.name, 0);
        }
        for node in &graph.node {
            let Some(output) = node.output.first() else { continue };
            if node.op_type == "Identity"
                && let [of] = &node.input[..]
                && flow.constant(of).is_some()
            {
                flow.aliases.insert(output, of);
                continue;
            }
            let inputs: Vec<usize> =
                node.input.iter().filter_map(|name| flow.places.get(name.as_str()).copied()).collect();
            let Some(&first) = inputs.first() else { continue };
            let before = inputs.iter().skip(1).fold(first, |before, &other| flow.common(before, other));
            let depth = flow.values.get(before).map_or(0, |value| value.depth) + 1;
            flow.places.insert(output, flow.values.len());
            flow.values.push(Value { node: Some(node), before, depth, inputs });
        }
        flow
    }

    /// The nearest value that both come from.
    fn common(&self, mut one: usize, mut other: usize) -> usize {
        while one != other {
            let depth = |place: usize| self.values.get(place).map_or(0, |value| value.depth);
            let deeper = if depth(one) >= depth(other) { &mut one } else { &mut other };
            *deeper = self.values.get(*deeper).map_or(0, |value| value.before);
        }
        one
    }

    fn constant(&self, name: &str) -> Option<&Constant> {
        let name = self.aliases.get(name).copied().unwrap_or(name);
        self.constants.get(name)
    }

    fn whole(&self, graph: &Graph) -> Result<Chain, ExchangeError> {
        let output = graph.output.first().and_then(|output| self.places.get(output.name.as_str()));
        let output = output.ok_or_else(|| ExchangeError::Unreadable("a graph that computes no output".to_owned()))?;
        self.chain(*output, 0, Chain::default(), 0)
    }

    /// The layers between two values, of which `start` comes before `end`, added to those of `chain`.
    fn chain(&self, end: usize, start: usize, mut chain: Chain, nesting: usize) -> Result<Chain, ExchangeError> {
        let mut steps = Vec::new();
        let mut at = end;
        while at != start {
            let Some(value) = self.values.get(at) else { break };
            steps.push(value);
            at = value.before;
        }
        for value in steps.into_iter().rev() {
            let Some(node) = value.node else { continue };
            match (node.op_type.as_str(), &value.inputs[..]) {
                (_, [_]) => chain.push(node, &|name| self.constant(name))?,
                ("Add", [one, other]) => {
                    if nesting >= MAX_NESTING {
                        let reason = "blocks are nested too deeply".to_owned();
                        return Err(ExchangeError::Node { node: named(node), reason });
                    }
                    let inside = chain.inside();
                    let branches = [
                        self.chain(*one, value.before, inside.clone(), nesting + 1)?,
                        self.chain(*other, value.before, inside, nesting + 1)?,
                    ];
                    chain.push_residual(node, branches)?;
                }
                ("Mul", [one, other]) => {
                    let nodes = [*one, *other].map(|end| self.nodes(end, value.before));
                    chain.push_gate(node, nodes, &|name| self.constant(name))?;
                }
                _ => {
                    let reason = "layers read one value, and only sums read two".to_owned();
                    return Err(ExchangeError::Node { node: named(node), reason });
                }
            }
        }
        Ok(chain)
    }

    /// The nodes between two values, the last first. At most a few, because a gate has no more.
    fn nodes(&self, end: usize, start: usize) -> Vec<&'a Node> {
        const LONGEST_GATE: usize = 5;
        let mut nodes = Vec::new();
        let mut at = end;
        while at != start && nodes.len() <= LONGEST_GATE {
            let Some(value) = self.values.get(at) else { break };
            nodes.extend(value.node);
            at = value.before;
        }
        nodes
    }
}
