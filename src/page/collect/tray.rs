//! The tray: images of a project without a label. The model at hand asks for the labels that would teach it most.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::collector::{Collector, Problem};
use super::project::{ImageRecord, UNLABELED};
use super::storage::ProjectStorage;
use crate::page::sort::sort_by;
use crate::page::widgets::image_input::read_image;
use kindling_core::active_learning::{Answers, Uncertainty, farthest};
use kindling_core::label_curve::spread;
use kindling_core::protocol::question::{Classify, Embed, EmbedTrain};
use kindling_core::protocol::{Failure, ImageInput, InputKind, RunId, Views};

/// Images that the model looks at before it asks: enough to choose from, few enough for it to ask soon.
const LOOKS_LIMIT: usize = 200;

/// Train images whose embeddings count as centers.
const CENTERS_LIMIT: u32 = 500;

/// How the image to ask for is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The one that the model is least sure of.
    Uncertain(Uncertainty),
    /// The one that is least like the images with a label.
    KCenter,
}

impl Default for Strategy {
    fn default() -> Self {
        Self::Uncertain(Uncertainty::default())
    }
}

/// What the model at hand thinks of the images in the tray.
#[derive(Clone, Copy, Default)]
pub struct Asking {
    pub strategy: RwSignal<Strategy>,
    /// How far the looking is, of how many images; none if it is done.
    pub looking: RwSignal<Option<(usize, usize)>>,
    /// The image whose label is asked for.
    pub asked: RwSignal<Option<String>>,
    pub answers: RwSignal<Answers>,
    /// Counts the looks: what follows from them is computed again.
    pub n_looks: RwSignal<u32>,
    looks: StoredValue<Looks>,
}

/// The predictions of one model.
#[derive(Default)]
struct Looks {
    run: Option<RunId>,
    /// The probabilities of the classes by their names, the most probable first, of each image.
    of: BTreeMap<String, Vec<(String, f32)>>,
    /// Of the images that were looked at for the k-center strategy.
    embeddings: BTreeMap<String, Vec<f32>>,
    /// The embeddings of images with a label; none before they are known.
    centers: Option<Vec<Vec<f32>>>,
    skipped: Vec<String>,
}

impl Looks {
    fn n_skips(&self, image: &str) -> usize {
        self.skipped.iter().filter(|id| *id == image).count()
    }

    /// From 0 to 1; -1 of an image that the model has not looked at.
    fn uncertainty(&self, uncertainty: Uncertainty, image: &str) -> f64 {
        let probabilities = self.of.get(image).map(|of| of.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        probabilities.map_or(-1.0, |probabilities| uncertainty.of(&probabilities))
    }

    /// The image to ask for: those that the model has not looked at come last, and skipped ones only when no other is left.
    fn choose<'a>(&self, strategy: Strategy, unlabeled: &[&'a str]) -> Option<&'a str> {
        let least = unlabeled.iter().map(|id| self.n_skips(id)).min()?;
        let left = || unlabeled.iter().copied().filter(|id| self.n_skips(id) == least);
        let best = match strategy {
            Strategy::Uncertain(uncertainty) => {
                let score = |id: &&str| self.uncertainty(uncertainty, id);
                // Of several, the first.
                left().rev().max_by(|one, other| score(one).total_cmp(&score(other)))
            }
            Strategy::KCenter => {
                let seen: Vec<&str> = left().filter(|id| self.embeddings.contains_key(*id)).collect();
                let rows = seen.iter().filter_map(|id| self.embeddings.get(*id)).map(Vec::as_slice);
                farthest(rows, self.centers.as_deref().unwrap_or_default()).and_then(|place| seen.get(place).copied())
            }
        };
        best.or_else(|| left().next())
    }
}

impl Asking {
    /// The most probable class of an image and its probability, if the model has looked at it.
    pub fn guess(self, image: &str) -> Option<(String, f32)> {
        self.looks.with_value(|looks| looks.of.get(image).and_then(|classes| classes.first().cloned()))
    }

    /// Chooses the image to ask for.
    pub fn choose(self, images: &[ImageRecord]) {
        let unlabeled: Vec<&str> =
            images.iter().filter(|image| image.class == UNLABELED).map(|image| image.id.as_str()).collect();
        let strategy = self.strategy.get_untracked();
        let chosen = self.looks.with_value(|looks| looks.choose(strategy, &unlabeled).map(str::to_owned));
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
        self.looks.update_value(|looks| {
            let embedding = looks.embeddings.get(image).cloned();
            if let (Some(centers), Some(embedding)) = (&mut looks.centers, embedding) {
                centers.push(embedding);
            }
        });
    }

    /// Whether the model still has to look at an image.
    fn is_unseen(self, image: &str) -> bool {
        let is_wanted = self.strategy.get_untracked() == Strategy::KCenter;
        self.looks
            .with_value(|looks| !looks.of.contains_key(image) || (is_wanted && !looks.embeddings.contains_key(image)))
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
            let is_unseen = |image: &&ImageRecord| image.class == UNLABELED && asking.is_unseen(&image.id);
            images.iter().filter(is_unseen).map(|image| image.id.clone()).collect()
        });
        let unseen = if run.is_some() { spread(unseen, LOOKS_LIMIT) } else { Vec::new() };
        if !unseen.is_empty() {
            self.look_at_labeled(asking).await;
        }
        let total = unseen.len();
        for (done, image) in unseen.into_iter().enumerate() {
            asking.looking.set(Some((done, total)));
            let file = ProjectStorage::open().await?.file(&project, &image).await?;
            let Some(file) = file else { continue };
            // An image that cannot be classified is asked for last.
            let Ok(pixels) = read_image(&file, InputKind::Photo).await else { continue };
            self.look_at(asking, image, pixels, &classes).await.ok();
        }
        asking.looking.set(None);
        asking.n_looks.update(|number| *number = number.wrapping_add(1));
        self.images.with_untracked(|images| asking.choose(images));
        Ok(())
    }

    async fn look_at(self, asking: Asking, id: String, image: ImageInput, classes: &[String]) -> Result<(), Failure> {
        if asking.strategy.get_untracked() == Strategy::KCenter {
            let found = self.store.ask(Embed { image: image.clone() }).await?;
            asking.looks.update_value(|looks| drop(looks.embeddings.insert(id.clone(), found.values)));
        }
        let found = self.store.ask(Classify { image, views: Views::One }).await?;
        let probabilities = found.classes.iter().map(|class| {
            let name = classes.get(usize::from(class.class)).cloned().unwrap_or_default();
            (name, class.probability)
        });
        asking.looks.update_value(|looks| drop(looks.of.insert(id, probabilities.collect())));
        Ok(())
    }

    /// Embeds the images with a label, once for a model, if the strategy needs that. If it fails, there are no centers.
    async fn look_at_labeled(self, asking: Asking) {
        let is_known = asking.looks.with_value(|looks| looks.centers.is_some());
        if is_known || asking.strategy.get_untracked() != Strategy::KCenter {
            return;
        }
        if let Ok(found) = self.store.ask(EmbedTrain { limit: CENTERS_LIMIT }).await {
            let centers = found.rows().map(<[f32]>::to_vec).collect();
            asking.looks.update_value(|looks| looks.centers = Some(centers));
        }
    }
}

/// The hashes of the images whose labels were asked for, in that order.
pub fn asked_for(images: &[ImageRecord]) -> Vec<u64> {
    let is_asked = |image: &&ImageRecord| image.class != UNLABELED && !image.is_pseudo;
    let at = |image: &ImageRecord| Some((image.asked_at?, image.file()));
    let mut asked: Vec<(f64, u64)> = images.iter().filter(is_asked).filter_map(at).collect();
    sort_by(&mut asked, |(one, _), (other, _)| one.total_cmp(other));
    asked.into_iter().map(|(_, id)| id).collect()
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
    fn the_image_that_is_least_like_those_with_a_label_is_asked_for() {
        let point = |x: f32| vec![x, 0.0];
        let mut looks = Looks { centers: Some(vec![point(0.0)]), ..Looks::default() };
        looks.embeddings = [("a", 1.0), ("b", 6.0), ("c", 5.0)].map(|(id, x)| (id.to_owned(), point(x))).into();
        let choose = |looks: &Looks, ids: &[&'static str]| looks.choose(Strategy::KCenter, ids);
        assert_eq!(choose(&looks, &["unseen", "a", "b", "c"]), Some("b"));
        looks.skipped.push("b".into());
        assert_eq!(choose(&looks, &["unseen", "a", "b", "c"]), Some("c"));
        // The label of the first one was given.
        looks.skipped.clear();
        looks.centers.as_mut().unwrap().push(point(6.0));
        assert_eq!(choose(&looks, &["a", "c"]), Some("a"));
        assert_eq!(choose(&looks, &["unseen"]), Some("unseen"));
        assert_eq!(choose(&looks, &[]), None);
    }

    #[test]
    fn labels_that_were_asked_for_are_in_the_order_of_asking() {
        let mut images: Vec<ImageRecord> = (1..6).map(|number| image(number, "cat", None)).collect();
        for (image, asked_at) in images.iter_mut().zip([Some(7.0), None, Some(3.0), Some(1.0), Some(2.0)]) {
            image.asked_at = asked_at;
        }
        // One is back in the tray, and one has the model's label.
        images[3].class = UNLABELED.to_owned();
        images[4].is_pseudo = true;
        let ids = [2, 0].map(|place: usize| format!("{:016x}", u64::from_str_radix(&images[place].id, 16).unwrap()));
        assert_eq!(asked_for(&images).iter().map(|id| format!("{id:016x}")).collect::<Vec<_>>(), ids);
        assert_eq!(ids, [images[2].id.clone(), images[0].id.clone()]);
    }
}
