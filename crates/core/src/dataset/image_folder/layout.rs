//! Which file is of which class, and of which part of the dataset: by its folders, or by a table that names it.

use std::collections::{BTreeMap, BTreeSet};

use super::label_table::LabelTable;
use super::report::{ImageReport, LeftOutReason};
use crate::dataset::files::{Part, is_hidden};
use crate::dataset::{DatasetError, MAX_CLASSES, MAX_IMAGES};

/// What images are called, those included that few programs open: they are listed with what they are.
const IMAGE_EXTENSIONS: [&str; 18] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "avif", "svg", "heic", "heif", "tif", "tiff", "ico",
    "apng", "psd", "jxl",
];

const CLASS_NAME_LIMIT_CHARS: usize = 100;

/// The images of a dataset, before any is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// In the order of numbers if all names are numbers, else in that of their letters.
    pub classes: Vec<String>,
    /// Training images first, those for validation next, those for test last; within a part by path.
    pub items: Vec<Item>,
    /// With the files that are left out so far.
    pub report: ImageReport,
}

/// An image file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place among the paths.
    pub place: usize,
    pub class: u16,
    pub part: Part,
}

/// Whether a file is an image, judged by its name.
pub fn is_image_name(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| IMAGE_EXTENSIONS.contains(&extension.as_str())) && !is_hidden(path)
}

/// Whether a file may be a table of labels, judged by its name.
pub fn is_table_name(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".csv", ".tsv"].iter().any(|end| path.ends_with(end)) && !is_hidden(&path)
}

impl Layout {
    /// Sorts out files by their paths; those that are no images by name are ignored. With a table of labels, the folders count for nothing.
    ///
    /// # Errors
    ///
    /// If no image has a class, or there are too many images or classes.
    pub fn of(paths: &[String], table: Option<&LabelTable>) -> Result<Self, DatasetError> {
        let mut report = ImageReport::default();
        let mut files = Vec::new();
        for (place, path) in paths.iter().map(String::as_str).enumerate().filter(|(_, path)| is_image_name(path)) {
            report.n_files += 1;
            let folders: Vec<&str> = path.split(['/', '\\']).filter(|name| !matches!(*name, "" | ".")).collect();
            match folders.contains(&"..") {
                true => report.leave_out(path, LeftOutReason::BadPath),
                false => files.push(File { place, path, folders }),
            }
        }
        if report.n_files > MAX_IMAGES {
            let file = paths.first().cloned().unwrap_or_default();
            return Err(DatasetError::TooLarge { file, what: "number of images", limit: MAX_IMAGES.into() });
        }
        let labeled = match table {
            Some(table) => table.label(files, &mut report),
            None => label_by_folders(files, &mut report),
        };
        let n_images = report.n_files;
        if labeled.is_empty() {
            return Err(DatasetError::NoClassFolders { n_images });
        }
        let classes = class_names(labeled.iter().map(|labeled| labeled.class.as_str()))?;
        let labels: BTreeMap<&str, u16> = classes.iter().map(String::as_str).zip(0..).collect();
        let item = |Labeled { file, class, part }: &Labeled| {
            let class = labels.get(class.as_str()).copied().unwrap_or_default();
            Item { place: file.place, class, part: *part }
        };
        let mut items: Vec<(&str, Item)> = labeled.iter().map(|labeled| (labeled.file.path, item(labeled))).collect();
        items.sort_by_key(|(path, item)| (item.part, *path));
        let items = items.into_iter().map(|(_, item)| item).collect();
        Ok(Self { classes, items, report })
    }

    /// Whether the files came in splits.
    pub fn has_parts(&self) -> bool {
        self.items.iter().any(|item| item.part != Part::Train)
    }
}

/// An image file with its path, also split at its slashes.
pub struct File<'a> {
    pub place: usize,
    pub path: &'a str,
    pub folders: Vec<&'a str>,
}

/// A file with its class.
pub struct Labeled<'a> {
    pub file: File<'a>,
    pub class: String,
    pub part: Part,
}

/// The first folder is the class; before it may come folders that all files share, and the parts of the dataset.
fn label_by_folders<'a>(mut files: Vec<File<'a>>, report: &mut ImageReport) -> Vec<Labeled<'a>> {
    strip_shared(&mut files);
    // A file beside the folders says nothing, and neither do folders of files alone, which are classes.
    let is_part = |file: &File| file.folders.first().is_some_and(|first| part_of_folder(first).is_some());
    let has_parts = files.iter().any(|file| file.folders.len() > 2)
        && files.iter().all(|file| file.folders.len() < 2 || is_part(file));
    let mut parts = vec![Part::Train; files.len()];
    if has_parts {
        for (file, part) in files.iter_mut().zip(&mut parts) {
            if let [first, _, _, ..] = file.folders.as_slice() {
                *part = part_of_folder(first).unwrap_or(Part::Train);
                file.folders.remove(0);
            } else {
                file.folders.drain(..file.folders.len().saturating_sub(1));
            }
        }
        strip_shared(&mut files);
    }
    let mut labeled = Vec::with_capacity(files.len());
    for (file, part) in files.into_iter().zip(parts) {
        match file.folders.as_slice() {
            [class, _, ..] => labeled.push(Labeled { class: class_name(class), part, file }),
            _ => report.leave_out(file.path, LeftOutReason::NoClass),
        }
    }
    labeled
}

/// Removes the folders that all files lie in, as long as there are folders below.
fn strip_shared(files: &mut [File]) {
    loop {
        let Some(&shared) = files.first().and_then(|file| file.folders.first()) else { return };
        let is_shared = files.iter().all(|file| file.folders.len() > 1 && file.folders.first() == Some(&shared));
        if !is_shared || !files.iter().any(|file| file.folders.len() > 2) {
            return;
        }
        for file in files.iter_mut() {
            file.folders.remove(0);
        }
    }
}

/// The part that a folder's name, or a word in a table, stands for.
pub fn part_of_folder(name: &str) -> Option<Part> {
    match name.trim().to_ascii_lowercase().as_str() {
        "train" | "training" | "trn" => Some(Part::Train),
        "val" | "valid" | "validation" | "dev" => Some(Part::Validation),
        "test" | "testing" | "tst" => Some(Part::Test),
        _ => None,
    }
}

/// A name without control characters, and not too long.
pub fn class_name(name: &str) -> String {
    name.trim()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(CLASS_NAME_LIMIT_CHARS)
        .collect()
}

/// The names that occur, in their order.
fn class_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, DatasetError> {
    let names: BTreeSet<&str> = names.collect();
    if names.len() > MAX_CLASSES {
        let file = names.first().copied().unwrap_or_default().to_owned();
        return Err(DatasetError::TooLarge { file, what: "number of classes", limit: MAX_CLASSES as u64 });
    }
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(paths: &[&str]) -> Result<Layout, DatasetError> {
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        Layout::of(&paths, None)
    }

    /// Each image as its place, class and part, in the dataset's order.
    fn check(paths: &[&str], classes: &[&str], expected: &[(usize, u16, Part)]) {
        let layout = layout(paths).unwrap();
        assert_eq!(layout.classes, classes);
        let items: Vec<_> = layout.items.iter().map(|item| (item.place, item.class, item.part)).collect();
        assert_eq!(items, expected, "{paths:?}");
    }

    #[test]
    fn the_folder_above_a_file_is_its_class() {
        use Part::Train;
        check(&["b/2.png", "a/1.JPG"], &["a", "b"], &[(1, 0, Train), (0, 1, Train)]);
        check(&["pets/cat/1.png", "pets/dog/deep/2.png"], &["cat", "dog"], &[(0, 0, Train), (1, 1, Train)]);
        check(&["a\\1.png", "./b//2.png"], &["a", "b"], &[(1, 1, Train), (0, 0, Train)]);
        check(&["10/a.png", "9/a.png"], &["9", "10"], &[(0, 1, Train), (1, 0, Train)]);
        // A single class is left to be reported as one.
        check(&["cat/1.png", "cat/2.png"], &["cat"], &[(0, 0, Train), (1, 0, Train)]);
    }

    #[test]
    fn folders_of_parts_are_no_classes() {
        use Part::{Test, Train, Validation};
        let paths = ["d/test/x/1.png", "d/train/y/1.png", "d/val/x/1.png", "d/train/x/2.png", "d/cover.png"];
        check(&paths, &["x", "y"], &[(3, 0, Train), (1, 1, Train), (2, 0, Validation), (0, 0, Test)]);
        check(&["train/images/x/1.png", "test/images/y/2.png"], &["x", "y"], &[(0, 0, Train), (1, 1, Test)]);
        // Two classes that are called so, beside a third.
        check(
            &["test/1.png", "train/1.png", "bus/1.png"],
            &["bus", "test", "train"],
            &[(2, 0, Train), (0, 1, Train), (1, 2, Train)],
        );
    }

    #[test]
    fn what_is_no_image_is_ignored_and_what_has_no_class_is_listed() {
        let found = layout(&[
            "a/1.png",
            "b/1.png",
            "b/.2.png",
            "__MACOSX/b/1.png",
            "b/Thumbs.db",
            "b/notes.txt",
            "3.png",
            "../b/4.png",
        ])
        .unwrap();
        assert_eq!((found.items.len(), found.report.n_files), (2, 4));
        let left_out: Vec<_> = found.report.left_out.iter().map(|left| (left.file.as_str(), &left.reason)).collect();
        assert_eq!(left_out, [("../b/4.png", &LeftOutReason::BadPath), ("3.png", &LeftOutReason::NoClass)]);
        assert_eq!(layout(&["1.png", "2.png"]), Err(DatasetError::NoClassFolders { n_images: 2 }));
    }
}
