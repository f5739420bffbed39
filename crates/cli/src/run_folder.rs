//! The folder of a run: its checkpoint while it is unfinished, and its results.

use std::fs;
use std::path::Path;

use futures_executor::block_on;
use kindling_core::protocol::Bulk;
use kindling_core::runs::incoming::{FILE_LIMIT_BYTES, Incoming, Refusal, parse_file, runs_to_file};
use kindling_core::runs::record::{KeptRun, NetworkInput};
use kindling_core::runs::weights;
use kindling_session::{Store, StoreError};

use crate::created_folders::check_way;
use crate::decode::decode;
use crate::folder_lock::FolderLock;
use crate::history::History;
use crate::store::FolderStore;
use crate::trouble::{Trouble, reason};

pub const RUN: &str = "run.json";
pub const WEIGHTS: &str = "weights.safetensors";
const CURVES: &str = "curves.csv";
const CHECKPOINT: &str = "checkpoint.safetensors";
/// A file that is written and removed to test the folder.
const PROBE: &str = "writable";

/// The key of the checkpoint's metadata that holds the history.
const HISTORY_KEY: &str = "kindling.history";

pub struct RunFolder {
    store: FolderStore,
    /// Held while the process writes to the folder.
    _lock: FolderLock,
}

/// A run that has not ended.
pub struct Unfinished {
    pub history: History,
    /// The bytes that the session resumes from.
    pub checkpoint: Bulk,
}

impl RunFolder {
    /// Creates the folder. Fails if another process writes to it.
    pub fn open(folder: &Path) -> Result<Self, Trouble> {
        check_way(folder)?;
        let in_use = || {
            let folder = folder.display();
            Trouble::new(format!("Another kindling writes to {folder}: wait until it ends, or choose another folder."))
        };
        let failed = |error| StoreError(format!("{}: {}", folder.display(), reason(&error)));
        let lock = FolderLock::take(folder).map_err(failed)?;
        Ok(Self { store: FolderStore::new(folder), _lock: lock.ok_or_else(in_use)? })
    }

    /// Fails if the folder holds a run that a new one would overwrite.
    pub fn check_is_free(&self) -> Result<(), Trouble> {
        let folder = self.store.folder().display();
        if self.store.path(CHECKPOINT).exists() {
            return Err(Trouble::new(format!(
                "{folder} holds an unfinished run: continue it with --resume, or choose another folder."
            )));
        }
        self.check_has_no_result()
    }

    /// Writes to the folder, so that a run does not train in vain.
    pub fn check_is_writable(&self) -> Result<(), Trouble> {
        block_on(self.store.write(PROBE, b"kindling"))?;
        Ok(block_on(self.store.remove(PROBE))?)
    }

    fn check_has_no_result(&self) -> Result<(), Trouble> {
        if [RUN, WEIGHTS].iter().any(|name| self.store.path(name).exists()) {
            let folder = self.store.folder().display();
            return Err(Trouble::new(format!("{folder} holds a finished run: choose another folder.")));
        }
        Ok(())
    }

    /// The run to resume; none if there is none yet.
    pub fn unfinished(&self) -> Result<Option<Unfinished>, Trouble> {
        let Some(bytes) = block_on(self.store.read(CHECKPOINT))? else {
            return self.check_has_no_result().map(|()| None);
        };
        let damaged = |why: String| {
            let path = self.store.path(CHECKPOINT);
            let way_out = "start the run again with another --out, or remove the file and start it here";
            Trouble::new(format!("{} cannot be resumed from ({why}): {way_out}.", path.display()))
        };
        weights::check(&bytes).map_err(|error| damaged(error.to_string()))?;
        let text = weights::text(&bytes, HISTORY_KEY).map_err(|error| damaged(error.to_string()))?;
        let text = text.ok_or_else(|| damaged("kindling did not write it".to_owned()))?;
        let history = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Unfinished { history, checkpoint: bytes.into() }))
    }

    pub fn keep_checkpoint(&self, history: &History, checkpoint: &[u8]) -> Result<(), Trouble> {
        let text = serde_json::to_string(history).map_err(|error| Trouble::new(error.to_string()))?;
        let bytes = weights::with_text(checkpoint, HISTORY_KEY, &text).and_then(|bytes| weights::with_checksum(&bytes));
        let bytes = bytes.map_err(|error| Trouble::new(error.to_string()))?;
        Ok(block_on(self.store.write(CHECKPOINT, &bytes))?)
    }

    /// Stores a run's results, and then removes its checkpoint.
    pub fn keep_result(&self, run: &KeptRun, weights: Option<&[u8]>) -> Result<(), Trouble> {
        if let Some(bytes) = weights {
            let bytes = weights::with_run(bytes, run).and_then(|bytes| weights::with_checksum(&bytes));
            let bytes = bytes.map_err(|error| Trouble::new(error.to_string()))?;
            block_on(self.store.write(WEIGHTS, &bytes))?;
        }
        let network = &run.record.config.network.name;
        block_on(self.store.write(CURVES, run.curves.to_csv(network).as_bytes()))?;
        block_on(self.store.write(RUN, runs_to_file(std::slice::from_ref(run)).as_bytes()))?;
        Ok(block_on(self.store.remove(CHECKPOINT))?)
    }
}

/// A run's input, for which its classes have names.
pub fn input(path: &Path, run: &KeptRun) -> Result<NetworkInput, Trouble> {
    run.record.input.clone().ok_or_else(|| {
        let run = path.display();
        Trouble::new(format!("{run} lacks the names of its classes: export it again from this version of the page."))
    })
}

/// A run with its weights, from its folder or its file.
pub fn open(path: &Path) -> Result<(KeptRun, Bulk), Trouble> {
    let file = if path.is_dir() { path.join(WEIGHTS) } else { path.to_owned() };
    if path.is_dir() && !file.exists() {
        let way_out = if path.join(CHECKPOINT).exists() {
            "its run is unfinished: continue it with `kindling train --resume`"
        } else {
            "give a folder that `kindling train` wrote"
        };
        return Err(Trouble::new(format!("{} has no {WEIGHTS}: {way_out}.", path.display())));
    }
    match read(&file)? {
        Incoming::Trained(run, weights) => Ok((*run, weights)),
        Incoming::Config(_) | Incoming::Runs(_) => Err(Trouble::new(format!(
            "{} has no weights: export the run with its weights from the page, or train it with `kindling train`.",
            file.display()
        ))),
    }
}

/// Reads any file that the page or kindling writes.
pub fn read(file: &Path) -> Result<Incoming, Trouble> {
    let bytes = read_bytes(file)?;
    let incoming = parse_file(&bytes).and_then(|incoming| {
        if let Incoming::Trained(_, weights) = &incoming {
            weights::check(weights).map_err(|error| Refusal::NotWeights(error.to_string()))?;
        }
        Ok(incoming)
    });
    incoming.map_err(|refusal| match (&refusal, other_use(&bytes)) {
        (Refusal::NotJson(_), Some(other_use)) => Trouble::new(format!("{} {other_use}.", file.display())),
        _ => refused(file, &refusal),
    })
}

/// What to do with a file that is no run.
fn other_use(bytes: &[u8]) -> Option<&'static str> {
    if decode(bytes).is_ok() {
        Some("is an image and no run: `kindling predict RUN IMAGES` classifies it")
    } else if std::str::from_utf8(bytes).is_err() {
        Some("is damaged, or no run: `kindling import` makes one of a network in ONNX or of an export for PyTorch")
    } else {
        None
    }
}

/// The bytes of a file that is not too long to be a run.
pub fn read_bytes(file: &Path) -> Result<Vec<u8>, Trouble> {
    let bytes = match fs::metadata(file) {
        Ok(metadata) if metadata.len() > FILE_LIMIT_BYTES as u64 => {
            return Err(refused(file, &Refusal::TooLong { limit_bytes: FILE_LIMIT_BYTES }));
        }
        Ok(_) => fs::read(file),
        Err(error) => Err(error),
    };
    bytes.map_err(|error| Trouble::new(format!("{} cannot be read ({error}): check its name.", file.display())))
}

fn refused(file: &Path, refusal: &Refusal) -> Trouble {
    let why = match refusal {
        Refusal::TooLong { limit_bytes } => format!("it is longer than {limit_bytes} bytes"),
        Refusal::NotJson(detail) => format!("it is not JSON: {detail}"),
        Refusal::NotConfig(detail) => format!("it is not the config of a run: {detail}"),
        Refusal::NotRun { place, detail } => format!("its run {place} is not a Kindling run: {detail}"),
        Refusal::TooManyRuns { limit } => format!("it has more than {limit} runs"),
        Refusal::NotWeights(detail) => format!("it holds no whole run of Kindling: {detail}"),
        Refusal::NotText | Refusal::NotBase64 | Refusal::Unreadable => "it is damaged".to_owned(),
    };
    Trouble::new(format!("{} cannot be used ({why}): export or train it again.", file.display()))
}
