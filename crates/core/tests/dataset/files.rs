//! Builders of small files in every format.

use std::io::Write;

use kindling_core::random::Random;

pub type File = (String, Vec<u8>);

pub fn file(name: &str, bytes: Vec<u8>) -> File {
    (name.to_owned(), bytes)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn idx_images(n_images: u32, height: u32, width: u32, pixels: &[u8]) -> Vec<u8> {
    let header = [0x803, n_images, height, width].map(u32::to_be_bytes).concat();
    [&header[..], pixels].concat()
}

pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let header = [0x801, labels.len() as u32].map(u32::to_be_bytes).concat();
    [&header[..], labels].concat()
}

/// A CIFAR-10 batch with these labels and seeded random pixels.
pub fn cifar_batch(labels: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut record =
        |label: &u8| -> Vec<u8> { std::iter::once(*label).chain((0..3072).map(|_| random.next_u64() as u8)).collect() };
    labels.iter().flat_map(&mut record).collect()
}

pub fn tar(files: &[File]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Two pairs: three images of 4 x 5 for training, two for test.
pub fn small_idx() -> Vec<File> {
    vec![
        file("train-images-idx3-ubyte", idx_images(3, 4, 5, &(0..60).collect::<Vec<u8>>())),
        file("train-labels-idx1-ubyte", idx_labels(&[2, 0, 1])),
        file("t10k-images-idx3-ubyte", idx_images(2, 4, 5, &(100..140).collect::<Vec<u8>>())),
        file("t10k-labels-idx1-ubyte", idx_labels(&[1, 2])),
    ]
}

/// Two batches and a test batch, out of order, with the class names.
pub fn small_cifar() -> Vec<File> {
    vec![
        file("data_batch_2.bin", cifar_batch(&[3, 9], 2)),
        file("batches.meta.txt", b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".to_vec()),
        file("test_batch.bin", cifar_batch(&[5], 3)),
        file("data_batch_1.bin", cifar_batch(&[0, 1, 2], 1)),
    ]
}

pub fn small_cifar_tar() -> Vec<u8> {
    let in_folder = |(name, bytes): File| (format!("cifar-10-batches-bin/{name}"), bytes);
    let mut files: Vec<_> = small_cifar().into_iter().map(in_folder).collect();
    files.insert(0, file("cifar-10-batches-bin/readme.html", b"<html>".to_vec()));
    files.insert(1, file("cifar-10-batches-bin/._data_batch_1.bin", b"resource fork".to_vec()));
    tar(&files)
}

#[test]
fn the_id_of_files_tells_them_apart_whatever_their_order() {
    let file = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    let files = [file("a", &[1, 2]), file("b", &[3])];
    let id = kindling_core::dataset::files_id(&files);
    assert!(id.starts_with("files-") && id.len() == 14, "{id}");
    assert_eq!(id, kindling_core::dataset::files_id(&[files[1].clone(), files[0].clone()]));
    // Moving a byte from one file to the next, or into a name, makes a different dataset.
    for other in [[file("a", &[1]), file("b", &[2, 3])], [file("ab", &[1, 2]), file("", &[3])]] {
        assert_ne!(id, kindling_core::dataset::files_id(&other));
    }
}
