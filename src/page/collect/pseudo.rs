//! Pseudo-labels (Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", 2013): images of the tray get the
//! class that the model is sure of, all in one step that can be undone. They are marked, only learned from, and go back to the tray at any time.

use std::collections::BTreeSet;

use super::collector::{Collector, News, Problem};
use super::project::{ImageRecord, Project, UNLABELED};
use super::tray::Asking;
use super::undo::Undo;

/// Confidences from which on a class is taken, to choose from.
pub const CONFIDENCES: [(&str, f32); 3] = [("90", 0.9), ("95", 0.95), ("99", 0.99)];

/// The images of the tray that the model is so sure of, with their classes.
pub fn confident(asking: Asking, confidence: f32, project: &Project, images: &[ImageRecord]) -> Vec<ImageRecord> {
    let labeled = |image: &ImageRecord| {
        let (name, probability) = asking.guess(&image.id)?;
        let class = project.class_named(&name).filter(|_| probability >= confidence)?;
        Some(ImageRecord { class: class.id.clone(), is_pseudo: true, ..image.clone() })
    };
    images.iter().filter(|image| image.class == UNLABELED).filter_map(labeled).collect()
}

impl Collector {
    /// Gives the images of the tray that the model is so sure of its classes.
    ///
    /// # Errors
    ///
    /// If the project is gone, or the labels cannot be stored.
    pub async fn label_confident(self, asking: Asking, confidence: f32) -> Result<(), Problem> {
        let Some(project) = self.open_project() else { return Ok(()) };
        let labeled = self.images_now(|images| confident(asking, confidence, &project, images));
        self.replace(&project.id, &labeled, |count| News::PseudoLabeled { count }).await
    }

    /// Returns all images with pseudo-labels to the tray.
    ///
    /// # Errors
    ///
    /// As [`Collector::label_confident`].
    pub async fn take_pseudo_back(self) -> Result<(), Problem> {
        let Some(project) = self.open_project() else { return Ok(()) };
        let unlabeled = self.images_now(|images| {
            let pseudo = images.iter().filter(|image| image.is_pseudo);
            pseudo
                .map(|image| ImageRecord { class: UNLABELED.to_owned(), is_pseudo: false, ..image.clone() })
                .collect::<Vec<_>>()
        });
        self.replace(&project.id, &unlabeled, |count| News::TakenBack { count }).await
    }

    /// Stores changed records in one step that can be undone.
    async fn replace(
        self,
        project: &str,
        changed: &[ImageRecord],
        news: impl Fn(usize) -> News,
    ) -> Result<(), Problem> {
        let ids: BTreeSet<&str> = changed.iter().map(|image| image.id.as_str()).collect();
        let is_changed = |image: &&ImageRecord| ids.contains(image.id.as_str());
        let images = self.images_now(|images| images.iter().filter(is_changed).cloned().collect::<Vec<_>>());
        self.restore(project, changed).await?;
        if !images.is_empty() {
            let count = images.len();
            self.remember(Undo::Restore { project: project.to_owned(), images }, news(count));
        }
        Ok(())
    }
}
