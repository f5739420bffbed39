//! Quantization and the int8 writers: over drawn networks, integers answer nearly as floats do, and files as the network that they were written from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::dataset::DrawingStyle;
use kindling_core::network::shape::{network_tensors, place};
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_exchange::export::run;
use kindling_exchange::int8::{prove_int8, run_int8};
use kindling_exchange::quantize::{Options, quantize};
use kindling_exchange::read::quantized;
use kindling_exchange::{
    Calibration, Check, Description, Evaluation, ExchangeError, Format, Int8Format, Tensor, TrainedNetwork,
    export_int8, write,
};
use proptest::prelude::*;

const INPUT: ImageShape = ImageShape { channels: 1, height: 11, width: 12 };
const N_CLASSES: usize = 4;
const N_IMAGES: usize = 12;

/// A network with drawn weights that keep the variance of what passes through.
fn network(layers: Vec<Layer>, input: ImageShape, seed: u64) -> TrainedNetwork {
    let config = NetworkConfig::new("Drawn", layers);
    let placed = place(&config, input, N_CLASSES).unwrap();
    let mut random = Random::new(seed);
    let mut draw = |low: f32, high: f32| low + (high - low) * random.unit() as f32;
    let tensors = network_tensors(&placed).into_iter().map(|(name, spec)| {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        let bound = (3.0 / shape.iter().skip(1).product::<usize>() as f32).sqrt();
        let (low, high) = match name.rsplit('.').next().unwrap() {
            "running_var" => (0.5, 1.5),
            "weight" if shape.len() == 1 => (0.5, 1.5),
            _ if shape.len() == 1 => (-0.3, 0.3),
            _ => (-bound, bound),
        };
        let values = (0..spec.n_values()).map(|_| draw(low, high)).collect();
        (name, Tensor::new(shape, values))
    });
    let classes = (0..N_CLASSES).map(|class| class.to_string()).collect();
    let tensors: BTreeMap<_, _> = tensors.collect();
    let description = Description { network: config, input, classes, style: DrawingStyle::Scene, origin: None };
    TrainedNetwork::new(description, tensors).unwrap()
}

/// Noise of different brightness and contrast.
fn images(input: ImageShape, n: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let image = |_| {
        let (ground, range) = (random.below(200), 1 + random.below(255));
        (0..input.n_values()).map(|_| (ground + random.below(range)).min(255) as u8).collect()
    };
    (0..n).map(image).collect()
}

/// What the network answers in floats.
fn evaluation(network: &TrainedNetwork) -> Evaluation {
    let input = network.description.input;
    let images = images(input, N_IMAGES, 5);
    let nothing = Check { probabilities: vec![vec![0.0; N_CLASSES]; images.len()], images };
    let file = write::safetensors::write(network, &nothing).unwrap();
    let probabilities = run(&file, &nothing.images, Format::Safetensors).unwrap();
    let labels = vec![0; nothing.images.len()];
    Evaluation { images: nothing.images, labels, probabilities }
}

/// The mean difference of a probability.
fn mean_difference(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    let pairs: Vec<f32> =
        one.iter().flatten().zip(other.iter().flatten()).map(|(one, other)| (one - other).abs()).collect();
    pairs.iter().sum::<f32>() / pairs.len() as f32
}

fn conv(filters: u32, kernel: u32, stride: u32) -> Layer {
    Layer::Conv { filters, kernel, stride, padding: Padding::Same, dilation: 1, groups: 1, bias: true }
}

/// Layers that compute in integers, on maps.
fn map_layers() -> impl Strategy<Value = Vec<Layer>> {
    let activation = prop::sample::select(Activation::ALL.to_vec()).prop_map(Layer::Activation);
    let groups = (1..3_u32, 1..3_u32, any::<bool>()).prop_map(|(groups, dilation, bias)| Layer::Conv {
        filters: 4 * groups,
        kernel: 3,
        stride: 1,
        padding: Padding::Same,
        dilation,
        groups,
        bias,
    });
    let layer = prop_oneof![
        (1..4_u32, 1..4_u32, 1..3_u32).prop_map(|(filters, kernel, stride)| conv(4 * filters, kernel, stride)),
        groups,
        (1..4_u32).prop_map(|kernel| Layer::DepthwiseConv {
            kernel,
            stride: 1,
            padding: Padding::Same,
            dilation: 2,
            bias: true
        }),
        Just(Layer::BatchNorm),
        activation.clone(),
        activation,
        Just(Layer::MaxPool { size: 2, stride: 1 }),
        Just(Layer::AveragePool { size: 2, stride: 1 }),
        Just(Layer::SqueezeExcitation { ratio: 2 }),
        Just(Layer::GroupNorm { groups: 2 }),
        Just(Layer::DepthwiseSeparable { filters: 8, kernel: 3, stride: 1 }),
        Just(Layer::Dropout { rate: 0.5 }),
        Just(Layer::Resize { size: 9 }),
        Just(Layer::Residual { layers: vec![conv(8, 3, 1), Layer::BatchNorm, Layer::Activation(Activation::Relu)] }),
    ];
    prop::collection::vec(layer, 0..5).prop_map(|mut layers| {
        layers.insert(0, conv(4, 3, 1));
        layers
    })
}

/// From maps to logits.
fn heads() -> impl Strategy<Value = Vec<Layer>> {
    prop_oneof![
        Just(vec![Layer::GlobalAveragePool]),
        Just(vec![Layer::GlobalMaxPool]),
        Just(vec![
            Layer::Flatten,
            Layer::Linear { units: 9, bias: false },
            Layer::BatchNorm,
            Layer::Activation(Activation::Relu)
        ]),
        Just(vec![Layer::PooledSkip {
            layers: vec![conv(8, 3, 2), Layer::Activation(Activation::Relu6), Layer::GlobalAveragePool]
        }]),
        Just(vec![Layer::PatchEmbedding { size: 3, features: 8 }, Layer::GlobalAveragePool]),
        Just(vec![Layer::Rows, Layer::Gru { units: 5, states: States::Last }]),
    ]
    .prop_map(|mut layers| {
        layers.push(Layer::Classifier { bias: true });
        layers
    })
}

#[test]
fn a_file_of_another_network_is_refused() {
    let layers = || {
        vec![
            Layer::Conv {
                filters: 6,
                kernel: 3,
                stride: 1,
                padding: Padding::Same,
                dilation: 1,
                groups: 1,
                bias: true,
            },
            Layer::Activation(Activation::Relu),
            Layer::GlobalAveragePool,
            Layer::Classifier { bias: true },
        ]
    };
    let images = images(INPUT, N_IMAGES, 1);
    let good = network(layers(), INPUT, 1);
    // The probabilities of random networks differ too little.
    let mut weights = good.weights().clone();
    weights.get_mut("3.weight").unwrap().values.iter_mut().for_each(|value| *value *= -8.0);
    let opposite = TrainedNetwork::new(good.description.clone(), weights).unwrap();
    let [quantized, other] = [&good, &opposite].map(|network| quantize(network, &images, &Options::default()).unwrap());
    let probabilities = quantized::run(&quantized, &images).unwrap();
    let evaluation = Evaluation { labels: vec![0; N_IMAGES], images, probabilities };
    for format in Int8Format::ALL {
        let file = export_int8(&quantized, &evaluation, format).unwrap();
        assert_eq!(prove_int8(&file.bytes, &quantized, &evaluation, format).unwrap(), file.proof);
        let wrong = export_int8(&other, &evaluation, format).unwrap();
        let refused = prove_int8(&wrong.bytes, &quantized, &evaluation, format);
        assert!(matches!(refused, Err(ExchangeError::Disagrees { .. })), "{format:?}: {refused:?}");
    }
}

#[test]
fn a_layer_that_is_not_there_cannot_stay_in_floats() {
    let layers = vec![Layer::Flatten, Layer::Linear { units: 4, bias: true }, Layer::Classifier { bias: true }];
    let images = images(INPUT, N_IMAGES, 1);
    let quantize = |path: &str| {
        let options = Options { float_layers: vec![path.to_owned()], ..Options::default() };
        quantize(&network(layers.clone(), INPUT, 1), &images, &options)
    };
    assert!(quantize("1").is_ok());
    let error = quantize("7.layers.1").unwrap_err().to_string();
    assert_eq!(error, "there is no layer 7.layers.1: the layers with weights are 1, 2");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn integers_answer_nearly_as_floats(body in map_layers(), head in heads(), seed in any::<u64>(), color in any::<bool>()) {
        let input = ImageShape { channels: if color { 3 } else { 1 }, ..INPUT };
        let layers: Vec<Layer> = body.into_iter().chain(head).collect();
        prop_assume!(place(&NetworkConfig::new("", layers.clone()), input, N_CLASSES).is_ok());
        let network = network(layers, input, seed);
        let evaluation = evaluation(&network);
        let options = Options { calibration: Calibration::MinMax, ..Options::default() };
        let quantized = quantize(&network, &images(input, 40, 9), &options).unwrap();
        let integers = quantized::run(&quantized, &evaluation.images).unwrap();
        let difference = mean_difference(&integers, &evaluation.probabilities);
        prop_assert!(difference < 0.03, "{difference} for {:?}", network.description.network.layers);
        for format in Int8Format::ALL {
            let export = export_int8(&quantized, &evaluation, format).unwrap();
            let answers = run_int8(&export.bytes, &evaluation.images, format).unwrap();
            let difference = mean_difference(&answers, &integers);
            prop_assert!(difference < 0.01, "{difference} as {format:?} for {:?}", network.description.network.layers);
        }
    }
}

#[test]
fn weights_are_bytes() {
    let layers = vec![
        conv(16, 3, 1),
        Layer::Activation(Activation::Relu),
        conv(32, 3, 1),
        Layer::GlobalAveragePool,
        Layer::Classifier { bias: true },
    ];
    let network = network(layers, INPUT, 1);
    let quantized = quantize(&network, &images(INPUT, 8, 1), &Options::default()).unwrap();
    assert!(quantized.precisions().iter().all(|layer| layer.is_integer));
    assert_eq!(quantized.weight_bytes(), 16 * 9 + 32 * 16 * 9 + 4 * 32 + 8 * (16 + 32 + 4));
}

#[test]
fn a_layer_can_stay_in_floats() {
    let layers = vec![conv(8, 3, 1), conv(8, 3, 1), Layer::GlobalAveragePool, Layer::Classifier { bias: true }];
    let network = network(layers, INPUT, 1);
    let evaluation = evaluation(&network);
    for path in ["0", "1", "3"] {
        let options = Options { float_layers: vec![path.to_owned()], ..Options::default() };
        let quantized = quantize(&network, &images(INPUT, 8, 1), &options).unwrap();
        let floats: Vec<String> =
            quantized.precisions().into_iter().filter(|layer| !layer.is_integer).map(|layer| layer.path).collect();
        assert_eq!(floats[0], path);
        for format in Int8Format::ALL {
            let export = export_int8(&quantized, &evaluation, format).unwrap();
            assert_eq!(export.proof.n_images, N_IMAGES);
        }
    }
}

#[test]
fn what_cannot_be_quantized_is_refused() {
    let layers = vec![conv(2, 3, 1), Layer::GlobalAveragePool, Layer::Classifier { bias: true }];
    let good = network(layers.clone(), INPUT, 1);
    assert_eq!(quantize(&good, &[], &Options::default()).unwrap_err(), ExchangeError::NoImages);
    assert!(matches!(quantize(&good, &[vec![0; 5]], &Options::default()), Err(ExchangeError::Unreadable(_))));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut weights = good.weights().clone();
        weights.get_mut("0.weight").unwrap().values[3] = bad;
        let network = TrainedNetwork::new(good.description.clone(), weights).unwrap();
        let error = quantize(&network, &images(INPUT, 4, 1), &Options::default()).unwrap_err();
        assert_eq!(error, ExchangeError::NotFinite { layer: "0".to_owned() }, "{bad}");
    }
}

#[test]
fn a_layer_of_zeros_and_tiny_weights_stays_finite() {
    let good = network(
        vec![conv(4, 3, 1), Layer::BatchNorm, conv(4, 3, 1), Layer::Flatten, Layer::Classifier { bias: true }],
        INPUT,
        1,
    );
    for factor in [0.0, 1e-30, 1e-10, 1e10] {
        let mut weights = good.weights().clone();
        weights.get_mut("0.weight").unwrap().values.iter_mut().for_each(|value| *value *= factor);
        let network = TrainedNetwork::new(good.description.clone(), weights).unwrap();
        let evaluation = evaluation(&network);
        for calibration in Calibration::ALL {
            let options = Options { calibration, ..Options::default() };
            let quantized = quantize(&network, &images(INPUT, 10, 3), &options).unwrap();
            let answers = quantized::run(&quantized, &evaluation.images).unwrap();
            let difference = mean_difference(&answers, &evaluation.probabilities);
            assert!(difference < 0.05, "{difference} with {factor} by {calibration:?}");
        }
    }
}
