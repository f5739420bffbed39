//! The name and the id of a dataset of files.

use sha2::{Digest, Sha256};

use super::class_names::is_class_names;
use super::files::is_hidden;
use super::image_folder::packed::stem;
use super::reading::Reading;

/// The prefix of the ids of datasets from the visitor's files, and the name of those that have no other.
pub const FILES: &str = "files";

/// The name of a dataset from files: that of the folder which all of them lie in, or what the files are called alike.
pub fn files_name<'f>(paths: impl Iterator<Item = &'f str>) -> String {
    let paths: Vec<&str> = paths.filter(|path| !is_hidden(path)).collect();
    let folder = shared_folder(&paths);
    folder.or_else(|| shared_name(&paths)).unwrap_or(FILES).to_owned()
}

/// The words that the names of all files begin with, up to the first that only says what is in a file: `emnist-digits` of
/// `emnist-digits-train-images-idx3-ubyte` and `emnist-digits-test-images-idx3-ubyte`. All of the name of an only file that has more to say.
fn shared_name<'f>(paths: &[&'f str]) -> Option<&'f str> {
    const CONTENTS: [&str; 13] = [
        "train",
        "training",
        "test",
        "testing",
        "t10k",
        "val",
        "valid",
        "validation",
        "images",
        "imgs",
        "labels",
        "data",
        "batch",
    ];
    let is_content = |word: &str| CONTENTS.contains(&word.to_ascii_lowercase().as_str());
    let words = |name: &'f str| name.split(['-', '_', '.', ' ']).take_while(|word| !is_content(word));
    let mut names = paths.iter().copied().filter(|path| !is_class_names(path)).map(stem);
    let first = names.next()?;
    let n_shared = names.clone().fold(words(first).count(), |n_shared, name| {
        words(first).zip(words(name)).take(n_shared).take_while(|(word, other)| word == other).count()
    });
    if names.next().is_none() {
        return first.split('.').next().is_some_and(|start| !is_content(start)).then_some(first);
    }
    let n_bytes: usize = words(first).take(n_shared).map(|word| word.len() + 1).sum();
    first.get(..n_bytes.checked_sub(1)?).filter(|name| !name.is_empty())
}

/// The first folder of the paths, if it is the same for all.
fn shared_folder<'f>(paths: &[&'f str]) -> Option<&'f str> {
    let folder = |path: &&'f str| path.split_once('/').map(|(folder, _)| folder);
    let first = paths.first().and_then(folder)?;
    paths.iter().all(|path| folder(path) == Some(first)).then_some(first)
}

/// An id such as `files-3f9a1c07`, from a hash of names and contents: the same files have the same id, in any order, and whatever the folder is
/// called that they lie in.
pub fn files_id(files: &[(String, Vec<u8>)], reading: &Reading) -> String {
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let n_shared = shared_folder(&paths).map_or(0, |folder| folder.len() + 1);
    let mut files: Vec<_> = files.iter().map(|(path, bytes)| (path.get(n_shared..).unwrap_or(path), bytes)).collect();
    files.sort();
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    // The same files read otherwise are another dataset.
    if let Some(turn) = reading.turn {
        hash.update([b'T', turn.quarters, turn.is_mirrored.into()]);
    }
    if reading.is_coarse {
        hash.update(b"coarse");
    }
    let short: String = hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{FILES}-{short}")
}
