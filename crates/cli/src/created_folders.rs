//! Folders that a command makes for what it writes. Those in which nothing was written in the end are removed again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::trouble::Trouble;

/// The folders that this process made, the innermost first. When dropped, they are removed as far as they are empty.
#[derive(Debug)]
pub struct CreatedFolders(Vec<PathBuf>);

impl CreatedFolders {
    /// Creates a folder, and those that it lies in.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let created = Self(folder.ancestors().take_while(is_missing).map(Path::to_owned).collect());
        fs::create_dir_all(folder)?;
        Ok(created)
    }
}

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        // Fails at the first one that is not empty.
        self.0.iter().try_for_each(fs::remove_dir).ok();
    }
}

/// Fails if something else lies where the folder would be, or a folder that it lies in.
pub fn check_way(folder: &Path) -> Result<(), Trouble> {
    let refused =
        |path: &Path, why: &str| Err(Trouble::new(format!("{} {why}: choose another --out.", path.display())));
    match folder.ancestors().find(|path| path.exists() || path.is_symlink()) {
        Some(link) if !link.exists() => refused(link, "is a link that leads nowhere"),
        Some(file) if !file.is_dir() => refused(file, "is a file and no folder"),
        _ => Ok(()),
    }
}
