//! Readers on damaged files: an error, or an answer, but never a panic.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kindling_core::config::{Activation, Layer, NetworkConfig, Padding, States};
use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::patterns::patterns;
use kindling_core::network::shape::{network_tensors, place};
use kindling_core::protocol::ImageShape;
use kindling_exchange::export::run;
use kindling_exchange::int8::run_int8;
use kindling_exchange::quantize::{Options, quantize};
use kindling_exchange::{
    Check, Description, Evaluation, ExchangeError, Format, Int8Format, Tensor, TrainedNetwork, export, export_int8,
    write,
};
use proptest::prelude::*;

const INPUT: ImageShape = ImageShape { channels: 1, height: 6, width: 8 };
const N_CLASSES: usize = 3;

fn description(layers: Vec<Layer>) -> Description {
    Description {
        network: NetworkConfig::new("Small", layers),
        input: INPUT,
        classes: (0..N_CLASSES).map(|class| class.to_string()).collect(),
        style: DrawingStyle::Scene,
        origin: None,
    }
}

/// A small network of many kinds of layers, and what Kindling's plain reader computes.
fn small(layers: Vec<Layer>) -> (TrainedNetwork, Check) {
    let description = description(layers);
    let placed = place(&description.network, INPUT, N_CLASSES).unwrap();
    let tensors = network_tensors(&placed).into_iter().map(|(name, spec)| {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        let values = (0..spec.n_values()).map(|place| 0.1 + (place % 7) as f32 * 0.1).collect();
        (name, Tensor::new(shape, values))
    });
    let network = TrainedNetwork::new(description, tensors.collect()).unwrap();
    let images = patterns(INPUT);
    let nothing = Check { probabilities: vec![vec![0.0; N_CLASSES]; images.len()], images };
    let file = write::safetensors::write(&network, &nothing).unwrap();
    let probabilities = run(&file, &nothing.images, Format::Safetensors).unwrap();
    (network, Check { probabilities, ..nothing })
}

fn convolutional() -> (TrainedNetwork, Check) {
    small(vec![
        Layer::Conv { filters: 4, kernel: 3, stride: 1, padding: Padding::Same, dilation: 1, groups: 1, bias: true },
        Layer::BatchNorm,
        Layer::Activation(Activation::Gelu),
        Layer::GroupNorm { groups: 2 },
        Layer::MaxPool { size: 2, stride: 2 },
        Layer::SqueezeExcitation { ratio: 2 },
        Layer::GlobalAveragePool,
        Layer::Classifier { bias: true },
    ])
}

fn sequential() -> (TrainedNetwork, Check) {
    small(vec![
        Layer::PatchEmbedding { size: 2, features: 4 },
        Layer::PositionEmbedding,
        Layer::TransformerBlock { heads: 2, mlp_ratio: 1, dropout: 0.0 },
        Layer::Lstm { units: 3, states: States::Last },
        Layer::Classifier { bias: true },
    ])
}

#[test]
fn undamaged_files_answer_as_the_network() {
    for (network, check) in [convolutional(), sequential()] {
        for format in Format::ALL {
            let export = export(&network, &check, format).unwrap();
            assert_eq!(
                check.largest_difference(&run(&export.bytes, &check.images, format).unwrap()),
                export.largest_difference
            );
        }
    }
}

#[test]
fn a_file_that_answers_differently_is_not_given_away() {
    let (network, mut check) = convolutional();
    check.probabilities[0][0] += 0.01;
    for format in Format::ALL {
        assert!(matches!(export(&network, &check, format), Err(ExchangeError::Disagrees { .. })), "{format:?}");
    }
    check.probabilities.pop();
    assert!(matches!(export(&network, &check, Format::Onnx), Err(ExchangeError::BadCheck { .. })));
}

#[test]
fn what_a_format_cannot_hold_is_named() {
    let (network, check) = small(vec![
        Layer::Rows,
        Layer::Residual { layers: vec![Layer::Gru { units: 3, states: States::All }] },
        Layer::Gru { units: 3, states: States::Last },
        Layer::Classifier { bias: true },
    ]);
    let error = export(&network, &check, Format::Tfjs).unwrap_err();
    assert!(error.to_string().starts_with("TensorFlow.js cannot hold layer 2.1 (GRU): "), "{error}");
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let layers = vec![Layer::Flatten, Layer::Classifier { bias: true }];
    let weights = |shape: [usize; 2]| {
        let tensor = |shape: Vec<usize>| Tensor { values: vec![0.0; shape.iter().product()], shape };
        BTreeMap::from([
            ("1.weight".to_owned(), tensor(shape.to_vec())),
            ("1.bias".to_owned(), tensor(vec![N_CLASSES])),
        ])
    };
    assert!(TrainedNetwork::new(description(layers.clone()), weights([N_CLASSES, 48])).is_ok());
    let error = TrainedNetwork::new(description(layers.clone()), weights([48, N_CLASSES])).unwrap_err();
    assert_eq!(error, ExchangeError::NoTensor { name: "1.weight".to_owned(), shape: vec![N_CLASSES, 48] });
    assert!(matches!(TrainedNetwork::from_file(description(layers), b"short"), Err(ExchangeError::Unreadable(_))));
}

/// A file with images for it.
type Sample = (Format, Vec<u8>, Vec<Vec<u8>>);

/// Files of every format.
static FILES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let networks = [convolutional(), sequential()];
    let files = networks.iter().flat_map(|(network, check)| {
        Format::ALL.map(|format| (format, export(network, check, format).unwrap().bytes, check.images[..1].to_vec()))
    });
    files.collect()
});

/// A file in integers of 8 bits, with images for it.
type Int8Sample = (Int8Format, Vec<u8>, Vec<Vec<u8>>);

static INT8_FILES: LazyLock<Vec<Int8Sample>> = LazyLock::new(|| {
    let networks = [convolutional(), sequential()];
    let files = networks.iter().flat_map(|(network, check)| {
        let quantized = quantize(network, &check.images, &Options::default()).unwrap();
        let Check { images, probabilities } = check.clone();
        let evaluation = Evaluation { labels: vec![0; images.len()], images, probabilities };
        let bytes = move |format| export_int8(&quantized, &evaluation, format).unwrap().bytes;
        Int8Format::ALL.map(|format| (format, bytes(format), check.images[..1].to_vec()))
    });
    files.collect()
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        for (format, bytes, images) in &*FILES {
            let mut bytes = bytes.clone();
            for (place, byte) in &places {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = run(&bytes, images, *format);
        }
        for (format, bytes, images) in &*INT8_FILES {
            let mut bytes = bytes.clone();
            for (place, byte) in &places {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            let _ = run_int8(&bytes, images, *format);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let images = patterns(INPUT);
        for format in Format::ALL {
            prop_assert!(run(&bytes, &images, format).is_err());
            let named = [&b"\x20\0\0\0TFL3"[..], &bytes].concat();
            let _ = run(&named, &images, format);
        }
    }
}
