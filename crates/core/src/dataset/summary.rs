//! The summary of a dataset for the page: shape, counts per class and split, and the sample images whose predictions are shown during
//! training.

use super::{Dataset, DrawingStyle, ReadAs, Split};
use crate::protocol::{DatasetSummary, SplitCounts};

/// Maximum number of sample images.
pub const N_SAMPLES: usize = 24;

/// Summarizes a dataset and its split; `id` is the folder of a served dataset, or an id such as `"files-3f9a1c07"` for the visitor's files.
pub fn summarize(id: &str, dataset: &Dataset, split: &Split) -> DatasetSummary {
    let count = |part: &[u32]| count_classes(dataset, part);
    let per_part = count(&split.train).into_iter().zip(count(&split.validation)).zip(count(&split.test));
    DatasetSummary {
        id: id.to_owned(),
        name: dataset.name.clone(),
        classes: dataset.classes.clone(),
        shape: dataset.shape,
        counts: SplitCounts {
            train: split.train.len() as u32,
            validation: split.validation.len() as u32,
            test: split.test.len() as u32,
        },
        class_counts: per_part.map(|((train, validation), test)| SplitCounts { train, validation, test }).collect(),
        samples: samples(dataset, &split.validation),
        has_standard_test: dataset.n_standard_test > 0,
        style: DrawingStyle::measure(dataset),
        read_as: ReadAs::default(),
        import: dataset.imported.as_ref().map(|imported| imported.report.clone()),
    }
}

/// Whether the images show digits or letters, judged by the class names. A flipped character is a different one, or none.
pub fn shows_characters(classes: &[String]) -> bool {
    classes.len() > 1 && classes.iter().all(|class| class.trim().chars().count() == 1)
}

fn count_classes(dataset: &Dataset, part: &[u32]) -> Vec<u32> {
    let mut counts = vec![0; dataset.classes.len()];
    for index in part {
        let count = dataset.label(*index).and_then(|label| counts.get_mut(usize::from(label)));
        if let Some(count) = count {
            *count += 1;
        }
    }
    counts
}

/// The first validation images of each class in turn; with more than [`N_SAMPLES`] classes, one image each of evenly spaced classes.
fn samples(dataset: &Dataset, validation: &[u32]) -> Vec<u32> {
    let mut by_class = vec![Vec::new(); dataset.classes.len()];
    for &index in validation {
        let images = dataset.label(index).and_then(|label| by_class.get_mut(usize::from(label)));
        if let Some(images) = images.filter(|images: &&mut Vec<u32>| images.len() < N_SAMPLES) {
            images.push(index);
        }
    }
    by_class.retain(|images| !images.is_empty());
    let n_classes = by_class.len();
    if n_classes > N_SAMPLES {
        let chosen = (0..N_SAMPLES).filter_map(|place| by_class.get(place * n_classes / N_SAMPLES));
        return chosen.filter_map(|images| images.first().copied()).collect();
    }
    let rounds = (0..N_SAMPLES).flat_map(|round| by_class.iter().filter_map(move |images| images.get(round).copied()));
    rounds.take(N_SAMPLES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SplitConfig;
    use crate::protocol::ImageShape;

    fn summary(n_images: u16, n_classes: u16) -> (Dataset, Split, DatasetSummary) {
        let dataset = Dataset {
            name: "t".into(),
            classes: (0..n_classes).map(|class| class.to_string()).collect(),
            shape: ImageShape { channels: 1, height: 1, width: 1 },
            pixels: vec![0; n_images.into()],
            labels: (0..n_images).map(|index| index % n_classes).collect(),
            n_standard_test: 0,
            imported: None,
        };
        let split = Split::new(&dataset, &SplitConfig { validation_fraction: 0.4, ..Default::default() }).unwrap();
        let summary = summarize("id", &dataset, &split);
        (dataset, split, summary)
    }

    #[test]
    fn digits_and_letters_are_known_by_their_classes() {
        let shows =
            |classes: &[&str]| shows_characters(&classes.iter().map(|&class| class.to_owned()).collect::<Vec<_>>());
        assert!(shows(&["0", "1", "2"]));
        assert!(shows(&["A", "b", "す"]));
        assert!(!shows(&["Shirt", "Bag"]));
        assert!(!shows(&["7"]));
        assert!(!shows(&[]));
    }

    #[test]
    fn the_counts_of_the_classes_add_up() {
        let (_, split, summary) = summary(500, 3);
        assert_eq!(summary.class_counts.iter().map(|counts| counts.train).sum::<u32>(), summary.counts.train);
        assert_eq!(summary.counts.validation as usize, split.validation.len());
        assert_eq!(summary.class_counts[2], SplitCounts { train: 89, validation: 60, test: 17 });
    }

    #[test]
    fn samples_are_validation_images_spread_over_the_classes() {
        for (n_images, n_classes) in [(500, 3), (2000, 10), (3000, 100)] {
            let (dataset, split, summary) = summary(n_images, n_classes);
            assert_eq!(summary.samples.len(), N_SAMPLES);
            assert!(summary.samples.iter().all(|index| split.validation.contains(index)));
            let mut counts = vec![0; n_classes.into()];
            summary.samples.iter().for_each(|&index| counts[dataset.labels[index as usize] as usize] += 1);
            let max = N_SAMPLES.div_ceil(n_classes.into());
            assert!(counts.iter().all(|&n| n <= max), "{counts:?}");
        }
    }

    #[test]
    fn few_validation_images_are_all_samples() {
        let (_, split, summary) = summary(20, 2);
        let mut samples = summary.samples;
        samples.sort_unstable();
        assert_eq!(samples, split.validation);
    }
}
