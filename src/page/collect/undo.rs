//! Deleting and moving, and taking it back. What is deleted is marked as such, and goes for good only when nobody wants it back.

use leptos::prelude::*;

use super::collector::{Collector, News, Problem, now};
use super::project::{ImageRecord, Reviewed};
use super::storage::ProjectStorage;
use super::tabs;

/// Maximum number of steps that can be undone.
const UNDO_LIMIT: usize = 50;

/// What undoes the latest change.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Stores the images as they were.
    Restore {
        project: String,
        images: Vec<ImageRecord>,
    },
    /// Deletes images that were added.
    Remove {
        project: String,
        images: Vec<String>,
    },
    /// Stores an image as it was before the visitor decided about it, and the counts as they were.
    Review {
        project: String,
        image: Box<ImageRecord>,
        reviewed: Reviewed,
    },
    Class {
        project: String,
        class: String,
    },
    Project {
        project: String,
    },
}

impl Collector {
    /// Whether there is something to undo, tracked.
    pub fn can_undo(self) -> bool {
        self.undo.with(|undo| !undo.is_empty())
    }

    pub(super) fn remember(self, undo: Undo, news: News) {
        self.undo.update(|steps| {
            if steps.len() >= UNDO_LIMIT {
                steps.remove(0);
            }
            steps.push(undo);
        });
        self.news.set(Some(news));
    }

    /// Deletes images of the open project.
    pub async fn delete_images(self, ids: &[String]) -> Result<(), Problem> {
        let Some(project) = self.open.get_untracked() else { return Ok(()) };
        let images = self.mark(&project, ids, Some(now())).await?;
        if !images.is_empty() {
            let count = images.len();
            self.remember(Undo::Restore { project, images }, News::Deleted { count });
        }
        Ok(())
    }

    /// Marks images of the open project as deleted. Returns them as they were.
    async fn mark(self, project: &str, ids: &[String], at: Option<f64>) -> Result<Vec<ImageRecord>, Problem> {
        let before: Vec<ImageRecord> = self
            .images
            .with_untracked(|images| images.iter().filter(|image| ids.contains(&image.id)).cloned().collect());
        let marked: Vec<_> = before.iter().map(|image| ImageRecord { deleted_at: at, ..image.clone() }).collect();
        ProjectStorage::open().await?.put_records(project, &marked).await?;
        if self.is_open(project) {
            self.images.update(|images| images.retain(|image| !ids.contains(&image.id)));
        }
        tabs::announce(Some(project), tabs::Event::Changed);
        Ok(before)
    }

    /// Gives an image another class.
    pub async fn move_image(self, id: &str, class: &str) -> Result<(), Problem> {
        let Some(project) = self.open.get_untracked() else { return Ok(()) };
        let found = self.images.with_untracked(|images| images.iter().find(|image| image.id == id).cloned());
        let before = found.ok_or(Problem::Gone)?;
        let name = self.find(&project).and_then(|project| project.class(class).map(|class| class.name.clone()));
        let name = name.ok_or(Problem::Gone)?;
        let moved = ImageRecord { class: class.to_owned(), ..before.clone() };
        self.restore(&project, &[moved]).await?;
        self.remember(Undo::Restore { project, images: vec![before] }, News::Moved { class: name });
        Ok(())
    }

    /// Stores records of images whose files are there, and shows them.
    pub(super) async fn restore(self, project: &str, records: &[ImageRecord]) -> Result<(), Problem> {
        ProjectStorage::open().await?.put_records(project, records).await?;
        if self.is_open(project) {
            self.images.update(|images| {
                images.retain(|image| records.iter().all(|record| record.id != image.id));
                images.extend(records.iter().cloned());
                images.sort_by(|one, other| one.added_at.total_cmp(&other.added_at));
            });
        }
        tabs::announce(Some(project), tabs::Event::Changed);
        Ok(())
    }

    /// Deletes a class with its images.
    pub async fn delete_class(self, class: &str) -> Result<(), Problem> {
        let Some(project) = self.open.get_untracked() else { return Ok(()) };
        let mut name = None;
        self.change(&project, |project| {
            project.change_class(class, |class| {
                class.deleted_at = Some(now());
                name = Some(class.name.clone());
            });
        })
        .await?;
        let name = name.ok_or(Problem::Gone)?;
        self.remember(Undo::Class { project, class: class.to_owned() }, News::ClassDeleted { name });
        Ok(())
    }

    /// Deletes a project with its images.
    pub async fn delete_project(self, id: &str) -> Result<(), Problem> {
        let name = self.find(id).ok_or(Problem::Gone)?.name;
        self.change(id, |project| project.deleted_at = Some(now())).await?;
        self.projects.update(|projects| projects.retain(|project| project.id != id));
        if self.is_open(id) {
            let next = self.projects.with_untracked(|projects| projects.last().map(|project| project.id.clone()));
            self.show(next).await?;
        }
        self.remember(Undo::Project { project: id.to_owned() }, News::ProjectDeleted { name });
        Ok(())
    }

    /// Takes the latest change back.
    pub async fn undo(self) -> Result<(), Problem> {
        let Some(step) = self.undo.try_update(Vec::pop).flatten() else { return Ok(()) };
        match step {
            Undo::Restore { project, images } => self.restore(&project, &images).await?,
            Undo::Review { project, image, reviewed } => {
                self.restore(&project, &[*image]).await?;
                self.change(&project, |project| project.reviewed = reviewed).await?;
            }
            Undo::Remove { project, images } => {
                if self.is_open(&project) {
                    self.mark(&project, &images, Some(now())).await?;
                }
            }
            Undo::Class { project, class } => {
                // Another class may have taken its name.
                self.change(&project, |project| {
                    let name = project.classes.iter().find(|it| it.id == class).map(|it| it.name.clone());
                    let name = name.unwrap_or_default();
                    let free = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name} {number}") });
                    let free = free.take(1_000).find(|name| project.check_name(name, Some(class.as_str())).is_ok());
                    project.change_class(&class, |class| {
                        class.deleted_at = None;
                        class.name = free.unwrap_or(name);
                    });
                })
                .await?;
            }
            Undo::Project { project } => {
                ProjectStorage::open()
                    .await?
                    .change_project(&project, |project| project.deleted_at = None)
                    .await?
                    .ok_or(Problem::Gone)?;
                self.open.set(Some(project.clone()));
                self.reread().await?;
                tabs::announce(Some(&project), tabs::Event::Changed);
            }
        }
        self.news.set(Some(News::Undone));
        Ok(())
    }
}
