//! Images that belong together: copies of a file, the frames of a burst, and images that look alike. They stay in one split, and in one fold of a
//! cross-validation, as a network that has learned one of them knows the others.

use std::collections::BTreeMap;

use super::Dataset;
use super::image_folder::importer::content_id;
use super::image_folder::near::near;

/// Images that look alike stay together in groups of up to this fraction of their class. What is more are no duplicates but a class of images that all
/// look alike, such as frames of a scene in which little happens: as one group they would leave a split without the class, or training with little of it.
const LARGEST_FRACTION: f64 = 0.1;

/// Groups of up to this size stay together in a class of any size.
const SMALL_GROUP: usize = 2;

/// A class that would have fewer groups, one for each split, has none: its images are split by their units.
const MIN_GROUPS: usize = 3;

/// The group of each image of a dataset.
pub fn groups(dataset: &Dataset) -> Vec<u64> {
    match &dataset.imported {
        Some(imported) => together(&imported.units, &dataset.labels, imported.near.as_deref().unwrap_or_default()),
        None => {
            let images = dataset.pixels.chunks_exact(dataset.shape.n_values().max(1));
            let ids: Vec<u64> = images.map(content_id).collect();
            let near = near(&ids, &dataset.pixels, dataset.shape, &[]);
            together(&ids, &dataset.labels, &near.unwrap_or_default())
        }
    }
}

/// The group of each image: the unit of its first image. Those of one unit, such as copies of a file, have one group; `near` are places of images
/// that look alike.
pub fn together(units: &[u64], labels: &[u16], near: &[(usize, usize)]) -> Vec<u64> {
    let mut roots = Roots::of(units);
    near.iter().for_each(|(one, other)| roots.join(*one, *other));
    let roots: Vec<usize> = (0..units.len()).map(|place| roots.find(place)).collect();

    let mut n_of_class: BTreeMap<u16, usize> = BTreeMap::new();
    let mut n_in_group: BTreeMap<(u16, usize), usize> = BTreeMap::new();
    for (label, root) in labels.iter().zip(&roots) {
        *n_of_class.entry(*label).or_default() += 1;
        *n_in_group.entry((*label, *root)).or_default() += 1;
    }
    let mut n_groups: BTreeMap<u16, usize> = BTreeMap::new();
    n_in_group.keys().for_each(|(label, _)| *n_groups.entry(*label).or_default() += 1);
    // A group of several classes has to suit all of them.
    let mut is_apart: BTreeMap<usize, bool> = BTreeMap::new();
    for ((label, root), n_images) in &n_in_group {
        let n_of_class = n_of_class.get(label).copied().unwrap_or_default();
        let largest = SMALL_GROUP.max((n_of_class as f64 * LARGEST_FRACTION) as usize);
        let has_few = n_groups.get(label).is_some_and(|count| *count < MIN_GROUPS);
        *is_apart.entry(*root).or_default() |= *n_images > largest || has_few;
    }
    let group = |(unit, root): (&u64, &usize)| match is_apart.get(root) {
        Some(false) => units.get(*root).copied().unwrap_or(*unit),
        Some(true) | None => *unit,
    };
    units.iter().zip(&roots).map(group).collect()
}

/// Disjoint sets of places, each known by the first one of it (union-find).
struct Roots(Vec<usize>);

impl Roots {
    /// The sets of equal units.
    fn of(units: &[u64]) -> Self {
        let mut firsts: BTreeMap<u64, usize> = BTreeMap::new();
        Self(units.iter().enumerate().map(|(place, unit)| *firsts.entry(*unit).or_insert(place)).collect())
    }

    fn find(&mut self, place: usize) -> usize {
        let mut root = place;
        while let Some(parent) = self.0.get(root).copied().filter(|parent| *parent != root) {
            root = parent;
        }
        // The next search is short.
        if let Some(parent) = self.0.get_mut(place) {
            *parent = root;
        }
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        if let Some(parent) = self.0.get_mut(one.max(other)) {
            *parent = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(units: &[u64], labels: &[u16], near: &[(usize, usize)], expected: &[u64]) {
        assert_eq!(together(units, labels, near), expected);
    }

    #[test]
    fn pairs_join_and_units_stay_whole() {
        let labels = [0; 8];
        check(&[1, 2, 3, 4, 5, 6, 7, 8], &labels, &[], &[1, 2, 3, 4, 5, 6, 7, 8]);
        check(&[1, 2, 3, 4, 5, 6, 7, 8], &labels, &[(5, 2)], &[1, 2, 3, 4, 5, 3, 7, 8]);
        // A burst of three is a unit, whatever its size.
        check(&[1, 2, 9, 9, 9, 6, 7, 8], &labels, &[], &[1, 2, 9, 9, 9, 6, 7, 8]);
        check(&[], &[], &[], &[]);
        // Places that are none.
        check(&[1], &[0], &[(7, 0), (3, 9)], &[1]);
    }

    #[test]
    fn chains_are_one_group_up_to_a_tenth_of_the_class() {
        let units: Vec<u64> = (0..60).collect();
        let chain = |n_images: usize| (1..n_images).map(|place| (place, place - 1)).collect::<Vec<_>>();
        let groups = together(&units, &[0; 60], &chain(6));
        assert!(groups[..6].iter().all(|group| *group == 0) && groups[6..] == units[6..]);
        assert_eq!(together(&units, &[0; 60], &chain(7)), units);
    }

    #[test]
    fn a_small_class_keeps_a_group_for_each_split() {
        check(&[1, 2, 3, 4], &[0; 4], &[(1, 0)], &[1, 1, 3, 4]);
        check(&[1, 2, 3], &[0; 3], &[(1, 0)], &[1, 2, 3]);
        // The other class has enough.
        check(&[1, 2, 3, 4, 5, 6, 7], &[0, 0, 0, 1, 1, 1, 1], &[(3, 0)], &[1, 2, 3, 1, 5, 6, 7]);
        check(&[1, 2, 4, 5, 6, 7], &[0, 0, 1, 1, 1, 1], &[(2, 0)], &[1, 2, 4, 5, 6, 7]);
    }

    proptest! {
        #[test]
        fn groups_hold_their_units_and_are_numbered_by_their_first(
            units in prop::collection::vec(0_u64..50, 0..80),
            near in prop::collection::vec((0_usize..90, 0_usize..90), 0..40),
        ) {
            let labels: Vec<u16> = (0..units.len()).map(|place| (place % 3) as u16).collect();
            let groups = together(&units, &labels, &near);
            for (place, group) in groups.iter().enumerate() {
                let first = units.iter().position(|unit| unit == &units[place]).unwrap();
                prop_assert_eq!(groups[first], *group);
                let head = groups.iter().position(|other| other == group).unwrap();
                prop_assert_eq!(units[head], *group);
            }
        }
    }
}
