//! Deleting and moving, and taking it back. What is deleted is marked as such, and goes for good only when nobody wants it back.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::collector::{Collector, News, Problem, now};
use super::project::{ImageRecord, Project, Reviewed};
use super::storage::ProjectStorage;
use super::tabs;

/// How long a deletion can be undone at least, also after a reload; later, what was deleted goes for good.
pub const UNDO_MS: f64 = 600_000.0;

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

/// The ids of those images that go for good: which were deleted before `long_ago`, by themselves or with their class, and no step brings back.
fn gone<'a>(project: Option<&Project>, images: &'a [ImageRecord], undo: &[Undo], long_ago: f64) -> Vec<&'a str> {
    let is_old = |deleted_at: Option<f64>| deleted_at.is_some_and(|at| at < long_ago);
    let comes_back = |class: &str| undo.iter().any(|step| matches!(step, Undo::Class { class: it, .. } if it == class));
    let classes: BTreeSet<&str> = project
        .iter()
        .flat_map(|project| &project.classes)
        .filter(|class| is_old(class.deleted_at) && !comes_back(&class.id))
        .map(|class| class.id.as_str())
        .collect();
    let restored: BTreeSet<&str> = undo
        .iter()
        .flat_map(|step| match step {
            Undo::Restore { images, .. } => images.as_slice(),
            Undo::Review { image, .. } => std::slice::from_ref(&**image),
            Undo::Remove { .. } | Undo::Class { .. } | Undo::Project { .. } => &[],
        })
        .map(|image| image.id.as_str())
        .collect();
    let is_gone = |image: &&ImageRecord| is_old(image.deleted_at) || classes.contains(image.class.as_str());
    let ids = images.iter().filter(is_gone).map(|image| image.id.as_str());
    ids.filter(|id| !restored.contains(id)).collect()
}

impl Collector {
    /// The images of a project, without those that are deleted; deletes those for good that nobody wants back.
    pub(super) async fn images_of(self, project: &str) -> Result<Vec<ImageRecord>, Problem> {
        let storage = ProjectStorage::open().await?;
        let mut images = storage.images(project).await?;
        let found = self.find(project);
        let gone = self.undo.with_untracked(|undo| {
            gone(found.as_ref(), &images, undo, now() - UNDO_MS).into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
        });
        storage.erase(project, &gone.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        images.retain(|image| image.is_there() && !gone.contains(&image.id));
        Ok(images)
    }

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

    /// Gives an image of the open project another class.
    pub async fn move_image(self, id: &str, class: &str) -> Result<(), Problem> {
        self.move_images(&[id.to_owned()], class).await
    }

    /// Gives images of the open project another class.
    pub async fn move_images(self, ids: &[String], class: &str) -> Result<(), Problem> {
        self.relabel(ids, class, None).await
    }

    /// Gives an image of the open project the class that the model asked for.
    pub async fn label_asked(self, id: &str, class: &str) -> Result<(), Problem> {
        self.relabel(&[id.to_owned()], class, Some(now())).await
    }

    async fn relabel(self, ids: &[String], class: &str, asked_at: Option<f64>) -> Result<(), Problem> {
        let Some(project) = self.open.get_untracked() else { return Ok(()) };
        let is_moved = |image: &&ImageRecord| ids.contains(&image.id);
        let before: Vec<_> = self.images.with_untracked(|images| images.iter().filter(is_moved).cloned().collect());
        let name = self.find(&project).and_then(|project| project.class(class).map(|class| class.name.clone()));
        let name = name.filter(|_| !before.is_empty()).ok_or(Problem::Gone)?;
        let moved: Vec<_> = before
            .iter()
            .map(|image| {
                let asked_at = asked_at.or(image.asked_at);
                ImageRecord { class: class.to_owned(), is_pseudo: false, asked_at, ..image.clone() }
            })
            .collect();
        self.restore(&project, &moved).await?;
        let count = before.len();
        self.remember(Undo::Restore { project, images: before }, News::Moved { count, class: name });
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

#[cfg(test)]
mod tests {
    use super::super::project::samples::{image, project};
    use super::*;

    #[test]
    fn what_was_deleted_long_ago_goes_for_good_unless_it_can_come_back() {
        let mut pets = project(&["cat", "dog", "cow"]);
        pets.change_class("id-dog", |class| class.deleted_at = Some(5.0));
        pets.change_class("id-cow", |class| class.deleted_at = Some(50.0));
        let mut images: Vec<_> = [(0, "cat"), (1, "cat"), (2, "cat"), (3, "dog"), (4, "cow"), (5, "unknown")]
            .map(|(n, class)| image(n, class, None))
            .into();
        images[1].deleted_at = Some(5.0);
        images[2].deleted_at = Some(50.0);
        let ids = |undo: &[Undo]| {
            let gone = gone(Some(&pets), &images, undo, 10.0);
            images
                .iter()
                .enumerate()
                .filter(|(_, it)| gone.contains(&it.id.as_str()))
                .map(|(n, _)| n)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&[]), [1, 3]);
        assert_eq!(ids(&[Undo::Class { project: "p".into(), class: "id-dog".into() }]), [1]);
        assert_eq!(ids(&[Undo::Restore { project: "p".into(), images: vec![images[1].clone()] }]), [3]);
    }
}
