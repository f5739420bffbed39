//! Each kind of layer in a small network: logits, loss and gradients match PyTorch's.

use burn::module::Module;
use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use kindling_train::objective::loss::Loss;

use crate::golden::{Golden, TOLERANCE, thinned, values};
use crate::support::named_gradients;

/// Not square, so that swapped rows and columns are noticed.
const INPUT: ImageShape = ImageShape { channels: 3, height: 10, width: 9 };
const N_CLASSES: usize = 3;
const CLASSIFIER: Layer = Layer::Classifier { bias: true };

/// The first gradients of a deep network accumulate the differences of all its sums.
const GRADIENT_TOLERANCE: f32 = 3e-5;

#[test]
fn activations_are_pytorchs() {
    // The file has no ReLU6, which the published network of `pretrained.rs` and the differences of `gradients.rs` check.
    for activation in Activation::ALL.into_iter().filter(|activation| *activation != Activation::Relu6) {
        let name = serde_json::to_value(activation).unwrap();
        check(name.as_str().unwrap(), after_conv([Layer::Activation(activation), Layer::Flatten]));
    }
}

#[test]
fn group_norm_and_layer_norm_are_pytorchs() {
    check("group_norm", after_conv([Layer::GroupNorm { groups: 2 }, Layer::Flatten]));
    let linear = Layer::Linear { units: 5, bias: true };
    check(
        "layer_norm",
        vec![Layer::LayerNorm, Layer::Rows, Layer::LayerNorm, linear, Layer::Flatten, Layer::LayerNorm],
    );
}

#[test]
fn batch_norm_of_vectors_is_pytorchs() {
    let tanh = Layer::Activation(Activation::Tanh);
    // A bias before the norm would have no gradient.
    check("batch_norm_1d", vec![Layer::Flatten, Layer::Linear { units: 6, bias: false }, Layer::BatchNorm, tanh]);
}

#[test]
fn dilated_grouped_and_depthwise_convolutions_are_pytorchs() {
    let dilated =
        Layer::Conv { filters: 8, kernel: 3, stride: 1, padding: Padding::Same, dilation: 2, groups: 1, bias: true };
    let grouped =
        Layer::Conv { filters: 12, kernel: 3, stride: 2, padding: Padding::Valid, dilation: 1, groups: 4, bias: false };
    let depthwise = Layer::DepthwiseConv { kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, bias: true };
    let sparse = Layer::DepthwiseConv { kernel: 2, stride: 1, padding: Padding::Valid, dilation: 3, bias: false };
    check("conv", vec![dilated, grouped, depthwise, sparse, Layer::Flatten]);
}

#[test]
fn pools_are_pytorchs() {
    let pool = Layer::AveragePool { size: 3, stride: 2 };
    check("pools", vec![conv(6, 3, 1, Padding::Same, true), pool, Layer::GlobalMaxPool]);
}

#[test]
fn squeeze_and_excitation_is_pytorchs() {
    let block = Layer::SqueezeExcitation { ratio: 2 };
    check("squeeze_excitation", vec![conv(6, 3, 1, Padding::Valid, true), block, Layer::GlobalAveragePool]);
}

#[test]
fn residual_blocks_are_pytorchs() {
    let projected = Layer::Residual {
        layers: vec![
            conv(4, 3, 2, Padding::Same, false),
            Layer::BatchNorm,
            Layer::Activation(Activation::Relu),
            conv(4, 3, 1, Padding::Same, true),
        ],
    };
    let within = Layer::Residual { layers: vec![conv(4, 3, 1, Padding::Same, true)] };
    let nested = Layer::Residual { layers: vec![within, Layer::Activation(Activation::Tanh)] };
    let linear = Layer::Linear { units: 6, bias: true };
    let flat = Layer::Residual { layers: vec![linear, Layer::Activation(Activation::Gelu)] };
    check("residual", vec![projected, nested, Layer::Flatten, flat]);
}

#[test]
fn depthwise_separable_blocks_are_pytorchs() {
    let block = Layer::DepthwiseSeparable { filters: 6, kernel: 3, stride: 2 };
    check("depthwise_separable", vec![block, Layer::GlobalAveragePool]);
}

#[test]
fn lstm_and_gru_are_pytorchs() {
    let (all, last) = (States::All, States::Last);
    check("lstm", vec![Layer::Rows, Layer::Lstm { units: 6, states: all }, Layer::Lstm { units: 5, states: last }]);
    check("gru", vec![Layer::Rows, Layer::Gru { units: 6, states: all }, Layer::Gru { units: 5, states: last }]);
}

#[test]
fn transformers_are_pytorchs() {
    let layers = vec![
        Layer::PatchEmbedding { size: 3, features: 8 },
        Layer::PositionEmbedding,
        Layer::TransformerBlock { heads: 2, mlp_ratio: 2, dropout: 0.0 },
        Layer::Residual { layers: vec![Layer::Linear { units: 6, bias: true }] },
        Layer::GlobalAveragePool,
    ];
    check("transformer", layers);
}

/// Checks `layers` and a classifier against a case of the file, with the batch that all cases share.
fn check(case: &str, layers: Vec<Layer>) {
    let golden = Golden::open(include_bytes!("layers.safetensors"));
    let network = NetworkConfig::new(case, [layers, vec![CLASSIFIER]].concat());
    let start = golden.start(&format!("{case}/"));
    let device = burn::tensor::Device::flex();
    let mut network = Network::with_weights(&network, INPUT, N_CLASSES, start, &device).unwrap();
    let batch = golden.batch("images", "labels", INPUT, N_CLASSES);
    let has_batch_norm = golden.start(&format!("{case}/")).iter().any(|tensor| tensor.name.ends_with("running_mean"));
    if !has_batch_norm {
        let logits = network.valid().forward(batch.images.clone());
        golden.check(&format!("{case}/logits"), &values(logits), TOLERANCE);
    }

    let logits = network.forward_train(batch.images.autodiff(), &mut Random::new(0));
    golden.check(&format!("{case}/logits"), &values(logits.clone()), TOLERANCE);
    let (loss, gradients) = Loss::CROSS_ENTROPY.backward(logits, batch.targets);
    golden.check(&format!("{case}/loss"), &values(loss.terms.sum()), TOLERANCE);

    let gradients = named_gradients(&network, &gradients);
    let n_learned: usize = gradients.iter().map(|gradient| gradient.values.len()).sum();
    assert_eq!(n_learned as u64, network.n_parameters(), "{case}");
    for NamedTensor { name, values, .. } in gradients {
        golden.check(&format!("{case}/gradient/{name}"), &thinned(values), GRADIENT_TOLERANCE);
    }
}

fn after_conv(layers: [Layer; 2]) -> Vec<Layer> {
    [vec![conv(4, 3, 2, Padding::Valid, true)], layers.to_vec()].concat()
}

fn conv(filters: u32, kernel: u32, stride: u32, padding: Padding, bias: bool) -> Layer {
    Layer::Conv { filters, kernel, stride, padding, dilation: 1, groups: 1, bias }
}
