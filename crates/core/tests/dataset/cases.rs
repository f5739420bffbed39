//! Files as people really have them: each is read as it is meant, or refused with what it is.

use kindling_core::dataset::{Dataset, DatasetError, ReadAs, Reading, Turn, parse_files, read_files};
use kindling_core::protocol::{Failure, FailureKind, ImageShape};
use proptest::prelude::*;

use crate::files::*;

const WEB_PAGE: &[u8] = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n";

fn parse(files: &[File]) -> Result<Dataset, DatasetError> {
    parse_files("t", files.to_vec())
}

fn refusal(files: &[File]) -> String {
    parse(files).unwrap_err().to_string()
}

#[test]
fn a_wrong_file_among_good_ones_is_named_with_what_it_is() {
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 4542\n";
    let cases: [(&[u8], &str); 5] = [
        (WEB_PAGE, "a web page"),
        (b"", "empty"),
        (lfs, "a Git LFS pointer"),
        (&gzip(WEB_PAGE), "a web page"),
        (b"{\"message\":\"Not Found\"}", "JSON"),
    ];
    for (content, what) in cases {
        let mut files = small_idx();
        files[3].1 = content.to_vec();
        let error = refusal(&files);
        assert!(error.starts_with("t10k-labels-idx1-ubyte: ") && error.contains(what), "{error}");
    }
    let all: Vec<File> = small_idx().into_iter().map(|(name, _)| file(&name, WEB_PAGE.to_vec())).collect();
    assert!(refusal(&all).starts_with("train-images-idx3-ubyte: a web page"));
    // A readme beside the data is no trouble.
    let readme = [small_idx(), vec![file("readme.html", WEB_PAGE.to_vec())]].concat();
    assert_eq!(parse(&readme).unwrap(), parse(&small_idx()).unwrap());
}

#[test]
fn zeros_after_the_end_of_gzip_are_padding_and_garbage_is_named() {
    let expected = parse(&small_idx()).unwrap();
    let with_tail = |tail: &[u8]| -> Vec<File> {
        small_idx().into_iter().map(|(name, bytes)| (name + ".gz", [&gzip(&bytes), tail].concat())).collect()
    };
    assert_eq!(parse(&with_tail(&[0; 512])).unwrap(), expected);
    assert!(refusal(&with_tail(b"garbage")).ends_with("other bytes follow after the end of the gzip stream"));
    let twice: Vec<File> = small_idx().into_iter().map(|(name, bytes)| (name, gzip(&gzip(&bytes)))).collect();
    assert_eq!(parse(&twice).unwrap(), expected);
    let archive = |tail: &[u8]| vec![file("cifar-10-binary.tar.gz", [&gzip(&small_cifar_tar()), tail].concat())];
    assert_eq!(parse(&archive(&[0; 512])).unwrap(), parse(&small_cifar()).unwrap());
    assert!(refusal(&archive(b"garbage")).contains("other bytes follow"));
}

fn pair(labels: Vec<u8>) -> Vec<File> {
    let n_images = labels.len() as u32;
    vec![
        file("train-images", idx_images(n_images, 2, 2, &vec![9; labels.len() * 4])),
        file("train-labels", idx_labels(&labels)),
    ]
}

#[test]
fn classes_are_the_labels_that_occur_or_what_a_mapping_names() {
    let letters: Vec<u8> = (1..=26).collect();
    let dataset = parse(&pair(letters.clone())).unwrap();
    assert_eq!((dataset.classes.len(), dataset.classes[0].as_str(), dataset.labels[25]), (26, "1", 25));
    let mapping: String = (1..=26).map(|label| format!("{label} {} {}\n", 64 + label, 96 + label)).collect();
    let named = [pair(letters), vec![file("emnist-letters-mapping.txt", mapping.into())]].concat();
    let dataset = parse(&named).unwrap();
    assert_eq!((dataset.classes.len(), dataset.classes[25].as_str()), (26, "Z"));
    let dataset = parse(&pair(vec![3, 200, 255, 3])).unwrap();
    assert_eq!(dataset.classes, ["3", "200", "255"]);
    assert_eq!(dataset.labels, [0, 1, 2, 0]);
}

#[test]
fn a_dataset_of_one_class_is_refused_as_such() {
    let sevens = parse(&pair(vec![7; 5])).unwrap_err();
    assert_eq!(sevens, DatasetError::OneClass { class: "7".into(), n_images: 5 });
    assert_eq!(Failure::from(sevens).kind, FailureKind::OneClass);
    // A test set with two classes does not help to learn.
    let mut files = small_idx();
    files[1].1 = idx_labels(&[0, 0, 0]);
    assert_eq!(parse(&files).unwrap_err(), DatasetError::OneClass { class: "0".into(), n_images: 3 });
}

#[test]
fn emnist_is_read_upright_unless_another_turn_is_chosen() {
    let rename = |(name, bytes): File| (format!("emnist-digits-{}", name.replace("t10k", "test")), bytes);
    let emnist: Vec<File> = small_idx().into_iter().map(rename).collect();
    let plain = parse(&small_idx()).unwrap();
    let (dataset, read_as) = read_files("t", emnist.clone(), &Reading::default()).unwrap();
    assert_eq!(read_as, ReadAs { turn: Turn::TRANSPOSED, is_coarse: None, images: None });
    assert_eq!(dataset.shape, ImageShape { channels: 1, height: 5, width: 4 });
    assert_eq!(dataset.pixels[..4], [0, 5, 10, 15]);
    let as_stored = Reading { turn: Some(Turn::default()), ..Reading::default() };
    assert_eq!(read_files("t", emnist, &as_stored).unwrap().0.pixels, plain.pixels);
    let mirrored = Reading { turn: Some(Turn { quarters: 0, is_mirrored: true }), ..Reading::default() };
    assert_eq!(read_files("t", small_idx(), &mirrored).unwrap().0.pixels[..5], [4, 3, 2, 1, 0]);
}

#[test]
fn cifar_100_is_read_by_its_classes_or_its_superclasses() {
    let train = cifar_hundred(&[[4, 0], [1, 1], [14, 2]]);
    let test = cifar_hundred(&[[4, 0]]);
    let names =
        |prefix: &str, n: u32| (0..n).map(|label| format!("{prefix}{label}\n")).collect::<String>().into_bytes();
    let inside = [
        file("cifar-100-binary/train.bin", train.clone()),
        file("cifar-100-binary/test.bin", test.clone()),
        file("cifar-100-binary/fine_label_names.txt", names("fine", 100)),
        file("cifar-100-binary/coarse_label_names.txt", names("coarse", 20)),
    ];
    let archive = || vec![file("cifar-100-binary.tar.gz", gzip(&tar(&inside)))];
    let (dataset, read_as) = read_files("t", archive(), &Reading::default()).unwrap();
    assert_eq!(read_as.is_coarse, Some(false));
    assert_eq!((dataset.labels.as_slice(), dataset.n_standard_test), (&[0, 1, 2, 0][..], 1));
    assert_eq!((dataset.classes.len(), dataset.classes[2].as_str()), (100, "fine2"));
    assert_eq!(dataset.image(2).unwrap(), [2; 3072]);
    let coarse = Reading { is_coarse: true, ..Reading::default() };
    let (dataset, read_as) = read_files("t", archive(), &coarse).unwrap();
    assert_eq!(read_as.is_coarse, Some(true));
    assert_eq!(dataset.labels, [4, 1, 14, 4]);
    assert_eq!((dataset.classes.len(), dataset.classes[14].as_str()), (20, "coarse14"));
    // Loose, without the names.
    let dataset = parse(&[file("train.bin", train), file("test.bin", test)]).unwrap();
    assert_eq!((dataset.classes[0].as_str(), dataset.classes[99].as_str()), ("apple", "worm"));
    // A whole number of records of either kind.
    let many: Vec<[u8; 2]> = (0..3073_u32).map(|index| [(index % 7) as u8, (index % 9) as u8]).collect();
    assert_eq!(parse(&[file("train.bin", cifar_hundred(&many))]).unwrap().len(), 3073);
}

#[test]
fn idx_of_other_types_and_dimensions_is_read() {
    let labels = || file("train-labels", idx_labels(&[0, 1]));
    let check = |images: Vec<u8>, expected: &[u8]| {
        let dataset = parse(&[file("train-images", images), labels()]).unwrap();
        assert_eq!(dataset.pixels, expected);
    };
    let floats = [0.0_f32, 1.0, 0.2, 0.0, 0.0, 0.0, 0.0, 1.0].map(f32::to_be_bytes).concat();
    check(idx(0x0d, &[2, 2, 2], &floats), &[0, 255, 51, 0, 0, 0, 0, 255]);
    check(idx(8, &[2, 4], &[1, 2, 3, 4, 5, 6, 7, 8]), &[1, 2, 3, 4, 5, 6, 7, 8]);
    let color: Vec<u8> = (0..24).collect();
    let dataset = parse(&[file("train-images", idx(8, &[2, 2, 2, 3], &color)), labels()]).unwrap();
    assert_eq!(dataset.shape, ImageShape { channels: 3, height: 2, width: 2 });
    assert_eq!(dataset.pixels[..12], [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    let ints = [3_i32, -1].map(i32::to_be_bytes).concat();
    let images = file("train-images", idx_images(2, 2, 2, &[7; 8]));
    assert_eq!(parse(&[images, file("train-labels", idx(0x0c, &[2], &ints))]).unwrap().classes, ["-1", "3"]);
    assert!(refusal(&[file("train-images", idx(8, &[2, 5], &[0; 10])), labels()]).contains("an array of 2 x 5"));
}

#[test]
fn numpy_archives_of_medmnist_and_keras_are_read() {
    let images = |n: usize| npy("|u1", &format!("({n}, 2, 2)"), &(0..n as u8 * 4).collect::<Vec<_>>());
    let labels = |labels: &[u8]| npy("|u1", &format!("({}, 1)", labels.len()), labels);
    let medmnist = zip(&[
        file("train_images.npy", images(3)),
        file("val_images.npy", images(1)),
        file("test_images.npy", images(2)),
        file("train_labels.npy", labels(&[2, 0, 2])),
        file("val_labels.npy", labels(&[0])),
        file("test_labels.npy", labels(&[2, 2])),
    ]);
    let dataset = parse(&[file("somemnist.npz", medmnist)]).unwrap();
    assert_eq!(dataset.labels, [1, 0, 1, 0, 1, 1]);
    assert_eq!((dataset.classes.as_slice(), dataset.n_standard_test), (&["0".to_owned(), "2".to_owned()][..], 2));
    let ints = npy("<i8", "(3,)", &[5_i64, 0, 4].map(i64::to_le_bytes).concat());
    let keras = zip(&[file("x_train.npy", images(3)), file("y_train.npy", ints.clone())]);
    assert_eq!(parse(&[file("mnist.npz", keras)]).unwrap().classes, ["0", "4", "5"]);
    // One archive a part, as KMNIST has them, and loose arrays.
    let kmnist = |part: &str, n, classes: &[u8]| {
        let one = |array| zip(&[file("arr_0.npy", array)]);
        let labels = npy("|u1", &format!("({},)", classes.len()), classes);
        [file(&format!("k-{part}-imgs.npz"), one(images(n))), file(&format!("k-{part}-labels.npz"), one(labels))]
    };
    let files = [kmnist("test", 2, &[1, 1]), kmnist("train", 2, &[0, 1])].concat();
    let dataset = parse(&files).unwrap();
    assert_eq!((dataset.labels.as_slice(), dataset.n_standard_test), (&[0, 1, 1, 1][..], 2));
    let loose = [file("X.npy", images(3)), file("y.npy", ints)];
    assert_eq!(parse(&loose).unwrap().len(), 3);
    let several = [file("x.npy", images(3)), file("y.npy", npy("|u1", "(3, 14)", &[0; 42]))];
    assert!(refusal(&several).contains("an array of 3 x 14"));
}

#[test]
fn damaged_numpy_archives_are_refused() {
    let whole = zip(&[
        file("x_train.npy", npy("|u1", "(3, 2, 2)", &[1; 12])),
        file("y_train.npy", npy("|u1", "(3,)", &[0, 1, 2])),
    ]);
    assert!(parse(&[file("a.npz", whole.clone())]).is_ok());
    for n_bytes in 0..whole.len() {
        assert!(parse(&[file("a.npz", whole[..n_bytes].to_vec())]).is_err(), "cut to {n_bytes} bytes");
    }
    // A claim of a terabyte allocates nothing.
    let claim = npy("|u1", "(1000000, 1024, 1024)", &[]);
    assert!(refusal(&[file("x.npy", claim)]).contains("over the limit"));
}

#[test]
fn tables_are_read_with_their_test_set() {
    let train = b"label,p0,p1,p2,p3\n5,0,1,2,3\n0,4,5,6,7\n".to_vec();
    let test = b"5;9;8;7;6\r\n".to_vec();
    let expected = parse(&[file("mnist_train.csv", train.clone()), file("mnist_test.csv", test.clone())]).unwrap();
    assert_eq!(expected.classes, ["0", "5"]);
    assert_eq!((expected.labels.as_slice(), expected.n_standard_test), (&[1, 0, 1][..], 1));
    assert_eq!(expected.pixels, [0, 1, 2, 3, 4, 5, 6, 7, 9, 8, 7, 6]);
    let packed = [file("mnist_test.csv.gz", gzip(&test)), file("mnist_train.csv.gz", gzip(&train))];
    assert_eq!(parse(&packed).unwrap(), expected);
}

#[test]
fn class_names_lose_their_byte_order_mark_and_doubles_are_refused() {
    let with = |names: &[u8]| [pair(vec![0, 1]), vec![file("classes.txt", names.to_vec())]].concat();
    let utf16: Vec<u8> = "\u{feff}cat\r\ndog\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for names in [&b"\xef\xbb\xbfcat\r\ndog\r\n"[..], &utf16] {
        assert_eq!(parse(&with(names)).unwrap().classes, ["cat", "dog"]);
    }
    assert!(refusal(&with(b"cat\ncat\n")).contains("classes.txt: the name cat is there twice"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_arrays_tables_and_archives_never_panic(
        header in "(\\{'descr': '[<>|]?[a-z][0-9]', 'fortran_order': (True|False), 'shape': \\([0-9, ]{0,24}\\)|.{0,60})",
        table in "[-0-9,;.\\n\"a-z\t]{0,300}",
        code in prop::sample::select(vec![8_u8, 9, 0x0b, 0x0c, 0x0d, 0x0e]),
        dims in prop::collection::vec(prop_oneof![0_u32..5, any::<u32>()], 1..5),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        place: prop::sample::Index,
        damage: u8,
    ) {
        let array = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &bytes].concat();
        let labels = file("labels", idx_labels(&[0, 1]));
        parse(&[file("x.npy", array.clone()), labels.clone()]).ok();
        parse(&[file("x", idx(code, &dims, &bytes)), labels.clone()]).ok();
        parse(&[file("t.csv", table.clone().into_bytes())]).ok();
        parse(&[file("t.csv", [b"label,a,b,c,d\n", table.as_bytes()].concat())]).ok();
        let mut archive = zip(&[file("x_train.npy", array), file("y_train.npy", npy("|u1", "(2,)", &[0, 1]))]);
        let place = place.index(archive.len());
        archive[place] = damage;
        parse(&[file("a.npz", archive)]).ok();
    }
}
