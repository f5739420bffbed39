//! What leaves comes in again: every preset, and networks with every kind of layer, as safetensors and as ONNX.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[allow(dead_code, reason = "the judges use the rest")]
#[path = "../../train/tests/judges/networks.rs"]
mod networks;

use std::collections::BTreeMap;

use kindling_core::config::SplitConfig;
use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::patterns::patterns;
use kindling_core::network::shape::{network_tensors, place};
use kindling_core::random::Random;
use kindling_exchange::archive::{pack, unpack};
use kindling_exchange::export::run;
use kindling_exchange::{
    Check, Description, ExchangeError, Format, Imported, Origin, Scaling, Tensor, TrainedNetwork, export, import, write,
};
use networks::Case;
use proptest::prelude::*;

/// A network with random weights, and a check of what Kindling's reader computes for the first patterns.
fn trained(Case { network, input, n_classes, .. }: Case, n_images: usize) -> (TrainedNetwork, Check) {
    let mut random = Random::new(5);
    let tensors: BTreeMap<String, Tensor> = network_tensors(&place(&network, input, n_classes).unwrap())
        .into_iter()
        .map(|(name, spec)| {
            let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
            let bound = (3.0 / shape.iter().skip(1).product::<usize>() as f32).sqrt();
            let is_scale = name.ends_with("running_var") || name.ends_with("weight") && shape.len() == 1;
            let mut draw =
                || (random.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0) * if is_scale { 0.5 } else { bound };
            let values = (0..spec.n_values()).map(|_| draw() + if is_scale { 1.0 } else { 0.0 }).collect();
            (name, Tensor::new(shape, values))
        })
        .collect();
    let description = Description {
        network,
        input,
        classes: (0..n_classes).map(|class| format!("class {class}")).collect(),
        style: DrawingStyle::Letterbox,
        origin: Some(Origin { dataset: "mnist".to_owned(), split: SplitConfig { seed: 3, ..SplitConfig::default() } }),
    };
    let trained = TrainedNetwork::new(description, tensors).unwrap();
    let images: Vec<Vec<u8>> = patterns(input)[..n_images].to_vec();
    let nothing = Check { probabilities: vec![vec![0.0; n_classes]; images.len()], images };
    let file = write::safetensors::write(&trained, &nothing).unwrap();
    let probabilities = run(&file, &nothing.images, Format::Safetensors).unwrap();
    (trained, Check { probabilities, ..nothing })
}

fn taken(name: &str, bytes: Vec<u8>) -> Result<Imported, ExchangeError> {
    import(&[(name.to_owned(), bytes)], &Scaling::default())
}

fn small() -> (TrainedNetwork, Check) {
    let case = networks::all().into_iter().find(|case| case.name == "vectors").unwrap();
    trained(case, 1)
}

#[test]
fn every_network_comes_back_with_its_config_and_weights() {
    for case in networks::all() {
        let name = case.name.clone();
        let (network, check) = trained(case, 1);
        let archive = write::safetensors::write(&network, &check).unwrap();
        let files = ["config.json", "model.safetensors"].map(|name| (name.to_owned(), unpack(&archive, name).unwrap()));
        let ways = [
            taken("net.zip", archive),
            import(&files, &Scaling::default()),
            taken("net.onnx", write::onnx::write(&network, &check).unwrap()),
        ];
        for (way, imported) in ways.into_iter().enumerate() {
            let imported = imported.unwrap_or_else(|error| panic!("{name}, {way}: {error}"));
            assert_eq!(imported.network.description, network.description, "{name}, {way}");
            assert_eq!(imported.network.weights(), network.weights(), "{name}, {way}");
            assert!(imported.largest_difference <= 1e-5, "{name}, {way}: {}", imported.largest_difference);
            assert!(imported.has_class_names);
        }
    }
}

/// `tests/data/make.py` has the network.
#[test]
fn a_network_as_pytorch_exports_it_gives_onnxruntimes_probabilities() {
    #[derive(serde::Deserialize)]
    struct Golden {
        images: Vec<Vec<u8>>,
        probabilities: Vec<Vec<f32>>,
    }
    let golden: Golden = serde_json::from_str(include_str!("data/residual.json")).unwrap();
    let check = Check { images: golden.images, probabilities: golden.probabilities };
    let scaling = Scaling { mean: vec![0.1307], std: vec![0.3081] };
    let bytes = include_bytes!("data/residual.onnx").to_vec();
    let Imported { network, largest_difference, .. } =
        import(&[("residual.onnx".to_owned(), bytes)], &scaling).unwrap();
    assert!(largest_difference <= 1e-5, "{largest_difference}");
    // As an export, it is proven to compute these probabilities.
    let again = write::safetensors::write(&network, &check).unwrap();
    let found = check.largest_difference(&run(&again, &check.images, Format::Safetensors).unwrap());
    assert!(found <= 1e-5, "{found}");
    assert!(export(&network, &check, Format::Onnx).is_ok());
}

#[test]
fn refused_files_say_why() {
    let (network, check) = small();
    let archive = write::safetensors::write(&network, &check).unwrap();
    let [config, weights, proof] =
        ["config.json", "model.safetensors", "check.json"].map(|name| unpack(&archive, name).unwrap());
    let said = |files: &[(&str, &[u8])]| taken("net.zip", pack(files).unwrap()).unwrap_err().to_string();
    assert!(said(&[("project.json", b"{}"), ("cat/1.png", b"1")]).contains("project"));
    assert!(said(&[("model.safetensors", &weights)]).contains("lacks config.json"));
    assert!(taken("model.safetensors", weights.clone()).unwrap_err().to_string().contains("config.json"));
    assert!(taken("photo.jpg", b"\xff\xd8\xff\xe0 photo".to_vec()).unwrap_err().to_string().starts_with("photo.jpg"));

    let text = String::from_utf8(config.clone()).unwrap();
    let other = text.replace("\"units\": 20", "\"units\": 21");
    assert_ne!(text, other);
    let found = said(&[("config.json", other.as_bytes()), ("model.safetensors", &weights)]);
    assert!(found.starts_with("the weights lack 2.weight of shape [21, 351]"), "{found}");
    let found = said(&[
        ("config.json", text.replace("\"height\": 19", "\"height\": 99999").as_bytes()),
        ("model.safetensors", &weights),
    ]);
    assert!(found.contains("images of such a shape"), "{found}");

    let other = String::from_utf8(proof).unwrap().replace("\"probabilities\":[[0", "\"probabilities\":[[9");
    let found = said(&[("config.json", &config), ("model.safetensors", &weights), ("check.json", other.as_bytes())]);
    assert!(found.contains("differ by"), "{found}");
}

#[test]
fn an_onnx_file_whose_graph_and_weights_disagree_is_refused() {
    let (network, check) = small();
    let mut other = network.description.clone();
    other.network.name = "Another".to_owned();
    let bytes = write::onnx::write(&network, &check).unwrap();
    // The same length, another activation: the metadata no longer describes the graph.
    let place = bytes.windows(6).position(|window| window == b"\"tanh\"").unwrap();
    let mut bytes = bytes;
    bytes[place..place + 6].copy_from_slice(b"\"gelu\"");
    assert!(matches!(taken("net.onnx", bytes), Err(ExchangeError::Disagrees { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let (network, check) = small();
        for bytes in [write::safetensors::write(&network, &check).unwrap(), write::onnx::write(&network, &check).unwrap()] {
            let mut bytes = bytes;
            for (place, byte) in &places {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = taken("net", bytes);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), config in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(taken("net.onnx", bytes.clone()).is_err());
        let archive = pack(&[("config.json", &config), ("model.safetensors", &bytes)]).unwrap();
        prop_assert!(taken("net.zip", archive).is_err());
        let files = [("config.json".to_owned(), config), ("model.safetensors".to_owned(), bytes)];
        prop_assert!(import(&files, &Scaling::default()).is_err());
    }
}
