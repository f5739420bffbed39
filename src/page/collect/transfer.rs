//! A project goes out as one file, and comes in again, into this browser or another.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use js_sys::Uint8Array;
use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use super::adding::NewImage;
use super::archive::{self, Entry, Opened, Writing};
use super::collector::{Collector, News, Problem, now};
use super::intake;
use super::manifest::{self, ArchiveTrouble, Details};
use super::many::Waiting;
use super::project::{Class, ImageRecord, Project, UNLABELED, clean_name};
use super::run_files;
use super::storage::ProjectStorage;
use super::undo::Undo;
use crate::page::database::{Trouble, unique_id};
use crate::page::download;
use crate::page::runs::Runs;
use kindling_core::dataset::image_folder::{Item, Layout, LeftOutReason};
use kindling_core::protocol::SplitName;

impl Collector {
    /// Writes a project with all of its images and the runs on them as one file.
    ///
    /// # Errors
    ///
    /// If the project is gone, cannot be read, or the browser cannot hold the file.
    pub async fn export(self, id: &str, runs: Runs) -> Result<Blob, Problem> {
        let project = self.find(id).ok_or(Problem::Gone)?;
        let images = self.images_of(id).await?;
        let storage = ProjectStorage::open().await?;
        let files: BTreeMap<String, Blob> = storage.files(id).await?.into_iter().collect();
        let tray =
            Class { id: UNLABELED.to_owned(), name: "unlabeled".to_owned(), color: 0, is_off: true, deleted_at: None };
        let folder =
            |image: &ImageRecord| if image.class == UNLABELED { Some(&tray) } else { project.class(&image.class) };
        let kept: Vec<(&Class, &ImageRecord)> = images
            .iter()
            .filter(|image| files.contains_key(&image.id))
            .filter_map(|image| Some((folder(image)?, image)))
            .collect();
        let unwritten = || Problem::Storage(Trouble::Full);
        let mut writing = Writing::new();
        let text = manifest::write(&project, &kept);
        writing.add(manifest::NAME, text.as_bytes()).ok_or_else(unwritten)?;
        for (class, image) in kept {
            let Some(blob) = files.get(&image.id) else { continue };
            let buffer = JsFuture::from(blob.array_buffer()).await;
            let buffer = buffer.map_err(|_| Problem::Storage(Trouble::Refused("a file cannot be read".to_owned())))?;
            let bytes = Uint8Array::new(&buffer).to_vec();
            writing.add(&manifest::path(class, image), &bytes).ok_or_else(unwritten)?;
        }
        run_files::write(&mut writing, &project, runs).await.ok_or_else(unwritten)?;
        writing.finish().ok_or_else(unwritten)
    }

    /// Exports a project and saves the file.
    pub async fn save(self, id: &str, runs: Runs) -> Result<(), Problem> {
        let name = self.find(id).ok_or(Problem::Gone)?.name;
        let blob = self.export(id, runs).await?;
        download::save_blob(&download::file_name(&name, "zip"), &blob);
        self.news.set(Some(News::Exported));
        Ok(())
    }

    /// Makes a project of a file: of an exported one, with its runs, or of any zip with one folder of images per class. Returns its id.
    ///
    /// # Errors
    ///
    /// If the file is refused or the project cannot be stored. Images that are damaged or no images are left out and listed.
    pub async fn import(self, file: &Blob, file_name: &str, runs: Runs) -> Result<String, Problem> {
        let opened = archive::open(file).await.map_err(Problem::Archive)?;
        let plan = Plan::of(&opened, file_name).map_err(Problem::Archive)?;
        let id = self.insert(plan.project.clone()).await?;
        let count = self.import_images(&id, &opened, plan).await?;
        // Without its images, a project has no use for them.
        run_files::read(&opened, runs).await;
        let name = self.find(&id).map(|project| project.name).unwrap_or_default();
        self.news.set(Some(News::Imported { name, count }));
        Ok(id)
    }

    /// Adds the images of a folder to a project: each of its sub-folders is a class, perhaps below `train`, `val` and `test`, which are then the splits of
    /// the images. Returns how many.
    ///
    /// # Errors
    ///
    /// If no image is in a folder of its class, there are too many classes, or as [`Collector::add_all`]; what was added before stays.
    pub async fn add_folder(self, id: &str, files: Vec<(String, File)>) -> Result<usize, Problem> {
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let layout = Layout::of(&paths, None).map_err(|_| Problem::Archive(ArchiveTrouble::NoImages))?;
        let mut classes = Ok(Vec::new());
        let add = |project: &mut Project| {
            classes = layout.classes.iter().map(|name| class_of(project, name)).collect::<Result<Vec<_>, _>>();
        };
        self.change(id, add).await?;
        let classes = classes.map_err(Problem::Archive)?;
        let waiting = held_out_first(&layout).into_iter().filter_map(|(item, split)| {
            let (name, file) = files.get(item.place)?;
            let class = classes.get(usize::from(item.class))?.clone();
            Some(Waiting { name: name.clone(), class, source: (file, split) })
        });
        let read = async |waiting: &Waiting<(&File, Option<SplitName>)>| {
            let (file, split) = waiting.source;
            Ok(NewImage { split, ..NewImage::of_file(intake::of_file(file).await?, &waiting.name) })
        };
        let (ids, result) = self.add_many(id, waiting.collect(), read).await;
        let count = ids.len();
        if count > 0 {
            let name = self.find(id).map(|project| project.name).unwrap_or_default();
            let undo = Undo::Remove { project: id.to_owned(), images: ids };
            self.remember(undo, News::Imported { name, count });
        }
        result.map(|()| count)
    }

    async fn import_images(self, project: &str, opened: &Opened, plan: Plan<'_>) -> Result<usize, Problem> {
        let Plan { project: planned, images } = plan;
        let waiting = images.into_iter().enumerate().map(|(number, (class, entry, details))| {
            // Without times of their own, the images keep the order of the file.
            let added_at = details.added_at.unwrap_or_else(|| planned.created_at + number as f64 / 1_000.0);
            Waiting { name: entry.path.clone(), class, source: (entry, details, added_at) }
        });
        let read = async |waiting: &Waiting<(&Entry, Details, f64)>| {
            let (entry, details, added_at) = &waiting.source;
            let Details { source, group, name, is_confirmed, is_pseudo, asked_at, split, .. } = details.clone();
            let fresh = read(opened, entry).await?;
            Ok(NewImage { fresh, source, group, name, added_at: *added_at, is_confirmed, is_pseudo, asked_at, split })
        };
        let (ids, result) = self.add_many(project, waiting.collect(), read).await;
        if self.is_open(project) {
            self.images.update(|images| images.sort_by(|one, other| one.added_at.total_cmp(&other.added_at)));
        }
        result.map(|()| ids.len())
    }
}

async fn read(opened: &Opened, entry: &Entry) -> Result<intake::Fresh, LeftOutReason> {
    let bytes = opened.bytes(entry).await.ok_or(LeftOutReason::Damaged)?;
    let blob = download::blob(download::BYTES, &bytes).map_err(|_| LeftOutReason::Unreadable)?;
    intake::of_bytes(&blob, &bytes).await
}

/// The project that a file becomes, and where its images go.
struct Plan<'a> {
    project: Project,
    /// Each with the id of its class.
    images: Vec<(String, &'a Entry, Details)>,
}

impl<'a> Plan<'a> {
    fn of(opened: &'a Opened, file_name: &str) -> Result<Self, ArchiveTrouble> {
        match &opened.manifest {
            Some(manifest) => Self::of_manifest(opened, manifest, file_name),
            None => Self::of_folders(opened, file_name),
        }
    }

    /// The classes are those of the manifest, and the folders that it does not name.
    fn of_manifest(opened: &'a Opened, manifest: &manifest::Manifest, file_name: &str) -> Result<Self, ArchiveTrouble> {
        let name = Some(manifest.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(file_name);
        let mut project = Project::new(unique_id(), name, manifest.created_at.unwrap_or_else(now));
        project.uses.clone_from(&manifest.uses);
        project.reviewed = manifest.reviewed;
        for class in &manifest.classes {
            let id = format!("{}-{}", project.id, project.classes.len());
            // Of two classes with one name, the first counts.
            if project.add_class(id.clone(), &class.name).is_ok() {
                project.change_class(&id, |it| (it.color, it.is_off) = (class.color, class.is_off));
            }
        }
        let mut images = Vec::new();
        for entry in &opened.images {
            let Some(path) = entry.path.strip_prefix(&opened.root) else { continue };
            let Some((folder, _)) = path.split_once('/') else { continue };
            let details = manifest.images.get(path).cloned().unwrap_or_default();
            let class = if details.is_unlabeled { UNLABELED.to_owned() } else { class_of(&mut project, folder)? };
            images.push((class, entry, details));
        }
        Self { project, images }.checked()
    }

    /// The classes are the folders, as when the file is dropped as a dataset.
    fn of_folders(opened: &'a Opened, file_name: &str) -> Result<Self, ArchiveTrouble> {
        let paths: Vec<String> = opened.images.iter().map(|entry| entry.path.clone()).collect();
        let layout = Layout::of(&paths, None).map_err(|_| ArchiveTrouble::NoImages)?;
        let mut project = Project::new(unique_id(), file_name, now());
        let mut images = Vec::new();
        for (item, split) in held_out_first(&layout) {
            let found = opened.images.get(item.place).zip(layout.classes.get(usize::from(item.class)));
            if let Some((entry, class)) = found {
                let details = Details { split, ..Details::default() };
                images.push((class_of(&mut project, class)?, entry, details));
            }
        }
        Self { project, images }.checked()
    }

    fn checked(self) -> Result<Self, ArchiveTrouble> {
        // A project without images is one, too, if it has classes.
        if self.project.classes.is_empty() { Err(ArchiveTrouble::NoImages) } else { Ok(self) }
    }
}

/// The images with the splits that they came in. Of copies, the first is kept: one that is held out is not to be trained on.
fn held_out_first(layout: &Layout) -> Vec<(Item, Option<SplitName>)> {
    let has_parts = layout.has_parts();
    let mut items: Vec<_> = layout.items.iter().map(|item| (*item, has_parts.then(|| item.part.into()))).collect();
    items.sort_by_key(|(_, split)| Reverse(*split));
    items
}

/// The id of the class with this name, which is added if there is none.
fn class_of(project: &mut Project, name: &str) -> Result<String, ArchiveTrouble> {
    let name = Some(clean_name(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "images".to_owned());
    if let Some(class) = project.live_classes().find(|class| class.name.to_lowercase() == name.to_lowercase()) {
        return Ok(class.id.clone());
    }
    let id = format!("{}-{}", project.id, project.classes.len());
    project.add_class(id.clone(), &name).map_err(|_| ArchiveTrouble::TooLarge)?;
    Ok(id)
}
