//! From decoded images to a dataset: checks each file before it is decoded, frames it, and remembers by its content which it is.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::layout::{Item, Layout};
use super::near::near;
use super::packed::FILE_LIMIT_BYTES;
use super::report::{COPIES_LIMIT, Copied, ImageReport, LeftOutReason};
use crate::dataset::files::Part;
use crate::dataset::framing::{Paper, frame};
use crate::dataset::gzip::reserve;
use crate::dataset::image_content::ImageContent;
use crate::dataset::naming::FILES;
use crate::dataset::reading::{ImageFormat, Reading};
use crate::dataset::{Dataset, DatasetError};
use crate::protocol::{ImageInput, SplitName};

/// Maximum height and width of an image file, in pixels.
pub const FILE_SIDE_LIMIT: u32 = 16_384;

/// Maximum number of pixels of an image file: the largest cameras of phones have 50 million.
pub const FILE_PIXELS_LIMIT: u64 = 64 << 20;

/// What is known of the files that a dataset's images were made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub format: ImageFormat,
    /// Whether at least one image was cropped or scaled.
    pub is_resized: bool,
    /// For each image, a hash of its file's content.
    pub ids: Vec<u64>,
    /// For each image, the unit of its file, such as a burst; its id if it is a unit of its own.
    pub units: Vec<u64>,
    /// For each image, whether its label is a model's guess.
    pub pseudo: Vec<bool>,
    /// For each image, the split that its file came in; none if it is drawn.
    pub given: Vec<Option<SplitName>>,
    /// The images that look like an earlier one with another id, as places of both, ascending; `None` if there were too many to compare.
    pub near: Option<Vec<(usize, usize)>>,
    pub report: ImageReport,
}

/// An image as it goes into the dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub id: u64,
    pixels: Vec<u8>,
    paper: Option<Paper>,
    is_resized: bool,
}

impl Prepared {
    /// `file` is what the image was decoded from.
    pub fn new(file: &[u8], image: &ImageInput, format: ImageFormat) -> Self {
        Self {
            id: content_id(file),
            pixels: frame(image, format.shape(), format.framing),
            paper: Paper::of(image),
            is_resized: (image.width, image.height) != (format.side, format.side),
        }
    }
}

/// The first eight bytes of the SHA-256.
pub fn content_id(file: &[u8]) -> u64 {
    let hash = Sha256::digest(file);
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Checks a file before memory is taken for its pixels.
///
/// # Errors
///
/// If it is too large, or none of the formats whose sizes are known.
pub fn check_file(bytes: &[u8]) -> Result<(), LeftOutReason> {
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        return Err(LeftOutReason::TooManyBytes);
    }
    match imagesize::blob_size(bytes) {
        // The height of a bitmap is negative if its first row is the top one.
        Ok(size) if bytes.starts_with(b"BM") => {
            check_size(size.width as u64, (size.height as i32).unsigned_abs().into())
        }
        Ok(size) => check_size(size.width as u64, size.height as u64),
        Err(_) => Err(LeftOutReason::Undecodable(ImageContent::of(bytes))),
    }
}

/// Checks the size of an image.
///
/// # Errors
///
/// If it has no pixels, or too many.
pub fn check_size(width: u64, height: u64) -> Result<(), LeftOutReason> {
    let sides = 1..=u64::from(FILE_SIDE_LIMIT);
    if sides.contains(&width) && sides.contains(&height) && width * height <= FILE_PIXELS_LIMIT {
        return Ok(());
    }
    let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
    Err(LeftOutReason::TooManyPixels { width: side(width), height: side(height) })
}

/// Collects prepared images, in the order of the layout.
pub struct Importer {
    classes: Vec<String>,
    has_parts: bool,
    format: ImageFormat,
    is_resized: bool,
    pixels: Vec<u8>,
    images: Vec<Taken>,
    report: ImageReport,
}

/// What is known of an image file besides its bytes and its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// None if the file is a unit of its own.
    pub unit: Option<u64>,
    /// Whether its label is a model's guess.
    pub is_pseudo: bool,
    /// The split that the image came in.
    pub split: Option<SplitName>,
}

/// An image that was taken.
struct Taken {
    item: Item,
    id: u64,
    unit: u64,
    is_pseudo: bool,
    split: Option<SplitName>,
}

impl Importer {
    /// Reserves the memory for all images; the format was checked against their number.
    ///
    /// # Errors
    ///
    /// If there is not so much.
    pub fn new(layout: Layout, format: ImageFormat) -> Result<Self, DatasetError> {
        let mut pixels = Vec::new();
        reserve(&mut pixels, layout.items.len() as u64 * format.shape().n_values() as u64)?;
        let has_parts = layout.has_parts();
        let Layout { classes, report, .. } = layout;
        Ok(Self { classes, has_parts, format, is_resized: false, pixels, images: Vec::new(), report })
    }

    /// Adds an image.
    pub fn take(&mut self, item: Item, prepared: Prepared, Told { unit, is_pseudo, split }: Told) {
        self.pixels.extend_from_slice(&prepared.pixels);
        self.images.push(Taken { item, id: prepared.id, unit: unit.unwrap_or(prepared.id), is_pseudo, split });
        self.is_resized |= prepared.is_resized;
        match prepared.paper {
            Some(Paper::White) => self.report.n_on_white += 1,
            Some(Paper::Black) => self.report.n_on_black += 1,
            None => {}
        }
    }

    pub fn leave_out(&mut self, file: &str, reason: LeftOutReason) {
        self.report.leave_out(file, reason);
    }

    /// The dataset with its id. Classes of which no image is left are none. `paths` are those that the layout was made of.
    ///
    /// # Errors
    ///
    /// If no image is left.
    pub fn finish(
        mut self,
        name: &str,
        reading: &Reading,
        paths: &[String],
    ) -> Result<(String, Dataset), DatasetError> {
        if self.images.is_empty() {
            let first = self.report.left_out.first();
            let detail = first.map(|left| format!("{}: {}", left.file, left.reason)).unwrap_or_default();
            return Err(DatasetError::NoImages { n_files: self.report.n_files, detail });
        }
        let labels = self.drop_empty_classes();
        let given = self.given();
        let count = |part| self.images.iter().filter(|taken| taken.item.part == part).count();
        let n_standard_test = if count(Part::Train) == 0 { 0 } else { count(Part::Test) };
        let ids: Vec<u64> = self.images.iter().map(|taken| taken.id).collect();
        let units: Vec<u64> = self.images.iter().map(|taken| taken.unit).collect();
        let pseudo: Vec<bool> = self.images.iter().map(|taken| taken.is_pseudo).collect();
        for (place, first) in count_copies(&ids, &labels, &mut self.report) {
            let path = |place: usize| paths.get(self.images.get(place)?.item.place).cloned();
            self.report.copies.extend(path(place).zip(path(first)).map(|(file, of)| Copied { file, of }));
        }
        let near = near(&ids, &self.pixels, self.format.shape(), &pseudo);
        self.report.n_near_duplicates = near.as_ref().map_or(0, |near| near.len() as u32);
        self.report.n_given = given.iter().flatten().count() as u32;
        self.report.n_leaked = count_leaks(&given, [&ids, &units], near.as_deref().unwrap_or_default());
        self.report.has_standard_validation =
            given.contains(&Some(SplitName::Validation)) && given.iter().all(Option::is_some);
        let id = self.id(&ids, &labels, reading);
        let imported = Imported {
            format: self.format,
            is_resized: self.is_resized,
            ids,
            units,
            pseudo,
            given,
            near,
            report: self.report,
        };
        let mut dataset = Dataset {
            name: name.to_owned(),
            classes: self.classes,
            shape: self.format.shape(),
            pixels: self.pixels,
            labels,
            n_standard_test,
            imported: Some(imported),
        };
        reading.turn.unwrap_or_default().apply(&mut dataset);
        Ok((id, dataset))
    }

    /// The split that each image came in: its path says it, or what is known of it besides.
    fn given(&self) -> Vec<Option<SplitName>> {
        let given = |taken: &Taken| taken.split.or(self.has_parts.then(|| taken.item.part.into()));
        let given: Vec<Option<SplitName>> = self.images.iter().map(given).collect();
        // Without images for training, the others are for everything.
        let has_train = given.iter().any(|split| matches!(split, None | Some(SplitName::Train)));
        if has_train { given } else { vec![None; given.len()] }
    }

    /// Returns the labels of the images as indices of the classes that remain.
    fn drop_empty_classes(&mut self) -> Vec<u16> {
        let used: BTreeSet<u16> = self.images.iter().map(|taken| taken.item.class).collect();
        let new_labels: BTreeMap<u16, u16> = used.iter().copied().zip(0..).collect();
        let mut class = 0..;
        self.classes.retain(|_| class.next().is_some_and(|class| used.contains(&class)));
        self.images.iter().map(|taken| new_labels.get(&taken.item.class).copied().unwrap_or_default()).collect()
    }

    /// An id such as `files-3f9a1c07`: the same images with the same labels in the same splits, made into the same format, have the same, whatever they
    /// are called.
    fn id(&self, ids: &[u64], labels: &[u16], reading: &Reading) -> String {
        let mut hash = Sha256::new();
        for (id, label) in ids.iter().zip(labels) {
            hash.update(id.to_be_bytes());
            hash.update(label.to_be_bytes());
        }
        for class in &self.classes {
            hash.update((class.len() as u64).to_be_bytes());
            hash.update(class);
        }
        let turn = reading.turn.unwrap_or_default();
        hash.update(format!("{:?} {turn:?}", self.format));
        // Splits that the paths say are in the order of the images.
        for (place, split) in self.images.iter().map(|taken| taken.split).enumerate() {
            if let Some(split) = split {
                hash.update(format!(" {place} {split:?}"));
            }
        }
        let short: String = hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{FILES}-{short}")
    }
}

/// Counts images that are there twice. Returns the places of the first copies, each with that of the image that it is a copy of.
fn count_copies(ids: &[u64], labels: &[u16], report: &mut ImageReport) -> Vec<(usize, usize)> {
    let mut copies = Vec::new();
    let mut first_labels: BTreeMap<u64, (u16, usize)> = BTreeMap::new();
    for (place, (id, label)) in ids.iter().zip(labels).enumerate() {
        let Some((first_label, first_place)) = first_labels.get(id) else {
            first_labels.insert(*id, (*label, place));
            continue;
        };
        report.n_duplicates += 1;
        report.n_contradictions += u32::from(first_label != label);
        if copies.len() < COPIES_LIMIT {
            copies.push((place, *first_place));
        }
    }
    copies
}

/// The number of images that came for validation or test, and belong with an image that came for another split: by one of the `keys`, which are ids and
/// units, or as they look alike.
fn count_leaks(given: &[Option<SplitName>], keys: [&[u64]; 2], near: &[(usize, usize)]) -> u32 {
    let split = |place: usize| given.get(place).copied().flatten();
    let mut leaked: BTreeSet<usize> = BTreeSet::new();
    let mut compare = |one: usize, other: usize| {
        if let (Some(of_one), Some(of_other)) = (split(one), split(other))
            && of_one != of_other
        {
            let of_both = [(one, of_one), (other, of_other)].into_iter();
            leaked.extend(of_both.filter(|(_, split)| *split != SplitName::Train).map(|(place, _)| place));
        }
    };
    for keys in keys {
        // Of each key and split, one image to compare with.
        let mut firsts: BTreeMap<(u64, SplitName), usize> = BTreeMap::new();
        let known = keys.iter().enumerate().filter_map(|(place, key)| Some((place, *key, split(place)?)));
        for (place, key, split) in known.clone() {
            firsts.entry((key, split)).or_insert(place);
        }
        for (place, key, _) in known {
            let of_key = firsts.range((key, SplitName::Train)..=(key, SplitName::Test));
            of_key.for_each(|(_, first)| compare(place, *first));
        }
    }
    near.iter().for_each(|(one, other)| compare(*one, *other));
    leaked.len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use SplitName::{Test, Train, Validation};

    fn check(given: &[Option<SplitName>], units: &[u64], near: &[(usize, usize)], expected: u32) {
        let ids: Vec<u64> = (0..given.len() as u64).collect();
        assert_eq!(count_leaks(given, [&ids, units], near), expected);
    }

    #[test]
    fn what_came_for_two_splits_leaks() {
        let apart = [1, 2, 3, 4];
        check(&[Some(Train), Some(Test), Some(Validation), None], &apart, &[], 0);
        check(&[Some(Train), Some(Test), Some(Validation), None], &[1, 1, 3, 4], &[], 1);
        check(&[Some(Train), Some(Test), Some(Validation), None], &[1, 1, 1, 4], &[], 2);
        check(&[Some(Train), Some(Test), Some(Validation), None], &apart, &[(1, 0), (2, 1)], 2);
        // What is drawn goes where its kin is.
        check(&[None, Some(Test), Some(Test), None], &[1, 1, 2, 2], &[(2, 1)], 0);
    }
}
