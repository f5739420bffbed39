//! Detects the format of the files that the visitor dropped, by content and, where that is ambiguous, by name, and parses them.

use super::archive::{is_tar, read_tar};
use super::array::{Array, Content, Images, Labels};
use super::cifar::{Batches, CifarKind};
use super::class_names::{ClassNames, is_class_names};
use super::content::FileContent;
use super::gzip::{Source, Unpacked, peek};
use super::reading::{ReadAs, Reading};
use super::table::{self, Table, is_table};
use super::{Dataset, DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES, idx, npy, npz, pairs};
use crate::protocol::SplitName;

/// Parses the files of one dataset as [`read_files`] does, where they leave a choice by default.
///
/// # Errors
///
/// [`DatasetError`], which names the file at fault.
pub fn parse_files(name: &str, files: Vec<(String, Vec<u8>)>) -> Result<Dataset, DatasetError> {
    read_files(name, files, &Reading::default()).map(|(dataset, _)| dataset)
}

/// Parses the files of one dataset, gzip or not: pairs of IDX files or NumPy arrays, tables in CSV, CIFAR's binary archives, or their `.bin`
/// files. A text with the class names may come with them: `classes.txt`, `batches.meta.txt`, or EMNIST's mapping. A file that is named like one
/// of these and is none is an error; others are ignored.
///
/// # Errors
///
/// [`DatasetError`], which names the file at fault.
pub fn read_files(
    name: &str,
    files: Vec<(String, Vec<u8>)>,
    reading: &Reading,
) -> Result<(Dataset, ReadAs), DatasetError> {
    let mut found = Found::new(files.iter().map(|(_, bytes)| bytes.len() as u64).sum(), reading);
    for (file, bytes) in files.iter().filter(|(file, _)| !is_hidden(file)) {
        found.add(file, bytes)?;
    }
    let is_coarse = (found.batches.kind() == Some(CifarKind::Hundred)).then_some(reading.is_coarse);
    let mut dataset = found.finish(name, &files)?;
    check_classes(&dataset)?;
    let turn = reading.turn_of(files.iter().map(|(file, _)| file.as_str()));
    turn.apply(&mut dataset);
    Ok((dataset, ReadAs { turn, is_coarse, images: None }))
}

/// The parts of a dataset among some files.
struct Found<'a> {
    images: Vec<Images<'a>>,
    labels: Vec<Labels<'a>>,
    tables: Vec<Table>,
    batches: Batches,
    names: Vec<(String, ClassNames)>,
    /// The first file in an archive that is not part of a dataset.
    inside: Option<String>,
    is_coarse: bool,
}

impl<'a> Found<'a> {
    fn new(n_bytes: u64, reading: &Reading) -> Self {
        Self {
            images: Vec::new(),
            labels: Vec::new(),
            tables: Vec::new(),
            batches: Batches::new(n_bytes, reading.is_coarse),
            names: Vec::new(),
            inside: None,
            is_coarse: reading.is_coarse,
        }
    }

    fn add(&mut self, file: &str, bytes: &'a [u8]) -> Result<(), DatasetError> {
        let head = peek(bytes);
        match Format::of(file, bytes, &head) {
            Format::Idx => self.add_array(idx::open(file, bytes)?)?,
            Format::Npy => self.add_array(npy::open(file, Source::File(bytes))?)?,
            Format::Zip => {
                let arrays = npz::open(file, bytes)?;
                if arrays.is_empty() {
                    self.inside = self.inside.take().or(npz::first_name(bytes));
                }
                arrays.into_iter().try_for_each(|array| self.add_array(array))?;
            }
            Format::Tar => {
                let found = read_tar(file, bytes, &mut self.batches)?;
                self.names.extend(found.names);
                self.inside = self.inside.take().or(found.other);
            }
            Format::CifarBatch(kind) => self.batches.read(base_name(file), kind, Unpacked::open(file, bytes))?,
            Format::Table => self.tables.push(Table::read(file, bytes, &head)?),
            Format::ClassNames => self.names.push((file.to_owned(), ClassNames::parse(file, bytes)?)),
            Format::Other(content) if is_named_like_data(file) => {
                return Err(DatasetError::NotADataset { file: file.to_owned(), content });
            }
            Format::Other(_) => {}
        }
        Ok(())
    }

    fn add_array(&mut self, array: Array<'a>) -> Result<(), DatasetError> {
        match array.content()? {
            Content::Images(images) => self.images.push(images),
            Content::Labels(labels) => self.labels.push(labels),
        }
        Ok(())
    }

    fn finish(self, name: &str, files: &[(String, Vec<u8>)]) -> Result<Dataset, DatasetError> {
        let names = self.class_names();
        match (self.images.is_empty() && self.labels.is_empty(), self.tables.is_empty(), self.batches.is_empty()) {
            (false, true, true) => pairs::parse(name, self.images, self.labels, names.as_ref()),
            (true, false, true) => join_tables(name, self.tables, names),
            (true, true, false) => self.batches.finish(name, names),
            (true, true, true) => Err(DatasetError::UnknownFormat { found: describe(files, self.inside.as_deref()) }),
            _ => Err(DatasetError::UnknownFormat { found: "files of different formats together".to_owned() }),
        }
    }

    /// CIFAR-100 has two texts of names.
    fn class_names(&self) -> Option<ClassNames> {
        let unwanted = if self.is_coarse { "fine_" } else { "coarse_" };
        let fits = |(file, _): &&(String, ClassNames)| !base_name(file).starts_with(unwanted);
        self.names.iter().rfind(fits).map(|(_, names)| names.clone())
    }
}

/// One dataset of all tables: those for training first.
fn join_tables(name: &str, mut tables: Vec<Table>, names: Option<ClassNames>) -> Result<Dataset, DatasetError> {
    tables.sort_by_key(|table| Part::of(&table.file));
    let (files, words) = table::labels(&tables);
    let (classes, labels) = ClassNames::assign(words.or(names).as_ref(), &files)?;
    let n_test = tables.iter().filter(|table| Part::of(&table.file) == Part::Test).map(Table::n_images).sum();
    let n_standard_test = if n_test == labels.len() { 0 } else { n_test };
    let mut tables = tables.into_iter();
    let Some(Table { file, shape, mut pixels, .. }) = tables.next() else {
        return Err(DatasetError::UnknownFormat { found: "no files".to_owned() });
    };
    for other in tables {
        pairs::same_shape((&file, shape), (&other.file, other.shape))?;
        let too_large = |what, limit| DatasetError::TooLarge { file: other.file.clone(), what, limit };
        if labels.len() > MAX_IMAGES as usize {
            return Err(too_large("number of images", MAX_IMAGES.into()));
        }
        let n_bytes = (pixels.len() + other.pixels.len()) as u64;
        if n_bytes > MAX_PIXEL_BYTES {
            return Err(too_large("size in bytes", MAX_PIXEL_BYTES));
        }
        pixels.try_reserve_exact(other.pixels.len()).map_err(|_| DatasetError::OutOfMemory { bytes: n_bytes })?;
        pixels.extend(other.pixels);
    }
    Ok(Dataset { name: name.to_owned(), classes, shape, pixels, labels, n_standard_test, imported: None })
}

/// A network learns to tell classes apart: there must be two to learn from.
///
/// # Errors
///
/// If all images outside the standard test set are of one class.
pub fn check_classes(dataset: &Dataset) -> Result<(), DatasetError> {
    let n_own = dataset.labels.len() - dataset.n_standard_test;
    let own = dataset.labels.get(..n_own).unwrap_or_default();
    match own {
        [first, rest @ ..] if rest.iter().all(|label| label == first) => {
            let class = dataset.classes.get(usize::from(*first)).cloned().unwrap_or_default();
            Err(DatasetError::OneClass { class, n_images: n_own })
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Idx,
    Npy,
    Zip,
    Tar,
    CifarBatch(CifarKind),
    Table,
    ClassNames,
    Other(FileContent),
}

impl Format {
    /// `head` is what [`peek`] gives.
    fn of(file: &str, bytes: &[u8], head: &[u8]) -> Self {
        let name = base_name(file).to_ascii_lowercase();
        let name = name.trim_end_matches(".gz");
        if idx::is_idx(head) {
            Self::Idx
        } else if npy::is_npy(head) {
            Self::Npy
        } else if npz::is_zip(bytes) {
            Self::Zip
        } else if is_tar(head) {
            Self::Tar
        } else if is_class_names(name) {
            Self::ClassNames
        } else if (name.ends_with(".csv") || name.ends_with(".tsv")) && is_table(head) {
            Self::Table
        } else if is_batch(bytes) {
            Self::CifarBatch(CifarKind::Ten)
        } else {
            match FileContent::of(bytes) {
                FileContent::Unknown | FileContent::Text | FileContent::Gzip if name.ends_with(".bin") => {
                    Self::CifarBatch(CifarKind::of(name, unpacked_bytes(bytes)))
                }
                content => Self::Other(content),
            }
        }
    }
}

/// CIFAR-10's batches have no magic number. A whole number of records, each starting with a label below ten, is no coincidence; but it may be
/// one in CIFAR-100's `train.bin`, which has a whole number of records of both kinds for every 3074 images.
fn is_batch(bytes: &[u8]) -> bool {
    let record_bytes = CifarKind::Ten.record_bytes();
    let has_label = |record: &[u8]| record.first().is_some_and(|label| *label < 10);
    !bytes.is_empty()
        && bytes.len().is_multiple_of(record_bytes)
        && !bytes.len().is_multiple_of(CifarKind::Hundred.record_bytes())
        && bytes.chunks(record_bytes).all(has_label)
}

/// The size of a file as unpacked, as far as it can be read; its parser reports damage.
fn unpacked_bytes(bytes: &[u8]) -> u64 {
    let mut unpacked = std::io::Read::take(Unpacked::open("", bytes), MAX_PIXEL_BYTES * 2);
    let mut n_bytes = 0;
    let mut buffer = [0; 4096];
    while let Ok(n_read @ 1..) = std::io::Read::read(&mut unpacked, &mut buffer) {
        n_bytes += n_read as u64;
    }
    n_bytes
}

/// Whether a file's name promises a part of a dataset, so that another content must be told.
fn is_named_like_data(file: &str) -> bool {
    let name = base_name(file).to_ascii_lowercase();
    let name = name.trim_end_matches(".gz");
    let is_end = |end: &&str| name.ends_with(*end);
    ["idx1", "idx3", "ubyte", "-images", "-labels", "data_batch", "test_batch"].iter().any(|part| name.contains(part))
        || [".npy", ".npz", ".bin", ".csv", ".tsv", ".tar", ".tgz"].iter().any(is_end)
}

/// What images are for, judged by the name of their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Also where the name says nothing.
    Train,
    Validation,
    Test,
}

impl From<Part> for SplitName {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Self::Train,
            Part::Validation => Self::Validation,
            Part::Test => Self::Test,
        }
    }
}

impl Part {
    /// The last part of the path that says something decides: `kmnist-test-imgs.npz/arr_0.npy`.
    pub fn of(file: &str) -> Self {
        let said = |name: &str| {
            let has = |word| name.contains(word);
            match () {
                () if has("train") => Some(Self::Train),
                () if has("test") || has("t10k") => Some(Self::Test),
                () if name.starts_with("val") || has("valid") || has("_val") || has("-val") => Some(Self::Validation),
                () => None,
            }
        };
        file.to_ascii_lowercase().rsplit('/').find_map(said).unwrap_or(Self::Train)
    }
}

/// The file name without its folders.
pub fn base_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Files that operating systems add to the visitor's: `.DS_Store`, `__MACOSX/._data_batch_1.bin`, `Thumbs.db`.
pub fn is_hidden(file: &str) -> bool {
    let name = base_name(file).to_ascii_lowercase();
    let is_hidden_folder =
        |folder: &str| folder == "__MACOSX" || (folder.starts_with('.') && !matches!(folder, "." | ".."));
    name.starts_with('.')
        || matches!(name.as_str(), "thumbs.db" | "desktop.ini")
        || file.split('/').any(is_hidden_folder)
}

/// Lists a few of the files with what they are, for the error that nothing could be read. `inside` is a file in an archive among them.
fn describe(files: &[(String, Vec<u8>)], inside: Option<&str>) -> String {
    const N_NAMED: usize = 3;
    let name = |(file, bytes): &(String, Vec<u8>)| match (FileContent::of(bytes), inside) {
        (archive @ (FileContent::Tar | FileContent::Zip), Some(inside)) => {
            format!("{} ({archive} with {inside})", base_name(file))
        }
        (content, _) => format!("{} ({content})", base_name(file)),
    };
    let named = files.iter().take(N_NAMED).map(name).collect::<Vec<_>>().join(", ");
    match files.len() {
        0 => "no files".to_owned(),
        n if n > N_NAMED => format!("{named} and {} more", n - N_NAMED),
        _ => named,
    }
}
