//! Projects for programs: the methods of `window.kindling` that concern them, as plain data.

use leptos::prelude::GetUntracked;
use serde_json::{Value, json};
use web_sys::{Blob, File};

use super::adding::Destination;
use super::collector::{Collector, Problem, Refused, RefusedWhy};
use super::project::{ImageRecord, NameTrouble, Project, UNLABELED};
use super::video::FRAMES_PER_SECOND;
use crate::page::database::Trouble;
use crate::page::runs::Runs;
use kindling_core::protocol::{Failure, SplitName};

/// A problem as a name and a sentence, or as the engine's failure.
pub enum Refusal {
    Named(&'static str, String),
    Engine(Failure),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let (name, sentence) = match problem {
            Problem::Engine(failure) => return Self::Engine(failure),
            Problem::Storage(Trouble::Full) => ("StorageFull", "there is no storage left".to_owned()),
            Problem::Storage(Trouble::Refused(detail)) => ("StorageRefused", detail),
            Problem::Storage(Trouble::Unfetched) => {
                ("DownloadFailed", "a part of the page could not be fetched".to_owned())
            }
            Problem::Name(NameTrouble::Empty) => ("BadConfig", "a class needs a name without slashes".to_owned()),
            Problem::Name(NameTrouble::Taken) => ("BadConfig", "another class has this name".to_owned()),
            Problem::Name(NameTrouble::TooMany) => ("BadConfig", "there are too many classes".to_owned()),
            Problem::Gone => ("NoProject", "there is no such project or class".to_owned()),
            Problem::TooManyImages => ("BadConfig", "the project has as many images as it may have".to_owned()),
            Problem::Archive(trouble) => ("BadFile", format!("no project can be made of the file: {trouble:?}")),
        };
        Self::Named(name, sentence)
    }
}

/// Files for a class.
pub struct FilesOfClass {
    /// Its name; empty for images without a label.
    pub class: String,
    /// The split that they come in; none if it is drawn.
    pub split: Option<SplitName>,
    pub files: Vec<File>,
}

impl Collector {
    /// All projects with their classes and counts.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub async fn listed(self) -> Result<Value, Problem> {
        self.loaded().await?;
        let mut listed = Vec::new();
        for project in self.projects.get_untracked() {
            listed.push(described(&project, &self.images_of(&project.id).await?));
        }
        Ok(listed.into())
    }

    /// Adds files to the classes of a project by name, and makes classes that are not there.
    ///
    /// # Errors
    ///
    /// If the project is gone, a name is none, or the storage is full; what was added before stays.
    pub async fn add_by_class(self, id: &str, files: Vec<FilesOfClass>) -> Result<Value, Problem> {
        self.loaded().await?;
        self.show(Some(self.find(id).ok_or(Problem::Gone)?.id)).await?;
        let (mut added, mut refused) = (0, Vec::new());
        for FilesOfClass { class: name, split, files } in files {
            let known = self.find(id).and_then(|project| project.class_named(&name).map(|class| class.id.clone()));
            let class = match known {
                _ if name.is_empty() => UNLABELED.to_owned(),
                Some(class) => class,
                None => self.add_class(id, &name).await?,
            };
            let files = files.into_iter().map(|file| (file.name(), file)).collect();
            let to = Destination { project: id, class: &class, split };
            added += self.add_media(to, files, FRAMES_PER_SECOND).await?;
            refused.extend(self.refused.get_untracked().into_iter().map(refused_json));
        }
        Ok(json!({ "added": added, "leftOut": refused }))
    }

    /// As [`Collector::import`], once the projects are there. Returns the project's id.
    ///
    /// # Errors
    ///
    /// As [`Collector::import`].
    pub async fn import_file(self, file: &Blob, runs: Runs) -> Result<Value, Problem> {
        self.loaded().await?;
        Ok(json!(self.import(file, "project", runs).await?))
    }
}

fn described(project: &Project, images: &[ImageRecord]) -> Value {
    let classes = project.live_classes().map(|class| {
        let of_class = images.iter().filter(|image| image.class == class.id);
        json!({ "name": class.name, "images": of_class.count(), "isOff": class.is_off })
    });
    json!({
        "id": project.id, "name": project.name, "createdAt": project.created_at, "classes": classes.collect::<Vec<_>>(),
    })
}

fn split_word(split: SplitName) -> &'static str {
    match split {
        SplitName::Train => "training",
        SplitName::Validation => "validation",
        SplitName::Test => "test",
    }
}

fn refused_json(refused: Refused) -> Value {
    let reason = match refused.why {
        RefusedWhy::Bad(reason) => reason.to_string(),
        RefusedWhy::There(class) => format!("already in {class}"),
        RefusedWhy::Leak(class, split) => format!("already in {class}, where it came for {}", split_word(split)),
    };
    json!({ "file": refused.file, "reason": reason })
}
