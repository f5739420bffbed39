//! Detects the format of the files that the visitor dropped, by content and, where that is ambiguous, by name, and parses them.

use sha2::{Digest, Sha256};

use super::archive::{is_tar, read_tar};
use super::cifar::{Batches, RECORD_BYTES};
use super::gzip::{Unpacked, is_gzip, peek};
use super::idx::{IdxKind, ImagesFile, LabelsFile};
use super::{Dataset, DatasetError, MAX_CLASSES, mnist};

/// Parses the files of one dataset, gzip or not: one or two pairs of IDX files, CIFAR-10's binary archive, or its `.bin` files. A text file
/// with the class names, one per line, may come with them: `classes.txt` or `batches.meta.txt`. Other files are ignored.
///
/// # Errors
///
/// [`DatasetError`], which names the file at fault.
pub fn parse_files(name: &str, files: Vec<(String, Vec<u8>)>) -> Result<Dataset, DatasetError> {
    let mut images = Vec::new();
    let mut labels = Vec::new();
    let mut batches = Batches::new(files.iter().map(|(_, bytes)| bytes.len() as u64).sum());
    let mut classes = None;
    let mut inside = None;
    for (file, bytes) in files.iter().filter(|(file, _)| !is_hidden(file)) {
        match Format::of(file, bytes) {
            Format::Idx(IdxKind::Images) => images.push(ImagesFile::open(file, bytes)?),
            Format::Idx(IdxKind::Labels) => labels.push(LabelsFile::open(file, bytes)?),
            Format::Tar => {
                let found = read_tar(file, bytes, &mut batches)?;
                classes = found.classes.or(classes);
                inside = found.other.or(inside);
            }
            Format::CifarBatch => batches.read(base_name(file), Unpacked::open(file, bytes))?,
            Format::ClassNames => classes = Some(parse_class_names(file, bytes)?),
            Format::Unknown => {}
        }
    }
    match (images.is_empty() && labels.is_empty(), batches.is_empty()) {
        (false, true) => mnist::parse(name, images, labels, classes),
        (true, false) => batches.finish(name, classes),
        (true, true) => Err(DatasetError::UnknownFormat { found: describe(&files, inside.as_deref()) }),
        (false, false) => Err(DatasetError::UnknownFormat { found: "IDX files and CIFAR batches together".to_owned() }),
    }
}

/// The name of datasets from the visitor's files, and the prefix of their ids.
pub const FILES: &str = "files";

/// An id such as `files-3f9a1c07`, from a hash of names and contents: the same files have the same id, in any order.
pub fn files_id(files: &[(String, Vec<u8>)]) -> String {
    let mut files: Vec<_> = files.iter().collect();
    files.sort();
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let short: String = hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{FILES}-{short}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Idx(IdxKind),
    Tar,
    CifarBatch,
    ClassNames,
    Unknown,
}

impl Format {
    fn of(file: &str, bytes: &[u8]) -> Self {
        let head = peek(bytes);
        let name = base_name(file).to_ascii_lowercase();
        if let Some(kind) = IdxKind::of(&head) {
            Self::Idx(kind)
        } else if is_tar(&head) {
            Self::Tar
        } else if is_meta(&name) {
            Self::ClassNames
        } else if name.trim_end_matches(".gz").ends_with(".bin") || is_batch(bytes) {
            Self::CifarBatch
        } else {
            Self::Unknown
        }
    }
}

/// CIFAR-10's batches have no magic number. A whole number of records, each starting with a label below ten, is no coincidence.
fn is_batch(bytes: &[u8]) -> bool {
    let has_label = |record: &[u8]| record.first().is_some_and(|label| *label < 10);
    !bytes.is_empty() && bytes.len().is_multiple_of(RECORD_BYTES) && bytes.chunks(RECORD_BYTES).all(has_label)
}

/// Whether a file holds class names, judged by its name.
pub fn is_meta(file: &str) -> bool {
    let name = base_name(file);
    name == "classes.txt" || name.ends_with(".meta.txt")
}

/// Parses class names, one per line; trailing empty lines are ignored.
///
/// # Errors
///
/// [`DatasetError::BadClassNames`]: not UTF-8, or the number or length of the names is out of range.
pub fn parse_class_names(file: &str, bytes: &[u8]) -> Result<Vec<String>, DatasetError> {
    const NAME_LIMIT_CHARS: usize = 100;
    let bad = |detail: String| DatasetError::BadClassNames { file: file.to_owned(), detail };
    let text = std::str::from_utf8(bytes).map_err(|error| bad(format!("not UTF-8 text: {error}")))?;
    let names: Vec<_> = text.trim_end().lines().map(|line| line.trim().to_owned()).take(MAX_CLASSES + 1).collect();
    if names.is_empty() || names.len() > MAX_CLASSES {
        return Err(bad(format!("1 to {MAX_CLASSES} class names are possible")));
    }
    match names.iter().position(|name| name.is_empty() || name.chars().count() > NAME_LIMIT_CHARS) {
        None => Ok(names),
        Some(line) => Err(bad(format!("line {}: a class name has 1 to {NAME_LIMIT_CHARS} characters", line + 1))),
    }
}

/// The file name without its folders.
pub fn base_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Files that operating systems add to the visitor's: `.DS_Store`, `._data_batch_1.bin`.
pub fn is_hidden(file: &str) -> bool {
    base_name(file).starts_with('.')
}

/// Lists a few of the files with their probable formats, for the error that nothing could be read. `inside` is a file in an archive among
/// them.
fn describe(files: &[(String, Vec<u8>)], inside: Option<&str>) -> String {
    const N_NAMED: usize = 3;
    let name = |(file, bytes): &(String, Vec<u8>)| match (guess(file, bytes), inside) {
        (TAR_ARCHIVE, Some(inside)) => format!("{} ({TAR_ARCHIVE} with {inside})", base_name(file)),
        (guess, _) => format!("{} ({guess})", base_name(file)),
    };
    let named = files.iter().take(N_NAMED).map(name).collect::<Vec<_>>().join(", ");
    match files.len() {
        0 => "no files".to_owned(),
        n if n > N_NAMED => format!("{named} and {} more", n - N_NAMED),
        _ => named,
    }
}

const TAR_ARCHIVE: &str = "a tar archive";

fn guess(file: &str, bytes: &[u8]) -> &'static str {
    let head = peek(bytes);
    let begins = |magic: &[u8]| head.starts_with(magic);
    if bytes.is_empty() {
        "empty"
    } else if is_tar(&head) {
        TAR_ARCHIVE
    } else if begins(b"PK\x03\x04") {
        "a zip archive"
    } else if begins(b"\x89PNG") {
        "a PNG image"
    } else if begins(&[0xff, 0xd8, 0xff]) {
        "a JPEG image"
    } else if begins(&[0x80, 2]) || begins(&[0x80, 3]) || begins(&[0x80, 4]) {
        "a Python pickle"
    } else if begins(b"\x93NUMPY") {
        "a NumPy array"
    } else if begins(b"\x89HDF") {
        "an HDF5 file"
    } else if begins(&[0, 0]) && base_name(file).contains("idx") {
        "IDX, but not of unsigned bytes with one or three dimensions"
    } else if is_gzip(bytes) {
        "gzip of unknown content"
    } else {
        "unknown"
    }
}
