//! Loads a dataset: gets its files from the page's server, the cache of an earlier visit, or the visitor, and parses them.

use std::cell::{Cell, RefCell};

use kindling_core::dataset::image_folder::{open_archives, unpack_archives};
use kindling_core::dataset::{self, Dataset, ReadAs, ServedDataset};
use kindling_core::protocol::{DatasetFile, DatasetSource, DatasetUpdate, Event, Failure, FailureKind};

use crate::download::{self, Expected, Wanted, Watcher};
use crate::platform::Platform;
use crate::rate::RateWindow;
use crate::{cache, import, retry};

/// Maximum size of all files of a dataset together, as transferred or dropped.
const TOTAL_LIMIT_BYTES: u64 = 1 << 30;

/// Maximum number of files of a dataset: folders of images have many.
pub const FILE_LIMIT: usize = 100_000;

const DESCRIPTION_LIMIT_BYTES: u64 = 1 << 20;

/// A dataset with its id, which the config of a run may refer to.
pub struct Loaded {
    pub id: String,
    pub dataset: Dataset,
    pub read_as: ReadAs,
}

/// Checks that a dataset is the one that a config names, by its id or its name.
///
/// # Errors
///
/// [`FailureKind::NoDataset`].
pub fn check_dataset(named: &str, id: &str, name: &str) -> Result<(), Failure> {
    // The name of a folder does not tell the files in it from others.
    if named == id || (named == name && !id.starts_with(dataset::FILES)) {
        return Ok(());
    }
    let loaded = if name == id { name.to_owned() } else { format!("{name} ({id})") };
    Err(Failure::new(FailureKind::NoDataset, format!("the run is for {named}, but {loaded} is loaded")))
}

/// Fetches and parses a dataset, and emits its progress. Dropping the future cancels it.
///
/// # Errors
///
/// If a file cannot be downloaded, is malformed, or exceeds a limit.
pub async fn load(platform: &impl Platform, source: DatasetSource) -> Result<Loaded, Failure> {
    match source {
        DatasetSource::Served { id, base } => {
            let folder = format!("{}/datasets/{id}", base.trim_end_matches('/'));
            let served = describe(platform, &id, &folder).await?;
            let files = fetch(platform, &wanted_of_served(&served, &folder)).await?;
            announce_parsing(platform).await;
            Ok(Loaded { dataset: served.parse_files(files)?, id, read_as: ReadAs::default() })
        }
        DatasetSource::Files { files, reading } => {
            let name = dataset::files_name(files.iter().map(|file| file.name.as_str()));
            if import::is_of_images(&files) {
                return import::import_files(platform, &name, files, &reading).await;
            }
            let wanted: Vec<_> = files.into_iter().map(wanted_of_file).collect();
            let mut files = fetch(platform, &wanted).await?;
            announce_parsing(platform).await;
            unpack_archives(&mut files)?;
            if let Some(packed) = open_archives(&files)? {
                return import::import_archives(platform, &name, &packed, &reading).await;
            }
            let id = dataset::files_id(&files, &reading);
            let (dataset, read_as) = dataset::read_files(&name, files, &reading)?;
            Ok(Loaded { id, dataset, read_as })
        }
    }
}

async fn describe(platform: &impl Platform, id: &str, folder: &str) -> Result<ServedDataset, Failure> {
    let wanted = Wanted {
        name: format!("{id}/dataset.json"),
        url: format!("{folder}/dataset.json"),
        expected: Expected::AtMostBytes(DESCRIPTION_LIMIT_BYTES),
    };
    let json = download::download(platform, &wanted, &Progress::new(platform, None)).await?;
    Ok(ServedDataset::parse(id, &json)?)
}

fn wanted_of_served(served: &ServedDataset, folder: &str) -> Vec<Wanted> {
    let wanted = |file: &dataset::served::ServedFile| Wanted {
        name: file.name.clone(),
        url: format!("{folder}/{}", file.name),
        expected: Expected::Served(file.clone()),
    };
    served.files.iter().map(wanted).collect()
}

pub fn wanted_of_file(file: DatasetFile) -> Wanted {
    Wanted { name: file.name, url: file.url, expected: Expected::Bytes(file.size_bytes) }
}

async fn announce_parsing(platform: &impl Platform) {
    platform.emit(Event::Dataset(DatasetUpdate::Parsing));
    // The last chance to cancel: parsing blocks the thread.
    platform.yield_now().await;
}

async fn fetch(platform: &impl Platform, wanted: &[Wanted]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let total_bytes = wanted.iter().map(size_bytes).fold(0, u64::saturating_add);
    if wanted.len() > FILE_LIMIT || total_bytes > TOTAL_LIMIT_BYTES {
        let detail = format!(
            "the number of files is {}, their size {} MiB; at most {FILE_LIMIT} files of {} MiB are possible; unpack a larger \
             archive of images and load the folder",
            wanted.len(),
            total_bytes >> 20,
            TOTAL_LIMIT_BYTES >> 20
        );
        return Err(Failure::new(FailureKind::BadFile, detail));
    }
    let progress = Progress::new(platform, Some(total_bytes));
    let mut files = Vec::with_capacity(wanted.len());
    for file in wanted {
        let bytes = fetch_one(platform, file, &progress).await?;
        progress.done_bytes.set(progress.done_bytes.get() + size_bytes(file));
        files.push((file.name.clone(), bytes));
    }
    Ok(files)
}

async fn fetch_one<P: Platform>(platform: &P, wanted: &Wanted, progress: &Progress<'_, P>) -> Result<Vec<u8>, Failure> {
    let Expected::Served(file) = &wanted.expected else {
        return download::download(platform, wanted, progress).await;
    };
    if let Some(bytes) = cache::get(platform.store(), file).await {
        return Ok(bytes);
    }
    let bytes = download::download(platform, wanted, progress).await?;
    // Caching is best effort: without space or permission, the next visit downloads the file again.
    cache::keep(platform.store(), file, &bytes).await.ok();
    Ok(bytes)
}

fn size_bytes(wanted: &Wanted) -> u64 {
    match &wanted.expected {
        Expected::Served(file) => file.bytes,
        Expected::Bytes(bytes) => *bytes,
        Expected::AtMostBytes(_) => 0,
    }
}

/// Sums the progress over the files of a dataset. Reports nothing while the total is unknown.
struct Progress<'a, P> {
    platform: &'a P,
    total_bytes: Option<u64>,
    /// Bytes of completed files.
    done_bytes: Cell<u64>,
    rate: RefCell<RateWindow>,
}

impl<'a, P: Platform> Progress<'a, P> {
    fn new(platform: &'a P, total_bytes: Option<u64>) -> Self {
        Self { platform, total_bytes, done_bytes: Cell::default(), rate: RefCell::default() }
    }

    fn emit(&self, update: DatasetUpdate) {
        self.platform.emit(Event::Dataset(update));
    }
}

impl<P: Platform> Watcher for Progress<'_, P> {
    fn received(&self, bytes: u64) {
        let Some(total_bytes) = self.total_bytes else { return };
        // If the browser decompresses the files, more bytes arrive than their sizes say.
        let received_bytes = (self.done_bytes.get() + bytes).min(total_bytes);
        if let Some(bytes_per_second) = self.rate.borrow_mut().report(self.platform.now_ms(), received_bytes) {
            self.emit(DatasetUpdate::Downloading { received_bytes, total_bytes: Some(total_bytes), bytes_per_second });
        }
    }

    fn retrying(&self, attempt: u32, failure: Failure) {
        self.emit(DatasetUpdate::Retrying { attempt, attempts: retry::ATTEMPTS, failure });
    }
}
