//! The one file that a command is asked to write: no other file is touched, and a reader sees all of it or nothing.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::created_folders::{CreatedFolders, check_way};
use crate::trouble::{Trouble, reason};

#[derive(Debug)]
pub struct OutputFile {
    /// As the user calls it.
    name: PathBuf,
    /// Where it is: for a link, what the link leads to.
    path: PathBuf,
    may_replace: bool,
}

impl OutputFile {
    /// Fails if it cannot be written, or if a file would be replaced that nobody asked to replace.
    pub fn new(name: &Path, may_replace: bool) -> Result<Self, Trouble> {
        let shown = name.display();
        let refused = |why: &str| Err(Trouble::new(format!("{shown} {why}.")));
        match fs::metadata(name) {
            Ok(there) if there.is_dir() => refused("is a folder: give the file to write with --out"),
            Ok(there) if !there.is_file() => refused("is a device or a pipe: give a file with --out"),
            Ok(_) if !may_replace => refused("exists: choose another --out, or replace it with --overwrite"),
            Err(_) if name.is_symlink() => refused("is a link that leads nowhere: choose another --out"),
            Err(_) if name.file_name().is_none() => refused("is no file: check --out"),
            Ok(_) | Err(_) => {
                check_way(folder_of(name))?;
                let path = fs::canonicalize(name).unwrap_or_else(|_| name.to_owned());
                Ok(Self { name: name.to_owned(), path, may_replace })
            }
        }
    }

    pub fn write(&self, bytes: &[u8]) -> Result<(), Trouble> {
        self.try_to_write(bytes).map_err(|error| {
            let (name, why) = (self.name.display(), reason(&error));
            Trouble::new(format!(
                "{name} cannot be written ({why}), and nothing of it is left behind: choose an --out in a writable folder with room."
            ))
        })
    }

    fn try_to_write(&self, bytes: &[u8]) -> io::Result<()> {
        let folder = folder_of(&self.path);
        // Dropped after the file in it.
        let _created = CreatedFolders::create(folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".kindling-");
        // As other programs write files, instead of for this user alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut unfinished = builder.tempfile_in(folder)?;
        unfinished.write_all(bytes)?;
        unfinished.as_file().sync_all()?;
        let kept = match self.may_replace {
            true => unfinished.persist(&self.path),
            false => unfinished.persist_noclobber(&self.path),
        };
        Ok(kept.map(drop)?)
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("made/later.onnx");
        let new = OutputFile::new(&path, false).unwrap();
        let other = OutputFile::new(&path, false).unwrap();
        new.write(b"one").unwrap();
        assert!(other.write(b"two").unwrap_err().to_string().contains("exists"));
        assert!(OutputFile::new(&path, false).unwrap_err().to_string().contains("--overwrite"));
        OutputFile::new(&path, true).unwrap().write(b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(place.path().join("made")).unwrap().count(), 1);
        assert!(OutputFile::new(place.path(), true).unwrap_err().to_string().contains("is a folder"));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let made = place.path().join("made");
        // No file system takes so long a name, which shows only when the file gets it.
        let file = OutputFile::new(&made.join("later").join("x".repeat(300)), false).unwrap();
        let sentence = file.write(b"bytes").unwrap_err().to_string();
        assert!(sentence.contains("nothing of it is left behind") && !made.exists(), "{sentence}");
        assert_eq!(reason(&io::ErrorKind::StorageFull.into()), "the disk is full");
        fs::write(&made, "a file").unwrap();
        assert!(OutputFile::new(&made.join("x"), true).unwrap_err().to_string().contains("is a file and no folder"));
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_devices_devices() {
        let place = tempfile::tempdir().unwrap();
        let [file, link, nowhere] = ["file", "link", "nowhere"].map(|name| place.path().join(name));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::os::unix::fs::symlink(place.path().join("gone"), &nowhere).unwrap();
        OutputFile::new(&link, true).unwrap().write(b"new").unwrap();
        assert!(link.is_symlink() && fs::read(&file).unwrap() == b"new");
        for path in [nowhere.clone(), nowhere.join("x")] {
            assert!(
                OutputFile::new(&path, true).unwrap_err().to_string().contains("nowhere is a link that leads nowhere")
            );
        }
        assert!(OutputFile::new(Path::new("/dev/null"), true).unwrap_err().to_string().contains("device"));
    }
}
