//! The image files in zip and tar archives, found without unpacking them.

use std::io::Read;

use rawzip::{CompressionMethod, ZipArchive};

use super::layout::{is_image_name, is_table_name};
use super::report::LeftOutReason;
use crate::dataset::DatasetError;
use crate::dataset::archive::is_tar;
use crate::dataset::files::{base_name, is_hidden};
use crate::dataset::gzip::{Source, Unpacked, is_gzip, peek};
use crate::dataset::npz::is_zip;

/// Maximum number of files in all archives.
const N_ENTRIES_LIMIT: u64 = 200_000;

/// Maximum size of all files in the archives as unpacked. Images hardly shrink when they are packed.
const UNPACKED_LIMIT_BYTES: u64 = 8 << 30;

/// Maximum size of all compressed tar archives as unpacked, which are kept in memory.
const TAR_LIMIT_BYTES: u64 = 1 << 30;

/// Maximum size of one image file: no photo has more.
pub const FILE_LIMIT_BYTES: u64 = 64 << 20;

/// A file in an archive, or beside it.
#[derive(Clone, Debug)]
pub struct Packed<'a> {
    /// Its path in the archive; where there are several archives, behind the archive's name.
    pub path: String,
    n_bytes: u64,
    /// `None` if it is packed in a way that is not read.
    source: Option<Source<'a>>,
}

impl Packed<'_> {
    /// Unpacks the file.
    ///
    /// # Errors
    ///
    /// If it is too large, damaged, or packed in an unknown way.
    pub fn read(&self) -> Result<Vec<u8>, LeftOutReason> {
        if self.n_bytes > FILE_LIMIT_BYTES {
            return Err(LeftOutReason::TooManyBytes);
        }
        let source = self.source.ok_or(LeftOutReason::Damaged)?;
        let mut bytes = Vec::new();
        let mut unpacked = Unpacked::of(&self.path, source);
        unpacked.append_exactly(self.n_bytes, &mut bytes).map_err(|_| LeftOutReason::Damaged)?;
        unpacked.expect_end().map_err(|_| LeftOutReason::Damaged)?;
        Ok(bytes)
    }
}

/// Unpacks the compressed tar archives among files that have images in them; other files stay as they are.
///
/// # Errors
///
/// If an archive is damaged or too large.
pub fn unpack_archives(files: &mut [(String, Vec<u8>)]) -> Result<(), DatasetError> {
    let mut n_left = TAR_LIMIT_BYTES;
    for (file, bytes) in files {
        if is_gzip(bytes) && is_tar(&peek(bytes)) && has_images(file, bytes) {
            *bytes = unpack(file, bytes, n_left)?;
            n_left -= bytes.len() as u64;
        }
    }
    Ok(())
}

fn unpack(file: &str, bytes: &[u8], limit: u64) -> Result<Vec<u8>, DatasetError> {
    let mut unpacked = Vec::new();
    let read = Unpacked::open(file, bytes).take(limit + 1).read_to_end(&mut unpacked);
    read.map_err(|error| DatasetError::BadArchive { file: file.to_owned(), detail: error.to_string() })?;
    if unpacked.len() as u64 > limit {
        let what = "unpacked size in bytes";
        return Err(DatasetError::TooLarge { file: file.to_owned(), what, limit: TAR_LIMIT_BYTES });
    }
    Ok(unpacked)
}

/// Whether the first files in a compressed tar archive are images; CIFAR's are not.
fn has_images(file: &str, bytes: &[u8]) -> bool {
    const N_LOOKED_AT: usize = 100;
    let mut archive = tar::Archive::new(Unpacked::open(file, bytes));
    let Ok(entries) = archive.entries() else { return false };
    let mut names =
        entries.take(N_LOOKED_AT).map_while(Result::ok).filter(|entry| entry.header().entry_type().is_file());
    names.any(|entry| is_image_name(&String::from_utf8_lossy(&entry.path_bytes())))
}

/// The files in archives of images, with the tables that lie beside the archives; `None` if the files are no such archives.
///
/// # Errors
///
/// If an archive of images is damaged or exceeds a limit.
pub fn open_archives(files: &[(String, Vec<u8>)]) -> Result<Option<Vec<Packed<'_>>>, DatasetError> {
    let mut archives = Vec::new();
    let mut beside = Vec::new();
    for (file, bytes) in files.iter().filter(|(file, _)| !is_hidden(file)) {
        if is_zip(bytes) || is_tar(bytes) {
            archives.push((file.as_str(), bytes.as_slice()));
        } else if is_table_name(file) {
            let (n_bytes, source) = (bytes.len() as u64, Some(Source::File(bytes)));
            beside.push(Packed { path: base_name(file).to_owned(), n_bytes, source });
        }
    }
    let is_alone = archives.len() == 1;
    let mut found = Vec::new();
    let (mut n_files, mut n_bytes) = (0, 0);
    for (file, bytes) in archives {
        let start = if is_alone { String::new() } else { format!("{}/", stem(file)) };
        let mut limits = Limits { file, n_files, n_bytes };
        match is_zip(bytes) {
            true => list_zip(bytes, &start, &mut limits, &mut found)?,
            false => list_tar(bytes, &start, &mut limits, &mut found)?,
        }
        (n_files, n_bytes) = (limits.n_files, limits.n_bytes);
    }
    let has = |is: &dyn Fn(&str) -> bool| found.iter().any(|packed| is(&packed.path));
    if !has(&is_image_name) || has(&|path| path.ends_with(".npy")) {
        return Ok(None);
    }
    found.extend(beside);
    Ok(Some(found))
}

/// A file's name without the endings of archives.
pub fn stem(file: &str) -> &str {
    let name = base_name(file);
    let ends = [".zip", ".tar.gz", ".tgz", ".tar", ".npz", ".npy", ".csv.gz", ".csv", ".tsv", ".gz"];
    let is_end = |end: &&&str| name.len() > end.len() && name.to_ascii_lowercase().ends_with(**end);
    ends.iter().find(is_end).and_then(|end| name.get(..name.len() - end.len())).unwrap_or(name)
}

/// Counts what the archives hold, this one and those before it.
struct Limits<'f> {
    file: &'f str,
    n_files: u64,
    n_bytes: u64,
}

impl Limits<'_> {
    fn count(&mut self, n_bytes: u64) -> Result<(), DatasetError> {
        self.n_files += 1;
        self.n_bytes = self.n_bytes.saturating_add(n_bytes.min(FILE_LIMIT_BYTES));
        if self.n_files > N_ENTRIES_LIMIT {
            return Err(self.exceeded("number of files", N_ENTRIES_LIMIT));
        }
        if self.n_bytes > UNPACKED_LIMIT_BYTES {
            return Err(self.exceeded("unpacked size in bytes", UNPACKED_LIMIT_BYTES));
        }
        Ok(())
    }

    fn exceeded(&self, what: &'static str, limit: u64) -> DatasetError {
        DatasetError::TooLarge { file: self.file.to_owned(), what, limit }
    }

    fn damaged(&self, detail: impl ToString) -> DatasetError {
        DatasetError::BadArchive { file: self.file.to_owned(), detail: detail.to_string() }
    }
}

fn list_zip<'a>(
    bytes: &'a [u8],
    start: &str,
    limits: &mut Limits,
    found: &mut Vec<Packed<'a>>,
) -> Result<(), DatasetError> {
    let archive = ZipArchive::from_slice(bytes).map_err(|error| limits.damaged(error))?;
    for entry in archive.entries() {
        let entry = entry.map_err(|error| limits.damaged(error))?;
        limits.count(entry.uncompressed_size_hint())?;
        let path = format!("{start}{}", path_text(entry.file_path().as_ref()));
        if entry.is_dir() || !is_wanted(&path) {
            continue;
        }
        let is_deflated = match entry.compression_method() {
            CompressionMethod::Store => Some(false),
            CompressionMethod::Deflate => Some(true),
            _ => None,
        };
        let (n_bytes, crc) = (entry.uncompressed_size_hint(), entry.crc32());
        let packed = archive.get_entry(entry.wayfinder()).ok().and_then(|data| {
            let (start, end) = data.compressed_data_range();
            bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        });
        let source =
            packed.zip(is_deflated).map(|(bytes, is_deflated)| Source::Zipped { bytes, is_deflated, n_bytes, crc });
        found.push(Packed { path, n_bytes, source });
    }
    Ok(())
}

fn list_tar<'a>(
    bytes: &'a [u8],
    start: &str,
    limits: &mut Limits,
    found: &mut Vec<Packed<'a>>,
) -> Result<(), DatasetError> {
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().map_err(|error| limits.damaged(error))? {
        let entry = entry.map_err(|error| limits.damaged(error))?;
        limits.count(entry.size())?;
        let path = format!("{start}{}", path_text(&entry.path_bytes()));
        if !entry.header().entry_type().is_file() || !is_wanted(&path) {
            continue;
        }
        let (n_bytes, begin) = (entry.size(), entry.raw_file_position());
        let range = usize::try_from(begin).ok().zip(usize::try_from(begin.saturating_add(n_bytes)).ok());
        let source = range.and_then(|(begin, end)| bytes.get(begin..end)).map(Source::File);
        found.push(Packed { path, n_bytes, source });
    }
    Ok(())
}

fn is_wanted(path: &str) -> bool {
    is_image_name(path) || is_table_name(path) || (path.ends_with(".npy") && !is_hidden(path))
}

/// A path as text. One that is not UTF-8 comes from an older program; each of its bytes becomes a letter, so that different names stay apart.
fn path_text(path: &[u8]) -> String {
    let text = str::from_utf8(path).map_or_else(|_| path.iter().map(|byte| char::from(*byte)).collect(), str::to_owned);
    text.replace('\\', "/")
}
