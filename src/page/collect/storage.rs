//! Projects in the browser's database: each image is a record and a file of its own, so that a save costs what is new, and tabs do not overwrite one
//! another's images. The files are blobs: the browser reads them when they are shown or imported.

use wasm_bindgen::JsCast;
use web_sys::Blob;

use super::intake::Fresh;
use super::project::{ImageRecord, Project};
use crate::page::database::{IMAGE_FILES, IMAGES, PROJECTS, Records, Trouble, read, written};

/// Values in one transaction: enough to be quick, few enough for a save to end soon.
pub const BATCH: usize = 64;

pub struct ProjectStorage(Records);

impl ProjectStorage {
    pub async fn open() -> Result<Self, Trouble> {
        Records::open().await.map(Self)
    }

    /// All projects, those included that were deleted a short while ago, the oldest first.
    pub async fn projects(&self) -> Result<Vec<Project>, Trouble> {
        let mut projects: Vec<Project> = self.0.all(PROJECTS).await?;
        projects.sort_by(|one, other| one.created_at.total_cmp(&other.created_at));
        Ok(projects)
    }

    pub async fn put_project(&self, project: &Project) -> Result<(), Trouble> {
        self.0.put(&project.id, &[(PROJECTS, written(project))]).await
    }

    /// Changes a project as it is stored now, which another tab may have changed. None if it is gone.
    pub async fn change_project(
        &self,
        id: &str,
        change: impl FnOnce(&mut Project),
    ) -> Result<Option<Project>, Trouble> {
        self.0.change(PROJECTS, id, change).await
    }

    /// The records of a project's images, in the order in which they were added.
    pub async fn images(&self, project: &str) -> Result<Vec<ImageRecord>, Trouble> {
        let values = self.0.all_below(IMAGES, &key(project, "")).await?;
        let mut images: Vec<ImageRecord> = values.iter().filter_map(|(_, value)| read(value)).collect();
        images.sort_by(|one, other| one.added_at.total_cmp(&other.added_at));
        Ok(images)
    }

    /// Stores images with their files. What is stored when this returns stays, whatever happens to the page.
    pub async fn keep(&self, project: &str, images: &[(ImageRecord, Fresh)]) -> Result<(), Trouble> {
        for batch in images.chunks(BATCH) {
            let values = batch.iter().flat_map(|(record, fresh)| {
                let key = key(project, &record.id);
                [(IMAGES, key.clone(), written(record)), (IMAGE_FILES, key, fresh.blob.clone().into())]
            });
            self.0.put_all(&values.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Stores records whose files are there.
    pub async fn put_records(&self, project: &str, images: &[ImageRecord]) -> Result<(), Trouble> {
        for batch in images.chunks(BATCH) {
            let values = batch.iter().map(|record| (IMAGES, key(project, &record.id), written(record)));
            self.0.put_all(&values.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    pub async fn file(&self, project: &str, id: &str) -> Result<Option<Blob>, Trouble> {
        let value = self.0.get(&[IMAGE_FILES], &key(project, id)).await?.pop().flatten();
        Ok(value.and_then(|value| value.dyn_into().ok()))
    }

    /// All files of a project by the ids of their images.
    pub async fn files(&self, project: &str) -> Result<Vec<(String, Blob)>, Trouble> {
        let start = key(project, "");
        let values = self.0.all_below(IMAGE_FILES, &start).await?;
        let file = |(key, value): (String, wasm_bindgen::JsValue)| {
            Some((key.strip_prefix(&start)?.to_owned(), value.dyn_into().ok()?))
        };
        Ok(values.into_iter().filter_map(file).collect())
    }

    /// Deletes images for good.
    pub async fn erase(&self, project: &str, ids: &[&str]) -> Result<(), Trouble> {
        let keys: Vec<String> = ids.iter().map(|id| key(project, id)).collect();
        for batch in keys.chunks(BATCH) {
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            self.0.delete_all(&[IMAGES, IMAGE_FILES], &batch).await?;
        }
        Ok(())
    }

    /// Deletes a project for good.
    pub async fn erase_project(&self, project: &str) -> Result<(), Trouble> {
        let images = self.images(project).await?;
        self.erase(project, &images.iter().map(|image| image.id.as_str()).collect::<Vec<_>>()).await?;
        self.0.delete(&[PROJECTS], project).await
    }
}

fn key(project: &str, image: &str) -> String {
    format!("{project}/{image}")
}
