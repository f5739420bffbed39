//! Which images of a project stay together in one split of the dataset: those of one burst. An image that came in a split is in that one. Pure.

use std::collections::BTreeMap;

use super::project::{Class, ImageRecord, Project};
use kindling_core::dataset::image_folder::importer::content_id;

/// A class with fewer bursts and single images than there are parts has each burst cut into so many pieces of consecutive images: the pieces next to
/// each other are alike, but not the whole of them.
const N_PIECES: usize = 10;

/// Training, validation and test.
const N_PARTS: usize = 3;

/// The images of the classes that are in use, in their order.
pub fn images_in_use<'a>(project: &'a Project, images: &'a [ImageRecord]) -> Vec<(&'a Class, &'a ImageRecord)> {
    let classes: BTreeMap<&str, &Class> =
        project.live_classes().filter(|class| !class.is_off).map(|class| (class.id.as_str(), class)).collect();
    let there = images.iter().filter(|image| image.is_there());
    there.filter_map(|image| Some((*classes.get(image.class.as_str())?, image))).collect()
}

/// For each image the unit that the engine splits as a whole: a burst, or a piece of one; none for an image by itself.
pub fn units(images: &[(&Class, &ImageRecord)]) -> Vec<Option<u64>> {
    // The bursts of each class, each with the places of its images in the order of time.
    let mut bursts: BTreeMap<&str, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (place, (class, image)) in images.iter().enumerate() {
        let key = image.group.as_ref().unwrap_or(&image.id);
        bursts.entry(class.id.as_str()).or_default().entry(key).or_default().push(place);
    }
    let time = |place: &usize| images.get(*place).map_or(0.0, |(_, image)| image.added_at);
    let mut units = vec![None; images.len()];
    for bursts in bursts.into_values() {
        let is_whole = bursts.len() >= N_PARTS;
        for (key, mut places) in bursts.into_iter().filter(|(_, places)| places.len() > 1) {
            places.sort_by(|one, other| time(one).total_cmp(&time(other)));
            let n_images = places.len();
            for (position, place) in places.into_iter().enumerate() {
                let piece = format!("{key}/{}", position * N_PIECES / n_images);
                if let Some(unit) = units.get_mut(place) {
                    *unit = Some(content_id(if is_whole { key.as_bytes() } else { piece.as_bytes() }));
                }
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::project::samples::{image, project};
    use super::*;
    use kindling_core::config::SplitConfig;
    use kindling_core::dataset::{Dataset, DatasetError, Framing, ImageFormat, ImageReport, Imported, Split};
    use kindling_core::protocol::{ImageShape, SplitName};

    /// The part of each image as the engine splits them.
    fn parts(images: &[ImageRecord], seed: u32) -> Result<Vec<SplitName>, DatasetError> {
        let pets = project(&["cat", "dog"]);
        let used = images_in_use(&pets, images);
        assert_eq!(used.len(), images.len());
        let ids: Vec<u64> = images.iter().map(|image| u64::from_str_radix(&image.id, 16).unwrap()).collect();
        let imported = Imported {
            format: ImageFormat { side: 1, channels: 1, framing: Framing::CenterCrop },
            is_resized: false,
            units: units(&used).into_iter().zip(&ids).map(|(unit, id)| unit.unwrap_or(*id)).collect(),
            pseudo: vec![false; images.len()],
            ids,
            given: images.iter().map(|image| image.split).collect(),
            near: None,
            report: ImageReport::default(),
        };
        let dataset = Dataset {
            name: String::new(),
            shape: ImageShape { channels: 1, height: 1, width: 1 },
            pixels: Vec::new(),
            labels: used.iter().map(|(class, _)| u16::from(class.name == "dog")).collect(),
            n_standard_test: 0,
            imported: Some(imported),
            classes: vec!["cat".into(), "dog".into()],
        };
        let split = Split::new(&dataset, &SplitConfig { seed, ..SplitConfig::default() })?;
        let mut parts = vec![SplitName::Train; images.len()];
        for name in [SplitName::Validation, SplitName::Test] {
            split.part(name).iter().for_each(|place| parts[*place as usize] = name);
        }
        Ok(parts)
    }

    fn has_all(parts: &[SplitName]) -> bool {
        [SplitName::Train, SplitName::Validation, SplitName::Test].iter().all(|part| parts.contains(part))
    }

    fn bursts(n_bursts: u64, n_images: u64) -> Vec<ImageRecord> {
        let all = (0..n_bursts).flat_map(|burst| (0..n_images).map(move |number| (burst, burst * 1_000 + number)));
        all.map(|(burst, number)| {
            let class = if burst % 2 == 0 { "cat" } else { "dog" };
            image(number, class, Some(&format!("burst {burst}")))
        })
        .collect()
    }

    #[test]
    fn single_images_are_units_of_their_own() {
        let images: Vec<_> = (0..20).map(|number| image(number, "cat", None)).collect();
        let pets = project(&["cat"]);
        assert_eq!(units(&images_in_use(&pets, &images)), [None; 20]);
        let alone = [image(1, "cat", Some("a burst of one"))];
        assert_eq!(units(&images_in_use(&pets, &alone)), [None]);
    }

    #[test]
    fn what_is_deleted_or_off_is_not_in_use() {
        let mut pets = project(&["cat", "dog"]);
        let mut images =
            vec![image(1, "cat", None), image(2, "cat", None), image(3, "dog", None), image(4, "cow", None)];
        images[0].deleted_at = Some(1.0);
        pets.change_class("id-dog", |class| class.is_off = true);
        let used: Vec<_> = images_in_use(&pets, &images).into_iter().map(|(_, image)| image.added_at).collect();
        assert_eq!(used, [2.0]);
    }

    #[test]
    fn one_burst_a_class_is_cut_into_pieces_of_consecutive_images() {
        let images = bursts(2, 60);
        let parts = parts(&images, 3).unwrap();
        for class in [&parts[..60], &parts[60..]] {
            let n_changes = class.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!((2..N_PIECES).contains(&n_changes) && has_all(class), "{class:?}");
        }
    }

    #[test]
    fn a_class_of_two_images_is_refused() {
        let mut images = bursts(1, 20);
        images.extend([image(9_001, "dog", None), image(9_002, "dog", None)]);
        assert!(matches!(parts(&images, 0), Err(DatasetError::TooFewImages { .. })));
    }

    proptest! {
        #[test]
        fn a_burst_is_in_one_part(seed: u32, n_images in 1_u64..12) {
            let images = bursts(12, n_images.max(2));
            let parts = parts(&images, seed).unwrap();
            for burst in parts.chunks(n_images.max(2) as usize) {
                prop_assert!(burst.iter().all(|part| part == &burst[0]), "{burst:?}");
            }
            prop_assert!(has_all(&parts));
        }

        /// Only stand-ins in a part that has no burst of its own may move; with so many bursts, each part has some.
        #[test]
        fn a_burst_that_comes_moves_no_other(seed: u32) {
            let before = bursts(240, 2);
            let mut after = before.clone();
            after.extend([image(900_001, "cat", Some("new")), image(900_002, "cat", Some("new"))]);
            let (before, after) = (parts(&before, seed).unwrap(), parts(&after, seed).unwrap());
            let n_moved = before.iter().zip(&after).filter(|(one, other)| one != other).count();
            prop_assert_eq!(n_moved, 0);
        }

        #[test]
        fn single_images_are_split_as_they_are_without_bursts_beside_them(seed: u32) {
            let singles = (0..400).map(|number| image(50_000 + number, if number % 2 == 0 { "cat" } else { "dog" }, None));
            let singles: Vec<_> = singles.collect();
            let mut images = bursts(8, 3);
            images.extend(singles.clone());
            let (together, alone) = (parts(&images, seed).unwrap(), parts(&singles, seed).unwrap());
            prop_assert_eq!(&together[24..], &alone[..]);
        }
    }
}
