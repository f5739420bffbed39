//! A process as the session's platform: events into a queue, tasks on one thread, local files by address.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_channel::mpsc::UnboundedSender;
use futures_executor::LocalSpawner;
use futures_util::future::poll_fn;
use futures_util::task::LocalSpawnExt;
use kindling_core::protocol::{Event, Failure, ImageInput};
use kindling_session::retry::Trouble;
use kindling_session::{Download, Freshness, Platform, Store, StoreError};

use crate::decode;

/// Prefix of the address of a file in the served dataset's folder; the rest is as on a server.
pub const SERVED: &str = "served:";

/// Prefix of the address of any other file; the rest is its path.
pub const FILE: &str = "file:";

/// Prefix of the address of a file that is part of the program; the rest is as on the page's server.
const EMBEDDED: &str = "embedded:";

/// What the page serves besides datasets.
const EMBEDDED_FILES: [(&str, &[u8]); 1] = [(
    "pretrained/efficientnet-lite0/features-i8.safetensors",
    include_bytes!("../../../static/pretrained/efficientnet-lite0/features-i8.safetensors"),
)];

/// Bytes per read.
const CHUNK_BYTES: u64 = 1 << 20;

pub struct Native {
    events: UnboundedSender<Event>,
    spawner: LocalSpawner,
    started: Instant,
    /// The folder with the files of a served dataset.
    served: PathBuf,
}

impl Native {
    pub fn new(events: UnboundedSender<Event>, spawner: LocalSpawner, served: PathBuf) -> Self {
        Self { events, spawner, started: Instant::now(), served }
    }

    fn path(&self, url: &str) -> Option<PathBuf> {
        if let Some(path) = url.strip_prefix(FILE) {
            return Some(path.into());
        }
        // A dataset's description has plain file names.
        let (_, name) = url.strip_prefix(SERVED)?.rsplit_once('/')?;
        Some(self.served.join(name))
    }
}

impl Platform for Native {
    type Store = Nowhere;
    type Download = LocalFile;

    fn emit(&self, event: Event) {
        // The receiver is gone only when the process is about to end.
        self.events.unbounded_send(event).ok();
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        // Fails only if the pool is gone, and the process with it.
        self.spawner.spawn_local(task).ok();
    }

    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1_000.0
    }

    /// Blocks, because it is called between attempts to read a file, when there is nothing else to do.
    async fn sleep(&self, duration_ms: u32) {
        std::thread::sleep(Duration::from_millis(duration_ms.into()));
    }

    async fn yield_now(&self) {
        let mut is_first = true;
        poll_fn(|context| {
            if !std::mem::take(&mut is_first) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn served_url(&self, path: &str) -> String {
        format!("{EMBEDDED}{path}")
    }

    async fn fetch(&self, url: &str, _freshness: Freshness) -> Result<LocalFile, Trouble> {
        let missing = || Trouble::Unreadable(format!("{url} is no address of a local file"));
        if let Some(path) = url.strip_prefix(EMBEDDED) {
            let (_, bytes) = EMBEDDED_FILES.iter().find(|(name, _)| *name == path).ok_or_else(missing)?;
            return Ok(LocalFile { bytes: Box::new(Cursor::new(*bytes)) });
        }
        let file = File::open(self.path(url).ok_or_else(missing)?).map_err(trouble)?;
        Ok(LocalFile { bytes: Box::new(file) })
    }

    async fn decode(&self, file: &[u8]) -> Result<Option<ImageInput>, Failure> {
        // Why a file cannot be decoded is told by its content.
        Ok(decode::decode(file).ok())
    }

    fn store(&self) -> &Nowhere {
        &Nowhere
    }
}

/// A file that is read in chunks, so that a wrong one is rejected early.
pub struct LocalFile {
    bytes: Box<dyn Read>,
}

impl Download for LocalFile {
    async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut chunk = Vec::new();
        (&mut self.bytes).take(CHUNK_BYTES).read_to_end(&mut chunk).map_err(trouble)?;
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }
}

fn trouble(error: io::Error) -> Trouble {
    Trouble::Unreadable(error.to_string())
}

/// Stores nothing: local files need no copies.
pub struct Nowhere;

impl Store for Nowhere {
    async fn read(&self, _name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn write(&self, _name: &str, _bytes: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn remove(&self, _name: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}
