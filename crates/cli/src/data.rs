//! Finds a dataset by its path: the folder of a served one, files, or a folder with files, however deep they lie.

use std::fs;
use std::path::{Path, PathBuf};

use kindling_core::dataset::files::is_hidden;
use kindling_core::dataset::{ImageReading, Reading};
use kindling_core::protocol::{DatasetFile, DatasetSource};

use crate::platform::{FILE, SERVED};
use crate::trouble::Trouble;

const DESCRIPTION: &str = "dataset.json";

/// A link may lead back to a folder above it.
const DEPTH_LIMIT: u32 = 16;

/// Where a dataset's files are.
#[derive(Debug)]
pub struct Data {
    pub source: DatasetSource,
    /// The folder of a served dataset.
    pub folder: PathBuf,
}

impl Data {
    pub fn find(paths: &[PathBuf], images: ImageReading) -> Result<Self, Trouble> {
        let reading = Reading { images, ..Reading::default() };
        if let [folder] = paths
            && folder.join(DESCRIPTION).is_file()
        {
            let source = DatasetSource::Served { id: served_id(folder)?, base: SERVED.to_owned() };
            return Ok(Self { source, folder: folder.clone() });
        }
        let mut files = Vec::new();
        for path in paths {
            let whole = path.canonicalize().map_err(|error| unreadable(path, &error))?;
            // `.` and `..` have no name of their own.
            let name = name(if path.file_name().is_some() { path } else { &whole });
            // A hidden folder that was asked for by name is not skipped.
            walk(path, name.trim_start_matches('.').to_owned(), 0, &mut files)?;
        }
        Ok(Self { source: DatasetSource::Files { files, reading }, folder: PathBuf::new() })
    }
}

/// Read from its description, since the folder may have been renamed.
fn served_id(folder: &Path) -> Result<String, Trouble> {
    let path = folder.join(DESCRIPTION);
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    let description: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let id = description.as_ref().and_then(|description| description.get("id")?.as_str());
    id.map(str::to_owned)
        .ok_or_else(|| Trouble::new(format!("{} has no id: get the dataset's folder again.", path.display())))
}

/// Adds a file, or those of a folder, by their paths from the folder on.
fn walk(path: &Path, name_there: String, depth: u32, files: &mut Vec<DatasetFile>) -> Result<(), Trouble> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        files.push(DatasetFile {
            name: name_there,
            url: format!("{FILE}{}", path.display()),
            size_bytes: metadata.len(),
            unit: None,
            is_pseudo: false,
            split: None,
        });
        return Ok(());
    }
    if depth > DEPTH_LIMIT {
        return Err(Trouble::new(format!("{} lies too deep: check --data.", path.display())));
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut inside: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    inside.sort();
    for path in inside.iter().filter(|path| !is_hidden(&name(path))) {
        walk(path, format!("{name_there}/{}", name(path)), depth + 1, files)?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(format!("{} cannot be read ({error}): check --data.", path.display()))
}
