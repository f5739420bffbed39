//! Compares shape inference with what burn computes, for networks drawn at random.

use std::collections::BTreeSet;

use burn::tensor::{Device, Tensor};
use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::network::FeatureShape;
use kindling_core::network::shape::{MAX_PARAMETERS, MAX_VALUES, infer};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::{Features, Network};
use kindling_train::objective::loss::Loss;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::{block_on, named_gradients};

const N_IMAGES: usize = 2;
pub const N_CLASSES: usize = 3;

const N_NETWORKS: usize = 600;

#[test]
fn inferred_shapes_and_parameters_are_those_of_the_module() {
    let mut kinds = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    let strategy = (input(), prop::collection::vec(layer(small), 1..9));
    for _ in 0..N_NETWORKS {
        let (input, layers) = strategy.new_tree(&mut runner).unwrap().current();
        let network = fitting(layers, input);
        kinds.extend(network.layers.iter().map(kind));
        compare(&network, input);
    }
    // A generator that made only some kinds of layers would test little.
    assert_eq!(kinds.len(), 26, "{kinds:?}");
}

#[test]
fn numbers_of_any_size_are_refused_or_fit() {
    let number = || any(u32::MAX);
    let input =
        (number(), number(), number()).prop_map(|(channels, height, width)| ImageShape { channels, height, width });
    let strategy = (input, prop::collection::vec(layer(any), 1..5));
    let mut runner = TestRunner::deterministic();
    let mut n_fitting = 0;
    for _ in 0..20_000 {
        let (input, layers) = strategy.new_tree(&mut runner).unwrap().current();
        // Debug builds panic where a sum or a product overflows.
        if let Some(network) = with_end(&layers, input) {
            let summaries = infer(&network, input, N_CLASSES).unwrap();
            let bytes: u64 = summaries.iter().map(|summary| summary.activation_bytes).sum();
            let parameters: u64 = summaries.iter().map(|summary| summary.parameters).sum();
            assert!(bytes <= 4 * MAX_VALUES && parameters <= MAX_PARAMETERS, "{network:?} on {input:?}");
            n_fitting += 1;
        }
    }
    assert!(n_fitting > 100, "only {n_fitting} fit");
}

/// Draws a number.
pub type Draw = fn(u32) -> BoxedStrategy<u32>;

pub fn small(limit: u32) -> BoxedStrategy<u32> {
    (0..limit).boxed()
}

fn any(limit: u32) -> BoxedStrategy<u32> {
    prop_oneof![4 => 0..limit.min(40), 1 => 0..5_000_u32, 1 => proptest::num::u32::ANY, 1 => Just(u32::MAX)].boxed()
}

/// A network of the layers that fit, in sequence, and a classifier.
pub fn fitting(layers: Vec<Layer>, input: ImageShape) -> NetworkConfig {
    let mut fitting = Vec::new();
    for layer in layers {
        fitting.push(layer);
        if with_end(&fitting, input).is_none() {
            fitting.pop();
        }
    }
    with_end(&fitting, input).unwrap()
}

/// The layers with a classifier, after a flatten if necessary; none if they do not fit.
fn with_end(layers: &[Layer], input: ImageShape) -> Option<NetworkConfig> {
    let ends = [vec![], vec![Layer::Flatten]].into_iter();
    ends.map(|end| [layers.to_vec(), end, vec![Layer::Classifier { bias: true }]].concat())
        .map(|layers| NetworkConfig::new("", layers))
        .find(|network| infer(network, input, N_CLASSES).is_ok())
}

fn compare(network: &NetworkConfig, input: ImageShape) {
    let summaries = infer(network, input, N_CLASSES).unwrap();
    let device = Device::flex();
    let built = Network::new(network, input, N_CLASSES, &mut Random::new(1), &device).unwrap();
    let ImageShape { channels, height, width } = input;
    let images = Tensor::ones([N_IMAGES, channels as usize, height as usize, width as usize], &device);
    let traced = built.trace(images.clone());
    let dims: Vec<Vec<usize>> = traced.iter().map(|features| features.dims()).collect();
    let expected: Vec<Vec<usize>> = summaries.iter().map(|summary| dims_of(summary.output)).collect();
    assert_eq!(dims, expected, "{network:?} on {input:?}");

    // Together, layers compute what they compute one by one.
    let Some(Features::Vector(last)) = traced.last() else { panic!("a network ends in a classifier") };
    let differences = (built.forward(images.clone()) - last.clone()).abs().into_data();
    assert!(differences.iter::<f32>().all(|difference| difference < 1e-4), "{network:?} on {input:?}: {differences:?}");

    let mut trained = built.clone();
    let logits = trained.forward_train(images.autodiff(), &mut Random::new(2));
    assert_eq!(logits.dims(), [N_IMAGES, N_CLASSES], "{network:?} on {input:?}");
    let targets = Tensor::ones([N_IMAGES, N_CLASSES], &device) / N_CLASSES as f64;
    let (loss, gradients) = Loss::CROSS_ENTROPY.backward(logits, targets);
    assert_eq!(loss.terms.dims(), [N_IMAGES]);
    let shape_of = |tensor: &NamedTensor| (tensor.name.clone(), tensor.shape.clone());
    let gradients: Vec<_> = named_gradients(&trained, &gradients).iter().map(shape_of).collect();
    let learned = |tensor: &&NamedTensor| !tensor.name.contains("running_");
    let weights = block_on(trained.weights()).unwrap();
    assert_eq!(gradients, weights.iter().filter(learned).map(shape_of).collect::<Vec<_>>(), "{network:?} on {input:?}");

    let weights = block_on(built.weights()).unwrap();
    let n_learned: usize =
        weights.iter().filter(|tensor| !tensor.name.contains("running_")).map(|tensor| tensor.values.len()).sum();
    assert_eq!(n_learned as u64, summaries.iter().map(|summary| summary.parameters).sum::<u64>(), "{network:?}");
    assert_eq!(n_learned as u64, built.n_parameters());
}

fn dims_of(shape: FeatureShape) -> Vec<usize> {
    let sides = match shape {
        FeatureShape::Maps { channels, height, width } => vec![channels, height, width],
        FeatureShape::Sequence { length, features } => vec![length, features],
        FeatureShape::Vector { length } => vec![length],
    };
    std::iter::once(N_IMAGES).chain(sides.into_iter().map(|side| side as usize)).collect()
}

fn input() -> impl Strategy<Value = ImageShape> {
    (1..4_u32, 1..13_u32, 1..13_u32).prop_map(|(channels, height, width)| ImageShape { channels, height, width })
}

/// `below` draws a number, usually below its argument.
pub fn layer(below: Draw) -> impl Strategy<Value = Layer> {
    let block = |inner| prop::collection::vec(inner, 0..3).prop_map(|layers| Layer::Residual { layers });
    // Most layers before it do not end in a vector.
    let pooled_skip = |inner| {
        let end = prop::sample::select(vec![Layer::Flatten, Layer::GlobalAveragePool]);
        (prop::collection::vec(inner, 0..2), end)
            .prop_map(|(layers, end)| Layer::PooledSkip { layers: [layers, vec![end]].concat() })
    };
    prop_oneof![
        12 => plain_layer(below),
        1 => block(plain_layer(below).boxed()),
        1 => pooled_skip(plain_layer(below).boxed()),
        1 => block(prop_oneof![plain_layer(below), block(plain_layer(below).boxed())].boxed()),
    ]
}

fn plain_layer(below: Draw) -> impl Strategy<Value = Layer> {
    let padding = || prop_oneof![Just(Padding::Valid), Just(Padding::Same)];
    let states = || prop_oneof![Just(States::Last), Just(States::All)];
    let pool = || (below(4), below(4));
    let conv = (below(7), below(5), below(4), padding(), below(4), below(4), proptest::bool::ANY).prop_map(
        |(filters, kernel, stride, padding, dilation, groups, bias)| Layer::Conv {
            filters,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias,
        },
    );
    let depthwise = (below(5), below(4), padding(), below(4), proptest::bool::ANY).prop_map(
        |(kernel, stride, padding, dilation, bias)| Layer::DepthwiseConv { kernel, stride, padding, dilation, bias },
    );
    let separable = (below(6), below(5), below(3)).prop_map(|(filters, kernel, stride)| Layer::DepthwiseSeparable {
        filters,
        kernel,
        stride,
    });
    let transformer =
        (below(4), below(3)).prop_map(|(heads, mlp_ratio)| Layer::TransformerBlock { heads, mlp_ratio, dropout: 0.1 });
    let unit = prop::sample::select(vec![
        Layer::BatchNorm,
        Layer::LayerNorm,
        Layer::GlobalAveragePool,
        Layer::GlobalMaxPool,
        Layer::Flatten,
        Layer::Rows,
        Layer::PositionEmbedding,
        Layer::Dropout { rate: 0.5 },
        Layer::SpatialDropout { rate: 0.5 },
    ]);
    // Most layers without numbers fit, and sequences need a layer before them that makes one.
    prop_oneof![
        1 => conv,
        1 => depthwise,
        1 => separable,
        4 => unit,
        2 => transformer,
        2 => (below(4), below(7)).prop_map(|(size, features)| Layer::PatchEmbedding { size, features }),
        1 => prop::sample::select(Activation::ALL.to_vec()).prop_map(Layer::Activation),
        1 => below(4).prop_map(|groups| Layer::GroupNorm { groups }),
        1 => below(14).prop_map(|size| Layer::Resize { size }),
        1 => pool().prop_map(|(size, stride)| Layer::MaxPool { size, stride }),
        1 => pool().prop_map(|(size, stride)| Layer::AveragePool { size, stride }),
        1 => below(4).prop_map(|ratio| Layer::SqueezeExcitation { ratio }),
        1 => (below(6), proptest::bool::ANY).prop_map(|(units, bias)| Layer::Linear { units, bias }),
        2 => (below(6), states()).prop_map(|(units, states)| Layer::Lstm { units, states }),
        2 => (below(6), states()).prop_map(|(units, states)| Layer::Gru { units, states }),
    ]
}

/// The layer's key in JSON.
pub fn kind(layer: &Layer) -> String {
    match serde_json::to_value(layer).unwrap() {
        serde_json::Value::Object(object) => object.keys().next().unwrap().clone(),
        name => name.as_str().unwrap().to_owned(),
    }
}
