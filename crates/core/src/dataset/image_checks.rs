//! Images that teach a network little, or that make its accuracy look better than it is: copies, and images without content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::image_folder::importer::content_id;
use super::image_folder::near::near;
use super::{Dataset, Split};
use crate::protocol::{ImageShape, SplitName};

/// Maximum number of images that an answer names; it counts all of them.
const FLAWS_LIMIT: usize = 1_000;

/// Levels of brightness, of 255, by which the pixels of a blank image differ from their mean at most, on average.
const BLANK_DEVIATION: f64 = 2.0;

/// All but a hundredth of the pixels of a dark image are below this level.
const DARK_LEVEL: u8 = 40;

/// A blurred image has a lower variance of the Laplacian than most of its class, by this factor.
const BLUR_FACTOR: f64 = 20.0;

/// Fewer images of a class say nothing of what is usual in it.
const MIN_FOR_BLUR: usize = 10;

/// What is wrong with an image, in the order in which it counts; an image has at most one flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FlawKind {
    /// It looks like an image with another label.
    Contradiction,
    /// It looks like an image of another split, so that the network is tested on what it has learned.
    Leak,
    /// Its file, or each of its pixels, is that of another image.
    Copy,
    /// It looks like another image.
    NearCopy,
    /// It has one color.
    Blank,
    Dark,
    Blurred,
}

impl FlawKind {
    pub const ALL: [Self; 7] =
        [Self::Contradiction, Self::Leak, Self::Copy, Self::NearCopy, Self::Blank, Self::Dark, Self::Blurred];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flaw {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    pub kind: FlawKind,
    /// The image that it looks like.
    pub twin: Option<Twin>,
}

/// An image that another one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Twin {
    pub index: u32,
    pub label: u16,
}

/// The images of a dataset that have a flaw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageChecks {
    /// The first of them, by kind.
    pub flaws: Vec<Flaw>,
    /// For each of these, the hash of its image file; empty if the dataset was not made of image files.
    pub files: Vec<u64>,
    /// How many images have each kind of flaw; kinds that no image has are left out.
    pub counts: Vec<(FlawKind, u32)>,
    pub n_images: u32,
    /// Whether all images were compared for near duplicates; only equal ones are found if there are too many.
    pub compares_all: bool,
}

/// Looks at every image of a dataset.
pub fn check_images(dataset: &Dataset, split: &Split) -> ImageChecks {
    let ids = ids(dataset);
    let near = match &dataset.imported {
        Some(imported) => imported.near.clone(),
        None => near(&ids, &dataset.pixels, dataset.shape, &[]),
    };
    let compares_all = near.is_some();
    let mut firsts: BTreeMap<u64, usize> = BTreeMap::new();
    let mut pairs: BTreeMap<usize, (usize, FlawKind)> = BTreeMap::new();
    for (later, earlier) in near.unwrap_or_default() {
        pairs.insert(later, (earlier, FlawKind::NearCopy));
    }
    for (place, id) in ids.iter().enumerate() {
        let first = *firsts.entry(*id).or_insert(place);
        if first < place {
            pairs.insert(place, (first, FlawKind::Copy));
        }
    }
    let parts = parts(dataset.len(), split);
    let looks: Vec<Look> = images(dataset).map(|image| Look::of(image, dataset.shape)).collect();
    let usual = usual_sharpness(dataset, &looks);
    let mut flaws: Vec<Flaw> = Vec::new();
    let label = |place: usize| dataset.labels.get(place).copied().unwrap_or_default();
    for (place, look) in looks.iter().enumerate() {
        let of_look = look.flaw(usual.get(usize::from(label(place))).copied().flatten());
        // That images without content look alike is no news.
        let pair = pairs.get(&place).filter(|_| of_look.is_none() || of_look == Some(FlawKind::Blurred));
        let of_pair = pair.map(|(other, kind)| {
            let kind = match () {
                () if label(place) != label(*other) => FlawKind::Contradiction,
                () if parts.get(place) != parts.get(*other) => FlawKind::Leak,
                () => *kind,
            };
            (kind, Some(Twin { index: *other as u32, label: label(*other) }))
        });
        if let Some((kind, twin)) = of_pair.or(of_look.map(|kind| (kind, None))) {
            flaws.push(Flaw { index: place as u32, label: label(place), kind, twin });
        }
    }
    flaws.sort_by_key(|flaw| (flaw.kind, flaw.index));
    let count = |kind: FlawKind| flaws.iter().filter(|flaw| flaw.kind == kind).count() as u32;
    let counts = FlawKind::ALL.map(|kind| (kind, count(kind))).into_iter().filter(|(_, count)| *count > 0).collect();
    flaws.truncate(FLAWS_LIMIT);
    let files = match &dataset.imported {
        Some(imported) => {
            flaws.iter().map(|flaw| imported.ids.get(flaw.index as usize).copied().unwrap_or_default()).collect()
        }
        None => Vec::new(),
    };
    ImageChecks { flaws, files, counts, n_images: dataset.len() as u32, compares_all }
}

fn images(dataset: &Dataset) -> impl Iterator<Item = &[u8]> {
    dataset.pixels.chunks_exact(dataset.shape.n_values().max(1))
}

/// Equal for equal files, or equal pixels.
fn ids(dataset: &Dataset) -> Vec<u64> {
    match &dataset.imported {
        Some(imported) => imported.ids.clone(),
        None => images(dataset).map(content_id).collect(),
    }
}

/// A number for the split of each image.
fn parts(n_images: usize, split: &Split) -> Vec<u8> {
    let mut parts = vec![0; n_images];
    for (name, number) in [(SplitName::Train, 1), (SplitName::Validation, 2), (SplitName::Test, 3)] {
        for index in split.part(name) {
            if let Some(part) = parts.get_mut(*index as usize) {
                *part = number;
            }
        }
    }
    parts
}

/// What an image looks like, in levels of brightness.
struct Look {
    deviation: f64,
    /// The level that a hundredth of the pixels exceed.
    high: u8,
    /// Variance of the Laplacian (Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy", 2000): low where there are no edges.
    sharpness: f64,
}

impl Look {
    fn of(pixels: &[u8], shape: ImageShape) -> Self {
        let (width, height) = (shape.width as usize, shape.height as usize);
        let gray = brightness(pixels, width * height);
        let mut histogram = [0_usize; 256];
        for level in &gray {
            if let Some(count) = histogram.get_mut(usize::from(*level)) {
                *count += 1;
            }
        }
        let mut n_above = 0;
        let levels = histogram.iter().zip(0_u8..=255).rev();
        let high = levels
            .take_while(|(count, _)| {
                n_above += **count;
                n_above * 100 <= gray.len()
            })
            .last()
            .map_or(255, |(_, level)| level.saturating_sub(1));
        let at = |x: usize, y: usize| gray.get(y * width + x).copied().map_or(0.0, f64::from);
        let mut laplacian = Moments::default();
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                laplacian.add(at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y));
            }
        }
        let mut levels = Moments::default();
        gray.iter().for_each(|level| levels.add((*level).into()));
        Self { deviation: levels.variance().sqrt(), high, sharpness: laplacian.variance() }
    }

    fn flaw(&self, usual_sharpness: Option<f64>) -> Option<FlawKind> {
        if self.deviation <= BLANK_DEVIATION {
            return Some(FlawKind::Blank);
        }
        if self.high < DARK_LEVEL {
            return Some(FlawKind::Dark);
        }
        usual_sharpness.filter(|usual| self.sharpness * BLUR_FACTOR < *usual).map(|_| FlawKind::Blurred)
    }
}

/// The mean of the channels.
fn brightness(pixels: &[u8], n_places: usize) -> Vec<u8> {
    let planes: Vec<&[u8]> = pixels.chunks_exact(n_places.max(1)).collect();
    let mean = |place: usize| {
        let sum: u32 = planes.iter().filter_map(|plane| plane.get(place)).map(|level| u32::from(*level)).sum();
        (sum / planes.len().max(1) as u32) as u8
    };
    (0..n_places).map(mean).collect()
}

#[derive(Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn variance(&self) -> f64 {
        let count = self.count.max(1.0);
        let mean = self.sum / count;
        (self.squares / count - mean * mean).max(0.0)
    }
}

/// The median sharpness of each class; none of a class with few images.
fn usual_sharpness(dataset: &Dataset, looks: &[Look]) -> Vec<Option<f64>> {
    let mut by_class: Vec<Vec<f64>> = vec![Vec::new(); dataset.classes.len()];
    for (look, label) in looks.iter().zip(&dataset.labels) {
        if let Some(of_class) = by_class.get_mut(usize::from(*label)) {
            of_class.push(look.sharpness);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().filter(|_| values.len() >= MIN_FOR_BLUR)
    };
    by_class.into_iter().map(median).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 24, width: 24 };

    /// Patches of random brightness.
    fn textured(seed: u64) -> Vec<u8> {
        let mut random = Random::new(seed);
        let patches: Vec<u8> = (0..36).map(|_| random.below(256) as u8).collect();
        let plane: Vec<u8> = (0..576).map(|place| patches[place / 24 / 4 * 6 + place % 24 / 4]).collect();
        plane.repeat(3)
    }

    /// Every pixel is the mean of those around it.
    fn blurred(image: &[u8]) -> Vec<u8> {
        let of_plane = |plane: &[u8]| -> Vec<u8> {
            let at = |x: i32, y: i32| u32::from(plane[(y.clamp(0, 23) * 24 + x.clamp(0, 23)) as usize]);
            let mean = |place: i32| {
                let around = (-3..=3).flat_map(|dx| (-3..=3).map(move |dy| (dx, dy)));
                (around.map(|(dx, dy)| at(place % 24 + dx, place / 24 + dy)).sum::<u32>() / 49) as u8
            };
            (0..576).map(mean).collect()
        };
        image.chunks(576).flat_map(of_plane).collect()
    }

    fn checked(images: &[(u16, Vec<u8>)], test: &[u32]) -> Vec<(u32, FlawKind, Option<u32>)> {
        let dataset = Dataset {
            name: "t".into(),
            classes: vec!["a".into(), "b".into()],
            shape: SHAPE,
            pixels: images.iter().flat_map(|(_, pixels)| pixels.clone()).collect(),
            labels: images.iter().map(|(label, _)| *label).collect(),
            n_standard_test: 0,
            imported: None,
        };
        let train = (0..images.len() as u32).filter(|index| !test.contains(index)).collect();
        let checks = check_images(&dataset, &Split { train, test: test.to_vec(), ..Split::default() });
        assert_eq!(checks.counts.iter().map(|(_, count)| *count as usize).sum::<usize>(), checks.flaws.len());
        assert_eq!((checks.n_images as usize, checks.compares_all), (images.len(), true));
        checks.flaws.iter().map(|flaw| (flaw.index, flaw.kind, flaw.twin.map(|twin| twin.index))).collect()
    }

    fn varied(n_images: u64) -> Vec<(u16, Vec<u8>)> {
        (0..n_images).map(|seed| (0, textured(seed))).collect()
    }

    #[test]
    fn images_that_differ_have_no_flaw() {
        assert_eq!(checked(&varied(20), &[3]), []);
        assert_eq!(checked(&[], &[]), []);
    }

    #[test]
    fn copies_are_told_apart_by_label_and_split() {
        let mut images = varied(5);
        let brighter: Vec<u8> = textured(3).iter().map(|level| level.saturating_add(3)).collect();
        images.extend([(0, textured(0)), (1, textured(1)), (0, textured(2)), (0, brighter)]);
        let expected = [
            (6, FlawKind::Contradiction, Some(1)),
            (7, FlawKind::Leak, Some(2)),
            (5, FlawKind::Copy, Some(0)),
            (8, FlawKind::NearCopy, Some(3)),
        ];
        assert_eq!(checked(&images, &[7]), expected);
    }

    #[test]
    fn images_without_content_are_found() {
        let mut images = varied(12);
        let dark: Vec<u8> = textured(50).iter().map(|level| level / 8).collect();
        images.extend([(0, vec![90; SHAPE.n_values()]), (1, vec![90; SHAPE.n_values()]), (0, dark)]);
        images.push((0, blurred(&blurred(&textured(51)))));
        let expected = [
            (12, FlawKind::Blank, None),
            (13, FlawKind::Blank, None),
            (14, FlawKind::Dark, None),
            (15, FlawKind::Blurred, None),
        ];
        assert_eq!(checked(&images, &[]), expected);
    }

    #[test]
    fn figures_on_black_are_not_dark_and_tiny_images_have_no_edges() {
        let figure = |place: usize| if (250..270).contains(&(place % 576)) { 250 } else { 0 };
        assert_eq!(checked(&[(0, (0..SHAPE.n_values()).map(figure).collect())], &[]), []);
        let shape = ImageShape { channels: 1, height: 1, width: 2 };
        assert_eq!(Look::of(&[0, 255], shape).sharpness, 0.0);
    }
}
