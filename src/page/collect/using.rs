//! A project becomes the dataset, by the same path as files that are dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;

use super::collector::{Collector, News, Problem, now};
use super::intake::image_id;
use super::project::{ImageRecord, Project, Use, clean_name};
use super::splits::{images_in_use, units};
use super::storage::ProjectStorage;
use crate::page::object_urls;
use kindling_core::config::{RunConfig, SplitConfig};
use kindling_core::dataset::Reading;
use kindling_core::protocol::{DatasetFile, DatasetSource, DatasetSummary, Failure, FailureKind};

impl Collector {
    /// Loads the images of a project as the dataset.
    ///
    /// # Errors
    ///
    /// If the project is gone or cannot be read, or the engine cannot make a dataset of it.
    pub async fn use_project(
        self,
        id: &str,
        split: SplitConfig,
        reading: Reading,
    ) -> Result<Arc<DatasetSummary>, Problem> {
        self.use_images(id, split, reading, now()).await
    }

    /// Loads the images that were in the project at a time.
    async fn use_images(
        self,
        id: &str,
        split: SplitConfig,
        reading: Reading,
        at: f64,
    ) -> Result<Arc<DatasetSummary>, Problem> {
        let project = self.find(id).ok_or(Problem::Gone)?;
        let Files { files, hash } = self.files_of(&project, at).await?;
        let urls: Vec<String> = files.iter().map(|file| file.url.clone()).collect();
        let loaded = self.store.load_dataset(DatasetSource::Files { files, reading }, split).await;
        // The engine may read the files of the dataset at hand once more; those of the other dataset are not needed.
        let unused = match loaded {
            Ok(_) => self.urls.try_update_value(|before| std::mem::replace(before, urls)).unwrap_or_default(),
            Err(_) => urls,
        };
        object_urls::revoke(unused).await;
        let summary = loaded.map_err(Problem::Engine)?;
        self.used.set(Some((summary.id.clone(), id.to_owned())));
        let new = Use { dataset: summary.id.clone(), files: hash, reading, at: Some(at) };
        self.change(id, move |project| project.remember_use(new)).await?;
        let counts = summary.counts;
        let images = counts.train + counts.validation + counts.test;
        self.news.set(Some(News::Used { images, classes: summary.classes.len() }));
        Ok(summary)
    }

    /// The files of a project's images in use that were there at a time, with the paths that say their classes.
    async fn files_of(self, project: &Project, at: f64) -> Result<Files, Problem> {
        let storage = ProjectStorage::open().await?;
        let mut images = self.images_of(&project.id).await?;
        let files: BTreeMap<String, web_sys::Blob> = storage.files(&project.id).await?.into_iter().collect();
        images.retain(|image| image.added_at <= at && files.contains_key(&image.id));
        let used = images_in_use(project, &images);
        if used.is_empty() {
            return Err(Problem::Engine(Failure::new(FailureKind::TooFewImages, "the project has no images")));
        }
        let name =
            Some(clean_name(&project.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "images".to_owned());
        let units = units(&used);
        let paths: Vec<String> =
            used.iter().map(|(class, image)| format!("{name}/{}/{}", class.name, image.file_name())).collect();
        // Without the name of the project, which may change.
        let lines = paths.iter().zip(&units).zip(&used).filter_map(|((path, unit), (_, image))| {
            let unit = unit.map(|unit| format!(" {unit:x}")).unwrap_or_default();
            let split = image.split.map(|split| format!(" {split:?}")).unwrap_or_default();
            let pseudo = if image.is_pseudo { " pseudo" } else { "" };
            Some(format!("{}{unit}{split}{pseudo}", path.get(name.len()..)?))
        });
        let hash = image_id(lines.collect::<Vec<_>>().join("\n").as_bytes());
        let blobs: Vec<_> = used.iter().filter_map(|(_, image)| files.get(&image.id)).collect();
        let urls = object_urls::create(blobs.iter().copied()).await;
        let about = used.iter().zip(paths).zip(units);
        let files = about.zip(blobs.iter().zip(urls)).filter_map(|((((_, image), name), unit), (blob, url))| {
            let ImageRecord { is_pseudo, split, .. } = **image;
            Some(DatasetFile { name, url: url?, size_bytes: blob.size() as u64, unit, is_pseudo, split })
        });
        Ok(Files { files: files.collect(), hash })
    }

    /// The project that became the dataset at hand, tracked.
    pub fn project_of_dataset(self, dataset: &str) -> Option<String> {
        self.used.with(|used| used.as_ref().filter(|(used, _)| used == dataset).map(|(_, project)| project.clone()))
    }

    /// Loads the dataset of a run again from the project that it was made of. Returns whether there is one that still has the same images; those that
    /// came later are left out.
    ///
    /// # Errors
    ///
    /// If the projects cannot be read, or the engine fails.
    pub async fn restore_dataset(self, config: &RunConfig) -> Result<bool, Problem> {
        self.loaded().await?;
        let projects = self.projects.get_untracked();
        let used = projects.iter().rev().find_map(|project| {
            let used = project.uses.iter().find(|used| used.dataset == config.dataset);
            used.map(|used| (project.clone(), used.clone()))
        });
        let Some((project, used)) = used else { return Ok(false) };
        let at = used.at.unwrap_or_else(now);
        let Files { files, hash } = self.files_of(&project, at).await?;
        object_urls::revoke(files.into_iter().map(|file| file.url).collect()).await;
        if hash != used.files {
            return Ok(false);
        }
        let summary = self.use_images(&project.id, config.split, used.reading, at).await?;
        Ok(summary.id == config.dataset)
    }
}

/// What the engine gets of a project.
struct Files {
    files: Vec<DatasetFile>,
    /// Of paths, units and splits, see [`Use`].
    hash: String,
}
