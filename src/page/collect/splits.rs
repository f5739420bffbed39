//! Which part of the dataset an image goes to: those of one burst go together, and the rest as the engine would split them. Pure.

use std::collections::BTreeMap;

use super::project::{Class, ImageRecord, Project};
use kindling_core::config::SplitConfig;
use kindling_core::dataset::image_folder::importer::content_id;
use kindling_core::dataset::{Dataset, DatasetError, Framing, ImageFormat, ImageReport, Imported, Split};
use kindling_core::protocol::{ImageShape, SplitName};

/// A class with fewer bursts and single images than there are parts has each burst cut into so many pieces of consecutive images: the pieces next to
/// each other are alike, but not the whole of them.
const N_PIECES: usize = 10;

/// The images of the classes that are in use, in their order.
pub fn images_in_use<'a>(project: &'a Project, images: &'a [ImageRecord]) -> Vec<(&'a Class, &'a ImageRecord)> {
    let classes: BTreeMap<&str, &Class> =
        project.live_classes().filter(|class| !class.is_off).map(|class| (class.id.as_str(), class)).collect();
    let there = images.iter().filter(|image| image.is_there());
    there.filter_map(|image| Some((*classes.get(image.class.as_str())?, image))).collect()
}

/// The path of each image in a dataset called `name`, in the order of the images. The parts are in the paths if bursts have to stay together;
/// else the engine splits image by image.
///
/// # Errors
///
/// If a class has too few images to be split.
pub fn paths(name: &str, images: &[(&Class, &ImageRecord)], split: &SplitConfig) -> Result<Vec<String>, DatasetError> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in images.iter().filter_map(|(_, image)| image.group.as_deref()) {
        *sizes.entry(group).or_default() += 1;
    }
    let path = |part: &str, (class, image): &(&Class, &ImageRecord)| {
        format!("{name}/{part}{}/{}", class.name, image.file_name())
    };
    if sizes.values().all(|size| *size < 2) {
        return Ok(images.iter().map(|image| path("", image)).collect());
    }
    let split = Split::new(&stand_in(images), split)?;
    let mut paths = vec![String::new(); images.len()];
    for (part, folder) in [(SplitName::Train, "train/"), (SplitName::Validation, "val/"), (SplitName::Test, "test/")] {
        for place in split.part(part) {
            let place = *place as usize;
            if let Some((slot, image)) = paths.get_mut(place).zip(images.get(place)) {
                *slot = path(folder, image);
            }
        }
    }
    Ok(paths)
}

/// A dataset without pixels in which the images of one burst have one id, so that they count as copies, which stay together.
fn stand_in(images: &[(&Class, &ImageRecord)]) -> Dataset {
    let mut classes: Vec<&str> = images.iter().map(|(class, _)| class.name.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let label = |class: &Class| classes.iter().position(|name| *name == class.name).unwrap_or_default() as u16;
    let imported = Imported {
        format: ImageFormat { side: 1, channels: 1, framing: Framing::CenterCrop },
        is_resized: false,
        ids: unit_ids(images),
        n_standard_validation: 0,
        report: ImageReport::default(),
    };
    Dataset {
        name: String::new(),
        shape: ImageShape { channels: 1, height: 1, width: 1 },
        pixels: Vec::new(),
        labels: images.iter().map(|(class, _)| label(class)).collect(),
        n_standard_test: 0,
        imported: Some(imported),
        classes: classes.into_iter().map(str::to_owned).collect(),
    }
}

/// For each image the id of what is split as a whole: a burst, a piece of one, or the image.
fn unit_ids(images: &[(&Class, &ImageRecord)]) -> Vec<u64> {
    const N_PARTS: usize = 3;
    // The bursts of each class, each with the places of its images in the order of time.
    let mut bursts: BTreeMap<&str, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (place, (class, image)) in images.iter().enumerate() {
        let key = image.group.clone().unwrap_or_else(|| image.id.clone());
        bursts.entry(class.id.as_str()).or_default().entry(key).or_default().push(place);
    }
    let time = |place: &usize| images.get(*place).map_or(0.0, |(_, image)| image.added_at);
    let mut ids = vec![0; images.len()];
    for (key, mut places, is_whole) in bursts.into_values().flat_map(|bursts| {
        let is_whole = bursts.len() >= N_PARTS;
        bursts.into_iter().map(move |(key, places)| (key, places, is_whole))
    }) {
        places.sort_by(|one, other| time(one).total_cmp(&time(other)));
        let n_images = places.len();
        for (position, place) in places.into_iter().enumerate() {
            let Some((id, (_, image))) = ids.get_mut(place).zip(images.get(place)) else { continue };
            *id = match (image.group.is_some() && n_images > 1, is_whole) {
                (false, _) => image_id(image),
                (true, true) => content_id(key.as_bytes()),
                (true, false) => content_id(format!("{key}/{}", position * N_PIECES / n_images).as_bytes()),
            };
        }
    }
    ids
}

/// The number by which the engine splits an image.
fn image_id(image: &ImageRecord) -> u64 {
    u64::from_str_radix(&image.id, 16).unwrap_or_else(|_| content_id(image.id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::project::samples::{image, project};
    use super::*;

    /// The part in each path; `-` where the engine splits.
    fn parts(images: &[ImageRecord], seed: u32) -> Result<Vec<String>, DatasetError> {
        let pets = project(&["cat", "dog"]);
        let used = images_in_use(&pets, images);
        assert_eq!(used.len(), images.len());
        let paths = paths("Pets", &used, &SplitConfig { seed, ..SplitConfig::default() })?;
        let part = |path: String| match path.split('/').collect::<Vec<_>>()[..] {
            ["Pets", part, _, _] => part.to_owned(),
            ["Pets", _, _] => "-".to_owned(),
            _ => panic!("{path}"),
        };
        Ok(paths.into_iter().map(part).collect())
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
    fn single_images_are_left_to_the_engine() {
        let images: Vec<_> =
            (0..20).map(|number| image(number, if number % 2 == 0 { "cat" } else { "dog" }, None)).collect();
        assert_eq!(parts(&images, 0).unwrap(), vec!["-"; 20]);
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
            assert!((2..N_PIECES).contains(&n_changes), "{class:?}");
            assert!(["train", "val", "test"].iter().all(|part| class.iter().any(|it| it == part)), "{class:?}");
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
            prop_assert!(["train", "val", "test"].iter().all(|part| parts.iter().any(|it| it == part)));
        }

        /// The closest burst alone may move into a part that has none; with forty a class, no part is without.
        #[test]
        fn a_burst_that_comes_moves_no_other(seed: u32) {
            let before = bursts(80, 2);
            let mut after = before.clone();
            after.extend([image(900_001, "cat", Some("new")), image(900_002, "cat", Some("new"))]);
            let (before, after) = (parts(&before, seed).unwrap(), parts(&after, seed).unwrap());
            let n_moved = before.iter().zip(&after).filter(|(one, other)| one != other).count();
            prop_assert!(n_moved <= 2, "{n_moved} images moved");
        }

        #[test]
        fn single_images_beside_bursts_are_split_as_the_engine_splits_them(seed: u32) {
            let mut images = bursts(8, 3);
            images.extend((0..200).map(|number| image(50_000 + number, "dog", None)));
            let config = SplitConfig { seed, ..SplitConfig::default() };
            let singles: Vec<_> = images[24..].to_vec();
            let pets = project(&["cat", "dog"]);
            let alone = Split::new(&stand_in(&images_in_use(&pets, &singles)), &config).unwrap();
            let together = parts(&images, seed).unwrap();
            for (place, part) in together[24..].iter().enumerate() {
                prop_assert_eq!(part == "test", alone.test.contains(&(place as u32)));
            }
        }
    }
}
