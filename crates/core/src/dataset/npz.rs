//! The arrays of a zip archive of NumPy arrays, as `numpy.savez` writes it: MedMNIST, KMNIST, Keras's MNIST.

use rawzip::{CompressionMethod, ZipArchive};

use super::array::Array;
use super::files::{base_name, is_hidden};
use super::gzip::Source;
use super::{DatasetError, npy};

const N_ENTRIES_LIMIT: u64 = 10_000;

pub fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// The arrays of an archive; none if it is another zip archive.
///
/// # Errors
///
/// If the archive is damaged, or an array cannot be read.
pub fn open<'a>(file: &str, bytes: &'a [u8]) -> Result<Vec<Array<'a>>, DatasetError> {
    let bad = |detail: String| DatasetError::BadArchive { file: file.to_owned(), detail };
    let archive = ZipArchive::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
    if archive.entries_hint() > N_ENTRIES_LIMIT {
        return Err(bad(format!("over {N_ENTRIES_LIMIT} files")));
    }
    let mut arrays = Vec::new();
    for entry in archive.entries() {
        let entry = entry.map_err(|error| bad(error.to_string()))?;
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        if !name.ends_with(".npy") || is_hidden(&name) {
            continue;
        }
        let is_deflated = match entry.compression_method() {
            CompressionMethod::Store => false,
            CompressionMethod::Deflate => true,
            other => return Err(bad(format!("{name} is packed by {other:?}"))),
        };
        let data = archive.get_entry(entry.wayfinder()).map_err(|error| bad(error.to_string()))?;
        let (start, end) = data.compressed_data_range();
        let packed =
            bytes.get(start as usize..end as usize).ok_or_else(|| bad(format!("{name} lies beyond its end")))?;
        let (n_bytes, crc) = (entry.uncompressed_size_hint(), entry.crc32());
        let source = Source::Zipped { bytes: packed, is_deflated, n_bytes, crc };
        arrays.push(npy::open(&format!("{file}/{name}"), source)?);
    }
    Ok(arrays)
}

/// The first file of an archive, to say what it holds.
pub fn first_name(bytes: &[u8]) -> Option<String> {
    let archive = ZipArchive::from_slice(bytes).ok()?;
    let mut names = archive.entries().map_while(Result::ok).filter(|entry| !entry.is_dir());
    let name = String::from_utf8_lossy(names.next()?.file_path().as_ref()).into_owned();
    Some(base_name(&name).to_owned())
}
