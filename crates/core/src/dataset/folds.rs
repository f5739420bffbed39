//! Folds for cross-validation: parts of about the same size, each with its share of every class.

use std::collections::BTreeMap;

use crate::random::Random;

/// An image to be put into a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    /// Images with one group go into one fold: copies of a file, of which one must not be predicted by a network that has learned another.
    pub group: u64,
}

/// Cuts images into folds, class by class: two folds differ by at most one group of a class, unless a group has images of several classes. Equal
/// seeds give equal folds. Folds may be empty if there are fewer groups.
pub fn folds(members: &[Member], n_folds: usize, seed: u32) -> Vec<Vec<u32>> {
    let mut by_class: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    for member in members {
        by_class.entry(member.label).or_default().push(member.group);
    }
    let mut random = Random::new(seed.into());
    let mut fold_of: BTreeMap<u64, usize> = BTreeMap::new();
    // Each class goes on where the one before it ended, so that small classes do not all fill the first folds.
    let mut next = (0..n_folds).cycle();
    for mut groups in by_class.into_values() {
        groups.sort_unstable();
        groups.dedup();
        groups.retain(|group| !fold_of.contains_key(group));
        random.shuffle(&mut groups);
        fold_of.extend(groups.into_iter().zip(&mut next));
    }
    let mut folds = vec![Vec::new(); n_folds];
    for member in members {
        if let Some(fold) = fold_of.get(&member.group).and_then(|fold| folds.get_mut(*fold)) {
            fold.push(member.index);
        }
    }
    folds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn single(index: u32, label: u16) -> Member {
        Member { index, label, group: u64::from(index) << 7 }
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
    fn copies_are_in_one_fold_whatever_their_labels() {
        let members: Vec<Member> =
            (0..60).map(|index| Member { index, label: (index % 3) as u16, group: u64::from(index / 4) }).collect();
        for fold in folds(&members, 5, 3) {
            assert!(fold.iter().all(|index| (index / 4 * 4..index / 4 * 4 + 4).all(|copy| fold.contains(&copy))));
        }
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
        assert_eq!(folds(&[single(0, 0)], 2, 0).concat(), [0]);
    }
}
