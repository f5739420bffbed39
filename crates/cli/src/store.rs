//! Records as files in a folder, each written completely or not at all.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use kindling_session::{Store, StoreError};

use crate::trouble::reason;

/// Suffix of a file that is being written.
const UNFINISHED: &str = ".part";

/// A folder that is created when the first record is written.
#[derive(Clone, Debug)]
pub struct FolderStore {
    folder: PathBuf,
}

impl FolderStore {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces a file atomically: a reader sees the old or the new one, even after a power cut.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let unfinished = self.path(&format!("{name}{UNFINISHED}"));
        let written = write_all(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, self.path(name)));
        if written.is_err() {
            // What there is of it would only fill a full disk.
            fs::remove_file(unfinished).ok();
        }
        written
    }

    fn file_names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && !name.ends_with(UNFINISHED) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn failed(&self, name: &str, error: &io::Error) -> StoreError {
        StoreError(format!("{}: {}", self.path(name).display(), reason(error)))
    }
}

fn write_all(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl Store for FolderStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.replace(name, bytes).map_err(|error| self.failed(name, &error))
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(name, &error)),
            _ => Ok(()),
        }
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.file_names() {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("", &error)),
            names => Ok(names.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;

    #[test]
    fn records_come_go_and_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path().join("made/later"));
        block_on(async {
            assert_eq!(store.names().await, Ok(vec![]));
            assert_eq!(store.read("a.json").await, Ok(None));
            store.write("a.json", b"one").await.unwrap();
            store.write("a.json", b"two").await.unwrap();
            assert_eq!(store.read("a.json").await, Ok(Some(b"two".to_vec())));
            assert_eq!(store.names().await, Ok(vec!["a.json".to_owned()]));
            store.remove("a.json").await.unwrap();
            store.remove("a.json").await.unwrap();
            assert_eq!(store.names().await, Ok(vec![]));
        });
    }

    #[test]
    fn what_cannot_be_written_says_where() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = FolderStore::new(file.path());
        let error = block_on(store.write("a.json", b"")).unwrap_err();
        assert!(error.0.contains("a.json"), "{error}");
    }
}
