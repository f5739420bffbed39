//! Graphs as PyTorch's exporter writes them.

use proptest::prelude::*;
use prost::Message;

use crate::error::ExchangeError;
use crate::onnx_messages::{Attribute, Entry, Graph, Model, Node, Opset, TensorProto, element};
use crate::trained::Tensor;
use crate::write::onnx::graph::{GraphBuilder, float, int, ints, value};
use crate::{Imported, Scaling, import};
use kindling_core::config::{Activation, Layer, Padding};

fn random(shape: &[usize], seed: usize) -> Tensor {
    let n_values: usize = shape.iter().product();
    let bound = (2.0 / shape.iter().skip(1).product::<usize>() as f32).sqrt();
    let values = (0..n_values).map(|place| (((place + 7 * seed) * 2_654_435_761 % 1_000) as f32 / 500.0 - 1.0) * bound);
    Tensor::new(shape, values.collect())
}

/// Builds graphs on images of 3 x 12 x 12.
#[derive(Default)]
struct Builder {
    graph: GraphBuilder,
    n: usize,
}

impl Builder {
    fn constant(&mut self, shape: &[usize]) -> String {
        self.n += 1;
        self.graph.constant(format!("onnx::Constant_{}", self.n), &random(shape, self.n))
    }

    fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        self.n += 1;
        self.graph.node(op, inputs, format!("/{op}_{}", self.n), attributes)
    }

    fn conv(&mut self, x: &str, shape: [usize; 4], stride: i64, pad: i64) -> String {
        let (weight, bias) = (self.constant(&shape), self.constant(&shape[..1]));
        let attributes = vec![ints("strides", [stride; 2]), ints("pads", [pad; 4]), int("group", 1)];
        self.node("Conv", &[x, &weight, &bias], attributes)
    }

    fn batch_norm(&mut self, x: &str, channels: usize, epsilon: f32) -> String {
        let [scale, bias, mean] = [(); 3].map(|()| self.constant(&[channels]));
        self.n += 1;
        let variance = Tensor::new([channels], vec![0.7; channels]);
        let variance = self.graph.constant(format!("variance{}", self.n), &variance);
        self.node("BatchNormalization", &[x, &scale, &bias, &mean, &variance], vec![float("epsilon", epsilon)])
    }

    fn linear(&mut self, x: &str, shape: [usize; 2]) -> String {
        let (weight, bias) = (self.constant(&shape), self.constant(&shape[..1]));
        self.node("Gemm", &[x, &weight, &bias], vec![int("transB", 1), float("alpha", 1.0), float("beta", 1.0)])
    }

    fn finish(self, output: &str, n_classes: u64) -> Model {
        let input = value("input", element::FLOAT, &[3, 12, 12], "");
        Model {
            ir_version: 8,
            producer_name: "pytorch".to_owned(),
            doc_string: String::new(),
            graph: Some(self.graph.finish("main_graph", input, vec![value(output, element::FLOAT, &[n_classes], "")])),
            opset_import: vec![Opset { domain: String::new(), version: 17 }],
            metadata_props: Vec::new(),
        }
    }
}

fn taken(model: &Model) -> Result<Imported, ExchangeError> {
    taken_with(model, &Scaling::default())
}

fn taken_with(model: &Model, scaling: &Scaling) -> Result<Imported, ExchangeError> {
    import(&[("some/my net.onnx".to_owned(), model.encode_to_vec())], scaling)
}

fn names(imported: &Imported) -> Vec<String> {
    let layers = &imported.network.description.network.layers;
    layers.iter().map(|layer| kindling_core::network::shape::layer_name(layer).to_owned()).collect()
}

/// What PyTorch makes of a plain network: named by its modules, `view` as a Reshape with a constant shape.
fn plain() -> Model {
    let mut builder = Builder::default();
    let x = builder.conv("input", [4, 3, 5, 5], 1, 2);
    let x = builder.batch_norm(&x, 4, 1e-3);
    let x = builder.node("Relu", &[&x], vec![]);
    let x = builder.node(
        "MaxPool",
        &[&x],
        vec![ints("kernel_shape", [2; 2]), ints("strides", [2; 2]), ints("pads", [0; 4])],
    );
    let x = builder.node(
        "AveragePool",
        &[&x],
        vec![ints("kernel_shape", [2; 2]), ints("strides", [2; 2]), int("count_include_pad", 1)],
    );
    let shape = builder.graph.integers("shape", &[-1, 36]);
    let x = builder.node("Reshape", &[&x, &shape], vec![]);
    let x = builder.linear(&x, [10, 36]);
    let x = builder.node("LeakyRelu", &[&x], vec![float("alpha", 0.01)]);
    let x = builder.linear(&x, [5, 10]);
    let x = builder.node("Softmax", &[&x], vec![int("axis", 1)]);
    builder.finish(&x, 5)
}

/// A residual network whose shortcut is a convolution with a bias and a batch norm, ending in a global average pool.
fn residual() -> Model {
    let mut builder = Builder::default();
    let stem = builder.conv("input", [4, 3, 3, 3], 1, 1);
    let stem = builder.node("Relu", &[&stem], vec![]);
    let x = builder.conv(&stem, [4, 4, 3, 3], 1, 1);
    let x = builder.node("Add", &[&x, &stem], vec![]);
    let block = builder.node("Relu", &[&x], vec![]);
    let shortcut = builder.conv(&block, [6, 4, 1, 1], 2, 0);
    let shortcut = builder.batch_norm(&shortcut, 6, 1e-5);
    let x = builder.conv(&block, [6, 4, 3, 3], 2, 1);
    let x = builder.node("Sigmoid", &[&x], vec![]);
    let x = builder.conv(&x, [6, 6, 3, 3], 1, 1);
    let x = builder.node("Add", &[&shortcut, &x], vec![]);
    let gate = builder.node("Sigmoid", &[&x], vec![]);
    let x = builder.node("Mul", &[&x, &gate], vec![]);
    let x = builder.node("GlobalAveragePool", &[&x], vec![]);
    let x = builder.node("Flatten", &[&x], vec![int("axis", 1)]);
    let x = builder.linear(&x, [3, 6]);
    builder.finish(&x, 3)
}

#[test]
fn a_plain_network_comes_in() {
    let imported = taken(&plain()).unwrap();
    let expected = [
        "convolution",
        "batch norm",
        "activation",
        "max pool",
        "average pool",
        "flatten",
        "linear",
        "activation",
        "classifier",
    ];
    assert_eq!(names(&imported), expected);
    assert!(imported.largest_difference < 1e-5, "{}", imported.largest_difference);
    let description = &imported.network.description;
    assert_eq!((description.network.name.as_str(), description.classes.len()), ("my net", 5));
    assert!(!imported.has_class_names);
}

#[test]
fn residual_blocks_come_in() {
    let imported = taken(&residual()).unwrap();
    let expected = [
        "convolution",
        "activation",
        "residual block",
        "activation",
        "residual block",
        "activation",
        "global average pool",
        "classifier",
    ];
    assert_eq!(names(&imported), expected);
    assert!(imported.largest_difference < 1e-5, "{}", imported.largest_difference);
    let layers = &imported.network.description.network.layers;
    assert_eq!(layers[5], Layer::Activation(Activation::Silu));
    let Layer::Residual { layers } = &layers[4] else { panic!("no block") };
    assert!(matches!(layers[0], Layer::Conv { stride: 2, padding: Padding::Same, .. }));
}

#[test]
fn a_gelu_in_parts_is_one_layer() {
    for half_is_outside in [true, false] {
        let mut builder = Builder::default();
        let number = |value: f32| Tensor::new([], vec![value]);
        let [root, one, half] = [("root", std::f32::consts::SQRT_2), ("one", 1.0), ("half", 0.5)]
            .map(|(name, value)| builder.graph.constant(name, &number(value)));
        let x = builder.conv("input", [4, 3, 3, 3], 1, 1);
        let gate = builder.node("Div", &[&x, &root], vec![]);
        let gate = builder.node("Erf", &[&gate], vec![]);
        let mut gate = builder.node("Add", &[&gate, &one], vec![]);
        if !half_is_outside {
            gate = builder.node("Mul", &[&gate, &half], vec![]);
        }
        let mut x = builder.node("Mul", &[&x, &gate], vec![]);
        if half_is_outside {
            x = builder.node("Mul", &[&x, &half], vec![]);
        }
        let x = builder.node("ReduceMean", &[&x], vec![ints("axes", [-1, -2]), int("keepdims", 0)]);
        let x = builder.linear(&x, [2, 4]);
        let imported = taken(&builder.finish(&x, 2)).unwrap();
        assert_eq!(imported.network.description.network.layers[1], Layer::Activation(Activation::Gelu));
    }
}

#[test]
fn pixels_of_another_scale_get_a_layer() {
    let scaling = Scaling { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225] };
    let imported = taken_with(&residual(), &scaling).unwrap();
    assert_eq!(names(&imported)[0], "depthwise convolution");
    assert!(imported.largest_difference < 1e-5, "{}", imported.largest_difference);
    for scaling in [Scaling { mean: vec![0.5; 2], std: vec![0.5] }, Scaling { mean: vec![0.5], std: vec![0.0] }] {
        assert!(matches!(taken_with(&residual(), &scaling), Err(ExchangeError::Incomplete(_))));
    }
}

#[test]
fn labels_of_the_metadata_are_the_classes() {
    let mut model = residual();
    let entry = |labels: &str| vec![Entry { key: "labels".to_owned(), value: labels.to_owned() }];
    model.metadata_props = entry(r#"["a", "b", "c"]"#);
    let imported = taken(&model).unwrap();
    assert_eq!(
        (imported.network.description.classes, imported.has_class_names),
        (["a", "b", "c"].map(str::to_owned).to_vec(), true)
    );
    model.metadata_props = entry(r#"["a", "b"]"#);
    assert!(!taken(&model).unwrap().has_class_names);
}

/// Sentences that name the node.
#[test]
fn what_is_no_layer_is_named() {
    type Build = dyn Fn(&mut Builder) -> String;
    let refused = |build: &Build| {
        let mut builder = Builder::default();
        let x = build(&mut builder);
        let x = builder.node("GlobalAveragePool", &[&x], vec![]);
        let x = builder.node("Flatten", &[&x], vec![]);
        let x = builder.linear(&x, [2, 3]);
        taken(&builder.finish(&x, 2)).unwrap_err().to_string()
    };
    let cases: [(&str, &Build); 7] = [
        ("/Elu_1 (Elu)", &|builder| builder.node("Elu", &["input"], vec![])),
        ("/Conv_3 (Conv) is none of Kindling's layers: its padding is 3", &|builder| {
            builder.conv("input", [3, 3, 3, 3], 1, 3)
        }),
        ("pooling has no padding", &|builder| {
            builder.node(
                "MaxPool",
                &["input"],
                vec![ints("kernel_shape", [3; 2]), ints("strides", [2; 2]), ints("pads", [1; 4])],
            )
        }),
        ("slope is 0.2", &|builder| builder.node("LeakyRelu", &["input"], vec![float("alpha", 0.2)])),
        ("multiplies maps", &|builder| builder.linear("input", [2, 12])),
        ("the shorter branch", &|builder| {
            let one = builder.node("Relu", &["input"], vec![]);
            let other = builder.node("Tanh", &["input"], vec![]);
            builder.node("Add", &[&one, &other], vec![])
        }),
        ("only SiLU and GELU", &|builder| {
            let gate = builder.node("Tanh", &["input"], vec![]);
            builder.node("Mul", &["input", &gate], vec![])
        }),
    ];
    for (expected, build) in cases {
        let found = refused(build);
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn tensors_elsewhere_and_other_inputs_are_refused() {
    let with = |change: &dyn Fn(&mut Graph)| {
        let mut model = plain();
        change(model.graph.as_mut().unwrap());
        taken(&model).unwrap_err().to_string()
    };
    let elsewhere = with(&|graph| graph.initializer[0].data_location = 1);
    assert!(elsewhere.contains("onnx::Constant_1: its values are in another file"), "{elsewhere}");
    let halves = with(&|graph| graph.initializer[0].data_type = 10);
    assert!(halves.contains("onnx::Constant_1: elements of type 10"), "{halves}");
    let short = with(&|graph| graph.initializer[0].raw_data.truncate(40));
    assert!(short.contains("onnx::Constant_1"), "{short}");
    let bytes = with(&|graph| {
        graph.input[0] = value("input", element::UINT8, &[3, 12, 12], "");
    });
    assert!(bytes.contains("32-bit floats"), "{bytes}");
    let rows = with(&|graph| graph.input[0] = value("input", element::FLOAT, &[12, 12, 3], ""));
    assert!(rows.contains("1 or 3 channels"), "{rows}");
    let headless = with(&|graph| graph.output[0].name = "nothing".to_owned());
    assert!(headless.contains("no output"), "{headless}");
}

/// Initializers that older exporters list as inputs, too, constants as nodes, and one tensor under two names.
#[test]
fn other_ways_to_write_constants_are_read() {
    let mut model = plain();
    let graph = model.graph.as_mut().unwrap();
    let first = graph.initializer.remove(0);
    graph.input.insert(0, value(&graph.initializer[0].name, element::FLOAT, &[4], ""));
    let held =
        TensorProto { float_data: crate::trained::floats(&first.raw_data), raw_data: Vec::new(), ..first.clone() };
    let attribute = Attribute { name: "value".to_owned(), t: Some(held), ..Attribute::default() };
    let node = |op: &str, input: &[&str], output: &str, attribute: Vec<Attribute>| Node {
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op.to_owned(),
        attribute,
    };
    graph.node.insert(0, node("Constant", &[], "held", vec![attribute]));
    graph.node.insert(1, node("Identity", &["held"], &first.name, vec![]));
    assert!(taken(&model).unwrap().largest_difference < 1e-5);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        for model in [plain(), residual()] {
            let mut bytes = model.encode_to_vec();
            for (place, byte) in &places {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = import(&[("a.onnx".to_owned(), bytes)], &Scaling::default());
        }
    }

    /// Nodes that read whatever there is, in any order.
    #[test]
    fn no_graph_panics(
        nodes in prop::collection::vec((0..14_usize, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..30),
    ) {
        const OPS: [&str; 14] = [
            "Conv", "Add", "Mul", "Relu", "Flatten", "Gemm", "GlobalAveragePool", "MaxPool", "Sigmoid", "Identity",
            "BatchNormalization", "Softmax", "Reshape", "Erf",
        ];
        let mut builder = Builder::default();
        let mut names = vec!["input".to_owned(), builder.constant(&[3, 3, 3, 3]), builder.constant(&[3]), builder.constant(&[2, 3])];
        for (op, one, other) in nodes {
            let (one, other) = (one.get(&names).clone(), other.get(&names).clone());
            let output = builder.node(OPS[op], &[&one, &other], vec![ints("pads", [1; 4]), ints("kernel_shape", [2; 2])]);
            names.push(output);
        }
        let output = names.last().unwrap().clone();
        let _ = taken(&builder.finish(&output, 2));
    }
}
