//! Every served dataset is complete, licensed, and matches its description.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use kindling_core::config::SplitConfig;
use kindling_core::dataset::served::{Catalog, N_SAMPLES, sha256};
use kindling_core::dataset::{Dataset, DatasetError, ServedDataset, Split, summarize};
use kindling_core::protocol::{Failure, FailureKind};

const MNIST_TRAIN_COUNTS: [u32; 10] = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
const MNIST_TEST_COUNTS: [u32; 10] = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../static/datasets")
}

fn describe(id: &str) -> ServedDataset {
    ServedDataset::parse(id, &fs::read(folder().join(id).join("dataset.json")).unwrap()).unwrap()
}

fn read_files(served: &ServedDataset) -> Vec<(String, Vec<u8>)> {
    let read = |name: &String| (name.clone(), fs::read(folder().join(&served.id).join(name)).unwrap());
    served.files.iter().map(|file| read(&file.name)).collect()
}

pub fn load(id: &str) -> Dataset {
    let served = describe(id);
    served.parse_files(read_files(&served)).unwrap()
}

fn label_counts(labels: &[u16]) -> [u32; 10] {
    let mut counts = [0; 10];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    counts
}

#[test]
fn every_dataset_of_the_catalog_is_what_it_says() {
    let catalog = Catalog::parse(&fs::read(folder().join("catalog.json")).unwrap()).unwrap();
    assert_eq!(catalog.datasets, ["mnist", "fashion-mnist", "animals"]);
    for id in &catalog.datasets {
        let served = describe(id);
        let license = fs::read_to_string(folder().join(id).join(&served.license.file)).unwrap();
        assert!(license.contains("Creative Commons") || license.contains("Permission is hereby granted"), "{id}");
        // A PNG has its width and height behind the signature and the first chunk's head.
        let samples = fs::read(folder().join(id).join(served.samples.as_ref().unwrap())).unwrap();
        let side = |at: usize| u32::from_be_bytes(samples[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), (N_SAMPLES * served.shape.width, served.shape.height), "{id}");
        assert!(samples.len() <= 4_096, "{id}: {} bytes", samples.len());
        let files = read_files(&served);
        for (file, (_, bytes)) in served.files.iter().zip(&files) {
            file.verify(bytes).unwrap();
            let mut unpacked = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).unwrap();
            file.verify(&unpacked).unwrap();
            assert_eq!(sha256(&unpacked), file.unpacked.as_ref().unwrap().sha256);
        }
        let start = Instant::now();
        let dataset = served.parse_files(files).unwrap();
        println!("{id}: parsed in {:?}", start.elapsed());
        assert_eq!(dataset.pixels.len(), dataset.len() * dataset.shape.n_values());
        assert_eq!(dataset.classes, served.classes);
    }
}

#[test]
fn the_labels_of_mnist_are_counted_right() {
    let dataset = load("mnist");
    let (train, test) = dataset.labels.split_at(60_000);
    assert_eq!(label_counts(train), MNIST_TRAIN_COUNTS);
    assert_eq!(label_counts(test), MNIST_TEST_COUNTS);
    assert_eq!(label_counts(&load("fashion-mnist").labels), [7000; 10]);
    assert_eq!(label_counts(&load("animals").labels), [1000; 10]);

    let split = Split::new(&dataset, &SplitConfig::default()).unwrap();
    let summary = summarize("mnist", &dataset, &split);
    assert!(summary.has_standard_test);
    assert_eq!(summary.class_counts.iter().map(|counts| counts.test).collect::<Vec<_>>(), MNIST_TEST_COUNTS);
    for (counts, total) in summary.class_counts.iter().zip(MNIST_TRAIN_COUNTS) {
        assert_eq!(counts.train + counts.validation, total);
        assert!((counts.validation as f32 - total as f32 * 0.1).abs() <= 1.0);
    }
}

#[test]
fn one_flipped_bit_and_a_cut_file_are_refused() {
    let served = describe("animals");
    let (file, bytes) = (&served.files[0], read_files(&served).swap_remove(0).1);
    let mut flipped = bytes.clone();
    flipped[1000] ^= 1;
    assert!(matches!(file.verify(&flipped), Err(DatasetError::WrongHash { .. })));
    assert!(matches!(file.verify(&bytes[..1000]), Err(DatasetError::Truncated { found: 1000, .. })));
    assert_eq!(Failure::from(file.verify(&flipped).unwrap_err()).kind, FailureKind::WrongHash);
}

#[test]
fn files_of_another_dataset_do_not_pass_for_this_one() {
    let files = read_files(&describe("animals"));
    let error = describe("mnist").parse_files(files).unwrap_err();
    assert!(matches!(error, DatasetError::BadDescription { .. }), "{error}");
}

#[test]
fn descriptions_out_of_form_are_refused() {
    let json = fs::read_to_string(folder().join("mnist/dataset.json")).unwrap();
    let check = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        let error = ServedDataset::parse("mnist", json.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(matches!(error, DatasetError::BadDescription { .. }), "{error}");
    };
    check(r#""id": "mnist""#, r#""id": "other""#);
    check(r#""channels": 1"#, r#""channels": 2"#);
    check(r#""height": 28"#, r#""height": 4294967295"#);
    check(r#""train": 60000"#, r#""train": 4294967295"#);
    check(r#""name": "train-images-idx3-ubyte.gz""#, r#""name": "../secret""#);
    check(r#""sha256": "7"#, r#""sha256": "X"#);
    check(r#""samples": "samples.png""#, r#""samples": "../secret""#);
    check(r#""homepage""#, r#""unknown""#);
    assert!(ServedDataset::parse("mnist", b"").is_err());
    assert!(Catalog::parse(br#"{"datasets": ["../up"]}"#).is_err());
}
