//! Gets a dataset's files, from the page's server, the cache of an earlier visit, or the visitor's own hands, and parses them.

use std::cell::{Cell, RefCell};

use web_sys::AbortSignal;

use super::download::{self, Expected, Wanted, Watcher};
use super::rate::RateWindow;
use super::{cache, clock, retry};
use crate::channel;
use crate::dataset::{self, Dataset, ServedDataset};
use crate::protocol::{DatasetFile, DatasetSource, DatasetUpdate, Event, Failure, FailureKind};

/// All files of a dataset together, as they are sent or dropped.
const TOTAL_LIMIT_BYTES: u64 = 1 << 30;

/// Files that make up a dataset.
const FILE_LIMIT: usize = 64;

const DESCRIPTION_LIMIT_BYTES: u64 = 1 << 20;

/// A dataset, and the id by which a run's config may call it.
pub struct Loaded {
    pub id: String,
    pub dataset: Dataset,
}

/// Fetches and parses; tells the page how it goes.
pub async fn load(source: DatasetSource, signal: &AbortSignal) -> Result<Loaded, Failure> {
    match source {
        DatasetSource::Served { id, base } => {
            let folder = format!("{}/datasets/{id}", base.trim_end_matches('/'));
            let served = describe(&id, &folder, signal).await?;
            let files = fetch(&wanted_of_served(&served, &folder), signal).await?;
            announce_parsing(signal).await?;
            Ok(Loaded { dataset: served.parse_files(files)?, id })
        }
        DatasetSource::Files { files } => {
            let wanted: Vec<_> = files.into_iter().map(wanted_of_file).collect();
            let files = fetch(&wanted, signal).await?;
            announce_parsing(signal).await?;
            let id = dataset::files_id(&files);
            Ok(Loaded { dataset: dataset::parse_files(dataset::FILES, files)?, id })
        }
    }
}

async fn describe(id: &str, folder: &str, signal: &AbortSignal) -> Result<ServedDataset, Failure> {
    let wanted = Wanted {
        name: format!("{id}/dataset.json"),
        url: format!("{folder}/dataset.json"),
        expected: Expected::AtMostBytes(DESCRIPTION_LIMIT_BYTES),
    };
    let json = download::download(&wanted, signal, &Progress::default()).await?;
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

fn wanted_of_file(file: DatasetFile) -> Wanted {
    Wanted { name: file.name, url: file.url, expected: Expected::Bytes(file.size_bytes) }
}

async fn announce_parsing(signal: &AbortSignal) -> Result<(), Failure> {
    tell(DatasetUpdate::Parsing);
    // The last moment to be canceled: parsing holds the worker.
    channel::macrotask().await;
    if signal.aborted() { Err(download::canceled()) } else { Ok(()) }
}

async fn fetch(wanted: &[Wanted], signal: &AbortSignal) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let total_bytes = wanted.iter().map(size_bytes).fold(0, u64::saturating_add);
    if wanted.len() > FILE_LIMIT || total_bytes > TOTAL_LIMIT_BYTES {
        let detail = format!(
            "{} files of {} MiB together; {FILE_LIMIT} files of {} MiB are possible",
            wanted.len(),
            total_bytes >> 20,
            TOTAL_LIMIT_BYTES >> 20
        );
        return Err(Failure::new(FailureKind::BadFile, detail));
    }
    let progress = Progress { total_bytes: Some(total_bytes), ..Progress::default() };
    let mut files = Vec::with_capacity(wanted.len());
    for file in wanted {
        let bytes = fetch_one(file, signal, &progress).await?;
        progress.done_bytes.set(progress.done_bytes.get() + size_bytes(file));
        files.push((file.name.clone(), bytes));
    }
    Ok(files)
}

async fn fetch_one(wanted: &Wanted, signal: &AbortSignal, progress: &Progress) -> Result<Vec<u8>, Failure> {
    let Expected::Served(file) = &wanted.expected else {
        return download::download(wanted, signal, progress).await;
    };
    if let Some(bytes) = cache::get(file).await {
        return Ok(bytes);
    }
    let bytes = download::download(wanted, signal, progress).await?;
    cache::keep(file, &bytes);
    Ok(bytes)
}

fn size_bytes(wanted: &Wanted) -> u64 {
    match &wanted.expected {
        Expected::Served(file) => file.bytes,
        Expected::Bytes(bytes) => *bytes,
        Expected::AtMostBytes(_) => 0,
    }
}

/// Adds up the files of a dataset. Tells nothing as long as the total is unknown.
#[derive(Default)]
struct Progress {
    total_bytes: Option<u64>,
    /// Of the files that are whole.
    done_bytes: Cell<u64>,
    rate: RefCell<RateWindow>,
}

impl Watcher for Progress {
    fn received(&self, bytes: u64) {
        let Some(total_bytes) = self.total_bytes else { return };
        // A server that has the browser unpack its files sends more than their sizes say.
        let received_bytes = (self.done_bytes.get() + bytes).min(total_bytes);
        if let Some(bytes_per_second) = self.rate.borrow_mut().report(clock::now_ms(), received_bytes) {
            tell(DatasetUpdate::Downloading { received_bytes, total_bytes: Some(total_bytes), bytes_per_second });
        }
    }

    fn retrying(&self, attempt: u32, failure: Failure) {
        tell(DatasetUpdate::Retrying { attempt, attempts: retry::ATTEMPTS, failure });
    }
}

fn tell(update: DatasetUpdate) {
    channel::post(&Event::Dataset(update));
}
