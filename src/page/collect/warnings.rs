//! What is wrong with the images of a project, with its evidence, before a network learns from them. Pure.

use super::project::{ImageRecord, Project};

/// Fewer images of a class tell a network little; the evidence is in the count.
const FEW: usize = 20;

/// A class needs an image in each part: training, validation and test.
pub const NEEDED: usize = 3;

/// A dataset with the largest class this many times as large as the smallest one is imbalanced, as `Statistics` says, too.
const IMBALANCE: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// There is nothing to tell apart.
    OneClass { n_classes: usize },
    /// A class that cannot be split.
    TooFew { class: String, count: usize },
    /// A class that is small.
    Few { class: String, count: usize },
    /// The classes differ in size.
    Imbalance { smallest: String, n_smallest: usize, largest: String, n_largest: usize },
    /// All images of a class come from one burst.
    OneBurst { class: String, count: usize },
}

impl Warning {
    /// Whether no dataset can be made.
    pub fn is_blocking(&self) -> bool {
        matches!(self, Self::OneClass { .. } | Self::TooFew { .. })
    }
}

/// Maximum number of warnings of one kind: more tell nothing new.
const KIND_LIMIT: usize = 3;

/// The warnings for the classes that are in use, the worst first. A class without images is left out of the dataset.
pub fn warnings(project: &Project, images: &[ImageRecord]) -> Vec<Warning> {
    let mut counted: Vec<(&str, Vec<&ImageRecord>)> = Vec::new();
    for class in project.live_classes().filter(|class| !class.is_off) {
        let images = images.iter().filter(|image| image.is_there() && image.class == class.id).collect();
        counted.push((class.name.as_str(), images));
    }
    counted.retain(|(_, images)| !images.is_empty());
    let mut warnings = Vec::new();
    if counted.len() < 2 {
        warnings.push(Warning::OneClass { n_classes: counted.len() });
    }
    let of = |class: &str| class.to_owned();
    let too_few = counted.iter().filter(|(_, images)| images.len() < NEEDED);
    warnings.extend(
        too_few.map(|(class, images)| Warning::TooFew { class: of(class), count: images.len() }).take(KIND_LIMIT),
    );
    let largest = counted.iter().max_by_key(|(_, images)| images.len());
    let smallest = counted.iter().min_by_key(|(_, images)| images.len());
    if let Some(((smallest, few), (largest, many))) = smallest.zip(largest)
        && many.len() > few.len() * IMBALANCE
    {
        warnings.push(Warning::Imbalance {
            smallest: of(smallest),
            n_smallest: few.len(),
            largest: of(largest),
            n_largest: many.len(),
        });
    }
    let one_burst = counted.iter().filter(|(_, images)| images.len() >= NEEDED && is_one_burst(images));
    warnings.extend(
        one_burst.map(|(class, images)| Warning::OneBurst { class: of(class), count: images.len() }).take(KIND_LIMIT),
    );
    let few = counted.iter().filter(|(_, images)| (NEEDED..FEW).contains(&images.len()));
    warnings.extend(few.map(|(class, images)| Warning::Few { class: of(class), count: images.len() }).take(KIND_LIMIT));
    warnings
}

fn is_one_burst(images: &[&ImageRecord]) -> bool {
    let first = images.first().and_then(|image| image.group.as_deref());
    first.is_some() && images.iter().all(|image| image.group.as_deref() == first)
}

#[cfg(test)]
mod tests {
    use super::super::project::samples::{image, project};
    use super::*;

    fn check(images: &[ImageRecord], expected: &[Warning]) {
        assert_eq!(warnings(&project(&["cat", "dog", "cow"]), images), expected);
    }

    fn many(class: &str, n_images: u64, group: impl Fn(u64) -> Option<String>) -> Vec<ImageRecord> {
        (0..n_images).map(|number| image(number, class, group(number).as_deref())).collect()
    }

    #[test]
    fn nothing_to_tell_apart_is_blocking() {
        check(&[], &[Warning::OneClass { n_classes: 0 }]);
        check(&many("cat", 30, |_| None), &[Warning::OneClass { n_classes: 1 }]);
        assert!(Warning::OneClass { n_classes: 1 }.is_blocking());
    }

    #[test]
    fn each_trouble_comes_with_its_evidence() {
        let fine = [many("cat", 30, |_| None), many("dog", 40, |number| Some(format!("{}", number % 2)))].concat();
        check(&fine, &[]);
        let small = [many("cat", 2, |_| None), many("dog", 5, |_| None)].concat();
        let (cat, dog) = ("cat".to_owned(), "dog".to_owned());
        let imbalance = Warning::Imbalance { smallest: cat.clone(), n_smallest: 2, largest: dog.clone(), n_largest: 5 };
        check(
            &small,
            &[Warning::TooFew { class: cat, count: 2 }, imbalance, Warning::Few { class: dog.clone(), count: 5 }],
        );
        let burst = [many("cat", 30, |_| None), many("dog", 30, |_| Some("one".into()))].concat();
        check(&burst, &[Warning::OneBurst { class: dog, count: 30 }]);
    }

    #[test]
    fn classes_that_are_off_count_for_nothing() {
        let mut pets = project(&["cat", "dog"]);
        let images = [many("cat", 30, |_| None), many("dog", 30, |_| None)].concat();
        assert_eq!(warnings(&pets, &images), []);
        pets.change_class("id-dog", |class| class.is_off = true);
        assert_eq!(warnings(&pets, &images), [Warning::OneClass { n_classes: 1 }]);
    }
}
