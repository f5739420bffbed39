//! The projects at hand, and the one that is open: what the views show, and what they and programs can do with it. Whatever is shown was stored.

use std::cell::OnceCell;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::adding::Twin;
use super::facts::Facts;
use super::label_errors::Search;
use super::manifest::ArchiveTrouble;
use super::project::{Class, ImageRecord, NameTrouble, Project};
use super::room::Room;
use super::storage::ProjectStorage;
use super::tabs;
use super::undo::{UNDO_MS, Undo};
use crate::page::database::{Trouble, unique_id};
use crate::page::preferences;
use crate::page::store::Store;
use kindling_core::dataset::image_folder::LeftOutReason;
use kindling_core::protocol::{Failure, SplitName};

/// Where the id of the open project is remembered.
const OPEN_KEY: &str = "kindling.project";

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    Storage(Trouble),
    Name(NameTrouble),
    /// The project, its class or its image is no longer there.
    Gone,
    /// The project has as many images as it may have.
    TooManyImages,
    Archive(ArchiveTrouble),
    /// The engine could not make a dataset of it.
    Engine(Failure),
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::Storage(trouble)
    }
}

impl From<NameTrouble> for Problem {
    fn from(trouble: NameTrouble) -> Self {
        Self::Name(trouble)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    #[default]
    Unread,
    Done,
    /// The storage cannot be read; the problem says why.
    Failed,
}

/// What was done last.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Added { count: usize, class: String },
    Deleted { count: usize },
    ClassDeleted { name: String },
    ProjectDeleted { name: String },
    Moved { count: usize, class: String },
    Kept { class: String },
    PseudoLabeled { count: usize },
    TakenBack { count: usize },
    Undone,
    Used { images: u32, classes: usize },
    Exported,
    Imported { name: String, count: usize },
}

impl News {
    /// Whether an image was looked at once more: its label kept or changed, or the image deleted, or that taken back.
    pub fn is_about_labels(&self) -> bool {
        matches!(self, Self::Moved { .. } | Self::Kept { .. } | Self::Deleted { .. } | Self::Undone)
    }
}

/// Images on their way into the project.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adding {
    pub done: usize,
    pub total: usize,
    pub elapsed_ms: f64,
}

impl Adding {
    /// Images per second; 0 before there are any.
    pub fn rate(self) -> f64 {
        self.done as f64 * 1_000.0 / self.elapsed_ms.max(1.0)
    }
}

/// A file that was not added.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    pub file: String,
    pub why: RefusedWhy,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RefusedWhy {
    Bad(LeftOutReason),
    /// It is in this class already.
    There(String),
    /// It is in this class already, and came for another split than before.
    Leak(String, SplitName),
}

impl RefusedWhy {
    /// `split` is the one that the file came in.
    pub fn of_copy(Twin { class, split: of_twin }: Twin, split: Option<SplitName>) -> Self {
        match of_twin.filter(|of_twin| split.is_some_and(|split| split != *of_twin)) {
            Some(of_twin) => Self::Leak(class, of_twin),
            None => Self::There(class),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Collector {
    /// Those that are not deleted, the oldest first.
    pub projects: RwSignal<Vec<Project>>,
    /// Id of the open one.
    pub open: RwSignal<Option<String>>,
    /// The images of the open project, in the order in which they were added.
    pub images: RwSignal<Vec<ImageRecord>>,
    pub reading: RwSignal<Reading>,
    pub problem: RwSignal<Option<Problem>>,
    pub news: RwSignal<Option<News>>,
    pub adding: RwSignal<Option<Adding>>,
    pub refused: RwSignal<Vec<Refused>>,
    pub room: RwSignal<Option<Room>>,
    /// Whether another tab has the open project, too.
    pub is_elsewhere: RwSignal<bool>,
    /// The dataset that was made of a project last, with the project's id.
    pub used: RwSignal<Option<(String, String)>>,
    /// The search for label errors.
    pub search: RwSignal<Search>,
    /// What the engine says of the images.
    pub facts: Facts,
    pub(super) undo: RwSignal<Vec<Undo>>,
    pub(super) is_canceled: StoredValue<bool>,
    /// Object URLs of the files of the dataset in use.
    pub(super) urls: StoredValue<Vec<String>>,
    pub(super) store: Store,
}

thread_local! {
    /// One for the page, made when it is first needed, so that nothing of it is in the page's first part.
    static COLLECTOR: OnceCell<(Owner, Collector)> = const { OnceCell::new() };
}

/// The page's collector.
pub fn collector(store: Store) -> Collector {
    COLLECTOR.with(|cell| {
        let (_, collector) = cell.get_or_init(|| {
            // Views come and go; their signals would go with them.
            let before = Owner::current();
            let owner = Owner::new_root(None);
            let collector = owner.with(|| Collector::new(store));
            // A new root makes itself the current owner.
            match before {
                Some(before) => before.set(),
                None => owner.clone().unset(),
            }
            (owner, collector)
        });
        *collector
    })
}

impl Collector {
    fn new(store: Store) -> Self {
        let collector = Self {
            projects: RwSignal::default(),
            open: RwSignal::default(),
            images: RwSignal::default(),
            reading: RwSignal::default(),
            problem: RwSignal::default(),
            news: RwSignal::default(),
            adding: RwSignal::default(),
            refused: RwSignal::default(),
            room: RwSignal::default(),
            is_elsewhere: RwSignal::new(false),
            used: RwSignal::default(),
            search: RwSignal::default(),
            facts: Facts::default(),
            undo: RwSignal::default(),
            is_canceled: StoredValue::new(false),
            urls: StoredValue::default(),
            store,
        };
        tabs::listen(collector);
        collector
    }

    /// Waits until the stored projects are there.
    ///
    /// # Errors
    ///
    /// If the browser stores nothing for this page.
    pub async fn loaded(self) -> Result<(), Problem> {
        if self.reading.get_untracked() == Reading::Done {
            return Ok(());
        }
        let result = self.reread().await;
        self.reading.set(if result.is_ok() { Reading::Done } else { Reading::Failed });
        if let Err(problem) = &result {
            self.problem.set(Some(problem.clone()));
        }
        result
    }

    /// Reads what is stored, as another tab may have changed it. Deletes for good what was deleted long ago.
    pub(super) async fn reread(self) -> Result<(), Problem> {
        let storage = ProjectStorage::open().await?;
        let long_ago = now() - UNDO_MS;
        let (gone, mut projects): (Vec<_>, Vec<_>) = storage
            .projects()
            .await?
            .into_iter()
            .partition(|project| project.deleted_at.is_some_and(|at| at < long_ago));
        for project in gone {
            storage.erase_project(&project.id).await?;
        }
        projects.retain(|project| project.deleted_at.is_none());
        let wanted = self.open.get_untracked().or_else(|| preferences::read(OPEN_KEY));
        let open = projects.iter().find(|project| Some(&project.id) == wanted.as_ref()).or(projects.last());
        let open = open.map(|project| project.id.clone());
        self.projects.set(projects);
        self.show(open).await
    }

    /// Opens a project.
    pub async fn show(self, id: Option<String>) -> Result<(), Problem> {
        let images = match &id {
            Some(id) => self.images_of(id).await?,
            None => Vec::new(),
        };
        preferences::write(OPEN_KEY, id.as_deref().unwrap_or_default());
        if self.open.get_untracked() != id {
            self.refused.set(Vec::new());
            self.is_elsewhere.set(false);
            tabs::announce(id.as_deref(), tabs::Event::Opened);
        }
        batch_set(self, id, images);
        self.measure();
        Ok(())
    }

    /// The open project, tracked.
    pub fn project(self) -> Option<Project> {
        let open = self.open.get()?;
        self.projects.with(|projects| projects.iter().find(|project| project.id == open).cloned())
    }

    /// A project by its id, untracked.
    pub fn find(self, id: &str) -> Option<Project> {
        self.projects.with_untracked(|projects| projects.iter().find(|project| project.id == id).cloned())
    }

    /// The open project, untracked.
    pub fn open_project(self) -> Option<Project> {
        self.open.get_untracked().and_then(|id| self.find(&id))
    }

    /// Reads the images of the open project, untracked.
    pub(super) fn images_now<T>(self, read: impl FnOnce(&[ImageRecord]) -> T) -> T {
        self.images.with_untracked(|images| read(images))
    }

    pub(super) fn is_open(self, project: &str) -> bool {
        self.open.with_untracked(|open| open.as_deref() == Some(project))
    }

    /// Makes a project with these classes and opens it. Returns its id.
    ///
    /// # Errors
    ///
    /// If a class's name is no name, or the project cannot be stored.
    pub async fn create(self, name: &str, classes: &[String]) -> Result<String, Problem> {
        let mut project = Project::new(unique_id(), name, now());
        for (number, class) in classes.iter().enumerate() {
            project.add_class(format!("{}-{number}", unique_id()), class)?;
        }
        self.insert(project).await
    }

    pub(super) async fn insert(self, project: Project) -> Result<String, Problem> {
        let id = project.id.clone();
        ProjectStorage::open().await?.put_project(&project).await?;
        self.projects.update(|projects| projects.push(project));
        tabs::announce(Some(&id), tabs::Event::Changed);
        self.show(Some(id.clone())).await?;
        Ok(id)
    }

    /// Changes a project, in the storage first.
    ///
    /// # Errors
    ///
    /// If it is gone, or cannot be stored.
    pub async fn change(self, id: &str, change: impl FnOnce(&mut Project)) -> Result<(), Problem> {
        let changed = ProjectStorage::open().await?.change_project(id, change).await?.ok_or(Problem::Gone)?;
        self.projects.update(|projects| {
            if let Some(project) = projects.iter_mut().find(|project| project.id == changed.id) {
                *project = changed;
            }
        });
        tabs::announce(Some(id), tabs::Event::Changed);
        Ok(())
    }

    /// Adds a class; without a name, it gets a number. Returns its id.
    ///
    /// # Errors
    ///
    /// If there are too many, another one has the name, or the project cannot be stored.
    pub async fn add_class(self, project: &str, name: &str) -> Result<String, Problem> {
        let id = unique_id();
        let mut result = Err(NameTrouble::Empty);
        self.change(project, |project| result = project.add_class(id.clone(), name)).await?;
        result?;
        Ok(id)
    }

    pub async fn rename_class(self, project: &str, class: &str, name: &str) -> Result<(), Problem> {
        let mut result = Ok(());
        self.change(project, |project| match project.check_name(name, Some(class)) {
            Ok(name) => project.change_class(class, |class| class.name = name),
            Err(trouble) => result = Err(trouble),
        })
        .await?;
        Ok(result?)
    }

    /// Does something in the background, and shows the problem if it fails.
    pub fn run(self, work: impl Future<Output = Result<(), Problem>> + 'static) {
        self.run_boxed(Box::pin(work));
    }

    fn run_boxed(self, work: std::pin::Pin<Box<dyn Future<Output = Result<(), Problem>>>>) {
        self.problem.set(None);
        spawn_local(async move {
            if let Err(problem) = work.await {
                self.problem.set(Some(problem));
            }
        });
    }

    /// Changes the open project in the background.
    pub fn edit(self, change: impl FnOnce(&mut Project) + 'static) {
        let Some(id) = self.open.get_untracked() else { return };
        self.run(async move { self.change(&id, change).await });
    }

    /// Changes a class of the open project in the background.
    pub fn edit_class(self, class: String, change: impl FnOnce(&mut Class) + 'static) {
        self.edit(move |project| project.change_class(&class, change));
    }

    /// Looks how much storage is used.
    pub fn measure(self) {
        spawn_local(async move { self.room.set(Room::now().await) });
    }
}

fn batch_set(collector: Collector, id: Option<String>, images: Vec<ImageRecord>) {
    collector.images.set(images);
    if collector.open.get_untracked() != id {
        collector.open.set(id);
    }
}

/// In ms since 1970.
pub fn now() -> f64 {
    js_sys::Date::now()
}
