//! Files in every accepted form are detected and parsed; the error names all others.

use kindling_core::dataset::{DatasetError, FILES, files_name, parse_files};
use kindling_core::protocol::ImageShape;
use proptest::prelude::*;

use crate::files::*;

fn parse(files: &[File]) -> Result<kindling_core::dataset::Dataset, DatasetError> {
    parse_files("t", files.to_vec())
}

#[test]
fn four_idx_files_make_a_dataset_in_any_order_packed_or_not() {
    let dataset = parse(&small_idx()).unwrap();
    assert_eq!(dataset.shape, ImageShape { channels: 1, height: 4, width: 5 });
    assert_eq!(dataset.labels, [2, 0, 1, 1, 2]);
    assert_eq!(dataset.n_standard_test, 2);
    assert_eq!(dataset.classes, ["0", "1", "2"]);
    assert_eq!(dataset.pixels, (0..60).chain(100..140).collect::<Vec<u8>>());
    let mut other: Vec<File> = small_idx().into_iter().map(|(name, bytes)| (name + ".gz", gzip(&bytes))).collect();
    other.reverse();
    other.push(file(".DS_Store", vec![1, 2, 3]));
    assert_eq!(parse(&other).unwrap(), dataset);
}

#[test]
fn files_are_named_after_their_folder_or_what_their_names_share() {
    let check = |files: &[&str], expected: &str| assert_eq!(files_name(files.iter().copied()), expected, "{files:?}");
    check(&["birds/a.csv", "birds/more/b.csv", ".DS_Store"], "birds");
    check(&["digits.tar.gz"], "digits");
    check(&["kmnist.npz"], "kmnist");
    check(&["leaves.2024.csv"], "leaves.2024");
    check(&["birds/a.csv", "cats/b.csv"], FILES);
    check(&["birds/a.csv", "b.csv"], FILES);
    check(&["train.csv", "test.csv"], FILES);
    check(&["train.bin"], FILES);
    check(&["mnist_train.csv"], "mnist_train");
    check(&["my photos.zip"], "my photos");
    check(&["fashion-mnist_train.csv", "fashion-mnist_test.csv.gz", "classes.txt"], "fashion-mnist");
    check(&["k49-train-imgs.npz", "k49-train-labels.npz", "k49-test-imgs.npz"], "k49");
    check(&["emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits-test-labels-idx1-ubyte.gz"], "emnist-digits");
    check(&["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"], FILES);
    check(&["leaves-a.csv", "trees-a.csv"], FILES);
    check(&[], FILES);
}

#[test]
fn names_without_meaning_are_told_apart_by_their_sizes() {
    let renamed: Vec<File> =
        small_idx().into_iter().zip(["c", "b", "a", "d"]).map(|((_, bytes), name)| file(name, bytes)).collect();
    assert_eq!(parse(&renamed).unwrap(), parse(&small_idx()).unwrap());
    let twice = [&small_idx()[..2], &small_idx()[..2]].concat();
    assert!(matches!(parse(&twice), Err(DatasetError::UnpairedFiles { .. })));
}

#[test]
fn one_pair_has_no_test_set_of_its_own_and_may_name_its_classes() {
    let mut files = small_idx()[..2].to_vec();
    files.push(file("classes.txt", b"cat\r\ndog\r\nzebra\r\n".to_vec()));
    let dataset = parse(&files).unwrap();
    assert_eq!((dataset.len(), dataset.n_standard_test), (3, 0));
    assert_eq!(dataset.classes, ["cat", "dog", "zebra"]);
    files[2].1 = b"cat\ndog".to_vec();
    let expected =
        DatasetError::LabelOutOfRange { file: "train-labels-idx1-ubyte".into(), image: 0, label: 2, n_classes: 2 };
    assert_eq!(parse(&files).unwrap_err(), expected);
}

#[test]
fn pairs_that_disagree_are_refused() {
    let mut files = small_idx();
    files[1].1 = idx_labels(&[2, 0]);
    let expected = DatasetError::CountMismatch {
        images_file: "train-images-idx3-ubyte".into(),
        n_images: 3,
        labels_file: "train-labels-idx1-ubyte".into(),
        n_labels: 2,
    };
    assert_eq!(parse(&files).unwrap_err(), expected);
    let mut files = small_idx();
    files[2].1 = idx_images(2, 5, 4, &[0; 40]);
    assert!(matches!(parse(&files), Err(DatasetError::ShapeMismatch { .. })));
    assert!(matches!(parse(&small_idx()[..3]), Err(DatasetError::UnpairedFiles { .. })));
}

#[test]
fn cifar_reads_the_same_from_archive_and_batches() {
    let dataset = parse(&small_cifar()).unwrap();
    assert_eq!(dataset.shape, ImageShape { channels: 3, height: 32, width: 32 });
    assert_eq!(dataset.labels, [0, 1, 2, 3, 9, 5]);
    assert_eq!(dataset.n_standard_test, 1);
    assert_eq!(dataset.classes[3], "d");
    assert_eq!(dataset.image(5).unwrap(), &cifar_batch(&[5], 3)[1..]);
    assert_eq!(parse(&[file("cifar-10-binary.tar.gz", gzip(&small_cifar_tar()))]).unwrap(), dataset);
    assert_eq!(parse(&[file("no name at all", small_cifar_tar())]).unwrap(), dataset);
    let packed: Vec<File> = small_cifar().into_iter().map(|(name, bytes)| (name, gzip(&bytes))).collect();
    assert_eq!(parse(&packed[2..]).unwrap().labels, [0, 1, 2, 5]);
    // Without a file of class names, CIFAR-10's own.
    assert_eq!(parse(&small_cifar()[2..]).unwrap().classes[9], "truck");
}

#[test]
fn a_cut_archive_is_truncated() {
    let whole = small_cifar_tar();
    for n_bytes in [3000, 9000, whole.len() / 2] {
        let error = parse(&[file("a.tar", whole[..n_bytes].to_vec())]).unwrap_err();
        assert!(matches!(error, DatasetError::Truncated { .. } | DatasetError::BadArchive { .. }), "{error}");
        let packed = gzip(&whole);
        let error = parse(&[file("a.tar.gz", packed[..packed.len() - n_bytes].to_vec())]).unwrap_err();
        assert!(matches!(error, DatasetError::Truncated { .. } | DatasetError::BadArchive { .. }), "{error}");
    }
    let cut_at_a_record = tar(&[file("data_batch_1.bin", cifar_batch(&[1, 2], 1))])[..512 + 3073].to_vec();
    let expected = DatasetError::Truncated { file: "data_batch_1.bin".into(), found: 3073, expected: 6146 };
    assert_eq!(parse(&[file("a.tar", cut_at_a_record)]).unwrap_err(), expected);
}

#[test]
fn unknown_files_are_named() {
    let check = |files: &[File], expected: &str| match parse(files).unwrap_err() {
        DatasetError::UnknownFormat { found } => assert_eq!(found, expected),
        error => panic!("{error}"),
    };
    check(&[], "no files");
    check(&[file("x/photos.zip", zip(&[file("cat/1.jpg", vec![1])]))], "photos.zip (a zip archive with 1.jpg)");
    check(&[file("cat.jpg", vec![0xff, 0xd8, 0xff, 0xe0]), file("n", vec![])], "cat.jpg (a JPEG image), n (empty)");
    let archive = tar(&[file("train/cat/0001.jpg", vec![1])]);
    check(&[file("a.tar.gz", gzip(&archive))], "a.tar.gz (a tar archive with 0001.jpg)");
    let pickle = tar(&[file("cifar-10-batches-py/data_batch_1", b"\x80\x02}q\x01".to_vec())]);
    check(
        &[file("cifar-10-python.tar.gz", gzip(&pickle))],
        "cifar-10-python.tar.gz (a tar archive with data_batch_1, a Python pickle, which can run code and is not read; \
         take CIFAR's binary version, or save the arrays with numpy.savez)",
    );
    let text = file("t", b"text".to_vec());
    check(&[text.clone(), text.clone(), text.clone(), text], "t (text), t (text), t (text) and 1 more");
}

#[test]
fn a_decompression_bomb_is_bounded() {
    // A header that claims the maximum, followed by a megabyte of zeros compressed to a kilobyte.
    let mut bomb = idx_images(1_000_000, 28, 28, &[]);
    bomb.resize(1 << 20, 0);
    let files = [file("i", gzip(&bomb)), file("l", idx_labels(&[0]))];
    assert!(matches!(parse(&files), Err(DatasetError::CountMismatch { .. })));
    // Endless zeros as a tar entry: skipped up to the limit, and never held in memory.
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let zeros = gzip(&vec![0; 64 << 20]);
    let bytes = [gzip(header.as_bytes()), zeros.repeat(14)].concat();
    match parse(&[file("bomb.tar.gz", bytes)]).unwrap_err() {
        DatasetError::BadArchive { detail, .. } => assert!(detail.contains("unpacks to over"), "{detail}"),
        error => panic!("{error}"),
    }
}

proptest! {
    // Failures that are found become tests of their own; nothing is written to the source tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_idx_comes_back(height in 1_u32..9, width in 1_u32..9, labels in prop::collection::vec(0_u8..=255, 1..40), seed: u64) {
        let mut random = kindling_core::random::Random::new(seed);
        let n_images = labels.len() as u32;
        let pixels: Vec<u8> = (0..n_images * height * width).map(|_| random.next_u64() as u8).collect();
        let files = [file("i.gz", gzip(&idx_images(n_images, height, width, &pixels))), file("l", idx_labels(&labels))];
        let classes: std::collections::BTreeSet<u8> = labels.iter().copied().collect();
        if let [class] = Vec::from_iter(&classes)[..] {
            let expected = DatasetError::OneClass { class: class.to_string(), n_images: labels.len() };
            prop_assert_eq!(parse(&files).unwrap_err(), expected);
            return Ok(());
        }
        let dataset = parse(&files).unwrap();
        prop_assert_eq!(dataset.shape, ImageShape { channels: 1, height, width });
        prop_assert_eq!(dataset.pixels, pixels);
        prop_assert_eq!(&dataset.classes, &classes.iter().map(u8::to_string).collect::<Vec<_>>());
        let named: Vec<_> = dataset.labels.iter().map(|label| dataset.classes[usize::from(*label)].clone()).collect();
        prop_assert_eq!(named, labels.iter().map(u8::to_string).collect::<Vec<_>>());
    }

    #[test]
    fn generated_cifar_comes_back(first in 0_u8..5, more in prop::collection::vec(5_u8..10, 1..6), test in prop::collection::vec(0_u8..10, 1..4), seed: u64) {
        let train = [&[first], &more[..]].concat();
        let batches = [file("data_batch_1.bin", cifar_batch(&train, seed)), file("test_batch.bin", cifar_batch(&test, !seed))];
        let dataset = parse(&[file("a.tar.gz", gzip(&tar(&batches)))]).unwrap();
        prop_assert_eq!(dataset.n_standard_test, test.len());
        let records: Vec<u8> = (0..dataset.len() as u32)
            .flat_map(|i| [&[dataset.label(i).unwrap() as u8], dataset.image(i).unwrap()].concat())
            .collect();
        prop_assert_eq!(records, [&batches[0].1[..], &batches[1].1].concat());
    }
}
