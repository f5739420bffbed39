//! ONNX, opset 17: one graph from uint8 images to probabilities, so that nobody has to repeat the preprocessing. Batch norms stay nodes of
//! their own; runtimes fold them.

/// Nodes, constants, attributes.
pub(crate) mod graph;

/// The nodes of a layer.
mod layers;

/// Networks in integers of 8 bits.
pub mod int8;

use kindling_core::config::Layer;
use kindling_core::network::shape::FeatureShape;
use prost::Message;

use self::graph::{GraphBuilder, float, int, ints, value};
use super::description::{HALF_RANGE, color_weights, described, plain};
use crate::check::Check;
use crate::error::ExchangeError;
use crate::onnx_messages::{Entry, Graph, Model, Opset, element};
use crate::trained::{Tensor, TrainedNetwork};

/// Read by onnxruntime since 1.12, OpenCV 4.7, and the usual converters.
const OPSET: i64 = 17;
/// The version of the file format that goes with it.
const IR_VERSION: i64 = 8;

/// What the graph takes.
const IMAGE: &str = "red, green, blue; rows from top to bottom";
/// What it gives.
const PROBABILITIES: &str = "one per class, in the order of the metadata's labels";
const LOGITS: &str = "before the softmax";
const FEATURES: &str = "the input of the classifier";

pub fn write(network: &TrainedNetwork, check: &Check) -> Result<Vec<u8>, ExchangeError> {
    let description = &network.description;
    let shape = description.input;
    let (height, width) = (u64::from(shape.height), u64::from(shape.width));
    let n_classes = description.classes.len() as u64;
    let mut graph = GraphBuilder::default();
    let mut x = normalize(&mut graph, shape.channels);
    let mut maps = None;
    for (path, layer) in network.body() {
        if matches!(layer.layer, Layer::GlobalAveragePool) {
            maps = Some((x.clone(), layer.input));
        } else if !matches!(layer.layer, Layer::Dropout { .. }) {
            maps = None;
        }
        x = layers::layer(&mut graph, network, layer, &path, x);
    }
    let features = graph.node("Identity", &[&x], "features", vec![]);
    let logits = classify(&mut graph, network, &features);
    graph.node("Softmax", &[&logits], "probabilities", vec![int("axis", 1)]);
    let (_, classifier) = network.classifier();
    let mut outputs = vec![
        value("probabilities", element::FLOAT, &[n_classes], PROBABILITIES),
        value("logits", element::FLOAT, &[n_classes], LOGITS),
        value("features", element::FLOAT, &[classifier.input.n_values()], FEATURES),
    ];
    if let Some((maps, FeatureShape::Maps { height, width, .. })) = maps {
        class_activation_map(&mut graph, network, &maps);
        let doc = "how much each place of the last feature maps adds to each class's logit (Zhou and others, 2016)";
        outputs.push(value("class_activation_map", element::FLOAT, &[n_classes, height, width], doc));
    }
    let input = value("image", element::UINT8, &[height, width, 3], IMAGE);
    Ok(encoded(graph.finish("network", input, outputs), metadata(network, check)))
}

fn encoded(graph: Graph, metadata: Vec<Entry>) -> Vec<u8> {
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "Kindling".to_owned(),
        doc_string: "An image classifier. Preprocessing is part of the graph: give it bytes.".to_owned(),
        graph: Some(graph),
        opset_import: vec![Opset { domain: String::new(), version: OPSET }],
        metadata_props: metadata,
    };
    model.encode_to_vec()
}

/// Images of red, green and blue bytes, pixel by pixel, to the network's input: channel by channel, scaled to [-1, 1], gray where the network
/// knows only brightness.
fn normalize(graph: &mut GraphBuilder, channels: u32) -> String {
    let bytes = graph.node("Cast", &["image"], "input.floats", vec![int("to", element::FLOAT)]);
    let planes = graph.node("Transpose", &[&bytes], "input.planes", vec![ints("perm", [0, 3, 1, 2])]);
    // One 1x1 convolution scales, shifts, and mixes the colors.
    let channels = channels as usize;
    let weights = color_weights(channels, 1.0 / HALF_RANGE);
    let weight = graph.constant("input.scale", &Tensor::new([channels, 3, 1, 1], weights));
    let shift = graph.constant("input.shift", &Tensor::new([channels], vec![-1.0; channels]));
    graph.node("Conv", &[&planes, &weight, &shift], "input", vec![ints("kernel_shape", [1, 1])])
}

fn classify(graph: &mut GraphBuilder, network: &TrainedNetwork, features: &str) -> String {
    let (path, placed) = network.classifier();
    let weight = graph.constant(format!("{path}.weight"), network.tensor(&path, "weight"));
    let mut inputs = vec![features, &weight];
    let bias;
    if matches!(placed.layer, Layer::Classifier { bias: true }) {
        bias = graph.constant(format!("{path}.bias"), network.tensor(&path, "bias"));
        inputs.push(&bias);
    }
    graph.node("Gemm", &inputs, "logits", vec![int("transB", 1)])
}

/// The classifier applied to each place of the maps before they are averaged.
fn class_activation_map(graph: &mut GraphBuilder, network: &TrainedNetwork, maps: &str) {
    let (path, _) = network.classifier();
    let weight = network.tensor(&path, "weight");
    let shape: Vec<usize> = weight.shape.iter().copied().chain([1, 1]).collect();
    let weight = graph.constant(format!("{path}.weight_per_place"), &Tensor::new(shape, weight.values.clone()));
    graph.node("Conv", &[maps, &weight], "class_activation_map", vec![ints("kernel_shape", [1, 1])]);
}

/// Labels and preprocessing for programs that read no graph, and the check.
fn metadata(network: &TrainedNetwork, check: &Check) -> Vec<Entry> {
    let entry = |key: &str, value: String| Entry { key: key.to_owned(), value };
    let description = &network.description;
    vec![
        entry("labels", serde_json::json!(description.classes).to_string()),
        entry("kindling.config", described(description).to_string()),
        entry("kindling.check", plain(check).to_string()),
    ]
}
