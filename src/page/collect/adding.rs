//! New images for a class: frames of a burst, drawings, files. Each is stored before it is shown.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use leptos::prelude::*;
use web_sys::{File, Url};

use super::collector::{Adding, Collector, News, Problem, Refused, RefusedWhy, now};
use super::intake::{self, Fresh};
use super::project::{IMAGES_LIMIT, ImageRecord, Source, UNLABELED};
use super::room;
use super::storage::ProjectStorage;
use super::tabs;
use super::undo::Undo;
use crate::page::at_once::join;
use crate::page::database::{Trouble, unique_id};

/// Files that are decoded at the same time. A photo of 12 megapixels takes 48 MB.
const N_AT_ONCE: usize = 3;

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
}

impl NewImage {
    pub fn of_frame(fresh: Fresh, burst: &str) -> Self {
        Self { fresh, source: Source::Webcam, group: Some(burst.to_owned()), name: String::new(), added_at: now() }
    }

    pub fn of_drawing(fresh: Fresh) -> Self {
        Self { fresh, source: Source::Drawing, group: None, name: String::new(), added_at: now() }
    }
}

/// The name of a new burst.
pub fn new_burst() -> String {
    unique_id()
}

impl Collector {
    /// Stores an image, and shows it if its project is open. Returns the class that it is in already, if there is one.
    ///
    /// # Errors
    ///
    /// If the project or the class is gone, the project is full, or the storage is.
    pub async fn add(self, project: &str, class: &str, image: NewImage) -> Result<Option<String>, Problem> {
        let found = self.find(project).ok_or(Problem::Gone)?;
        if class != UNLABELED {
            found.class(class).ok_or(Problem::Gone)?;
        }
        let NewImage { fresh, source, group, name, added_at } = image;
        let look = |images: &[ImageRecord]| {
            let copy = images.iter().find(|other| other.id == fresh.id);
            // An image of a deleted class is nobody's.
            (images.len(), copy.and_then(|copy| found.class(&copy.class)).map(|class| class.name.clone()))
        };
        let (n_images, there) = match self.is_open(project) {
            true => self.images.with_untracked(|images| look(images)),
            false => look(&self.images_of(project).await?),
        };
        if n_images >= IMAGES_LIMIT {
            return Err(Problem::TooManyImages);
        }
        if there.is_some() {
            return Ok(there);
        }
        let record = ImageRecord {
            id: fresh.id.clone(),
            class: class.to_owned(),
            kind: fresh.kind,
            bytes: fresh.bytes(),
            added_at,
            source,
            group,
            name,
            deleted_at: None,
            is_confirmed: false,
        };
        self.keep(project, record.clone(), fresh).await?;
        if self.is_open(project) {
            self.images.update(|images| {
                images.retain(|image| image.id != record.id);
                images.push(record);
            });
        }
        tabs::announce(Some(project), tabs::Event::Changed);
        if n_images == 0 {
            room::ask_to_keep().await;
        }
        Ok(None)
    }

    /// Adds an image by itself, and tells. Returns whether it was added: it may be there already, which is listed.
    ///
    /// # Errors
    ///
    /// As [`Collector::add`].
    pub async fn add_one(self, project: &str, class: &str, image: NewImage) -> Result<bool, Problem> {
        let (id, file) = (image.fresh.id.clone(), image.name.clone());
        let there = self.add(project, class, image).await?;
        if let Some(class) = there {
            self.refused.set(vec![Refused { file, why: RefusedWhy::There(class) }]);
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

    /// Stores an image. If the storage is full, what was deleted goes for good.
    async fn keep(self, project: &str, record: ImageRecord, fresh: Fresh) -> Result<(), Problem> {
        let storage = ProjectStorage::open().await?;
        let image = [(record, fresh)];
        match storage.keep(project, &image).await {
            Err(Trouble::Full) => {
                self.sweep(project, &storage).await?;
                Ok(storage.keep(project, &image).await?)
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
    /// As [`Collector::add`]; what was added before stays.
    pub async fn add_files(self, project: &str, class: &str, files: Vec<(String, File)>) -> Result<usize, Problem> {
        let total = files.len();
        self.is_canceled.set_value(false);
        self.refused.set(Vec::new());
        self.adding.set(Some(Adding { done: 0, total }));
        let work =
            Rc::new(Work { files: RefCell::new(files.into()), ids: RefCell::default(), n_done: Cell::default() });
        let added = (0..N_AT_ONCE.min(total.max(1))).map(|_| self.add_next(project, class, work.clone()));
        let results = join(added.collect()).await;
        self.adding.set(None);
        self.measure();
        let ids = work.ids.take();
        let count = ids.len();
        let name = self.find(project).and_then(|project| project.class(class).map(|class| class.name.clone()));
        if count > 0 {
            let undo = Undo::Remove { project: project.to_owned(), images: ids };
            self.remember(undo, News::Added { count, class: name.unwrap_or_default() });
        }
        results.into_iter().collect::<Result<Vec<()>, Problem>>()?;
        Ok(count)
    }

    async fn add_next(self, project: &str, class: &str, work: Rc<Work>) -> Result<(), Problem> {
        loop {
            if self.is_canceled.get_value() {
                return Ok(());
            }
            let next = work.files.borrow_mut().pop_front();
            let Some((name, file)) = next else { return Ok(()) };
            let refused = match intake::of_file(&file).await {
                Ok(fresh) => {
                    let id = fresh.id.clone();
                    let short = name.rsplit('/').next().unwrap_or_default().chars().take(200).collect();
                    let image = NewImage { fresh, source: Source::File, group: None, name: short, added_at: now() };
                    let added = self.add(project, class, image).await;
                    if added.is_err() {
                        // The others would fail, too.
                        self.is_canceled.set_value(true);
                    }
                    let there = added?;
                    if there.is_none() {
                        work.ids.borrow_mut().push(id);
                    }
                    there.map(RefusedWhy::There)
                }
                Err(reason) => Some(RefusedWhy::Bad(reason)),
            };
            if let Some(why) = refused {
                self.refused.update(|refused| {
                    if refused.len() < REFUSED_LIMIT {
                        refused.push(Refused { file: name, why });
                    }
                });
            }
            let done = work.n_done.get() + 1;
            work.n_done.set(done);
            self.adding.update(|adding| {
                if let Some(adding) = adding {
                    adding.done = done;
                }
            });
        }
    }

    /// Ends the adding of files; those that are added stay.
    pub fn cancel_adding(self) {
        self.is_canceled.set_value(true);
    }
}

/// Files that wait, and what became of the others.
struct Work {
    files: RefCell<VecDeque<(String, File)>>,
    /// Ids of the images that were added.
    ids: RefCell<Vec<String>>,
    n_done: Cell<usize>,
}
