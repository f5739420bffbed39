//! The dataset that the engine holds, and the load in progress.

use std::sync::Arc;

use kindling_core::config::SplitConfig;
use kindling_core::protocol::{DatasetFile, DatasetSource, DatasetSummary, Failure};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetState {
    /// The dataset that the engine holds.
    pub current: Option<Arc<DatasetSummary>>,
    /// The source and the split of the current dataset, to load it again after a crash.
    pub origin: Option<(DatasetSource, SplitConfig)>,
    pub load: Load,
    /// Incremented each time a dataset is set: images and answers of an older version belong to another dataset.
    pub version: u32,
    /// The visitor's name for a dataset of files, by its id.
    pub given_name: Option<(String, String)>,
}

impl DatasetState {
    /// The name of a dataset from these files: the visitor's own, or that of their folder or file; None if they have neither in common.
    pub(super) fn name_of_files(&self, id: &str, files: &[DatasetFile]) -> Option<String> {
        let given = self.given_name.as_ref().filter(|(known, _)| known == id).map(|(_, name)| name.clone());
        given.or_else(|| common_name(files))
    }

    /// The first of the sample images, whose predictions are reported during training.
    pub fn first_sample(&self) -> Option<u32> {
        self.current.as_ref()?.samples.first().copied()
    }
}

/// The state of the latest load. The previous dataset stays current until a load succeeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Load {
    #[default]
    Idle,
    Loading {
        source: DatasetSource,
        split: SplitConfig,
        stage: LoadStage,
    },
    Failed {
        source: DatasetSource,
        failure: Failure,
    },
    Canceled,
}

impl Load {
    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoadStage {
    Asked,
    Downloading { received_bytes: u64, total_bytes: Option<u64>, bytes_per_second: f64 },
    Retrying { attempt: u32, attempts: u32, failure: Failure },
    Parsing,
}

/// The folder that all files lie in, or the name of the only file.
fn common_name(files: &[DatasetFile]) -> Option<String> {
    let (first, rest) = files.split_first()?;
    let name = match first.name.split_once('/') {
        Some((folder, _)) => {
            let is_inside = |file: &DatasetFile| file.name.split_once('/').is_some_and(|(other, _)| other == folder);
            rest.iter().all(is_inside).then_some(folder)?
        }
        None if rest.is_empty() => stem(&first.name),
        None => return None,
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// A file's name without its endings: `digits` for `digits.tar.gz`.
fn stem(file: &str) -> &str {
    const ENDINGS: [&str; 9] = [".gz", ".tar", ".tgz", ".zip", ".npz", ".npy", ".csv", ".tsv", ".bin"];
    let mut stem = file;
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], expected: Option<&str>) {
        let file = |name: &&str| DatasetFile { name: (*name).into(), url: String::new(), size_bytes: 1 };
        let files: Vec<_> = files.iter().map(file).collect();
        assert_eq!(common_name(&files).as_deref(), expected, "{files:?}");
    }

    #[test]
    fn files_are_named_after_their_folder_or_the_only_one_of_them() {
        check(&["birds/a.csv", "birds/more/b.csv"], Some("birds"));
        check(&["digits.tar.gz"], Some("digits"));
        check(&["kmnist.npz"], Some("kmnist"));
        check(&["leaves.2024.csv"], Some("leaves.2024"));
        check(&["birds/a.csv", "cats/b.csv"], None);
        check(&["birds/a.csv", "b.csv"], None);
        check(&["train.csv", "test.csv"], None);
        check(&[".csv"], None);
        check(&[], None);
    }

    #[test]
    fn the_visitor_s_name_counts_for_its_dataset_alone() {
        let dataset = DatasetState { given_name: Some(("files-1".into(), "Leaves".into())), ..DatasetState::default() };
        assert_eq!(dataset.name_of_files("files-1", &[]).as_deref(), Some("Leaves"));
        assert_eq!(dataset.name_of_files("files-2", &[]), None);
    }
}
