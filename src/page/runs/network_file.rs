//! Networks that come in from files: the exporter makes a network of them, and a kept run holds it.

use web_sys::File;

use super::Runs;
use crate::page::database::unique_id;
use crate::page::download;
use crate::page::exporter::asked;
use crate::page::state::RunState;
use kindling_core::config::{NetworkConfig, RunConfig};
use kindling_core::protocol::{
    Bulk, ExchangeAnswer, ExchangeRequest, Failure, FailureKind, ImageShape, ImportRequest, ImportedFile, Origin,
    Scaling,
};
use kindling_core::runs::incoming::{Incoming, Refusal, parse_file};
use kindling_core::runs::record::{ImportedNetwork, KeptRun, NetworkInput};

/// Whether a file's name is that of a network, or of an archive that may hold one.
pub fn may_hold_network(name: &str) -> bool {
    let name = name.to_lowercase();
    is_network(&name) || name.ends_with(".zip")
}

/// Whether a file's name is that of a network.
pub fn is_network(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".onnx") || name.ends_with(".safetensors")
}

/// The names and contents of files.
///
/// # Errors
///
/// As [`download::bytes`].
pub async fn read_all(files: &[File]) -> Result<Vec<(String, Bulk)>, Refusal> {
    let mut contents = Vec::with_capacity(files.len());
    for file in files {
        contents.push((file.name(), download::bytes(file).await?.into()));
    }
    Ok(contents)
}

impl Runs {
    /// Keeps the network of a file, or of the files of an archive, as a run and makes it the current one; the file may also be a run with its
    /// weights. Returns the run's id.
    ///
    /// # Errors
    ///
    /// `BadFile`, naming the node or the tensor because of which the file is refused; `NoDataset` if nothing here has such images and classes;
    /// `Canceled` while a run is under way; those of [`Runs::opened`].
    pub async fn import_any(self, files: Vec<(String, Bulk)>, scaling: Scaling) -> Result<String, Failure> {
        if self.store.run.with_untracked(RunState::is_active) {
            return Err(Failure::new(FailureKind::Canceled, "a run is under way: end it first"));
        }
        if let [(_, bytes)] = &files[..]
            && let Ok(Incoming::Trained(run, weights)) = parse_file(bytes)
        {
            return self.keep_and_open(*run, weights).await;
        }
        self.import_network(files, scaling).await
    }

    /// Keeps a run and opens it with the weights at hand, which the storage may not have yet. Returns its id.
    async fn keep_and_open(self, run: KeptRun, weights: Bulk) -> Result<String, Failure> {
        let gone = || Failure::new(FailureKind::NoNetwork, "this run did not come to an end of its own");
        let report = run.record.report().ok_or_else(gone)?;
        let id = run.record.id.clone();
        self.import_trained(run.clone(), weights.clone());
        self.recipe.dataset_for(&run.record.config, None).await?;
        self.recipe.take(run.record.config.clone());
        self.open(run, report, weights).await?;
        Ok(id)
    }

    /// The files are no run.
    async fn import_network(self, files: Vec<(String, Bulk)>, scaling: Scaling) -> Result<String, Failure> {
        let request = ExchangeRequest::Import(ImportRequest { files, scaling });
        let ExchangeAnswer::Imported(imported) = asked(&request).await? else {
            return Err(Failure::new(FailureKind::EngineCrashed, "the exporter exported instead"));
        };
        let ImportedFile { network, shape, classes, has_class_names, style, origin, weights, .. } = *imported;
        self.loaded().await;
        let names = has_class_names.then_some(&classes[..]);
        let origin = self.dataset_for_network(origin, shape, names, classes.len()).await?;
        let dataset = self.store.dataset.with_untracked(|dataset| dataset.current.clone());
        let dataset = dataset.ok_or_else(|| Failure::new(FailureKind::NoDataset, ""))?;
        // Without names of its own, the network is one of the dataset.
        let input = match has_class_names {
            true => NetworkInput { shape, classes, style },
            false => NetworkInput::new(&dataset),
        };
        let run = KeptRun::from(ImportedNetwork {
            id: unique_id(),
            imported_at: js_sys::Date::now(),
            network,
            input,
            dataset: origin.dataset,
            dataset_name: dataset.name.clone(),
            split: origin.split,
            environment: self.environment(),
        });
        self.keep_and_open(run, weights).await
    }

    /// Loads the dataset that a network is for: the one that it was trained on, or else one with such images and classes. `names` are those of its
    /// classes, where it has names.
    async fn dataset_for_network(
        self,
        origin: Option<Origin>,
        shape: ImageShape,
        names: Option<&[String]>,
        n_classes: usize,
    ) -> Result<Origin, Failure> {
        // Only the dataset and its split count.
        let config = |Origin { dataset, split }: &Origin| RunConfig {
            split: *split,
            ..RunConfig::new(dataset.clone(), NetworkConfig::new("", Vec::new()))
        };
        if let Some(origin) = origin {
            match self.recipe.dataset_for(&config(&origin), None).await {
                Ok(()) => return Ok(origin),
                Err(failure) if failure.kind != FailureKind::NoDataset => return Err(failure),
                Err(_) => {}
            }
        }
        let found = self.recipe.dataset_like(shape, names, n_classes).ok_or_else(|| {
            let ImageShape { channels, height, width } = shape;
            let detail = format!(
                "the network tells {n_classes} classes apart in images of {channels} x {height} x {width}: load such images first"
            );
            Failure::new(FailureKind::NoDataset, detail)
        })?;
        self.recipe.dataset_for(&config(&found), None).await?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_known_by_their_names() {
        assert!(is_network("a/B.ONNX") && is_network("model.safetensors") && !is_network("images.zip"));
        assert!(may_hold_network("net-safetensors.ZIP") && !may_hold_network("photo.png"));
    }
}
