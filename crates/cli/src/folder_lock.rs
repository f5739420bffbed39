//! A lock on a folder: only one process at a time writes a run to it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// The locked file. It stays behind: removing it could let two processes lock two files of this name.
const LOCK: &str = "kindling.lock";

/// Holds the lock until it is dropped. The system releases it when the process ends, even by a crash.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Creates and locks the folder; none if another process holds the lock.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let file = File::create(folder.join(LOCK))?;
        match file.try_lock() {
            // Some network file systems have no locks: a run there goes without.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("run");
        let lock = FolderLock::take(&folder).unwrap().unwrap();
        assert!(FolderLock::take(&folder).unwrap().is_none());
        drop(lock);
        assert!(FolderLock::take(&folder).unwrap().is_some());
    }
}
