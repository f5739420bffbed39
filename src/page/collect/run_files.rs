//! The runs that a project's images were trained in travel with it: all of them as JSON, and each with weights as a safetensors file that other tools
//! read, with the run in its metadata.

use super::archive::{Opened, Writing};
use super::project::Project;
use crate::page::runs::Runs;
use crate::page::runs::import::Import;
use kindling_core::runs::incoming::{Incoming, parse_file, runs_to_file};

/// All runs, without their weights.
const NAME: &str = "runs.json";

/// The folder of runs with weights.
const FOLDER: &str = "runs/";

pub const WEIGHTS_ENDING: &str = ".safetensors";

/// Whether this may be the path of a file of runs, below a folder or not.
pub fn may_be_run(path: &str) -> bool {
    path.ends_with(NAME) || path.ends_with(WEIGHTS_ENDING)
}

/// Whether this is the path of a file of runs, beside the manifest.
pub fn is_run_name(path: &str) -> bool {
    let is_weights = |name: &str| name.ends_with(WEIGHTS_ENDING) && !name.contains('/');
    path == NAME || path.strip_prefix(FOLDER).is_some_and(is_weights)
}

/// Writes the runs on datasets that the project became. None if the file cannot grow.
pub async fn write(writing: &mut Writing, project: &Project, runs: Runs) -> Option<()> {
    let mut found = runs.all().await;
    found.retain(|run| project.uses.iter().any(|used| used.dataset == run.record.config.dataset));
    if found.is_empty() {
        return Some(());
    }
    writing.add(NAME, runs_to_file(&found).as_bytes())?;
    for run in found.iter().filter(|run| run.record.weights_bytes.is_some()) {
        // Weights that are no longer there are left out.
        if let Some(file) = runs.with_weights(&run.record.id).await {
            writing.add(&format!("{FOLDER}{}{WEIGHTS_ENDING}", run.record.id), &file)?;
        }
    }
    Some(())
}

/// Keeps the runs of a project file. Files that are no runs are left out: the images are there all the same.
pub async fn read(opened: &Opened, runs: Runs) {
    runs.loaded().await;
    let mut import = Import::default();
    for place in 0..opened.n_runs() {
        let Some(bytes) = opened.run_bytes(place).await else { continue };
        match parse_file(&bytes) {
            Ok(Incoming::Trained(run, weights)) => runs.keep_trained(*run, weights, &mut import),
            Ok(Incoming::Runs(found)) => runs.keep_records(found, &mut import),
            Ok(Incoming::Config(_)) | Err(_) => {}
        }
    }
    if !import.is_empty() {
        runs.tell_imported(import);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_lie_beside_the_manifest() {
        assert!(is_run_name("runs.json") && is_run_name("runs/0198-ab.safetensors"));
        for other in ["cat/runs.json", "runs/a/b.safetensors", "runs/", "runs/a.png", "weights.safetensors"] {
            assert!(!is_run_name(other), "{other}");
        }
        assert!(may_be_run("pets/runs.json") && may_be_run("pets/runs/a.safetensors") && !may_be_run("a.zip"));
    }
}
