//! Shape inference: outputs, costs, and what is rejected with which reason.

use super::*;
use crate::config::{Activation, Padding, States};
use crate::network::presets::lenet_network;

const CIFAR: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
const MNIST: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const CLASSIFIER: Layer = Layer::Classifier { bias: true };
const RELU: Layer = Layer::Activation(Activation::Relu);

#[test]
fn lenet_has_the_shapes_and_parameters_of_the_tutorial() {
    let summaries = infer(&lenet_network(), CIFAR, 10).unwrap();
    let outputs: Vec<String> = summaries.iter().map(|layer| layer.output.to_string()).collect();
    let expected =
        "6×28×28 6×28×28 6×14×14 16×10×10 16×10×10 16×5×5 400 120 120 84 84 10".split(' ').collect::<Vec<_>>();
    assert_eq!(outputs, expected);
    let parameters: Vec<u64> = summaries.iter().map(|layer| layer.parameters).collect();
    assert_eq!(parameters, [456, 0, 0, 2_416, 0, 0, 0, 48_120, 0, 10_164, 0, 850]);
    // Convolution 1: 28·28·6 outputs of 75 multiply-adds each.
    assert_eq!((summaries[0].flops, summaries[7].flops), (2 * 28 * 28 * 6 * 75, 2 * 400 * 120));
    assert_eq!((summaries[0].activation_bytes, summaries[11].activation_bytes), (4 * 6 * 28 * 28, 4 * 10));
}

#[test]
fn lenet_takes_mnist_as_it_is() {
    let summaries = infer(&lenet_network(), MNIST, 10).unwrap();
    assert_eq!(summaries[6].output, FeatureShape::Vector { length: 16 * 4 * 4 });
}

#[test]
fn strides_padding_dilation_and_pools_round_down() {
    check(&[conv(4, 3, 2, Padding::Same)], "4×14×14");
    check(&[conv(4, 4, 1, Padding::Same)], "4×27×27");
    check(&[conv(4, 28, 1, Padding::Valid)], "4×1×1");
    check(&[dilated(4, 3, 2, Padding::Valid)], "4×24×24");
    check(&[dilated(4, 5, 3, Padding::Same)], "4×28×28");
    check(&[depthwise(5, 2)], "1×14×14");
    check(&[conv(6, 1, 1, Padding::Valid), depthwise(3, 1)], "6×28×28");
    check(&[Layer::MaxPool { size: 3, stride: 2 }], "1×13×13");
    check(&[Layer::AveragePool { size: 4, stride: 3 }], "1×9×9");
    check(&[Layer::BatchNorm, Layer::Dropout { rate: 0.5 }, Layer::SpatialDropout { rate: 0.5 }], "1×28×28");
}

#[test]
fn blocks_and_sequences_have_their_shapes() {
    let block = Layer::DepthwiseSeparable { filters: 8, kernel: 3, stride: 2 };
    check(&[residual(vec![block.clone()])], "8×14×14");
    check(&[block], "8×14×14");
    check(&[residual(vec![residual(vec![RELU]), Layer::LayerNorm])], "1×28×28");
    check(&[Layer::Rows], "28×28");
    check(&[Layer::Rows, Layer::Linear { units: 5, bias: false }], "28×5");
    check(&[Layer::Rows, Layer::Lstm { units: 7, states: States::All }], "28×7");
    check(&[Layer::PatchEmbedding { size: 5, features: 6 }, transformer(3, 4)], "25×6");
    let patches = [Layer::PatchEmbedding { size: 4, features: 6 }, Layer::PositionEmbedding];
    check(&[patches.to_vec(), vec![residual(vec![Layer::Linear { units: 9, bias: true }])]].concat(), "49×9");
    check_flat(&[Layer::Rows, Layer::Gru { units: 7, states: States::Last }], "7");
    check_flat(&[Layer::Rows, Layer::Flatten], "784");
    check_flat(&[Layer::Rows, Layer::GlobalMaxPool], "28");
    check_flat(&[conv(5, 3, 1, Padding::Valid), Layer::GlobalAveragePool], "5");
    check_flat(&[Layer::Flatten, residual(vec![Layer::Linear { units: 9, bias: true }, Layer::BatchNorm])], "9");
}

#[test]
fn parameters_and_operations_are_counted() {
    let grouped =
        Layer::Conv { filters: 8, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 4, bias: true };
    let four = conv(4, 1, 1, Padding::Valid);
    let places = 28 * 28;
    count(&[four.clone(), grouped], 8 * 9 + 8, 2 * places * 8 * 9);
    count(&[four.clone(), depthwise(3, 1)], 4 * 9 + 4, 2 * places * 4 * 9);
    count(&[four.clone(), Layer::GroupNorm { groups: 2 }], 8, 2 * 4 * places);
    count(&[four.clone(), Layer::SqueezeExcitation { ratio: 2 }], 4 * 2 + 2 + 2 * 4 + 4, 2 * 16);
    // Depthwise 9·4, norm 2·4, pointwise 4·6, norm 2·6.
    let separable = Layer::DepthwiseSeparable { filters: 6, kernel: 3, stride: 1 };
    count(&[four.clone(), separable], 36 + 8 + 24 + 12, 2 * places * (36 + 4 + 24 + 6));
    // The shortcut is a 1x1 convolution without bias.
    count(
        &[four.clone(), residual(vec![conv(6, 3, 2, Padding::Same)])],
        6 * (36 + 1) + 24,
        2 * 14 * 14 * (6 * 36 + 24),
    );
    count(&[four, residual(vec![conv(4, 3, 1, Padding::Same)])], 4 * 37, 2 * places * 4 * 36);
    count(&[Layer::Rows, Layer::Lstm { units: 5, states: States::Last }], 4 * 5 * (28 + 5 + 2), 2 * 28 * 20 * 33);
    count(&[Layer::Rows, Layer::Gru { units: 5, states: States::All }], 3 * 5 * (28 + 5 + 2), 2 * 28 * 15 * 33);
    count(&[Layer::Rows, Layer::PositionEmbedding], places, 0);
    count(&[Layer::PatchEmbedding { size: 4, features: 6 }], 16 * 6 + 6, 2 * 49 * 16 * 6);
    // Queries, keys, values and output: 4 matrices; the MLP: 2 matrices of twice the width; 2 norms.
    let (width, length) = (28, 28);
    let parameters = 4 * (width * width + width) + 2 * 2 * width * width + 3 * width + 4 * width;
    let multiply_adds = length * (4 + 4) * width * width + 2 * length * length * width;
    count(&[Layer::Rows, transformer(4, 2)], parameters, 2 * multiply_adds + 2 * 2 * length * width);
}

#[test]
fn activations_of_blocks_are_those_of_their_layers_too() {
    let bytes =
        |layer| infer(&network(vec![layer, Layer::Flatten, CLASSIFIER]), MNIST, 10).unwrap()[0].activation_bytes;
    let image = 4 * 28 * 28;
    assert_eq!(bytes(residual(vec![RELU, RELU])), 3 * image);
    assert_eq!(bytes(Layer::DepthwiseSeparable { filters: 1, kernel: 3, stride: 1 }), 6 * image);
}

#[test]
fn layers_that_do_not_fit_are_named_with_the_reason() {
    refuse(&[conv(4, 29, 1, Padding::Valid)], 0, "kernel 29 is larger than its input, 1×28×28, padding included");
    refuse(&[dilated(4, 3, 14, Padding::Valid)], 0, "kernel 29 is larger than its input");
    refuse(&[conv(1, u32::MAX, 1, Padding::Same)], 0, "reaches over 4294967295 places, at most 255 are allowed");
    refuse(&[dilated(1, 2, u32::MAX, Padding::Same)], 0, "reaches over 4294967296 places");
    refuse(&[RELU, Layer::MaxPool { size: 29, stride: 1 }], 1, "pools 29 by 29, but its input is only 1×28×28");
    refuse(&[Layer::PatchEmbedding { size: 29, features: 4 }], 0, "cuts patches of 29 by 29");
    refuse(&[conv(0, 3, 1, Padding::Valid)], 0, "filters must be at least 1");
    refuse(&[conv(1, 0, 1, Padding::Valid)], 0, "kernel must be at least 1");
    refuse(&[conv(1, 1, 0, Padding::Valid)], 0, "stride must be at least 1");
    refuse(&[dilated(1, 1, 0, Padding::Valid)], 0, "dilation must be at least 1");
    refuse(&[Layer::MaxPool { size: 0, stride: 1 }], 0, "size must be at least 1");
    refuse(&[Layer::AveragePool { size: 2, stride: 0 }], 0, "stride must be at least 1");
    refuse(&[Layer::Flatten, Layer::Linear { units: 0, bias: true }], 1, "units must be at least 1");
    refuse(&[Layer::Rows, Layer::Gru { units: 0, states: States::Last }], 1, "units must be at least 1");
    refuse(&[Layer::SqueezeExcitation { ratio: 0 }], 0, "ratio must be at least 1");
    refuse(&[Layer::DepthwiseSeparable { filters: 0, kernel: 3, stride: 1 }], 0, "filters must be at least 1");
    refuse(&[Layer::DepthwiseSeparable { filters: 1, kernel: 3, stride: 0 }], 0, "stride must be at least 1");
    refuse(&[Layer::Rows, transformer(0, 1)], 1, "heads must be at least 1");
    refuse(&[Layer::Rows, transformer(1, 0)], 1, "ratio must be at least 1");
    refuse(&[Layer::Rows, transformer(3, 1)], 1, "3 heads do not divide 28 features evenly");
    refuse(&[Layer::GroupNorm { groups: 2 }], 0, "2 groups do not divide 1 channels evenly");
    let grouped = |filters, groups| Layer::Conv {
        filters,
        kernel: 1,
        stride: 1,
        padding: Padding::Valid,
        dilation: 1,
        groups,
        bias: true,
    };
    refuse(&[grouped(2, 2)], 0, "2 groups do not divide 1 channels evenly");
    refuse(&[grouped(4, 1), grouped(6, 4)], 1, "4 groups do not divide 6 filters evenly");
    refuse(&[grouped(4, 0)], 0, "groups must be at least 1");
    refuse(&[Layer::Linear { units: 3, bias: true }], 0, "needs a flat input");
    refuse(&[], 0, "needs a flat input");
    refuse(&[Layer::Rows], 1, "needs a flat input");
    refuse(&[Layer::Flatten, conv(1, 1, 1, Padding::Same)], 1, "needs an image or feature maps");
    refuse(&[Layer::Rows, Layer::SpatialDropout { rate: 0.1 }], 1, "needs an image or feature maps");
    refuse(&[Layer::Lstm { units: 3, states: States::Last }], 0, "needs a sequence, but its input is 1×28×28");
    refuse(&[Layer::Flatten, Layer::PositionEmbedding], 1, "needs a sequence");
    refuse(&[Layer::Rows, Layer::BatchNorm], 1, "needs maps or a flat input");
    refuse(&[Layer::Flatten, Layer::Flatten], 1, "its input is flat");
    refuse(&[Layer::Flatten, Layer::GlobalMaxPool], 1, "its input is flat");
    refuse(&[Layer::Flatten, CLASSIFIER], 1, "must be the last layer");
    refuse(&[Layer::Dropout { rate: 1.0 }], 0, "the rate must be");
    refuse(&[Layer::Dropout { rate: f32::NAN }], 0, "the rate must be");
    refuse(&[Layer::Rows, Layer::TransformerBlock { heads: 1, mlp_ratio: 1, dropout: -0.1 }], 1, "the rate must be");
    refuse(&[conv(u32::MAX, 1, 1, Padding::Valid)], 0, "at most 16000000 are allowed");
    refuse(&[Layer::Rows, transformer(1, u32::MAX)], 1, "at most 16000000 are allowed");
}

#[test]
fn a_pooled_skip_is_as_long_as_both_of_its_parts() {
    let deeper = vec![conv(5, 3, 2, Padding::Same), Layer::GlobalAveragePool];
    check_flat(&[conv(4, 3, 1, Padding::Same), pooled_skip(deeper.clone())], "9");
    check_flat(&[conv(4, 3, 1, Padding::Same), pooled_skip(vec![RELU, pooled_skip(deeper)])], "13");
    check_flat(&[Layer::Rows, pooled_skip(vec![Layer::Flatten])], "812");
    refuse(&[pooled_skip(vec![RELU])], 0, "must give one vector, but its layers give 1×28×28");
    refuse(&[pooled_skip(vec![])], 0, "has no layers");
    refuse(&[Layer::Flatten, pooled_skip(vec![RELU])], 1, "needs maps or a sequence");
}

#[test]
fn resized_maps_are_square() {
    check(&[conv(4, 1, 1, Padding::Same), Layer::Resize { size: 129 }], "4×129×129");
    check(&[Layer::Resize { size: 1 }], "1×1×1");
    refuse(&[Layer::Resize { size: 0 }], 0, "size must be at least 1");
    refuse(&[Layer::Rows, Layer::Resize { size: 9 }], 1, "needs an image or feature maps");
    refuse(&[Layer::Resize { size: u32::MAX }], 0, "at most 16000000 are allowed");
}

#[test]
fn the_last_layer_cannot_be_frozen() {
    let frozen = |frozen| NetworkConfig { frozen, ..network(vec![Layer::Flatten, CLASSIFIER]) };
    assert!(infer(&frozen(1), MNIST, 10).is_ok());
    assert_eq!(infer(&frozen(2), MNIST, 10), Err(NetworkError::AllFrozen));
}

#[test]
fn blocks_that_do_not_fit_name_the_layer_in_them() {
    refuse(&[residual(vec![])], 0, "has no layers");
    refuse(
        &[residual(vec![RELU, residual(vec![conv(1, 99, 1, Padding::Valid)])])],
        0,
        "(residual block): its layer 2 (residual block): its layer 1 (convolution): kernel 99",
    );
    refuse(&[residual(vec![Layer::Flatten, CLASSIFIER])], 0, "its layer 2 (classifier): the classifier must be");
    refuse(&[residual(vec![Layer::Flatten])], 0, "turns 1×28×28 into 784, which cannot be added");
    // No stride reduces 28 positions to 26.
    refuse(&[residual(vec![conv(1, 3, 1, Padding::Valid)])], 0, "turns 1×28×28 into 1×26×26");
    refuse(&[Layer::Rows, residual(vec![Layer::Rows])], 1, "needs an image or feature maps");
}

#[test]
fn a_shortcut_strides_as_its_block_does() {
    let shortcut = |layers: Vec<Layer>| {
        let network = network(vec![residual(layers), Layer::Flatten, CLASSIFIER]);
        place(&network, MNIST, 10).unwrap()[0].shortcut.as_ref().map(|placed| placed.layer.clone())
    };
    let projection = |filters, stride| {
        let padding = Padding::Valid;
        Some(Layer::Conv { filters, kernel: 1, stride, padding, dilation: 1, groups: 1, bias: false })
    };
    assert_eq!(shortcut(vec![conv(1, 3, 1, Padding::Same)]), None);
    assert_eq!(shortcut(vec![conv(5, 3, 1, Padding::Same)]), projection(5, 1));
    assert_eq!(shortcut(vec![conv(5, 3, 2, Padding::Same), conv(5, 3, 2, Padding::Same)]), projection(5, 4));
    assert_eq!(shortcut(vec![conv(2, 28, 1, Padding::Valid)]), projection(2, 28));
}

#[test]
fn networks_without_end_or_bounds_are_refused() {
    let of = |layers: Vec<Layer>, n_classes| infer(&network(layers), MNIST, n_classes).unwrap_err();
    assert_eq!(of(vec![], 10), NetworkError::NoClassifier);
    assert_eq!(of(vec![Layer::Flatten], 10), NetworkError::NoClassifier);
    assert_eq!(of(vec![RELU; MAX_LAYERS + 1], 10), NetworkError::TooManyLayers);
    assert_eq!(of(vec![residual(vec![RELU; 125]), residual(vec![RELU; 124])], 10), NetworkError::TooManyLayers);
    let nested = |depth: usize| (0..depth).fold(RELU, |layer, _| residual(vec![layer]));
    assert_eq!(of(vec![nested(5)], 10), NetworkError::TooDeep);
    assert!(infer(&network(vec![nested(4), Layer::Flatten, CLASSIFIER]), MNIST, 10).is_ok());
    let too_wide = vec![Layer::Flatten, Layer::Linear { units: 1_000_000, bias: false }, CLASSIFIER];
    assert!(matches!(of(too_wide, 10), NetworkError::TooManyParameters { .. }));
    let deep_and_wide = [vec![conv(10_000, 1, 1, Padding::Same)], vec![RELU; 9], vec![Layer::Flatten, CLASSIFIER]];
    assert!(matches!(of(deep_and_wide.concat(), 10), NetworkError::TooManyValues { .. }));
    let long = vec![Layer::PatchEmbedding { size: 1, features: 1 }, Layer::Gru { units: 1, states: States::Last }];
    let large = ImageShape { channels: 1, height: 40, width: 40 };
    let error = infer(&network([long, vec![CLASSIFIER]].concat()), large, 10).unwrap_err();
    assert_eq!(error.to_string(), "layer 2 (GRU): takes 1600 steps, at most 1024 are allowed");
    let one_class = of(vec![Layer::Flatten, CLASSIFIER], 1);
    assert_eq!(one_class.to_string(), "layer 2 (classifier): the dataset has fewer than two classes");
}

/// The output of the last of `layers` for an MNIST image.
fn check(layers: &[Layer], expected: &str) {
    check_output(layers, &[Layer::Flatten, CLASSIFIER], expected);
}

/// The same, if the output is a vector.
fn check_flat(layers: &[Layer], expected: &str) {
    check_output(layers, &[CLASSIFIER], expected);
}

fn check_output(layers: &[Layer], end: &[Layer], expected: &str) {
    let summaries = infer(&network([layers, end].concat()), MNIST, 10).unwrap();
    assert_eq!(summaries[layers.len() - 1].output.to_string(), expected);
}

/// Parameters and FLOPs of the last of `layers` for an MNIST image.
fn count(layers: &[Layer], parameters: u64, flops: u64) {
    let flatten = match layers.last() {
        Some(Layer::Lstm { states: States::Last, .. } | Layer::Gru { states: States::Last, .. }) => vec![],
        _ => vec![Layer::Flatten],
    };
    let summaries = infer(&network([layers, &flatten, &[CLASSIFIER]].concat()), MNIST, 10).unwrap();
    let summary = summaries[layers.len() - 1];
    assert_eq!((summary.parameters, summary.flops), (parameters, flops), "{layers:?}");
}

fn refuse(layers: &[Layer], at: usize, expected: &str) {
    let mut all = layers.to_vec();
    all.push(CLASSIFIER);
    match infer(&network(all), MNIST, 10) {
        Err(error @ NetworkError::Layer { layer, .. }) if layer == at => {
            assert!(error.to_string().contains(expected), "{error}");
        }
        other => panic!("{layers:?}: {other:?}"),
    }
}

fn pooled_skip(layers: Vec<Layer>) -> Layer {
    Layer::PooledSkip { layers }
}

fn network(layers: Vec<Layer>) -> NetworkConfig {
    NetworkConfig::new("", layers)
}

fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, dilation: 1, groups: 1, bias: true }
}

fn dilated(filters: u32, kernel: u32, dilation: u32, padding: Padding) -> Layer {
    Layer::Conv { filters, kernel, stride: 1, padding, dilation, groups: 1, bias: true }
}

fn depthwise(kernel: u32, stride: u32) -> Layer {
    Layer::DepthwiseConv { kernel, stride, padding: Padding::Same, dilation: 1, bias: true }
}

fn residual(layers: Vec<Layer>) -> Layer {
    Layer::Residual { layers }
}

fn transformer(heads: u32, mlp_ratio: u32) -> Layer {
    Layer::TransformerBlock { heads, mlp_ratio, dropout: 0.0 }
}

#[test]
fn a_survey_goes_as_far_as_the_network_fits() {
    let check = |layers: &[Layer], n_fitting: usize, reason: Option<&str>| {
        let survey = survey(&network(layers.to_vec()), MNIST, 10);
        assert_eq!(survey.layers.len(), n_fitting, "{layers:?}");
        assert_eq!(survey.error.map(|error| error.to_string()).as_deref(), reason, "{layers:?}");
    };
    check(&[Layer::Flatten, CLASSIFIER], 2, None);
    check(&[], 0, Some("the last layer must be the classifier"));
    check(&[RELU, Layer::Flatten], 2, Some("the last layer must be the classifier"));
    check(
        &[RELU, Layer::PositionEmbedding],
        1,
        Some(
            "layer 2 (position embedding): needs a sequence, but its input is 1×28×28: put rows or a patch embedding before it",
        ),
    );
    check(&[Layer::Flatten, CLASSIFIER, RELU], 1, Some("layer 2 (classifier): the classifier must be the last layer"));
    check(&vec![RELU; MAX_LAYERS + 1], 0, Some("more than 250 layers, those in blocks included"));
    let survey = survey(&network(vec![Layer::Flatten, Layer::Flatten]), MNIST, 10);
    assert_eq!(survey.misfit(), Some((1, &LayerError::AlreadyFlat)));
    assert_eq!(survey.input_of(0, MNIST), Some(FeatureShape::from(MNIST)));
    assert_eq!(survey.input_of(1, MNIST), Some(FeatureShape::Vector { length: 784 }));
    assert_eq!(survey.input_of(2, MNIST), None);
}
