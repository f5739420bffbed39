//! A project as one file: a zip archive with the manifest, the images as ordinary files in folders of their classes, and the runs. One file at a time
//! is in memory, both ways: a project may be larger than the page's memory.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::rc::Rc;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use js_sys::{Array, Uint8Array};
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchiveWriter, ZipLocator};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag};

use super::manifest::{self, ArchiveTrouble, Manifest};
use super::project::IMAGES_LIMIT;
use super::run_files;
use kindling_core::dataset::image_folder::is_image_name;
use kindling_core::dataset::image_folder::packed::FILE_LIMIT_BYTES;
use kindling_core::runs::incoming::{self, RUNS_LIMIT};

const MIME: &str = "application/zip";

/// Maximum number of files in an archive: what is no image is passed over.
const N_ENTRIES_LIMIT: usize = 2 * IMAGES_LIMIT;

/// Maximum size of what an archive says about its files; of an archive of a project with as many images as there may be it is 20 MB.
const DIRECTORY_LIMIT_BYTES: u64 = 128 << 20;

/// Writes an archive, file by file.
pub struct Writing {
    sink: Sink,
    archive: ZipArchiveWriter<Sink>,
    /// The archive so far, for the browser to keep where it likes.
    pieces: Array,
}

/// What was written since it was last emptied.
#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writing {
    pub fn new() -> Self {
        let sink = Sink::default();
        Self { archive: ZipArchiveWriter::new(sink.clone()), sink, pieces: Array::new() }
    }

    /// Adds a file as it is: images do not shrink.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Option<()> {
        let file = self.archive.new_file(path).compression_method(CompressionMethod::Store);
        let (mut entry, config) = file.start().ok()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(bytes).ok()?;
        let (_, descriptor) = writer.finish().ok()?;
        entry.finish(descriptor).ok()?;
        self.empty()
    }

    pub fn finish(self) -> Option<Blob> {
        let Self { sink, archive, pieces } = self;
        archive.finish().ok()?;
        push(&sink, &pieces)?;
        let options = BlobPropertyBag::new();
        options.set_type(MIME);
        Blob::new_with_blob_sequence_and_options(&pieces, &options).ok()
    }

    fn empty(&self) -> Option<()> {
        push(&self.sink, &self.pieces)
    }
}

/// Moves what was written into a blob.
fn push(sink: &Sink, pieces: &Array) -> Option<()> {
    let bytes = std::mem::take(&mut *sink.0.borrow_mut());
    let piece = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(&bytes[..]))).ok()?;
    pieces.push(&piece);
    Some(())
}

/// An archive whose directory was read.
pub struct Opened {
    file: Blob,
    pub manifest: Option<Manifest>,
    /// The folder in front of all paths of the manifest.
    pub root: String,
    /// The files that are images by their names.
    pub images: Vec<Entry>,
    /// The files of runs beside the manifest, those with weights first.
    runs: Vec<Entry>,
}

/// A file in an archive.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: String,
    /// Where its own header begins.
    offset: u64,
    /// None if it is packed in a way that is not read.
    is_deflated: Option<bool>,
    n_packed: u64,
    n_bytes: u64,
    crc: u32,
}

/// Reads the directory of an archive, and its manifest if there is one.
///
/// # Errors
///
/// If it is no archive, a damaged one, exceeds a limit, or its manifest is refused.
pub async fn open(file: &Blob) -> Result<Opened, ArchiveTrouble> {
    let slices = Slices::new(file.clone());
    let entries = slices.read(list).await.ok_or(ArchiveTrouble::NoArchive)??;
    let (images, others): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| is_image_name(&entry.path));
    let of_manifest = others
        .iter()
        .filter(|entry| entry.path == manifest::NAME || entry.path.ends_with(&format!("/{}", manifest::NAME)))
        .min_by_key(|entry| entry.path.len());
    let (manifest, root) = match of_manifest {
        Some(entry) => {
            let bytes = unpack(file, entry, manifest::LIMIT_BYTES).await.ok_or(ArchiveTrouble::BadManifest)?;
            let text = String::from_utf8(bytes).map_err(|_| ArchiveTrouble::BadManifest)?;
            let root = entry.path.strip_suffix(manifest::NAME).unwrap_or_default().to_owned();
            (Some(manifest::read(&text)?), root)
        }
        None => (None, String::new()),
    };
    if images.len() > IMAGES_LIMIT {
        return Err(ArchiveTrouble::TooLarge);
    }
    let is_run = |entry: &Entry| entry.path.strip_prefix(&root).is_some_and(run_files::is_run_name);
    let mut runs: Vec<Entry> =
        if manifest.is_some() { others.into_iter().filter(is_run).collect() } else { Vec::new() };
    // A run comes with its weights, if it has any.
    runs.sort_by_key(|entry| !entry.path.ends_with(run_files::WEIGHTS_ENDING));
    if runs.len() > RUNS_LIMIT + 1 {
        return Err(ArchiveTrouble::TooLarge);
    }
    Ok(Opened { file: file.clone(), manifest, root, images, runs })
}

impl Opened {
    /// The bytes of a file; none if it is damaged, larger than an image may be, or packed in a way that is not read.
    pub async fn bytes(&self, entry: &Entry) -> Option<Vec<u8>> {
        unpack(&self.file, entry, FILE_LIMIT_BYTES).await
    }

    pub fn n_runs(&self) -> usize {
        self.runs.len()
    }

    /// The bytes of a file of runs, by its place; none if it is damaged or larger than such a file may be.
    pub async fn run_bytes(&self, place: usize) -> Option<Vec<u8>> {
        unpack(&self.file, self.runs.get(place)?, incoming::FILE_LIMIT_BYTES as u64).await
    }
}

/// The files in an archive, without those whose path leads out of it.
fn list(slices: &Slices) -> Option<Result<Vec<Entry>, ArchiveTrouble>> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new().locate_in_reader(slices, &mut buffer, slices.size()).ok()?;
    if slices.size().saturating_sub(archive.directory_offset()) > DIRECTORY_LIMIT_BYTES {
        return Some(Err(ArchiveTrouble::TooLarge));
    }
    let mut entries = archive.entries(&mut buffer);
    let mut found = Vec::new();
    let mut n_entries = 0;
    while let Some(entry) = entries.next_entry().ok()? {
        n_entries += 1;
        if n_entries > N_ENTRIES_LIMIT {
            return Some(Err(ArchiveTrouble::TooLarge));
        }
        let path = String::from_utf8_lossy(entry.file_path().as_ref()).replace('\\', "/");
        let is_wanted = is_image_name(&path) || path.ends_with(manifest::NAME) || run_files::may_be_run(&path);
        if entry.is_dir() || !is_wanted || path.starts_with('/') || path.split('/').any(|folder| folder == "..") {
            continue;
        }
        let is_deflated = match entry.compression_method() {
            CompressionMethod::Store => Some(false),
            CompressionMethod::Deflate => Some(true),
            _ => None,
        };
        let (n_bytes, crc) = (entry.uncompressed_size_hint(), entry.crc32());
        let (offset, n_packed) = (entry.local_header_offset(), entry.compressed_size_hint());
        found.push(Entry { path, offset, is_deflated, n_packed, n_bytes, crc });
    }
    Some(Ok(found))
}

async fn unpack(file: &Blob, entry: &Entry, limit: u64) -> Option<Vec<u8>> {
    // The size of a packed file exceeds that of the file by little, if at all.
    if entry.n_bytes > limit || entry.n_packed > limit + limit / 100 {
        return None;
    }
    /// Size of a file's own header, before its name and its extra fields, whose lengths are at the end of the header.
    const HEADER_BYTES: u64 = 30;
    let header = slice(file, entry.offset, entry.offset.checked_add(HEADER_BYTES)?).await?;
    let [b'P', b'K', 3, 4, .., n0, n1, e0, e1] = header[..] else { return None };
    let n_between = u64::from(u16::from_le_bytes([n0, n1])) + u64::from(u16::from_le_bytes([e0, e1]));
    let start = entry.offset + HEADER_BYTES + n_between;
    let packed = slice(file, start, start.checked_add(entry.n_packed)?).await?;
    let mut bytes = Vec::new();
    match entry.is_deflated? {
        true => DeflateDecoder::new(&packed[..]).take(entry.n_bytes + 1).read_to_end(&mut bytes).ok()?,
        false => packed.as_slice().read_to_end(&mut bytes).ok()?,
    };
    let mut crc = Crc::new();
    crc.update(&bytes);
    (bytes.len() as u64 == entry.n_bytes && crc.sum() == entry.crc).then_some(bytes)
}

/// A file of which only slices are in memory. The zip reader is synchronous and the browser's files are not: what is missing is noted, fetched, and
/// the reader begins again.
struct Slices {
    file: Blob,
    there: RefCell<Vec<(u64, Vec<u8>)>>,
    missing: Cell<Option<u64>>,
}

/// Bytes that are fetched at a time.
const SLICE_BYTES: u64 = 1 << 20;

/// Maximum number of slices that are kept: those of the largest directory.
const N_SLICES_LIMIT: usize = (DIRECTORY_LIMIT_BYTES / SLICE_BYTES) as usize + 8;

impl Slices {
    fn new(file: Blob) -> Self {
        Self { file, there: RefCell::default(), missing: Cell::default() }
    }

    fn size(&self) -> u64 {
        self.file.size() as u64
    }

    /// Calls `read` until nothing is missing.
    async fn read<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<T> {
        loop {
            self.missing.set(None);
            let found = read(self);
            let Some(offset) = self.missing.get() else { return found };
            if self.there.borrow().len() >= N_SLICES_LIMIT {
                return None;
            }
            let start = offset / SLICE_BYTES * SLICE_BYTES;
            let bytes = slice(&self.file, start, (start + SLICE_BYTES).min(self.size())).await?;
            self.there.borrow_mut().push((start, bytes));
        }
    }
}

impl ReaderAt for Slices {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.size() || buffer.is_empty() {
            return Ok(0);
        }
        let there = self.there.borrow();
        let found = there.iter().find_map(|(start, bytes)| {
            let skipped = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(skipped..).filter(|rest| !rest.is_empty())
        });
        let Some(mut found) = found else {
            self.missing.set(Some(offset));
            return Err(io::Error::other("not there yet"));
        };
        found.read(buffer)
    }
}

async fn slice(file: &Blob, start: u64, end: u64) -> Option<Vec<u8>> {
    let slice = file.slice_with_f64_and_f64(start as f64, end as f64).ok()?;
    Some(Uint8Array::new(&JsFuture::from(slice.array_buffer()).await.ok()?).to_vec())
}
