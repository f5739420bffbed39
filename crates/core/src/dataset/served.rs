//! The datasets served with the page: their descriptions, `datasets/<id>/dataset.json`, and the verification of their files.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Dataset, DatasetError, MAX_CLASSES, MAX_IMAGES, MAX_SIDE_PIXELS, parse_files};
use crate::protocol::ImageShape;

/// `datasets/catalog.json`: the served datasets, in the order in which the page shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalog {
    /// Ids; each is a folder next to the catalog.
    pub datasets: Vec<String>,
}

/// A dataset as its `dataset.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServedDataset {
    /// The name of its folder: lower-case letters, digits and hyphens.
    pub id: String,
    pub name: String,
    pub classes: Vec<String>,
    pub shape: ImageShape,
    pub counts: ServedCounts,
    pub files: Vec<ServedFile>,
    /// A picture in the dataset's folder: one image of each of the first [`N_SAMPLES`] classes, side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<String>,
    pub license: License,
    /// Its authors.
    pub credit: String,
    /// The origin of these files.
    pub source: String,
    /// A link for the visitor; the page itself never fetches it.
    pub homepage: String,
}

/// The number of images in the picture of samples.
pub const N_SAMPLES: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServedCounts {
    /// Images outside the standard test set, including those held out for validation.
    pub train: u32,
    /// Size of the standard test set; 0 if there is none.
    pub test: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServedFile {
    /// File name in the dataset's folder.
    pub name: String,
    /// Size of the file on the server.
    pub bytes: u64,
    /// SHA-256 of the file on the server: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Size and hash of the decompressed file. Some servers let the browser decompress `.gz` files, so both forms are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<FileSum>,
}

/// Size and SHA-256 of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSum {
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct License {
    pub name: String,
    /// The file in the dataset's folder with the license text or notice.
    pub file: String,
}

impl Catalog {
    const N_DATASETS_LIMIT: usize = 100;

    pub fn parse(json: &[u8]) -> Result<Self, DatasetError> {
        let bad = |detail: String| DatasetError::BadDescription { id: "catalog.json".to_owned(), detail };
        let catalog: Self = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if catalog.datasets.len() > Self::N_DATASETS_LIMIT {
            return Err(bad(format!("over {} datasets", Self::N_DATASETS_LIMIT)));
        }
        match catalog.datasets.iter().find(|id| !is_id(id)) {
            None => Ok(catalog),
            Some(id) => Err(bad(format!("{id:?} is no id"))),
        }
    }
}

impl ServedDataset {
    /// Parses and validates the `dataset.json` of the folder `id`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::BadDescription`].
    pub fn parse(id: &str, json: &[u8]) -> Result<Self, DatasetError> {
        let bad = |detail: String| DatasetError::BadDescription { id: id.to_owned(), detail };
        let served: Self = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if served.id != id {
            return Err(bad(format!("its id is {:?}", served.id)));
        }
        served.check().map_err(|detail| bad(detail.to_owned()))?;
        Ok(served)
    }

    fn check(&self) -> Result<(), &'static str> {
        const N_FILES_LIMIT: usize = 16;
        const FILE_LIMIT_BYTES: u64 = 512 << 20;
        let sides = 1..=MAX_SIDE_PIXELS;
        let is_sum = |sum: &FileSum| {
            let is_hex = sum.sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            is_hex && sum.sha256.len() == 64 && (1..=FILE_LIMIT_BYTES).contains(&sum.bytes)
        };
        let rules = [
            (is_id(&self.id), "the id has other characters than a-z, 0-9 and hyphens"),
            ((1..=MAX_CLASSES).contains(&self.classes.len()), "the number of classes is out of range"),
            (matches!(self.shape.channels, 1 | 3), "channels are 1 or 3"),
            (sides.contains(&self.shape.height) && sides.contains(&self.shape.width), "the sides are out of range"),
            (u64::from(self.counts.train) + u64::from(self.counts.test) <= MAX_IMAGES.into(), "too many images"),
            ((1..=N_FILES_LIMIT).contains(&self.files.len()), "the number of files is out of range"),
            (self.files.iter().all(|file| is_file_name(&file.name)), "a file's name is not plain"),
            (self.samples.iter().all(|file| is_file_name(file)), "the name of the samples' file is not plain"),
            (is_file_name(&self.license.file), "the license file's name is not plain"),
            (self.files.iter().all(|file| is_sum(&file.sum())), "a file's size or SHA-256 is out of form"),
            (self.files.iter().all(|file| file.unpacked.as_ref().is_none_or(is_sum)), "an unpacked sum is out of form"),
        ];
        rules.iter().try_for_each(|(holds, broken)| if *holds { Ok(()) } else { Err(*broken) })
    }

    /// Total size of the files to download.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Parses the files, whose hashes the download has verified, and checks them against the description.
    ///
    /// # Errors
    ///
    /// If a file is malformed, or the files do not match the description.
    pub fn parse_files(&self, files: Vec<(String, Vec<u8>)>) -> Result<Dataset, DatasetError> {
        let mut dataset = parse_files(&self.name, files)?;
        let bad = |detail: &str| DatasetError::BadDescription { id: self.id.clone(), detail: detail.to_owned() };
        let n_train = dataset.len().saturating_sub(dataset.n_standard_test);
        if dataset.shape != self.shape {
            return Err(bad("the images have another shape"));
        }
        if (n_train, dataset.n_standard_test) != (self.counts.train as usize, self.counts.test as usize) {
            return Err(bad("the files hold another number of images"));
        }
        if dataset.classes.len() != self.classes.len() {
            return Err(bad("the files have another number of classes"));
        }
        dataset.classes.clone_from(&self.classes);
        Ok(dataset)
    }
}

impl ServedFile {
    fn sum(&self) -> FileSum {
        FileSum { bytes: self.bytes, sha256: self.sha256.clone() }
    }

    /// Verifies a whole file at once.
    ///
    /// # Errors
    ///
    /// As [`FileCheck`].
    pub fn verify(&self, bytes: &[u8]) -> Result<(), DatasetError> {
        let mut check = FileCheck::new(self);
        check.update(bytes)?;
        check.finish()
    }
}

/// Verifies a file's size and SHA-256 while it is downloaded.
pub struct FileCheck {
    expected: ServedFile,
    hasher: Sha256,
    n_bytes: u64,
}

impl FileCheck {
    pub fn new(file: &ServedFile) -> Self {
        Self { expected: file.clone(), hasher: Sha256::new(), n_bytes: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// As soon as there are more bytes than either form of the file has.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.n_bytes += bytes.len() as u64;
        let unpacked_bytes = self.expected.unpacked.as_ref().map_or(0, |sum| sum.bytes);
        let limit = self.expected.bytes.max(unpacked_bytes);
        if self.n_bytes > limit {
            return Err(DatasetError::TrailingBytes { file: self.expected.name.clone(), expected: limit });
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// Accepts the file as stored on the server, or decompressed.
    ///
    /// # Errors
    ///
    /// If the size or the hash matches neither.
    pub fn finish(self) -> Result<(), DatasetError> {
        let found = FileSum { bytes: self.n_bytes, sha256: hex(&self.hasher.finalize()) };
        let sum = self.expected.sum();
        let ServedFile { name: file, unpacked, .. } = self.expected;
        if found == sum || Some(&found) == unpacked.as_ref() {
            return Ok(());
        }
        if found.bytes < sum.bytes {
            return Err(DatasetError::Truncated { file, found: found.bytes, expected: sum.bytes });
        }
        Err(DatasetError::WrongHash { file, found: found.sha256, expected: sum.sha256 })
    }
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A plain file name: no folders, and no characters that a URL would have to escape.
fn is_file_name(name: &str) -> bool {
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    (1..=100).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.')
}
