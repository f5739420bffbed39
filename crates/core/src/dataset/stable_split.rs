//! Splits imported images one by one: a hash of an image's file and of the seed decides, so that images that are added or removed move no other
//! one, unless they look like it. Images that belong together stay together.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::together;
use super::{Dataset, DatasetError, Imported, Split};
use crate::random::Random;

/// Where an image is, in the order of their ranges in [`Ranges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Test,
    Validation,
    Train,
}

/// Draws the parts of the images that did not come with one. An image with a pseudo-label is only trained on, and in no part if it belongs with
/// images that are not; it is not among those that a class must have. A class none of whose images falls into a part gets the one that is closest to it:
/// only such an image may move later.
///
/// # Errors
///
/// If a class has images, but fewer groups of them than there are parts, or no train images remain.
pub fn split(
    dataset: &Dataset,
    imported: &Imported,
    [validation, test]: [f64; 2],
    seed: u32,
) -> Result<Split, DatasetError> {
    let n_held_out = dataset.n_standard_test + imported.n_standard_validation;
    let n_own = dataset.len().saturating_sub(n_held_out);
    let validation = if imported.n_standard_validation > 0 { 0.0 } else { validation };
    let ranges = Ranges { test, validation: test + (1.0 - test) * validation };
    let Labeled { places, groups, labels } = Labeled::of(dataset, imported);
    let n_drawn = places.partition_point(|place| *place < n_own);
    let own = || groups.iter().copied().zip(labels.iter().copied()).take(n_drawn);
    let draws: BTreeMap<u64, f64> = own().map(|(id, _)| (id, draw(id, seed))).collect();
    let mut parts: BTreeMap<u64, Part> = draws.iter().map(|(id, draw)| (*id, ranges.part(*draw))).collect();
    for class in 0..dataset.classes.len() {
        let mut ids: Vec<u64> = own().filter(|(_, label)| usize::from(*label) == class).map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            continue;
        }
        let wanted = ranges.wanted();
        if ids.len() < wanted.len() {
            let class = dataset.classes.get(class).cloned().unwrap_or_default();
            return Err(DatasetError::TooFewImages { class, found: ids.len(), needed: wanted.len() });
        }
        wanted.into_iter().for_each(|part| fill(part, &ids, &draws, &ranges, &mut parts));
    }

    let part_of: BTreeMap<usize, Part> =
        places.iter().zip(&groups).filter_map(|(place, group)| Some((*place, *parts.get(group)?))).collect();
    let is_held_out = |place: usize| place >= n_own || part_of.get(&place).is_some_and(|part| *part != Part::Train);
    let kin = kin(imported, is_held_out);
    let mut split = Split::default();
    for place in 0..n_own {
        let index = place as u32;
        match part_of.get(&place) {
            Some(Part::Train) => split.train.push(index),
            Some(Part::Test) => split.test.push(index),
            Some(Part::Validation) => split.validation.push(index),
            None if kin.contains(&place) => {}
            None => split.train.push(index),
        }
    }
    let n_validated = n_own + imported.n_standard_validation;
    split.validation.extend(n_own as u32..n_validated as u32);
    split.test.extend(n_validated as u32..dataset.len() as u32);
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
}

impl Labeled {
    fn of(dataset: &Dataset, imported: &Imported) -> Self {
        let is_pseudo = |place: &usize| imported.pseudo.get(*place).is_some_and(|is_pseudo| *is_pseudo);
        let places: Vec<usize> = (0..dataset.len()).filter(|place| !is_pseudo(place)).collect();
        let among: BTreeMap<usize, usize> = places.iter().enumerate().map(|(at, place)| (*place, at)).collect();
        let labels: Vec<u16> = places.iter().filter_map(|place| dataset.labels.get(*place).copied()).collect();
        let units: Vec<u64> = places.iter().filter_map(|place| imported.units.get(*place).copied()).collect();
        let pair = |(one, other): &(usize, usize)| Some((*among.get(one)?, *among.get(other)?));
        let near: Vec<(usize, usize)> = imported.near.iter().flatten().filter_map(pair).collect();
        Self { groups: together(&units, &labels, &near), places, labels }
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
struct Ranges {
    test: f64,
    validation: f64,
}

impl Ranges {
    fn part(&self, draw: f64) -> Part {
        match draw {
            draw if draw < self.test => Part::Test,
            draw if draw < self.validation => Part::Validation,
            _ => Part::Train,
        }
    }

    /// The parts that are not empty by choice.
    fn wanted(&self) -> Vec<Part> {
        let test = (self.test > 0.0).then_some(Part::Test);
        let validation = (self.validation > self.test).then_some(Part::Validation);
        test.into_iter().chain(validation).chain([Part::Train]).collect()
    }

    fn distance(&self, draw: f64, part: Part) -> f64 {
        let (start, end) = match part {
            Part::Test => (0.0, self.test),
            Part::Validation => (self.test, self.validation),
            Part::Train => (self.validation, 1.0),
        };
        (start - draw).max(draw - end)
    }
}

/// Moves the closest image of a class into a part that has none, from a part that keeps another.
fn fill(part: Part, ids: &[u64], draws: &BTreeMap<u64, f64>, ranges: &Ranges, parts: &mut BTreeMap<u64, Part>) {
    let count = |part: Part| ids.iter().filter(|id| parts.get(*id) == Some(&part)).count();
    if count(part) > 0 {
        return;
    }
    let may_leave = |id: &&u64| parts.get(*id).is_some_and(|from| count(*from) > 1);
    let distance = |id: &u64| draws.get(id).map_or(f64::INFINITY, |draw| ranges.distance(*draw, part));
    let closest = ids.iter().filter(may_leave).min_by(|a, b| distance(a).total_cmp(&distance(b))).copied();
    if let Some(id) = closest {
        parts.insert(id, part);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::SplitConfig;
    use crate::dataset::{Framing, ImageFormat, ImageReport};
    use crate::protocol::ImageShape;

    /// Images by id and class.
    fn dataset(images: &[(u64, u16)], n_standard: [usize; 2]) -> Dataset {
        let [n_standard_validation, n_standard_test] = n_standard;
        let labels: Vec<u16> = images.iter().map(|(_, class)| *class).collect();
        let n_classes = labels.iter().max().map_or(1, |class| class + 1);
        let imported = Imported {
            format: ImageFormat { side: 1, channels: 1, framing: Framing::CenterCrop },
            is_resized: true,
            ids: images.iter().map(|(id, _)| *id).collect(),
            units: images.iter().map(|(id, _)| *id).collect(),
            pseudo: vec![false; images.len()],
            near: None,
            n_standard_validation,
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

    #[test]
    fn pseudo_labels_are_only_learned_from_and_move_no_other_image() {
        let mut data = dataset(&many(600), [0, 0]);
        let before = Split::new(&dataset(&many(400), [0, 0]), &SplitConfig::default()).unwrap();
        if let Some(imported) = &mut data.imported {
            imported.pseudo = (0..600).map(|place| place >= 400).collect();
            // One looks like a test image.
            imported.near = Some(vec![(599, before.test[0] as usize)]);
        }
        let split = Split::new(&data, &SplitConfig::default()).unwrap();
        assert!((0..400).all(|place| part_of(&split, place) == part_of(&before, place)));
        assert!((400..599).all(|place| part_of(&split, place) == "train"));
        assert_eq!(part_of(&split, 599), "none");
    }

    proptest! {
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
