//! Finds a dataset by its path: the folder of a served one, files, or a folder of files.

use std::fs;
use std::path::{Path, PathBuf};

use kindling_core::dataset::Reading;
use kindling_core::dataset::files::is_hidden;
use kindling_core::protocol::{DatasetFile, DatasetSource};

use crate::platform::{FILE, SERVED};
use crate::trouble::Trouble;

const DESCRIPTION: &str = "dataset.json";

/// Where a dataset's files are.
#[derive(Debug)]
pub struct Data {
    pub source: DatasetSource,
    /// The folder of a served dataset.
    pub folder: PathBuf,
}

impl Data {
    pub fn find(paths: &[PathBuf]) -> Result<Self, Trouble> {
        if let [folder] = paths
            && folder.join(DESCRIPTION).is_file()
        {
            let source = DatasetSource::Served { id: served_id(folder)?, base: SERVED.to_owned() };
            return Ok(Self { source, folder: folder.clone() });
        }
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                let mut inside = plain_files(path)?;
                inside.sort();
                for path in inside {
                    files.push(file(&path)?);
                }
            } else {
                files.push(file(path)?);
            }
        }
        Ok(Self { source: DatasetSource::Files { files, reading: Reading::default() }, folder: PathBuf::new() })
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

fn plain_files(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    Ok(paths.filter(|path| path.is_file() && !is_hidden(&name(path))).collect())
}

fn file(path: &Path) -> Result<DatasetFile, Trouble> {
    let size_bytes = fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    Ok(DatasetFile { name: name(path), url: format!("{FILE}{}", path.display()), size_bytes })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(format!("{} cannot be read ({error}): check --data.", path.display()))
}
