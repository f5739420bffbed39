//! Builders of small files in every format.

use std::io::Write;

use kindling_core::dataset::Reading;
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

/// A zip archive, its files deflated.
pub fn zip(files: &[File]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in files {
        let (mut entry, config) =
            archive.new_file(name).compression_method(rawzip::CompressionMethod::Deflate).start().unwrap();
        let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default()));
        writer.write_all(bytes).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

/// An array as NumPy saves it.
pub fn npy(descr: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), numbers].concat()
}

/// Three images of 2 x 2 as NumPy arrays, in shorts and in big-endian doubles.
pub fn small_arrays() -> Vec<File> {
    let pixels: Vec<u8> = (0..12_u16).flat_map(|value| (value * 20).to_le_bytes()).collect();
    let labels = [2.0_f64, 0.0, 1.0].map(f64::to_be_bytes).concat();
    vec![file("x_train.npy", npy("<u2", "(3, 2, 2)", &pixels)), file("y_train.npy", npy(">f8", "(3,)", &labels))]
}

/// An IDX file of any type and any dimensions.
pub fn idx(code: u8, dims: &[u32], numbers: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| dim.to_be_bytes()).collect();
    [&[0, 0, code, (dims.len() / 4) as u8], &dims[..], numbers].concat()
}

/// CIFAR-100's records with these superclasses and classes, and pixels of the class's number.
pub fn cifar_hundred(labels: &[[u8; 2]]) -> Vec<u8> {
    labels.iter().flat_map(|[coarse, fine]| [&[*coarse, *fine][..], &[*fine; 3072]].concat()).collect()
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
    let files_id = |files: &[File]| kindling_core::dataset::files_id(files, &Reading::default());
    let files = [file("a", &[1, 2]), file("b", &[3])];
    let id = files_id(&files);
    assert!(id.starts_with("files-") && id.len() == 14, "{id}");
    assert_eq!(id, files_id(&[files[1].clone(), files[0].clone()]));
    // Moving a byte from one file to the next, or into a name, makes a different dataset.
    for other in [[file("a", &[1]), file("b", &[2, 3])], [file("ab", &[1, 2]), file("", &[3])]] {
        assert_ne!(id, files_id(&other));
    }
}
