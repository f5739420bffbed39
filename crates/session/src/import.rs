//! Makes a dataset of image files: fetches or unpacks them one after the other, has the platform decode them, and frames what comes out. At no time
//! are more than a few decoded.
//!
//! `core/dataset/image_folder/` has what needs no decoder: `layout.rs` finds classes and parts, `survey.rs` chooses size and channels,
//! `framing.rs` crops and scales with the code that also prepares images to classify, `stable_split.rs` splits by a hash of
//! each file, or of the group that it is in: `groups.rs` has which images belong together.

use std::cell::{Cell, RefCell};

use futures_util::StreamExt;
use futures_util::stream;
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::dataset::image_folder::packed::FILE_LIMIT_BYTES;
use kindling_core::dataset::image_folder::{
    Importer, Item, LabelTable, Layout, LeftOutReason, Packed, Prepared, Sample, Told, check_file, choose_format,
    is_image_name, is_table_name,
};
use kindling_core::dataset::{ImageFormat, ReadAs, Reading, check_classes};
use kindling_core::protocol::{DatasetFile, DatasetUpdate, Event, Failure, FailureKind, ImageInput};

use crate::download::{self, Watcher};
use crate::load::{FILE_LIMIT, Loaded, wanted_of_file};
use crate::platform::Platform;
use crate::rate::RateWindow;

/// Images that are fetched and decoded at the same time. A photo of 12 megapixels takes 48 MB.
const N_AT_ONCE: usize = 3;

/// Images that decide on size and channels, spread over all.
const N_SAMPLES: usize = 16;

/// So many images beside an array or archive are more than pictures of what is in it.
const N_IMAGES_PER_DATA_FILE: usize = 10;

/// Maximum size of a table of labels.
const TABLE_LIMIT_BYTES: u64 = 64 << 20;

/// Whether files are images, perhaps with tables of their labels, rather than anything else that is known as a dataset: arrays or archives with a
/// few pictures beside them are read instead, but not a lone archive in a folder of photos.
pub fn is_of_images(files: &[DatasetFile]) -> bool {
    let is_data = |name: &str| {
        let name = name.to_ascii_lowercase();
        let ends = [".zip", ".tar", ".tgz", ".gz", ".npy", ".npz", ".bin", "ubyte"];
        ends.iter().any(|end| name.ends_with(end))
    };
    let count = |is: &dyn Fn(&str) -> bool| files.iter().filter(|file| is(&file.name)).count();
    count(&is_image_name) > N_IMAGES_PER_DATA_FILE * count(&is_data)
}

/// Imports files as they are, such as those of a folder.
///
/// # Errors
///
/// If no image has a class or none can be decoded, all are of one class, or a limit is exceeded.
pub async fn import_files(
    platform: &impl Platform,
    name: &str,
    files: Vec<DatasetFile>,
    reading: &Reading,
) -> Result<Loaded, Failure> {
    if files.len() > FILE_LIMIT {
        let detail = format!("the number of files is {}; at most {FILE_LIMIT} are possible", files.len());
        return Err(Failure::new(FailureKind::BadFile, detail));
    }
    let (paths, sources) = files.into_iter().map(|file| (file.name.clone(), Source::File(file))).unzip();
    import(platform, name, Files { paths, sources }, reading).await
}

/// Imports the files in archives.
///
/// # Errors
///
/// As [`import_files`].
pub async fn import_archives(
    platform: &impl Platform,
    name: &str,
    packed: &[Packed<'_>],
    reading: &Reading,
) -> Result<Loaded, Failure> {
    let (paths, sources) = packed.iter().map(|packed| (packed.path.clone(), Source::Packed(packed))).unzip();
    import(platform, name, Files { paths, sources }, reading).await
}

/// Files by their places.
struct Files<'a> {
    paths: Vec<String>,
    sources: Vec<Source<'a>>,
}

enum Source<'a> {
    File(DatasetFile),
    Packed(&'a Packed<'a>),
}

async fn import(platform: &impl Platform, name: &str, files: Files<'_>, reading: &Reading) -> Result<Loaded, Failure> {
    let table = label_table(platform, &files).await?;
    let layout = Layout::of(&files.paths, table.as_ref())?;
    let format = choose_format(&reading.images, &sample(platform, &files, &layout.items).await?, layout.items.len())?;
    let items = layout.items.clone();
    let mut importer = Importer::new(layout, format)?;
    let progress = Progress::new(platform, items.len());
    let prepared = items.iter().map(|item| prepare(platform, &files, *item, format));
    let mut prepared = std::pin::pin!(stream::iter(prepared).buffered(N_AT_ONCE));
    while let Some((item, result)) = prepared.next().await {
        match result? {
            Ok(prepared) => importer.take(item, prepared, told(&files, item)),
            Err(reason) => importer.leave_out(path(&files, item), reason),
        }
        progress.count();
        // Lets commands in: the load may be canceled.
        platform.yield_now().await;
    }
    let (id, dataset) = importer.finish(name, reading, &files.paths)?;
    check_classes(&dataset)?;
    let read_as = ReadAs { turn: reading.turn.unwrap_or_default(), is_coarse: None, images: Some(format) };
    Ok(Loaded { id, dataset, read_as })
}

async fn label_table(platform: &impl Platform, files: &Files<'_>) -> Result<Option<LabelTable>, Failure> {
    let mut tables = Vec::new();
    for (path, source) in files.paths.iter().zip(&files.sources).filter(|(path, _)| is_table_name(path)) {
        // A table that is too large or damaged is not the labels'.
        let Ok(bytes) = read(platform, source, TABLE_LIMIT_BYTES).await else { continue };
        tables.extend(LabelTable::read(path, &bytes, &files.paths)?);
    }
    Ok(LabelTable::join(tables))
}

/// Decodes images spread over all, to see how large they are and whether they are gray.
async fn sample(platform: &impl Platform, files: &Files<'_>, items: &[Item]) -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    let stride = items.len().div_ceil(N_SAMPLES).max(1);
    for item in items.iter().step_by(stride) {
        if let Ok((_, image)) = decode(platform, files, *item).await? {
            samples.push(Sample::of(&image));
        }
        platform.yield_now().await;
    }
    Ok(samples)
}

type Decoded = Result<(Vec<u8>, ImageInput), LeftOutReason>;

/// A file with its pixels, or the reason why it is left out.
async fn decode(platform: &impl Platform, files: &Files<'_>, item: Item) -> Result<Decoded, Failure> {
    let Some(source) = files.sources.get(item.place) else { return Ok(Err(LeftOutReason::Unreadable)) };
    let file = match read(platform, source, u64::MAX).await.and_then(|file| check_file(&file).map(|()| file)) {
        Ok(file) => file,
        Err(reason) => return Ok(Err(reason)),
    };
    let image = platform.decode(&file).await?;
    let content = ImageContent::of(&file);
    Ok(image.map(|image| (file, image)).ok_or(LeftOutReason::Undecodable(content)))
}

async fn prepare(
    platform: &impl Platform,
    files: &Files<'_>,
    item: Item,
    format: ImageFormat,
) -> (Item, Result<Result<Prepared, LeftOutReason>, Failure>) {
    let decoded = decode(platform, files, item).await;
    (item, decoded.map(|decoded| decoded.map(|(file, image)| Prepared::new(&file, &image, format))))
}

async fn read(platform: &impl Platform, source: &Source<'_>, limit_bytes: u64) -> Result<Vec<u8>, LeftOutReason> {
    match source {
        Source::File(file) if file.size_bytes > limit_bytes.min(FILE_LIMIT_BYTES) => Err(LeftOutReason::TooManyBytes),
        Source::File(file) => {
            let wanted = wanted_of_file(file.clone());
            download::download(platform, &wanted, &Unwatched).await.map_err(|_| LeftOutReason::Unreadable)
        }
        Source::Packed(packed) => packed.read(),
    }
}

fn path<'f>(files: &'f Files<'_>, item: Item) -> &'f str {
    files.paths.get(item.place).map_or("", String::as_str)
}

/// What the page has told of a file.
fn told(files: &Files<'_>, item: Item) -> Told {
    match files.sources.get(item.place) {
        Some(Source::File(file)) => Told { unit: file.unit, is_pseudo: file.is_pseudo, split: file.split },
        Some(Source::Packed(_)) | None => Told::default(),
    }
}

/// The files come from the visitor's own disk: what counts is how many are done.
struct Unwatched;

impl Watcher for Unwatched {
    fn received(&self, _bytes: u64) {}

    fn retrying(&self, _attempt: u32, _failure: Failure) {}
}

struct Progress<'a, P> {
    platform: &'a P,
    total: u32,
    done: Cell<u32>,
    rate: RefCell<RateWindow>,
}

impl<'a, P: Platform> Progress<'a, P> {
    fn new(platform: &'a P, total: usize) -> Self {
        let progress = Self { platform, total: total as u32, done: Cell::default(), rate: RefCell::default() };
        progress.report();
        progress
    }

    fn count(&self) {
        self.done.set(self.done.get() + 1);
        self.report();
    }

    fn report(&self) {
        let (done, total) = (self.done.get(), self.total);
        if let Some(images_per_second) = self.rate.borrow_mut().report(self.platform.now_ms(), done.into()) {
            self.platform.emit(Event::Dataset(DatasetUpdate::Decoding { done, total, images_per_second }));
        }
    }
}
