//! The tray: images of a project without a label. The model at hand asks for the labels that would teach it most.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::collector::{Collector, Problem};
use super::project::{ImageRecord, UNLABELED};
use super::storage::ProjectStorage;
use crate::page::widgets::image_input::read_image;
use kindling_core::active_learning::{Answers, Uncertainty};
use kindling_core::protocol::question::Classify;
use kindling_core::protocol::{Classification, Failure, InputKind, RunId, Views};

/// Images that the model looks at before it asks: enough to choose from, few enough for it to ask soon.
const LOOKS_LIMIT: usize = 200;

/// What the model at hand thinks of the images in the tray.
#[derive(Clone, Copy, Default)]
pub struct Asking {
    pub uncertainty: RwSignal<Uncertainty>,
    /// How far the looking is, of how many images; none if it is done.
    pub looking: RwSignal<Option<(usize, usize)>>,
    /// The image whose label is asked for.
    pub asked: RwSignal<Option<String>>,
    pub answers: RwSignal<Answers>,
    looks: StoredValue<Looks>,
}

/// The predictions of one model.
#[derive(Default)]
struct Looks {
    run: Option<RunId>,
    /// The probabilities of the classes by their names, the most probable first, of each image.
    of: BTreeMap<String, Vec<(String, f32)>>,
    skipped: Vec<String>,
}

impl Asking {
    /// The most probable class of an image and its probability, if the model has looked at it.
    pub fn guess(self, image: &str) -> Option<(String, f32)> {
        self.looks.with_value(|looks| looks.of.get(image).and_then(|classes| classes.first().cloned()))
    }

    /// Chooses the image to ask for: the one that the model is least sure of; those that it has not looked at come last, and skipped ones only
    /// when no other is left.
    pub fn choose(self, images: &[ImageRecord]) {
        let uncertainty = self.uncertainty.get_untracked();
        let chosen = self.looks.with_value(|looks| {
            let rank = |image: &&ImageRecord| {
                let probabilities = looks.of.get(&image.id);
                let probabilities = probabilities.map(|of| of.iter().map(|(_, value)| *value).collect::<Vec<_>>());
                let score = probabilities.map_or(-1.0, |probabilities| uncertainty.of(&probabilities));
                (looks.skipped.iter().filter(|id| **id == image.id).count(), score)
            };
            let unlabeled = images.iter().filter(|image| image.class == UNLABELED);
            let best = unlabeled.min_by(|one, other| {
                let ((skips, score), (other_skips, other_score)) = (rank(one), rank(other));
                skips.cmp(&other_skips).then(other_score.total_cmp(&score))
            });
            best.map(|image| image.id.clone())
        });
        self.asked.set(chosen);
    }

    /// Asks for another image first.
    pub fn skip(self, images: &[ImageRecord]) {
        if let Some(image) = self.asked.get_untracked() {
            self.looks.update_value(|looks| looks.skipped.push(image));
        }
        self.choose(images);
    }

    /// Counts an answer, and whether the model knew it.
    pub fn answered(self, image: &str, class: &str) {
        let guess = self.guess(image);
        self.answers.update(|answers| answers.add(guess.is_some_and(|(guess, _)| guess == class)));
    }
}

impl Collector {
    /// Has the model at hand look at images of the tray that it has not seen, then chooses the one to ask for.
    ///
    /// # Errors
    ///
    /// If the images cannot be read.
    pub async fn look(self, asking: Asking) -> Result<(), Problem> {
        let Some(project) = self.open.get_untracked() else { return Ok(()) };
        let run = self.store.run.with_untracked(|run| run.run().filter(|_| run.has_network()).map(|run| run.id));
        asking.looks.update_value(|looks| {
            if looks.run != run {
                *looks = Looks { run, ..Looks::default() };
            }
        });
        let classes =
            self.store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|it| it.classes.clone()));
        let classes = classes.unwrap_or_default();
        let unseen: Vec<String> = self.images.with_untracked(|images| {
            let is_unseen = |image: &&ImageRecord| {
                image.class == UNLABELED && asking.looks.with_value(|looks| !looks.of.contains_key(&image.id))
            };
            images.iter().filter(is_unseen).map(|image| image.id.clone()).collect()
        });
        let unseen = if run.is_some() { spread(unseen) } else { Vec::new() };
        let total = unseen.len();
        for (done, image) in unseen.into_iter().enumerate() {
            asking.looking.set(Some((done, total)));
            let file = ProjectStorage::open().await?.file(&project, &image).await?;
            let Some(file) = file else { continue };
            // An image that cannot be classified is asked for last.
            let Ok(classification) = self.classified(&file).await else { continue };
            let probabilities = classification.classes.iter().map(|class| {
                let name = classes.get(usize::from(class.class)).cloned().unwrap_or_default();
                (name, class.probability)
            });
            asking.looks.update_value(|looks| drop(looks.of.insert(image, probabilities.collect())));
        }
        asking.looking.set(None);
        self.images.with_untracked(|images| asking.choose(images));
        Ok(())
    }

    async fn classified(self, file: &web_sys::Blob) -> Result<Classification, Failure> {
        let image = read_image(file, InputKind::Photo).await?;
        self.store.ask(Classify { image, views: Views::One }).await
    }
}

/// At most as many images as the model looks at, spread over all.
fn spread(images: Vec<String>) -> Vec<String> {
    let step = images.len().div_ceil(LOOKS_LIMIT).max(1);
    images.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::super::project::samples::image;
    use super::*;

    #[test]
    fn the_image_that_the_model_is_least_sure_of_is_asked_for_first() {
        let owner = Owner::new();
        owner.with(|| {
            let mut images: Vec<ImageRecord> = (0..4).map(|number| image(number, "cat", None)).collect();
            images.iter_mut().take(3).for_each(|image| image.class = UNLABELED.to_owned());
            let asking = Asking::default();
            let look = |first: f32| vec![("cat".to_owned(), first), ("dog".to_owned(), 1.0 - first)];
            asking.looks.update_value(|looks| {
                looks.of.insert(images[0].id.clone(), look(0.9));
                looks.of.insert(images[1].id.clone(), look(0.6));
            });
            let asked = |asking: Asking| asking.asked.get_untracked();
            asking.choose(&images);
            assert_eq!(asked(asking).as_ref(), Some(&images[1].id));
            asking.skip(&images);
            assert_eq!(asked(asking).as_ref(), Some(&images[0].id));
            asking.skip(&images);
            assert_eq!(asked(asking).as_ref(), Some(&images[2].id), "the model has not looked at it");
            asking.skip(&images);
            assert_eq!(asked(asking).as_ref(), Some(&images[1].id), "each was skipped once");
            images[1].class = "id-cat".into();
            asking.answered(&images[1].id, "dog");
            asking.choose(&images);
            assert_eq!(asked(asking).as_ref(), Some(&images[0].id));
            assert_eq!(asking.answers.get_untracked().n_given(), 1);
        });
    }

    #[test]
    fn many_images_are_looked_at_in_part() {
        let images = |number: usize| (0..number).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(spread(images(LOOKS_LIMIT)).len(), LOOKS_LIMIT);
        let few = spread(images(5 * LOOKS_LIMIT + 1));
        assert!(few.len() <= LOOKS_LIMIT && few[1] == "6", "{few:?}");
    }
}
