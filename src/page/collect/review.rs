//! Decisions about images that were pointed out. They are the visitor's alone: kept with the images, counted in the project, and undone like
//! any change.

use leptos::prelude::*;

use super::collector::{Collector, News, Problem, now};
use super::project::{ImageRecord, Reviewed};
use super::undo::Undo;

/// What the visitor decides about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its label is right: it is not pointed out again.
    Keep,
    /// It is of the class with this id.
    Relabel(String),
    Delete,
}

impl Collector {
    /// Carries out a decision about an image of a project, which is opened for it.
    ///
    /// # Errors
    ///
    /// If the project, the image or the class is gone, or the change cannot be stored.
    pub async fn decide(self, project: &str, image: &str, decision: Decision) -> Result<(), Problem> {
        if !self.is_open(project) {
            self.show(Some(project.to_owned())).await?;
        }
        let found = self.images.with_untracked(|images| images.iter().find(|it| it.id == image).cloned());
        let before = found.ok_or(Problem::Gone)?;
        let owner = self.find(project).ok_or(Problem::Gone)?;
        let class = match &decision {
            Decision::Relabel(class) => class,
            Decision::Keep | Decision::Delete => &before.class,
        };
        let class = owner.class(class).ok_or(Problem::Gone)?.clone();
        let mut reviewed = owner.reviewed;
        let (after, news) = decided(&before, &decision, class.name, &mut reviewed);
        self.restore(project, std::slice::from_ref(&after)).await?;
        if !after.is_there() {
            self.images.update(|images| images.retain(|it| it.id != after.id));
        }
        self.change(project, |project| project.reviewed = reviewed).await?;
        let undo = Undo::Review { project: project.to_owned(), image: Box::new(before), reviewed: owner.reviewed };
        self.remember(undo, news);
        Ok(())
    }
}

/// The record after a decision, which is counted; `class` is the name of the class that the image then has.
fn decided(before: &ImageRecord, decision: &Decision, class: String, reviewed: &mut Reviewed) -> (ImageRecord, News) {
    let confirmed = ImageRecord { is_confirmed: true, is_pseudo: false, ..before.clone() };
    match decision {
        Decision::Keep => {
            reviewed.kept += 1;
            (confirmed, News::Kept { class })
        }
        Decision::Relabel(id) => {
            reviewed.relabeled += 1;
            (ImageRecord { class: id.clone(), ..confirmed }, News::Moved { count: 1, class })
        }
        Decision::Delete => {
            reviewed.deleted += 1;
            (ImageRecord { deleted_at: Some(now()), ..before.clone() }, News::Deleted { count: 1 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::project::samples::image;
    use super::*;

    #[test]
    fn a_kept_or_relabeled_image_is_confirmed_and_each_decision_is_counted() {
        let before = image(7, "cat", None);
        let mut reviewed = Reviewed::default();
        let (kept, _) = decided(&before, &Decision::Keep, "cat".into(), &mut reviewed);
        assert_eq!(kept, ImageRecord { is_confirmed: true, ..before.clone() });
        let (moved, news) = decided(&before, &Decision::Relabel("id-dog".into()), "dog".into(), &mut reviewed);
        assert_eq!((moved.class.as_str(), moved.is_confirmed), ("id-dog", true));
        assert_eq!(news, News::Moved { count: 1, class: "dog".into() });
        assert_eq!(reviewed, Reviewed { kept: 1, relabeled: 1, deleted: 0 });
    }
}
