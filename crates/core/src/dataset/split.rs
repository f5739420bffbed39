//! Splits a dataset into train, validation and test: stratified, and reproducible from the seed on every machine.

use super::{Dataset, DatasetError, Split, stable_split};
use crate::config::SplitConfig;
use crate::protocol::SplitName;
use crate::random::Random;

/// Maximum fraction that may be held out for validation, and for test.
pub const FRACTION_LIMIT: f32 = 0.5;

impl Split {
    /// Splits class by class, so that every class keeps its proportion in each split to within one image. A standard test set becomes the
    /// test split. Each split lists its images in the dataset's order. Imported image files are split one by one instead, so that an image that
    /// is added or removed moves no other one, see [`stable_split`].
    ///
    /// # Errors
    ///
    /// If a fraction is out of range, no train images remain, or a class has images but too few for every split. A class without images is
    /// allowed.
    pub fn new(dataset: &Dataset, config: &SplitConfig) -> Result<Self, DatasetError> {
        let validation_fraction = checked_fraction("validation fraction", config.validation_fraction)?;
        let test_fraction = checked_fraction("test fraction", config.test_fraction)?;
        let test_fraction = if dataset.n_standard_test > 0 { 0.0 } else { test_fraction };
        let n_own = dataset.len().saturating_sub(dataset.n_standard_test);
        if let Some(imported) = &dataset.imported {
            return stable_split::split(dataset, imported, [validation_fraction, test_fraction], config.seed);
        }

        let mut split = Self::default();
        let mut random = Random::new(config.seed.into());
        for (class, mut indices) in indices_by_class(dataset, n_own).into_iter().enumerate() {
            let Some(counts) = ClassCounts::new(indices.len(), validation_fraction, test_fraction) else {
                return Err(DatasetError::TooFewImages {
                    class: dataset.classes.get(class).cloned().unwrap_or_default(),
                    found: indices.len(),
                    needed: 1 + usize::from(validation_fraction > 0.0) + usize::from(test_fraction > 0.0),
                });
            };
            random.shuffle(&mut indices);
            let mut indices = indices.into_iter();
            split.test.extend(indices.by_ref().take(counts.test));
            split.validation.extend(indices.by_ref().take(counts.validation));
            split.train.extend(indices);
        }
        split.test.extend(n_own as u32..dataset.len() as u32);
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            part.sort_unstable();
        }
        if split.train.is_empty() {
            return Err(DatasetError::Empty { file: dataset.name.clone() });
        }
        Ok(split)
    }

    /// The images of a split, as indices into the dataset.
    pub fn part(&self, name: SplitName) -> &[u32] {
        match name {
            SplitName::Train => &self.train,
            SplitName::Validation => &self.validation,
            SplitName::Test => &self.test,
        }
    }
}

/// How many images of one class are held out for validation and test.
struct ClassCounts {
    validation: usize,
    test: usize,
}

impl ClassCounts {
    /// `None` if a class has images, but too few for every requested split.
    fn new(n_images: usize, validation_fraction: f64, test_fraction: f64) -> Option<Self> {
        if n_images == 0 {
            return Some(Self { validation: 0, test: 0 });
        }
        let [min_validation, min_test] = [validation_fraction, test_fraction].map(|f| usize::from(f > 0.0));
        let max_test = n_images.checked_sub(1 + min_validation)?;
        let max_validation = n_images.checked_sub(1 + min_test)?;
        if max_test < min_test || max_validation < min_validation {
            return None;
        }
        let test = fraction_of(n_images, test_fraction).clamp(min_test, max_test);
        let n_left = n_images - test;
        let validation = fraction_of(n_left, validation_fraction).clamp(min_validation, n_left - 1);
        Some(Self { validation, test })
    }
}

fn fraction_of(n_images: usize, fraction: f64) -> usize {
    (n_images as f64 * fraction).round() as usize
}

fn checked_fraction(name: &'static str, value: f32) -> Result<f64, DatasetError> {
    if (0.0..=FRACTION_LIMIT).contains(&value) {
        Ok(value.into())
    } else {
        Err(DatasetError::BadFraction { name, value: value.to_string() })
    }
}

/// The indices of the first `n_images` images, grouped by class.
fn indices_by_class(dataset: &Dataset, n_images: usize) -> Vec<Vec<u32>> {
    let mut by_class = vec![Vec::new(); dataset.classes.len()];
    for (index, label) in dataset.labels.iter().take(n_images).enumerate() {
        if let Some(indices) = by_class.get_mut(usize::from(*label)) {
            indices.push(index as u32);
        }
    }
    by_class
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::ImageShape;

    fn dataset(labels: Vec<u16>, n_standard_test: usize) -> Dataset {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let n_classes = labels.iter().max().map_or(1, |&label| label + 1);
        let classes = (0..n_classes).map(|class| class.to_string()).collect();
        Dataset {
            name: "t".into(),
            classes,
            shape,
            pixels: vec![0; labels.len()],
            labels,
            n_standard_test,
            imported: None,
        }
    }

    fn config(validation_fraction: f32, test_fraction: f32, seed: u32) -> SplitConfig {
        SplitConfig { validation_fraction, test_fraction, seed }
    }

    #[test]
    fn a_standard_test_set_stays_the_test_set() {
        let labels = (0..120).map(|index| index % 3).collect();
        let split = Split::new(&dataset(labels, 30), &config(0.1, 0.5, 7)).unwrap();
        assert_eq!(split.test, (90..120).collect::<Vec<u32>>());
        assert_eq!((split.train.len(), split.validation.len()), (81, 9));
    }

    /// A change here would change the meaning of every stored seed.
    #[test]
    fn seed_zero_gives_this_split_for_ever() {
        let split = Split::new(&dataset((0..20).map(|index| index % 2).collect(), 0), &config(0.2, 0.2, 0)).unwrap();
        assert_eq!(split.test, [1, 8, 9, 18]);
        assert_eq!(split.validation, [3, 4, 5, 10]);
    }

    #[test]
    fn a_class_that_cannot_be_in_every_part_is_refused() {
        let few = dataset(vec![0, 0, 0, 1, 1], 0);
        let expected = DatasetError::TooFewImages { class: "1".into(), found: 2, needed: 3 };
        assert_eq!(Split::new(&few, &config(0.1, 0.1, 0)).unwrap_err(), expected);
        let split = Split::new(&few, &config(0.1, 0.0, 0)).unwrap();
        assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (3, 2, 0));
    }

    #[test]
    fn an_absent_class_is_no_error() {
        assert!(Split::new(&dataset(vec![2; 10], 0), &config(0.1, 0.1, 0)).is_ok());
    }

    #[test]
    fn nothing_but_a_test_set_is_refused() {
        let only_test = dataset(vec![0; 10], 10);
        assert_eq!(Split::new(&only_test, &config(0.1, 0.1, 0)), Err(DatasetError::Empty { file: "t".into() }));
    }

    #[test]
    fn fractions_out_of_range_are_refused() {
        for fraction in [-0.1, 0.6, f32::NAN, f32::INFINITY] {
            let result = Split::new(&dataset(vec![0; 10], 0), &config(fraction, 0.1, 0));
            assert!(matches!(result, Err(DatasetError::BadFraction { name: "validation fraction", .. })));
        }
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_complete_stratified_and_repeat(
            labels in prop::collection::vec(0_u16..4, 1..300),
            test_percent in 0_usize..100,
            validation_fraction in 0.0_f32..=0.5,
            test_fraction in 0.0_f32..=0.5,
            seed: u32,
        ) {
            let n_standard_test = labels.len() * test_percent / 100;
            let dataset = dataset(labels, n_standard_test);
            let config = config(validation_fraction, test_fraction, seed);
            let Ok(split) = Split::new(&dataset, &config) else { return Ok(()) };
            prop_assert_eq!(&split, &Split::new(&dataset, &config).unwrap());

            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..dataset.len() as u32).collect::<Vec<_>>());

            let count = |part: &[u32], class| part.iter().filter(|&&i| dataset.labels[i as usize] == class).count() as f32;
            for class in 0..dataset.classes.len() as u16 {
                let [train, validation, test] = [&split.train, &split.validation, &split.test].map(|part| count(part, class));
                if n_standard_test == 0 {
                    prop_assert!((test - test_fraction * (train + validation + test)).abs() <= 1.0);
                }
                prop_assert!((validation - validation_fraction * (train + validation)).abs() <= 1.0);
            }
        }

        #[test]
        fn another_seed_gives_another_split(seed: u32) {
            let dataset = dataset((0..200).map(|index| index % 2).collect(), 0);
            let other = seed.wrapping_add(1);
            prop_assert_ne!(Split::new(&dataset, &config(0.1, 0.1, seed)), Split::new(&dataset, &config(0.1, 0.1, other)));
        }
    }
}
