//! Datasets in MNIST's form: one pair of IDX files, images and labels, or two pairs, for training and test.

use super::gzip::reserve;
use super::idx::{ImagesFile, LabelsFile};
use super::{Dataset, DatasetError, MAX_IMAGES, MAX_PIXEL_BYTES};
use crate::protocol::ImageShape;

/// Parses one or two pairs. Names tell training from test; failing that, the larger pair is for training. If `classes` is `None`, the
/// classes are the numbers from 0 to the largest label.
///
/// # Errors
///
/// If files do not pair up, disagree, or are damaged or too large.
pub fn parse(
    name: &str,
    images: Vec<ImagesFile>,
    labels: Vec<LabelsFile>,
    classes: Option<Vec<String>>,
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

    // Both pairs go into one buffer that is never reallocated: a second copy of the images would double the peak memory.
    let mut pixels = Vec::new();
    reserve(&mut pixels, pairs.iter().map(|pair| pair.images.plausible_bytes()).sum())?;
    let n_standard_test = pairs.get(1).map_or(0, |pair| pair.images.n_images as usize);
    let mut parts = Vec::new();
    for pair in pairs {
        let file = pair.labels.file().to_owned();
        parts.push((file, pair.labels.read()?));
        pair.images.read(&mut pixels)?;
    }
    let classes = classes.unwrap_or_else(|| digits(&parts));
    for (file, labels) in &parts {
        check_labels(file, labels, classes.len())?;
    }
    let labels = parts.iter().flat_map(|(_, labels)| labels.iter().copied().map(u16::from)).collect();
    Ok(Dataset { name: name.to_owned(), classes, shape, pixels, labels, n_standard_test })
}

struct Pair<'a> {
    images: ImagesFile<'a>,
    labels: LabelsFile<'a>,
}

/// The pair for training, then the one for test, if there is one.
fn pair<'a>(mut images: Vec<ImagesFile<'a>>, mut labels: Vec<LabelsFile<'a>>) -> Result<Vec<Pair<'a>>, DatasetError> {
    let names = || -> Vec<&str> { images.iter().map(|f| f.file()).chain(labels.iter().map(|f| f.file())).collect() };
    if images.len() != labels.len() || !(1..=2).contains(&images.len()) {
        let (n_images, n_labels, names) = (images.len(), labels.len(), names().join(", "));
        let detail = format!("found {n_images} of images and {n_labels} of labels ({names})");
        return Err(DatasetError::UnpairedFiles { detail });
    }
    let are_sorted = train_first(&mut images, |file| (file.file(), file.n_images))
        && train_first(&mut labels, |file| (file.file(), file.n_labels));
    if !are_sorted {
        let names =
            images.iter().map(|f| f.file()).chain(labels.iter().map(|f| f.file())).collect::<Vec<_>>().join(", ");
        let detail = format!("neither names nor sizes tell which is for training ({names})");
        return Err(DatasetError::UnpairedFiles { detail });
    }
    let pairs: Vec<_> = images.into_iter().zip(labels).map(|(images, labels)| Pair { images, labels }).collect();
    match pairs.iter().find(|pair| pair.images.n_images != pair.labels.n_labels) {
        None => Ok(pairs),
        Some(Pair { images, labels }) => Err(DatasetError::CountMismatch {
            images_file: images.file().to_owned(),
            n_images: images.n_images,
            labels_file: labels.file().to_owned(),
            n_labels: labels.n_labels,
        }),
    }
}

/// Puts the training file before the test file; false if nothing tells them apart.
fn train_first<T>(files: &mut [T], name_and_count: impl Fn(&T) -> (&str, u32)) -> bool {
    let [first, second] = files else { return true };
    let ((first_name, first_count), (second_name, second_count)) = (name_and_count(first), name_and_count(second));
    let order = match (is_test(first_name), is_test(second_name)) {
        (false, true) => std::cmp::Ordering::Less,
        (true, false) => std::cmp::Ordering::Greater,
        (true, true) | (false, false) => second_count.cmp(&first_count),
    };
    if order.is_gt() {
        std::mem::swap(first, second);
    }
    order.is_ne()
}

/// Whether a file belongs to a test set, judged by its name.
pub fn is_test(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    !name.contains("train") && (name.contains("test") || name.contains("t10k"))
}

fn common_shape(pairs: &[Pair]) -> Result<ImageShape, DatasetError> {
    let mut images = pairs.iter().map(|pair| &pair.images);
    let Some(train) = images.next() else {
        return Err(DatasetError::UnpairedFiles { detail: "found none".to_owned() });
    };
    let size = |file: &ImagesFile| format!("{} x {}", file.width, file.height);
    for test in images {
        if (test.height, test.width) != (train.height, train.width) {
            return Err(DatasetError::ShapeMismatch {
                train_file: train.file().to_owned(),
                train: size(train),
                test_file: test.file().to_owned(),
                test: size(test),
            });
        }
    }
    Ok(ImageShape { channels: 1, height: train.height, width: train.width })
}

fn too_large(pairs: &[Pair], what: &'static str, limit: u64) -> DatasetError {
    let names: Vec<_> = pairs.iter().map(|pair| pair.images.file()).collect();
    DatasetError::TooLarge { file: names.join(" and "), what, limit }
}

fn digits(parts: &[(String, Vec<u8>)]) -> Vec<String> {
    let largest = parts.iter().flat_map(|(_, labels)| labels).max().copied().unwrap_or(0);
    (0..=largest).map(|label| label.to_string()).collect()
}

fn check_labels(file: &str, labels: &[u8], n_classes: usize) -> Result<(), DatasetError> {
    match labels.iter().position(|label| usize::from(*label) >= n_classes) {
        None => Ok(()),
        Some(image) => {
            let label = labels.get(image).copied().unwrap_or_default().into();
            Err(DatasetError::LabelOutOfRange { file: file.to_owned(), image: image as u64, label, n_classes })
        }
    }
}
