//! Datasets in MNIST's form: arrays of images and arrays of their labels, in pairs for training, validation and test.

use super::array::{Images, Labels};
use super::class_names::{ClassNames, FileLabels};
use super::files::Part;
use super::gzip::reserve;
use super::{Dataset, DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES};
use crate::protocol::ImageShape;

/// Parses one to three pairs. Names tell the parts; failing that, the larger of two pairs is for training. Images for validation join those for
/// training: which are held out is the split's to say. Without names of the classes, they are the labels that occur.
///
/// # Errors
///
/// If files do not pair up, disagree, or are damaged or too large.
pub fn parse(
    name: &str,
    images: Vec<Images>,
    labels: Vec<Labels>,
    names: Option<&ClassNames>,
) -> Result<Dataset, DatasetError> {
    let pairs = pair(images, labels)?;
    let shape = common_shape(&pairs)?;
    let n_images: u64 = pairs.iter().map(|pair| u64::from(pair.images.n_images)).sum();
    let n_bytes: u64 = pairs.iter().map(|pair| pair.images.n_bytes()).sum();
    if n_images > MAX_IMAGES.into() {
        return Err(too_large(&pairs, "number of images", MAX_IMAGES.into()));
    }
    if n_bytes > MAX_PIXEL_BYTES {
        return Err(too_large(&pairs, "size in bytes", MAX_PIXEL_BYTES));
    }

    // All pairs go into one buffer that is never reallocated: a second copy of the images would double the peak memory.
    let mut pixels = Vec::new();
    reserve(&mut pixels, pairs.iter().map(|pair| pair.images.plausible_bytes()).sum())?;
    let n_test = pairs.iter().filter(|pair| pair.part == Part::Test).map(|pair| pair.images.n_images as usize).sum();
    // A single test pair is an ordinary dataset.
    let n_standard_test = if n_test as u64 == n_images { 0 } else { n_test };
    let mut files = Vec::new();
    for pair in pairs {
        files.push(FileLabels { file: pair.labels.file().to_owned(), labels: pair.labels.read()? });
        pair.images.read(&mut pixels)?;
    }
    let (classes, labels) = ClassNames::assign(names, &files)?;
    Ok(Dataset { name: name.to_owned(), classes, shape, pixels, labels, n_standard_test, imported: None })
}

struct Pair<'a> {
    part: Part,
    images: Images<'a>,
    labels: Labels<'a>,
}

/// The pairs for training, for validation and for test, as far as there are any.
fn pair<'a>(images: Vec<Images<'a>>, labels: Vec<Labels<'a>>) -> Result<Vec<Pair<'a>>, DatasetError> {
    let names: Vec<_> = images.iter().map(Images::file).chain(labels.iter().map(Labels::file)).collect();
    let names = match names.split_at_checked(N_NAMED) {
        Some((named, rest)) if !rest.is_empty() => format!("{} and {} more", named.join(", "), rest.len()),
        _ => names.join(", "),
    };
    if images.len() != labels.len() || !(1..=3).contains(&images.len()) {
        let (n_images, n_labels) = (images.len(), labels.len());
        let detail = format!("found {n_images} of images and {n_labels} of labels ({names})");
        return Err(DatasetError::UnpairedFiles { detail });
    }
    let unsorted = || DatasetError::UnpairedFiles {
        detail: format!("neither names nor sizes tell which is for training ({names})"),
    };
    let images = in_order(images, |images| (images.file(), images.n_images)).ok_or_else(unsorted)?;
    let labels = in_order(labels, |labels| (labels.file(), labels.n_labels)).ok_or_else(unsorted)?;
    let pair = |((part, images), (_, labels))| Pair { part, images, labels };
    let pairs: Vec<_> = images.into_iter().zip(labels).map(pair).collect();
    match pairs.iter().find(|pair| pair.images.n_images != pair.labels.n_labels) {
        None => Ok(pairs),
        Some(Pair { images, labels, .. }) => Err(DatasetError::CountMismatch {
            images_file: images.file().to_owned(),
            n_images: images.n_images,
            labels_file: labels.file().to_owned(),
            n_labels: labels.n_labels,
        }),
    }
}

/// So many files are named in an error.
const N_NAMED: usize = 8;

/// Sorts files by their parts; None if nothing tells them apart.
fn in_order<T>(files: Vec<T>, name_and_count: impl Fn(&T) -> (&str, u32)) -> Option<Vec<(Part, T)>> {
    let mut files: Vec<_> = files.into_iter().map(|file| (Part::of(name_and_count(&file).0), file)).collect();
    files.sort_by_key(|(part, file)| (*part, std::cmp::Reverse(name_and_count(file).1)));
    if let [(first_part, first), (second_part, second)] = files.as_mut_slice()
        && first_part == second_part
        && name_and_count(first).1 != name_and_count(second).1
    {
        (*first_part, *second_part) = (Part::Train, Part::Test);
    }
    let are_apart = files.windows(2).all(|pair| matches!(pair, [(first, _), (second, _)] if first != second));
    are_apart.then_some(files)
}

fn common_shape(pairs: &[Pair]) -> Result<ImageShape, DatasetError> {
    let mut images = pairs.iter().map(|pair| &pair.images);
    let Some(train) = images.next() else {
        return Err(DatasetError::UnpairedFiles { detail: "found none".to_owned() });
    };
    for test in images {
        same_shape((train.file(), train.shape), (test.file(), test.shape))?;
    }
    Ok(train.shape)
}

/// Checks that two files have images of one shape.
///
/// # Errors
///
/// [`DatasetError::ShapeMismatch`].
pub fn same_shape(train: (&str, ImageShape), test: (&str, ImageShape)) -> Result<(), DatasetError> {
    let size = |shape: ImageShape| match shape.channels {
        1 => format!("{} x {}", shape.width, shape.height),
        _ => format!("{} x {} in color", shape.width, shape.height),
    };
    if train.1 == test.1 {
        return Ok(());
    }
    let (train_file, test_file) = (train.0.to_owned(), test.0.to_owned());
    Err(DatasetError::ShapeMismatch { train_file, train: size(train.1), test_file, test: size(test.1) })
}

fn too_large(pairs: &[Pair], what: &'static str, limit: u64) -> DatasetError {
    let names: Vec<_> = pairs.iter().map(|pair| pair.images.file()).collect();
    DatasetError::TooLarge { file: names.join(" and "), what, limit }
}
