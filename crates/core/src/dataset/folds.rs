//! Folds for cross-validation: parts of about the same size, each with its share of every class.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::random::Random;

/// An image to be put into a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    /// Images with one group go into one fold, see [`super::groups`]: none must be predicted by a network that has learned another.
    pub group: u64,
    /// Whether no network may learn from it.
    pub is_test: bool,
}

/// The images that one network predicts; it learns from `learned` of all other folds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    pub learned: Vec<u32>,
    /// Test images.
    pub test: Vec<u32>,
}

impl Fold {
    pub fn len(&self) -> usize {
        self.learned.len() + self.test.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Cuts images into folds, class by class: of each class, a fold gets the next group while it has the fewest images, the largest groups first, so
/// that folds without larger groups differ by at most one image of a class. Equal seeds give equal folds. Folds may be empty if there are fewer
/// groups.
pub fn folds(members: &[Member], n_folds: usize, seed: u32) -> Vec<Fold> {
    let mut random = Random::new(seed.into());
    let mut fold_of: BTreeMap<u64, usize> = BTreeMap::new();
    let mut n_in_fold = vec![0; n_folds];
    for sizes in group_sizes(members).into_values() {
        // Images of the class, and all images, in each fold.
        let mut counts: Vec<[usize; 2]> = n_in_fold.iter().map(|n_images| [0, *n_images]).collect();
        // Another class may have placed a group.
        let (placed, mut groups): (Vec<_>, Vec<_>) =
            sizes.into_iter().partition(|(group, _)| fold_of.contains_key(group));
        random.shuffle(&mut groups);
        groups.sort_by_key(|(_, size)| Reverse(*size));
        for (group, size) in placed.into_iter().chain(groups) {
            let least = (0..n_folds).min_by_key(|fold| counts.get(*fold).copied());
            let Some(fold) = fold_of.get(&group).copied().or(least) else { break };
            fold_of.insert(group, fold);
            if let Some([of_class, all]) = counts.get_mut(fold) {
                *of_class += size;
                *all += size;
            }
        }
        n_in_fold = counts.into_iter().map(|[_, all]| all).collect();
    }
    let mut folds = vec![Fold::default(); n_folds];
    for member in members {
        if let Some(fold) = fold_of.get(&member.group).and_then(|fold| folds.get_mut(*fold)) {
            if member.is_test { &mut fold.test } else { &mut fold.learned }.push(member.index);
        }
    }
    folds
}

/// The sizes of the groups of each class; the test images of a class are one of their own, and come last.
fn group_sizes(members: &[Member]) -> BTreeMap<(bool, u16), BTreeMap<u64, usize>> {
    let mut classes: BTreeMap<(bool, u16), BTreeMap<u64, usize>> = BTreeMap::new();
    for Member { label, group, is_test, .. } in members {
        *classes.entry((*is_test, *label)).or_default().entry(*group).or_default() += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn single(index: u32, label: u16) -> Member {
        Member { index, label, group: u64::from(index) << 7, is_test: false }
    }

    proptest! {
        #[test]
        fn every_image_is_in_one_fold_and_every_class_in_all(
            seed: u32,
            n_folds in 2_usize..8,
            sizes in prop::collection::vec(0_u32..40, 1..6),
        ) {
            let labels = sizes.iter().zip(0_u16..).flat_map(|(size, label)| (0..*size).map(move |_| label));
            let members: Vec<Member> = labels.zip(0..).map(|(label, index)| single(index, label)).collect();
            let folds = folds(&members, n_folds, seed);
            let folds: Vec<Vec<u32>> = folds.into_iter().map(|fold| fold.learned).collect();
            let mut all = folds.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..members.len() as u32).collect::<Vec<_>>());
            for (size, label) in sizes.iter().zip(0_u16..) {
                let of_class = |fold: &Vec<u32>| fold.iter().filter(|index| members[**index as usize].label == label).count();
                let least = *size as usize / n_folds;
                prop_assert!(folds.iter().map(of_class).all(|count| (least..=least + 1).contains(&count)));
            }
            prop_assert!(folds.iter().all(|fold| fold.len().abs_diff(folds[0].len()) <= 1));
        }
    }

    #[test]
    fn copies_are_in_one_fold_whatever_their_labels_and_splits() {
        let member = |index: u32| Member {
            index,
            label: (index % 3) as u16,
            group: u64::from(index / 4),
            is_test: index.is_multiple_of(5),
        };
        let members: Vec<Member> = (0..60).map(member).collect();
        let folds = folds(&members, 5, 3);
        assert_eq!(folds.iter().map(Fold::len).sum::<usize>(), 60);
        for fold in folds {
            assert!(fold.test.iter().all(|index| index % 5 == 0) && fold.learned.iter().all(|index| index % 5 != 0));
            let all = [fold.learned, fold.test].concat();
            assert!(all.iter().all(|index| (index / 4 * 4..index / 4 * 4 + 4).all(|copy| all.contains(&copy))));
        }
    }

    #[test]
    fn large_groups_are_balanced_by_small_ones() {
        let group = |index: u32| if index < 10 { 0 } else { u64::from(index) };
        let member = |index| Member { index, label: 0, group: group(index), is_test: false };
        let members: Vec<Member> = (0..40).map(member).collect();
        let folds = folds(&members, 4, 7);
        assert!(folds.iter().all(|fold| fold.len() == 10), "{folds:?}");
        assert!(folds.iter().any(|fold| fold.learned == (0..10).collect::<Vec<_>>()));
    }

    #[test]
    fn the_seed_decides() {
        let members: Vec<Member> = (0..60).map(|index| single(index, 0)).collect();
        assert_eq!(folds(&members, 5, 1), folds(&members, 5, 1));
        assert_ne!(folds(&members, 5, 1), folds(&members, 5, 2));
    }

    #[test]
    fn no_folds_hold_nothing() {
        assert!(folds(&[single(0, 0)], 0, 0).is_empty());
        assert_eq!(folds(&[single(0, 0)], 2, 0).iter().map(Fold::len).sum::<usize>(), 1);
    }
}
