//! A lock on a folder: only one process at a time writes a run to it. What was made for a run that then does not begin is removed again.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::created_folders::CreatedFolders;

/// The locked file. Once there is something else in the folder, it stays behind.
const LOCK: &str = "kindling.lock";

/// So many processes in a row may remove the file between its opening and its locking.
const N_ATTEMPTS: u32 = 100;

/// Holds the lock until it is dropped. The system releases it when the process ends, even by a crash.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// Whether this process made the file.
    is_new: bool,
    _file: File,
    // Removed after the file in them.
    _created: CreatedFolders,
}

impl FolderLock {
    /// Creates and locks the folder; none if another process holds the lock.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        for _ in 0..N_ATTEMPTS {
            let created = CreatedFolders::create(folder)?;
            let path = folder.join(LOCK);
            let is_new = !path.exists();
            let file = File::create(&path)?;
            match file.try_lock() {
                // Some network file systems have no locks: a run there goes without.
                Ok(()) | Err(TryLockError::Error(_)) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
            }
            if is_at(&file, &path) {
                return Ok(Some(Self { folder: folder.to_owned(), is_new, _file: file, _created: created }));
            }
        }
        Ok(None)
    }

    /// Whether the folder holds nothing but the locked file.
    fn is_alone(&self) -> bool {
        let Ok(mut entries) = fs::read_dir(&self.folder) else { return false };
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Only while the lock is held: who opens the file meanwhile finds that it is gone, and tries again.
        if self.is_new && self.is_alone() {
            // A file that cannot be removed does no harm.
            fs::remove_file(self.folder.join(LOCK)).ok();
        }
    }
}

/// Whether the open file still lies at its path: the process that held the lock before may have removed it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(there)) => identity(file) == identity(there),
        _ => false,
    }
}

/// Elsewhere, a file that is open keeps its path.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
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

    #[test]
    fn only_what_was_made_for_nothing_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let outer = place.path().join("runs");
        let folder = outer.join("first");
        drop(FolderLock::take(&folder).unwrap().unwrap());
        assert!(!outer.exists());

        fs::create_dir_all(&outer).unwrap();
        drop(FolderLock::take(&folder).unwrap().unwrap());
        assert!(outer.exists() && !folder.exists());

        let lock = FolderLock::take(&folder).unwrap().unwrap();
        fs::write(folder.join("run.json"), "{}").unwrap();
        drop(lock);
        assert!(folder.join(LOCK).exists());
        // What was there before stays, also without a run.
        fs::remove_file(folder.join("run.json")).unwrap();
        drop(FolderLock::take(&folder).unwrap().unwrap());
        assert!(folder.join(LOCK).exists());
    }
}
