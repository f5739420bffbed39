//! Which images of a project are shown, and in which order: by their records, and by what is known of them otherwise. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::project::{ImageRecord, Project};
use kindling_core::protocol::SplitName;

/// Confidences below the first are low, and from the second on high.
pub const CONFIDENCES: [f32; 2] = [0.5, 0.9];

/// An image is shown if it passes all of these; none lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Id of the class.
    pub class: Option<String>,
    pub split: Option<SplitFilter>,
    pub prediction: Option<PredictionFilter>,
    pub confidence: Option<ConfidenceFilter>,
    pub flag: Option<Flag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitFilter {
    In(SplitName),
    /// In no split of the dataset at hand.
    Outside,
}

/// What the network at hand says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PredictionFilter {
    Correct,
    Incorrect,
    /// The class with this id.
    Class(String),
}

/// The probability of the predicted class. An order shows all images that have a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfidenceFilter {
    LowestFirst,
    HighestFirst,
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Its label may be wrong.
    Mislabeled,
    /// It is a copy of another image, or looks like it.
    Alike,
    /// It is blank, dark or blurred.
    Poor,
    Pseudo,
    Confirmed,
    /// It came in a split.
    Given,
}

impl Filter {
    pub fn is_active(&self) -> bool {
        *self != Self::default()
    }

    pub fn needs_predictions(&self) -> bool {
        self.prediction.is_some() || self.confidence.is_some()
    }

    /// Whether the visitor asks for predictions of test images.
    pub fn needs_test(&self) -> bool {
        self.needs_predictions() && self.split == Some(SplitFilter::In(SplitName::Test))
    }
}

/// The prediction for an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// In the classes of [`Known`].
    pub class: u16,
    pub confidence: f32,
}

/// What is known of images besides their records, by the hashes of their files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The names of the dataset's classes.
    pub classes: Vec<String>,
    pub splits: Arc<BTreeMap<u64, SplitName>>,
    pub guesses: Arc<BTreeMap<u64, Guess>>,
    pub mislabeled: BTreeSet<u64>,
    pub alike: BTreeSet<u64>,
    pub poor: BTreeSet<u64>,
}

/// The images that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Their ids by the ids of their classes.
    by_class: BTreeMap<String, Arc<Vec<String>>>,
    /// How many images each class has, shown or not.
    n_of_class: BTreeMap<String, usize>,
}

impl Shown {
    /// The newest images come first, unless they are ordered by confidence.
    pub fn of(filter: &Filter, project: &Project, images: &[ImageRecord], known: &Known) -> Self {
        // The class of the network that each class of the project is, if it knows it.
        let labels: BTreeMap<&str, Option<u16>> = project
            .live_classes()
            .map(|class| {
                let label = (0..).zip(&known.classes).find(|(_, name)| **name == class.name).map(|(label, _)| label);
                (class.id.as_str(), label)
            })
            .collect();
        // A class that is gone filters nothing.
        let wanted_class = filter.class.as_deref().filter(|class| labels.contains_key(class));
        let wanted_guess = match &filter.prediction {
            Some(PredictionFilter::Class(class)) => labels.get(class.as_str()).copied().flatten(),
            _ => None,
        };
        let mut passed: BTreeMap<&str, Vec<(f32, &str)>> = BTreeMap::new();
        let mut n_of_class: BTreeMap<&str, usize> = BTreeMap::new();
        for image in images.iter().rev() {
            let Some(label) = labels.get(image.class.as_str()) else { continue };
            *n_of_class.entry(&image.class).or_default() += 1;
            let file = image.file();
            let guess = known.guesses.get(&file);
            let is_wanted = wanted_class.is_none_or(|class| class == image.class)
                && filter.split.is_none_or(|split| split.passes(known.splits.get(&file).copied()))
                && filter.prediction.as_ref().is_none_or(|prediction| match (prediction, guess) {
                    (_, None) => false,
                    (PredictionFilter::Correct, Some(guess)) => Some(guess.class) == *label,
                    (PredictionFilter::Incorrect, Some(guess)) => Some(guess.class) != *label,
                    (PredictionFilter::Class(_), Some(guess)) => Some(guess.class) == wanted_guess,
                })
                && filter.confidence.is_none_or(|range| guess.is_some_and(|guess| range.passes(guess.confidence)))
                && filter.flag.is_none_or(|flag| flag.is_of(image, file, known));
            if is_wanted {
                let confidence = guess.map_or(0.0, |guess| guess.confidence);
                passed.entry(&image.class).or_default().push((confidence, &image.id));
            }
        }
        let in_order = |(class, mut images): (&str, Vec<(f32, &str)>)| {
            match filter.confidence {
                Some(ConfidenceFilter::LowestFirst) => images.sort_by(|(one, _), (other, _)| one.total_cmp(other)),
                Some(ConfidenceFilter::HighestFirst) => images.sort_by(|(one, _), (other, _)| other.total_cmp(one)),
                Some(ConfidenceFilter::Low | ConfidenceFilter::Medium | ConfidenceFilter::High) | None => {}
            }
            (class.to_owned(), Arc::new(images.into_iter().map(|(_, id)| id.to_owned()).collect()))
        };
        Self {
            by_class: passed.into_iter().map(in_order).collect(),
            n_of_class: n_of_class.into_iter().map(|(class, number)| (class.to_owned(), number)).collect(),
        }
    }

    /// The ids of the images of a class that are shown.
    pub fn of_class(&self, class: &str) -> Arc<Vec<String>> {
        self.by_class.get(class).cloned().unwrap_or_default()
    }

    pub fn has(&self, class: &str) -> bool {
        self.by_class.contains_key(class)
    }

    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.by_class.values().flat_map(|ids| ids.iter())
    }

    pub fn n_shown(&self) -> usize {
        self.by_class.values().map(|ids| ids.len()).sum()
    }

    /// All images of a class.
    pub fn n_of_class(&self, class: &str) -> usize {
        self.n_of_class.get(class).copied().unwrap_or_default()
    }

    /// All images with a label.
    pub fn n_all(&self) -> usize {
        self.n_of_class.values().sum()
    }
}

impl SplitFilter {
    fn passes(self, split: Option<SplitName>) -> bool {
        match self {
            Self::In(wanted) => split == Some(wanted),
            Self::Outside => split.is_none(),
        }
    }
}

impl ConfidenceFilter {
    fn passes(self, confidence: f32) -> bool {
        let [low, high] = CONFIDENCES;
        match self {
            Self::LowestFirst | Self::HighestFirst => true,
            Self::Low => confidence < low,
            Self::Medium => (low..high).contains(&confidence),
            Self::High => confidence >= high,
        }
    }
}

impl Flag {
    fn is_of(self, image: &ImageRecord, file: u64, known: &Known) -> bool {
        match self {
            Self::Mislabeled => known.mislabeled.contains(&file),
            Self::Alike => known.alike.contains(&file),
            Self::Poor => known.poor.contains(&file),
            Self::Pseudo => image.is_pseudo,
            Self::Confirmed => image.is_confirmed,
            Self::Given => image.split.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::project::samples::{image, project};
    use super::*;

    /// Six images: cats and dogs in turn, the newest last.
    fn images() -> Vec<ImageRecord> {
        (0..6).map(|number| image(number, if number % 2 == 0 { "cat" } else { "dog" }, None)).collect()
    }

    fn known(images: &[ImageRecord]) -> Known {
        let guess = |(number, image): (usize, &ImageRecord)| {
            // The network takes the first three for cats, and the others for dogs.
            (image.file(), Guess { class: u16::from(number < 3), confidence: 0.4 + 0.1 * number as f32 })
        };
        let splits = [SplitName::Train, SplitName::Validation, SplitName::Test];
        Known {
            classes: vec!["dog".into(), "cat".into()],
            splits: Arc::new(images.iter().zip(splits).map(|(image, split)| (image.file(), split)).collect()),
            guesses: Arc::new(images.iter().enumerate().take(5).map(guess).collect()),
            mislabeled: [images[1].file()].into(),
            ..Known::default()
        }
    }

    /// The numbers of the images that are shown, cats first.
    fn check(filter: Filter, expected: &[usize]) {
        let mut images = images();
        images[3].is_pseudo = true;
        images[4].split = Some(SplitName::Test);
        let shown = Shown::of(&filter, &project(&["cat", "dog"]), &images, &known(&images));
        let number = |id: &String| images.iter().position(|image| image.id == *id).unwrap();
        assert_eq!(shown.ids().map(number).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!((shown.n_shown(), shown.n_all(), shown.n_of_class("id-cat")), (expected.len(), 6, 3));
    }

    #[test]
    fn an_image_is_shown_if_it_passes_everything() {
        let all = Filter::default;
        check(all(), &[4, 2, 0, 5, 3, 1]);
        check(Filter { class: Some("id-dog".into()), ..all() }, &[5, 3, 1]);
        check(Filter { class: Some("id-cow".into()), ..all() }, &[4, 2, 0, 5, 3, 1]);
        check(Filter { split: Some(SplitFilter::In(SplitName::Validation)), ..all() }, &[1]);
        check(Filter { split: Some(SplitFilter::Outside), ..all() }, &[4, 5, 3]);
        check(Filter { prediction: Some(PredictionFilter::Correct), ..all() }, &[2, 0, 3]);
        check(Filter { prediction: Some(PredictionFilter::Incorrect), ..all() }, &[4, 1]);
        check(Filter { prediction: Some(PredictionFilter::Class("id-dog".into())), ..all() }, &[4, 3]);
        check(Filter { flag: Some(Flag::Mislabeled), ..all() }, &[1]);
        check(Filter { flag: Some(Flag::Pseudo), ..all() }, &[3]);
        check(Filter { flag: Some(Flag::Given), ..all() }, &[4]);
        check(Filter { flag: Some(Flag::Confirmed), ..all() }, &[]);
        let both = Filter { prediction: Some(PredictionFilter::Incorrect), flag: Some(Flag::Given), ..all() };
        check(both, &[4]);
    }

    #[test]
    fn confidence_is_a_range_or_an_order() {
        let by = |confidence| Filter { confidence: Some(confidence), ..Filter::default() };
        check(by(ConfidenceFilter::LowestFirst), &[0, 2, 4, 1, 3]);
        check(by(ConfidenceFilter::HighestFirst), &[4, 2, 0, 3, 1]);
        check(by(ConfidenceFilter::Low), &[0]);
        check(by(ConfidenceFilter::Medium), &[4, 2, 3, 1]);
        check(by(ConfidenceFilter::High), &[]);
    }

    #[test]
    fn test_images_are_predicted_only_if_they_are_asked_for() {
        let test = Filter { split: Some(SplitFilter::In(SplitName::Test)), ..Filter::default() };
        assert!(!test.needs_test());
        assert!(Filter { confidence: Some(ConfidenceFilter::Low), ..test }.needs_test());
        let all = Filter { prediction: Some(PredictionFilter::Incorrect), ..Filter::default() };
        assert!(all.needs_predictions() && !all.needs_test());
    }

    proptest! {
        /// What a filter and its opposite show is all that there is.
        #[test]
        fn no_image_is_lost(classes in prop::collection::vec(any::<bool>(), 0..50)) {
            let images: Vec<_> = (0..).zip(&classes).map(|(number, is_cat)| image(number, if *is_cat { "cat" } else { "dog" }, None)).collect();
            let known = known(&[images.clone(), self::images()].concat());
            let pets = project(&["cat", "dog"]);
            let n_shown = |prediction| {
                let filter = Filter { prediction: Some(prediction), ..Filter::default() };
                Shown::of(&filter, &pets, &images, &known).n_shown()
            };
            let n_predicted = images.len().min(5);
            prop_assert_eq!(n_shown(PredictionFilter::Correct) + n_shown(PredictionFilter::Incorrect), n_predicted);
            prop_assert_eq!(Shown::of(&Filter::default(), &pets, &images, &known).n_shown(), images.len());
        }
    }
}
