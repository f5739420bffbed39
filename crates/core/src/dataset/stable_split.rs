//! Splits imported images one by one: a hash of an image's file and of the seed decides, so that images that are added or removed move no other
//! one, unless they look like it. Images that belong together stay together.
//!
//! An image whose file came in a split, such as in a folder `test`, stays there, whatever else holds: a benchmark is compared on the images that it
//! names. So of images that belong together, those that came in different splits are apart, which is a leak, and [`ImageReport`] counts it. An image
//! that came in none goes where its kin came from. Images that came for training may be drawn for validation or test if no image came for that.
//!
//! [`ImageReport`]: super::ImageReport

use std::collections::{BTreeMap, BTreeSet};

use super::groups::together;
use super::{Dataset, DatasetError, Imported, Split};
use crate::protocol::SplitName;
use crate::random::Random;

/// Draws the splits of the images that did not come in one. An image with a pseudo-label is only trained on, and in no split if it belongs with
/// images that are held out; it is not among those that a class must have. A class none of whose images falls into a split gets the one that is closest
/// to it: only such an image may move later.
///
/// # Errors
///
/// If a class has images to draw, but fewer groups of them than splits are without the class, or no train images remain.
pub fn split(
    dataset: &Dataset,
    imported: &Imported,
    [validation, test]: [f64; 2],
    seed: u32,
) -> Result<Split, DatasetError> {
    let labeled = Labeled::of(dataset, imported);
    let drawn = Drawn::new(&labeled, [validation, test], seed);
    let splits = drawn.splits(&labeled, &dataset.classes)?;
    let split_of: BTreeMap<usize, SplitName> = labeled.places.iter().copied().zip(splits).collect();
    let is_held_out = |place: usize| split_of.get(&place).is_some_and(|split| *split != SplitName::Train);
    let kin = kin(imported, is_held_out);
    let came_for_training =
        |place: usize| matches!(imported.given.get(place).copied().flatten(), None | Some(SplitName::Train));
    let mut split = Split::default();
    for place in 0..dataset.len() {
        let index = place as u32;
        match split_of.get(&place) {
            Some(SplitName::Train) => split.train.push(index),
            Some(SplitName::Test) => split.test.push(index),
            Some(SplitName::Validation) => split.validation.push(index),
            None if came_for_training(place) && !kin.contains(&place) => split.train.push(index),
            None => {}
        }
    }
    // The files are sorted by class. In the order of their draws, the first few are of all classes.
    let draw_of = |index: &u32| imported.ids.get(*index as usize).map_or(0.0, |id| draw(*id, seed));
    for part in [&mut split.train, &mut split.validation, &mut split.test] {
        part.sort_by(|one, other| draw_of(one).total_cmp(&draw_of(other)));
    }
    if split.train.is_empty() {
        return Err(DatasetError::Empty { file: dataset.name.clone() });
    }
    Ok(split)
}

/// The images whose labels are not pseudo-labels. Those come and go, so nothing about the others depends on them.
struct Labeled {
    /// Indices in the dataset.
    places: Vec<usize>,
    groups: Vec<u64>,
    labels: Vec<u16>,
    /// The splits that the images came in.
    given: Vec<Option<SplitName>>,
}

impl Labeled {
    fn of(dataset: &Dataset, imported: &Imported) -> Self {
        let is_pseudo = |place: &usize| imported.pseudo.get(*place).is_some_and(|is_pseudo| *is_pseudo);
        let places: Vec<usize> = (0..dataset.len()).filter(|place| !is_pseudo(place)).collect();
        let among: BTreeMap<usize, usize> = places.iter().enumerate().map(|(at, place)| (*place, at)).collect();
        let labels: Vec<u16> = places.iter().filter_map(|place| dataset.labels.get(*place).copied()).collect();
        let units: Vec<u64> = places.iter().filter_map(|place| imported.units.get(*place).copied()).collect();
        let given = places.iter().map(|place| imported.given.get(*place).copied().flatten()).collect();
        let pair = |(one, other): &(usize, usize)| Some((*among.get(one)?, *among.get(other)?));
        let near: Vec<(usize, usize)> = imported.near.iter().flatten().filter_map(pair).collect();
        Self { groups: together(&units, &labels, &near), places, labels, given }
    }
}

/// What becomes of the groups.
struct Drawn {
    /// The split of a group, or of those of its images that did not come in one.
    splits: BTreeMap<u64, SplitName>,
    /// The draws of the groups of which no image came for validation or test, with the ranges that decide them.
    draws: BTreeMap<u64, (f64, Ranges)>,
}

impl Drawn {
    fn new(labeled: &Labeled, [validation, test]: [f64; 2], seed: u32) -> Self {
        let mut given: BTreeMap<u64, BTreeSet<SplitName>> = BTreeMap::new();
        for (group, split) in labeled.groups.iter().zip(&labeled.given) {
            given.entry(*group).or_default().extend(split);
        }
        let all = Ranges::new(validation, test);
        let unless_given = |split, fraction: f64| if labeled.given.contains(&Some(split)) { 0.0 } else { fraction };
        let of_training =
            Ranges::new(unless_given(SplitName::Validation, validation), unless_given(SplitName::Test, test));
        let mut drawn = Self { splits: BTreeMap::new(), draws: BTreeMap::new() };
        for (group, given) in given {
            let ranges = match given.last() {
                None => all,
                Some(SplitName::Train) => of_training,
                Some(SplitName::Validation | SplitName::Test) => {
                    // Next to an image that trains, another one would make an accuracy too good; next to others, it may not train.
                    drawn.splits.extend(given.first().map(|split| (group, *split)));
                    continue;
                }
            };
            let draw = draw(group, seed);
            drawn.splits.insert(group, ranges.split(draw));
            drawn.draws.insert(group, (draw, ranges));
        }
        drawn
    }

    /// The split of each image.
    fn splits(mut self, labeled: &Labeled, classes: &[String]) -> Result<Vec<SplitName>, DatasetError> {
        for (label, class) in (0..).zip(classes) {
            let of_class: Vec<usize> =
                labeled.labels.iter().enumerate().filter(|(_, it)| **it == label).map(|(at, _)| at).collect();
            let mut ids: Vec<u64> = of_class.iter().filter_map(|at| labeled.groups.get(*at).copied()).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.retain(|id| self.draws.contains_key(id));
            let fixed: Vec<SplitName> = of_class
                .iter()
                .filter(|at| labeled.groups.get(**at).is_some_and(|group| !self.draws.contains_key(group)))
                .filter_map(|at| self.split_of(labeled, *at))
                .collect();
            let is_wanted = |split: &SplitName| {
                let ranges = ids.iter().filter_map(|id| self.draws.get(id));
                !fixed.contains(split) && ranges.into_iter().any(|(_, ranges)| ranges.has(*split))
            };
            let wanted: Vec<SplitName> =
                [SplitName::Test, SplitName::Validation, SplitName::Train].into_iter().filter(is_wanted).collect();
            if ids.len() < wanted.len() {
                return Err(DatasetError::TooFewImages {
                    class: class.clone(),
                    found: ids.len(),
                    needed: wanted.len(),
                });
            }
            wanted.into_iter().for_each(|split| self.fill(split, &ids, &fixed));
        }
        Ok((0..labeled.places.len()).filter_map(|at| self.split_of(labeled, at)).collect())
    }

    fn split_of(&self, labeled: &Labeled, at: usize) -> Option<SplitName> {
        let group = labeled.groups.get(at)?;
        let given = labeled.given.get(at).copied().flatten().filter(|_| !self.draws.contains_key(group));
        given.or_else(|| self.splits.get(group).copied())
    }

    /// Moves the closest group of a class into a split that has none, from a split that keeps another. `fixed` are the splits of its other images.
    fn fill(&mut self, split: SplitName, ids: &[u64], fixed: &[SplitName]) {
        let count = |split: SplitName| {
            let of_ids = ids.iter().filter(|id| self.splits.get(*id) == Some(&split)).count();
            of_ids + fixed.iter().filter(|it| **it == split).count()
        };
        if count(split) > 0 {
            return;
        }
        let may_leave = |id: &u64| self.splits.get(id).is_some_and(|from| count(*from) > 1);
        let distance = |id: &u64| {
            let (draw, ranges) = self.draws.get(id).filter(|(_, ranges)| ranges.has(split))?;
            Some((ranges.distance(*draw, split), *id))
        };
        let candidates = ids.iter().filter(|id| may_leave(id)).filter_map(distance);
        let closest = candidates.min_by(|(one, _), (other, _)| one.total_cmp(other));
        self.splits.extend(closest.map(|(_, id)| (id, split)));
    }
}

/// The images that are of the same unit as a held out one, or look like it.
fn kin(imported: &Imported, is_held_out: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    let units = || imported.units.iter().enumerate();
    let held_out: BTreeSet<u64> = units().filter(|(place, _)| is_held_out(*place)).map(|(_, unit)| *unit).collect();
    let of_unit = units().filter(|(_, unit)| held_out.contains(unit)).map(|(place, _)| place);
    let pairs = imported.near.iter().flatten().flat_map(|(one, other)| [(*one, *other), (*other, *one)]);
    of_unit.chain(pairs.filter(|(_, other)| is_held_out(*other)).map(|(place, _)| place)).collect()
}

/// Uniform in [0, 1).
fn draw(id: u64, seed: u32) -> f64 {
    Random::new(id ^ Random::new(seed.into()).next_u64()).unit()
}

/// The draws of test images end at `test`, those of validation images at `validation`; the rest trains.
#[derive(Clone, Copy)]
struct Ranges {
    test: f64,
    validation: f64,
}

impl Ranges {
    /// `validation` is the fraction of the images that are not for test.
    fn new(validation: f64, test: f64) -> Self {
        Self { test, validation: test + (1.0 - test) * validation }
    }

    fn split(&self, draw: f64) -> SplitName {
        match draw {
            draw if draw < self.test => SplitName::Test,
            draw if draw < self.validation => SplitName::Validation,
            _ => SplitName::Train,
        }
    }

    /// Whether a split is not empty by choice.
    fn has(&self, split: SplitName) -> bool {
        match split {
            SplitName::Test => self.test > 0.0,
            SplitName::Validation => self.validation > self.test,
            SplitName::Train => true,
        }
    }

    fn distance(&self, draw: f64, split: SplitName) -> f64 {
        let (start, end) = match split {
            SplitName::Test => (0.0, self.test),
            SplitName::Validation => (self.test, self.validation),
            SplitName::Train => (self.validation, 1.0),
        };
        (start - draw).max(draw - end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::SplitConfig;
    use crate::dataset::{Framing, ImageFormat, ImageReport};
    use crate::protocol::ImageShape;

    /// Images by id and class. The last of them came for validation and test, if any, and the others for training.
    fn dataset(images: &[(u64, u16)], n_standard: [usize; 2]) -> Dataset {
        let [n_standard_validation, n_standard_test] = n_standard;
        let n_train = images.len() - n_standard_validation - n_standard_test;
        let of =
            |split: SplitName, number: usize| std::iter::repeat_n((n_train < images.len()).then_some(split), number);
        let given = of(SplitName::Train, n_train)
            .chain(of(SplitName::Validation, n_standard_validation))
            .chain(of(SplitName::Test, n_standard_test));
        let labels: Vec<u16> = images.iter().map(|(_, class)| *class).collect();
        let n_classes = labels.iter().max().map_or(1, |class| class + 1);
        let imported = Imported {
            format: ImageFormat { side: 1, channels: 1, framing: Framing::CenterCrop },
            is_resized: true,
            ids: images.iter().map(|(id, _)| *id).collect(),
            units: images.iter().map(|(id, _)| *id).collect(),
            pseudo: vec![false; images.len()],
            given: given.collect(),
            near: None,
            report: ImageReport::default(),
        };
        Dataset {
            name: "t".into(),
            classes: (0..n_classes).map(|class| class.to_string()).collect(),
            shape: ImageShape { channels: 1, height: 1, width: 1 },
            pixels: vec![0; labels.len()],
            labels,
            n_standard_test,
            imported: Some(imported),
        }
    }

    fn part_of(split: &Split, index: usize) -> &'static str {
        let index = index as u32;
        match () {
            () if split.train.contains(&index) => "train",
            () if split.validation.contains(&index) => "validation",
            () if split.test.contains(&index) => "test",
            () => "none",
        }
    }

    fn many(n_images: u64) -> Vec<(u64, u16)> {
        (0..n_images).map(|id| (id.wrapping_mul(0x9e37_79b9), (id % 2) as u16)).collect()
    }

    #[test]
    fn parts_have_their_fractions() {
        let split = Split::new(&dataset(&many(4_000), [0, 0]), &SplitConfig::default()).unwrap();
        assert!((350..450).contains(&split.test.len()), "{}", split.test.len());
        assert!((310..410).contains(&split.validation.len()), "{}", split.validation.len());
        let other = SplitConfig { seed: 1, ..SplitConfig::default() };
        assert_ne!(split, Split::new(&dataset(&many(4_000), [0, 0]), &other).unwrap());
    }

    #[test]
    fn sets_that_came_with_the_files_stay() {
        let sorted = |part: &[u32]| {
            let mut part = part.to_vec();
            part.sort_unstable();
            part
        };
        let split = Split::new(&dataset(&many(100), [20, 10]), &SplitConfig::default()).unwrap();
        assert_eq!(sorted(&split.train), (0..70).collect::<Vec<u32>>());
        assert_eq!(sorted(&split.validation), (70..90).collect::<Vec<u32>>());
        assert_eq!(sorted(&split.test), (90..100).collect::<Vec<u32>>());
        let drawn = Split::new(&dataset(&many(100), [0, 10]), &SplitConfig::default()).unwrap();
        assert_eq!(sorted(&drawn.test), (90..100).collect::<Vec<u32>>());
        assert!(!drawn.validation.is_empty());
    }

    #[test]
    fn three_different_images_are_enough_and_three_copies_are_not() {
        let config = SplitConfig::default();
        for start in 0..50 {
            let images: Vec<_> = (0..6).map(|place| (start * 6 + place, (place % 2) as u16)).collect();
            let split = Split::new(&dataset(&images, [0, 0]), &config).unwrap();
            assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [2, 2, 2]);
        }
        let copies = [(1, 0), (2, 0), (3, 0), (9, 1), (9, 1), (9, 1)];
        let expected = DatasetError::TooFewImages { class: "1".into(), found: 1, needed: 3 };
        assert_eq!(Split::new(&dataset(&copies, [0, 0]), &config), Err(expected));
    }

    /// Each image but the first two of a class looks like another one.
    #[test]
    fn what_looks_alike_stays_together() {
        for seed in 0..20 {
            let mut data = dataset(&many(400), [0, 0]);
            let pairs: Vec<(usize, usize)> =
                (4..400).filter(|place| place % 4 > 1).map(|place| (place, place - 2)).collect();
            let config = SplitConfig { seed, ..SplitConfig::default() };
            let is_together =
                |split: &Split| pairs.iter().all(|(one, other)| part_of(split, *one) == part_of(split, *other));
            assert!(!is_together(&Split::new(&data, &config).unwrap()));
            if let Some(imported) = &mut data.imported {
                imported.near = Some(pairs.clone());
            }
            assert!(is_together(&Split::new(&data, &config).unwrap()));
        }
    }

    /// Twelve images of one class, which came in these splits.
    fn with_given(given: &[Option<SplitName>]) -> Dataset {
        let images: Vec<(u64, u16)> = (0..given.len() as u64).map(|id| (id, 0)).collect();
        let mut data = dataset(&images, [0, 0]);
        if let Some(imported) = &mut data.imported {
            imported.given = given.to_vec();
        }
        data
    }

    #[test]
    fn an_image_stays_in_the_split_that_it_came_in_and_the_others_are_drawn_as_before() {
        use SplitName::{Test, Train, Validation};
        let drawn = Split::new(&with_given(&[None; 400]), &SplitConfig::default()).unwrap();
        let mut given = [None; 400];
        (0..30).for_each(|place| given[place] = Some([Train, Validation, Test][place % 3]));
        let split = Split::new(&with_given(&given), &SplitConfig::default()).unwrap();
        let names = ["train", "validation", "test"];
        assert!((0..30).all(|place| part_of(&split, place) == names[place % 3]));
        assert!((30..400).all(|place| part_of(&split, place) == part_of(&drawn, place)));
        // What no image came for is drawn, also from images that came for training.
        let split = Split::new(&with_given(&[Some(Train); 400]), &SplitConfig::default()).unwrap();
        assert_eq!(split, drawn);
        let mut given = [Some(Train); 400];
        given[399] = Some(Test);
        let split = Split::new(&with_given(&given), &SplitConfig::default()).unwrap();
        assert_eq!(split.test, [399]);
        assert!((20..60).contains(&split.validation.len()), "{}", split.validation.len());
    }

    #[test]
    fn a_class_needs_no_more_images_than_its_splits_lack() {
        use SplitName::{Test, Train, Validation};
        let config = SplitConfig::default();
        let sizes = |given: &[Option<SplitName>]| {
            let split = Split::new(&with_given(given), &config)?;
            Ok([split.train.len(), split.validation.len(), split.test.len()])
        };
        assert_eq!(sizes(&[Some(Train), Some(Validation), Some(Test)]), Ok([1, 1, 1]));
        assert_eq!(sizes(&[None, Some(Validation), Some(Test)]), Ok([1, 1, 1]));
        assert_eq!(sizes(&[Some(Train), Some(Train), Some(Test)]), Ok([1, 1, 1]));
        let expected = DatasetError::TooFewImages { class: "0".into(), found: 1, needed: 2 };
        assert_eq!(sizes(&[Some(Train), Some(Test), Some(Test)]), Err(expected));
    }

    #[test]
    fn the_split_that_an_image_came_in_wins_over_its_kin_and_others_go_with_them() {
        use SplitName::{Test, Train, Validation};
        let parts = |given: &[Option<SplitName>], near: &[(usize, usize)]| {
            let mut all = given.to_vec();
            all.resize(100, Some(Train));
            all.extend([Some(Validation), Some(Test)]);
            let mut data = with_given(&all);
            if let Some(imported) = &mut data.imported {
                imported.near = Some(near.to_vec());
            }
            let split = Split::new(&data, &SplitConfig::default()).unwrap();
            (0..given.len()).map(|place| part_of(&split, place)).collect::<Vec<_>>()
        };
        assert_eq!(parts(&[Some(Test), None], &[(1, 0)]), ["test", "test"]);
        assert_eq!(parts(&[None, Some(Validation), None], &[(1, 0), (2, 1)]), ["validation"; 3]);
        assert_eq!(parts(&[Some(Train), Some(Test), None], &[(1, 0), (2, 1)]), ["train", "test", "train"]);
        assert_eq!(
            parts(&[Some(Test), Some(Validation), None], &[(1, 0), (2, 1)]),
            ["test", "validation", "validation"]
        );
    }

    #[test]
    fn pseudo_labels_are_only_learned_from_and_move_no_other_image() {
        let mut data = dataset(&many(600), [0, 0]);
        let before = Split::new(&dataset(&many(400), [0, 0]), &SplitConfig::default()).unwrap();
        if let Some(imported) = &mut data.imported {
            imported.pseudo = (0..600).map(|place| place >= 400).collect();
            // One looks like a test image, and one came for validation.
            imported.near = Some(vec![(599, before.test[0] as usize)]);
            imported.given[598] = Some(SplitName::Validation);
        }
        let split = Split::new(&data, &SplitConfig::default()).unwrap();
        assert!((0..400).all(|place| part_of(&split, place) == part_of(&before, place)));
        assert!((400..598).all(|place| part_of(&split, place) == "train"));
        assert!((598..600).all(|place| part_of(&split, place) == "none"));
    }

    proptest! {
        /// Of any images that belong together, those that came in a split are there, and those that are drawn are in one.
        #[test]
        fn every_image_is_where_it_came_from(ids in prop::collection::vec(0_u64..60, 60..200), came in prop::collection::vec(0_usize..8, 200), seed: u32) {
            let images: Vec<_> = ids.iter().map(|id| (*id, (id % 2) as u16)).collect();
            let mut data = dataset(&images, [0, 0]);
            let splits = [SplitName::Train, SplitName::Validation, SplitName::Test];
            let given: Vec<_> = came.iter().take(ids.len()).map(|number| splits.get(*number).copied()).collect();
            if let Some(imported) = &mut data.imported {
                imported.given.clone_from(&given);
            }
            let Ok(split) = Split::new(&data, &SplitConfig { seed, ..SplitConfig::default() }) else { return Ok(()) };
            let mut drawn: BTreeMap<u64, &str> = BTreeMap::new();
            for (place, id) in ids.iter().enumerate() {
                let part = part_of(&split, place);
                match given[place] {
                    // Validation and test are not drawn from those that came for training if images came for both.
                    Some(SplitName::Train) if given.contains(&Some(SplitName::Validation)) && given.contains(&Some(SplitName::Test)) => prop_assert_eq!(part, "train"),
                    Some(SplitName::Train) => prop_assert_ne!(part, "none"),
                    Some(SplitName::Validation) => prop_assert_eq!(part, "validation"),
                    Some(SplitName::Test) => prop_assert_eq!(part, "test"),
                    None => prop_assert_eq!(*drawn.entry(*id).or_insert(part), part),
                }
            }
        }

        #[test]
        fn copies_stay_together_and_all_images_are_somewhere(ids in prop::collection::vec(0_u64..40, 60..200), seed: u32) {
            let images: Vec<_> = ids.iter().map(|id| (*id, (id % 2) as u16)).collect();
            let config = SplitConfig { seed, ..SplitConfig::default() };
            let Ok(split) = Split::new(&dataset(&images, [0, 0]), &config) else { return Ok(()) };
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images.len() as u32).collect::<Vec<_>>());
            for (first, (id, _)) in images.iter().enumerate() {
                let copy = images.iter().rposition(|(other, _)| other == id).unwrap();
                prop_assert_eq!(part_of(&split, first), part_of(&split, copy));
            }
        }

        /// With enough images, no part of a class depends on a single one.
        #[test]
        fn an_image_that_comes_or_goes_moves_no_other(seed: u32, removed in 0_usize..400, offset: u64) {
            let images: Vec<_> = (0..400).map(|place: u64| (offset.wrapping_add(place), (place % 2) as u16)).collect();
            let config = SplitConfig { seed, ..SplitConfig::default() };
            let before = Split::new(&dataset(&images, [0, 0]), &config).unwrap();
            let mut fewer = images.clone();
            fewer.remove(removed);
            let after = Split::new(&dataset(&fewer, [0, 0]), &config).unwrap();
            for place in 0..fewer.len() {
                let place_before = if place < removed { place } else { place + 1 };
                prop_assert_eq!(part_of(&after, place), part_of(&before, place_before));
            }
        }
    }
}
