//! New images for a class: frames of a burst, drawings, files. Each is stored before it is shown.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use web_sys::{File, Url};

use super::collector::{Collector, News, Problem, Refused, RefusedWhy, now};
use super::intake::{self, Fresh};
use super::many::Waiting;
use super::project::{IMAGES_LIMIT, ImageRecord, Project, Source, UNLABELED};
use super::room;
use super::storage::ProjectStorage;
use super::tabs;
use super::undo::Undo;
use crate::page::database::{Trouble, unique_id};
use kindling_core::protocol::SplitName;

/// Refused files that are listed.
pub const REFUSED_LIMIT: usize = 200;

/// An image with what is known of it besides its file.
#[derive(Clone, Debug)]
pub struct NewImage {
    pub fresh: Fresh,
    pub source: Source,
    pub group: Option<String>,
    pub name: String,
    pub added_at: f64,
    pub is_confirmed: bool,
    pub is_pseudo: bool,
    pub asked_at: Option<f64>,
    /// The split that it came in.
    pub split: Option<SplitName>,
}

/// Where new images go.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub project: &'a str,
    /// Id of the class.
    pub class: &'a str,
    /// The split that they come in; none if it is drawn.
    pub split: Option<SplitName>,
}

/// A copy of a new image that is in the project already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Name of its class; empty of one without a label.
    pub class: String,
    pub split: Option<SplitName>,
}

impl NewImage {
    pub fn new(fresh: Fresh, source: Source) -> Self {
        Self {
            fresh,
            source,
            group: None,
            name: String::new(),
            added_at: now(),
            is_confirmed: false,
            is_pseudo: false,
            asked_at: None,
            split: None,
        }
    }

    pub fn of_frame(fresh: Fresh, burst: &str) -> Self {
        Self { group: Some(burst.to_owned()), ..Self::new(fresh, Source::Webcam) }
    }

    /// `path` is that of the visitor's file.
    pub fn of_file(fresh: Fresh, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default().chars().take(200).collect();
        Self { name, ..Self::new(fresh, Source::File) }
    }

    fn record(&self, class: &str) -> ImageRecord {
        ImageRecord {
            id: self.fresh.id.clone(),
            class: class.to_owned(),
            kind: self.fresh.kind,
            bytes: self.fresh.bytes(),
            added_at: self.added_at,
            source: self.source,
            group: self.group.clone(),
            name: self.name.clone(),
            deleted_at: None,
            is_confirmed: self.is_confirmed,
            is_pseudo: self.is_pseudo,
            asked_at: self.asked_at,
            split: self.split,
        }
    }
}

/// The name of a new burst.
pub fn new_burst() -> String {
    unique_id()
}

impl Collector {
    /// Stores an image, and shows it if its project is open. Returns its copy, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Collector::add_all`].
    pub async fn add(self, project: &str, class: &str, image: NewImage) -> Result<Option<Twin>, Problem> {
        let there = self.add_all(project, vec![(class.to_owned(), image)]).await?;
        Ok(there.into_iter().next().flatten())
    }

    /// Stores images, each for the class with this id, at once, and shows them if their project is open. Returns for each its copy that is there already, if
    /// there is one.
    ///
    /// # Errors
    ///
    /// If the project or a class is gone, the project is full, or the storage is. Then none is stored.
    pub async fn add_all(self, project: &str, images: Vec<(String, NewImage)>) -> Result<Vec<Option<Twin>>, Problem> {
        let found = self.find(project).ok_or(Problem::Gone)?;
        for (class, _) in images.iter().filter(|(class, _)| class != UNLABELED) {
            found.class(class).ok_or(Problem::Gone)?;
        }
        let (n_images, mut known) = {
            let ids: BTreeSet<&str> = images.iter().map(|(_, image)| image.fresh.id.as_str()).collect();
            // An image of a deleted class is nobody's.
            let known = |there: &[ImageRecord]| {
                let copies = there.iter().filter(|image| ids.contains(image.id.as_str()));
                let twin =
                    |image: &ImageRecord| Some(Twin { class: class_name(&found, &image.class)?, split: image.split });
                let twins = copies.filter_map(|image| Some((image.id.clone(), twin(image)?)));
                (there.len(), twins.collect::<BTreeMap<_, _>>())
            };
            match self.is_open(project) {
                true => self.images.with_untracked(|there| known(there)),
                false => known(&self.images_of(project).await?),
            }
        };
        let (mut there, mut new) = (Vec::with_capacity(images.len()), Vec::new());
        for (class, image) in images {
            let copy = known.get(&image.fresh.id).cloned();
            if copy.is_none() {
                let twin = Twin { class: class_name(&found, &class).unwrap_or_default(), split: image.split };
                known.insert(image.fresh.id.clone(), twin);
                new.push((image.record(&class), image.fresh));
            }
            there.push(copy);
        }
        if n_images + new.len() > IMAGES_LIMIT {
            return Err(Problem::TooManyImages);
        }
        if new.is_empty() {
            return Ok(there);
        }
        self.keep(project, &new).await?;
        if self.is_open(project) {
            self.images.update(|images| {
                let ids: BTreeSet<&str> = new.iter().map(|(record, _)| record.id.as_str()).collect();
                images.retain(|image| !ids.contains(image.id.as_str()));
                images.extend(new.iter().map(|(record, _)| record.clone()));
            });
        }
        tabs::announce(Some(project), tabs::Event::Changed);
        if n_images == 0 {
            room::ask_to_keep().await;
        }
        Ok(there)
    }

    /// Adds an image by itself, and tells. Returns whether it was added: it may be there already, which is listed.
    ///
    /// # Errors
    ///
    /// As [`Collector::add`].
    pub async fn add_one(self, project: &str, class: &str, image: NewImage) -> Result<bool, Problem> {
        let (id, file, split) = (image.fresh.id.clone(), image.name.clone(), image.split);
        let there = self.add(project, class, image).await?;
        if let Some(twin) = there {
            self.refused.set(vec![Refused { file, why: RefusedWhy::of_copy(twin, split) }]);
            return Ok(false);
        }
        let name = self.find(project).and_then(|it| it.class(class).map(|class| class.name.clone()));
        let undo = Undo::Remove { project: project.to_owned(), images: vec![id] };
        self.remember(undo, News::Added { count: 1, class: name.unwrap_or_default() });
        Ok(true)
    }

    /// The object URL of an image's file in the open project. The caller revokes it.
    pub async fn address_of(self, image: &str) -> Option<String> {
        let project = self.open.get_untracked()?;
        let file = ProjectStorage::open().await.ok()?.file(&project, image).await.ok()??;
        Url::create_object_url_with_blob(&file).ok()
    }

    /// Stores images. If the storage is full, what was deleted goes for good.
    async fn keep(self, project: &str, images: &[(ImageRecord, Fresh)]) -> Result<(), Problem> {
        let storage = ProjectStorage::open().await?;
        match storage.keep(project, images).await {
            Err(Trouble::Full) => {
                self.sweep(project, &storage).await?;
                Ok(storage.keep(project, images).await?)
            }
            result => Ok(result?),
        }
    }

    /// Deletes for good what was deleted, which can no longer be undone.
    async fn sweep(self, project: &str, storage: &ProjectStorage) -> Result<(), Problem> {
        let images = storage.images(project).await?;
        let gone: Vec<&str> = images.iter().filter(|image| !image.is_there()).map(|image| image.id.as_str()).collect();
        storage.erase(project, &gone).await?;
        self.undo.set(Vec::new());
        Ok(())
    }

    /// Adds files to a class, a few at a time, and lists those that are not added. Returns how many were.
    ///
    /// # Errors
    ///
    /// As [`Collector::add_all`]; what was added before stays.
    pub async fn add_files(self, to: Destination<'_>, files: Vec<(String, File)>) -> Result<usize, Problem> {
        let Destination { project, class, split } = to;
        let waiting = files.into_iter().map(|(name, source)| Waiting { name, class: class.to_owned(), source });
        let read = async |file: &Waiting<File>| {
            let fresh = intake::of_file(&file.source).await?;
            Ok(NewImage { split, ..NewImage::of_file(fresh, &file.name) })
        };
        let (ids, result) = self.add_many(project, waiting.collect(), read).await;
        let count = ids.len();
        if count > 0 {
            let name = self.find(project).and_then(|project| class_name(&project, class));
            let undo = Undo::Remove { project: project.to_owned(), images: ids };
            self.remember(undo, News::Added { count, class: name.unwrap_or_default() });
        }
        result.map(|()| count)
    }
}

/// The name of a class that is not deleted; none of images without a label.
fn class_name(project: &Project, class: &str) -> Option<String> {
    project.class(class).map(|class| class.name.clone())
}
