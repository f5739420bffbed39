//! Reads CIFAR's batches from a tar archive, compressed or not, without unpacking it anywhere.

use std::io::{self, Read};

use super::cifar::{Batches, CifarKind};
use super::class_names::{ClassNames, is_class_names};
use super::content::FileContent;
use super::files::{base_name, is_hidden};
use super::gzip::Unpacked;
use super::{DatasetError, MAX_PIXEL_BYTES};

/// Maximum decompressed size of an archive: the maximum size of a dataset, plus something for texts and headers.
const ARCHIVE_LIMIT_BYTES: u64 = MAX_PIXEL_BYTES + (64 << 20);
const N_ENTRIES_LIMIT: usize = 100_000;

/// What an archive contains besides its batches.
#[derive(Debug, Default)]
pub struct Found {
    /// The texts of class names, by file.
    pub names: Vec<(String, ClassNames)>,
    /// The first file that is not part of a dataset, with what it is if it may hold one; error messages name it.
    pub other: Option<String>,
}

/// Whether a file starts like a tar archive.
pub fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// Reads the batches of an archive while decompressing it.
///
/// # Errors
///
/// If the archive is damaged, truncated or too large, or a batch is malformed.
pub fn read_tar(file: &str, bytes: &[u8], batches: &mut Batches) -> Result<Found, DatasetError> {
    let bad = |detail: String| DatasetError::BadArchive { file: file.to_owned(), detail };
    let mut archive = tar::Archive::new(Bounded { source: Unpacked::open(file, bytes), n_left: ARCHIVE_LIMIT_BYTES });
    let mut found = Found::default();
    // Raw entries: otherwise long names of any length would be collected in memory, and CIFAR's are short.
    let entries = archive.entries().map_err(|error| bad(error.to_string()))?.raw(true);
    for (n_entries, entry) in entries.enumerate() {
        let entry = entry.map_err(|error| bad(error.to_string()))?;
        if n_entries >= N_ENTRIES_LIMIT {
            return Err(bad(format!("over {N_ENTRIES_LIMIT} files")));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && !is_hidden(&name) {
            read_entry(entry, base_name(&name), batches, &mut found)?;
        }
    }
    // Reads past the last entry: zeros and, for gzip, the checksum over the whole file.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| bad(error.to_string()))?;
    Ok(found)
}

fn read_entry(
    mut entry: tar::Entry<impl Read>,
    name: &str,
    batches: &mut Batches,
    found: &mut Found,
) -> Result<(), DatasetError> {
    const NAMES_LIMIT: usize = 16;
    const META_LIMIT_BYTES: u64 = 64 << 10;
    const HEAD_BYTES: u64 = 512;
    let expected = entry.size();
    let mut n_read = 0;
    if name.ends_with(".bin") {
        batches.read(name, CifarKind::of(name, expected), Counted { source: &mut entry, n_read: &mut n_read })?;
    } else if is_class_names(name) && found.names.len() < NAMES_LIMIT && expected <= META_LIMIT_BYTES {
        let mut text = Vec::new();
        let read = entry.by_ref().take(META_LIMIT_BYTES).read_to_end(&mut text);
        n_read =
            read.map_err(|error| DatasetError::BadArchive { file: name.to_owned(), detail: error.to_string() })? as u64;
        found.names.push((name.to_owned(), ClassNames::parse(name, &text)?));
    } else {
        if found.other.is_none() {
            let mut head = Vec::new();
            // The rest of a cut archive is reported when its end is read.
            entry.take(HEAD_BYTES).read_to_end(&mut head).ok();
            found.other = Some(match FileContent::of(&head) {
                content if content.may_hold_arrays() => format!("{name}, {content}"),
                _ => name.to_owned(),
            });
        }
        return Ok(());
    }
    if n_read < expected {
        return Err(DatasetError::Truncated { file: name.to_owned(), found: n_read, expected });
    }
    Ok(())
}

/// A reader that fails once the decompressed size exceeds the limit.
struct Bounded<R> {
    source: R,
    n_left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.source.read(buffer)?;
        self.n_left = self
            .n_left
            .checked_sub(n_read as u64)
            .ok_or_else(|| io::Error::other(format!("it unpacks to over {ARCHIVE_LIMIT_BYTES} bytes")))?;
        Ok(n_read)
    }
}

/// A reader that counts the bytes read.
struct Counted<'a, R> {
    source: R,
    n_read: &'a mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.source.read(buffer)?;
        *self.n_read += n_read as u64;
        Ok(n_read)
    }
}
