//! The names of classes, from a text file beside the images, and the classes of labels.

use std::collections::{BTreeMap, BTreeSet};

use super::files::base_name;
use super::{DatasetError, MAX_CLASSES};

/// The names in a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassNames {
    /// In the order of the labels.
    List(Vec<String>),
    /// By label, as EMNIST's mappings and KMNIST's class maps have them.
    ByLabel(BTreeMap<i64, String>),
}

/// Labels of one file.
pub struct FileLabels {
    pub file: String,
    pub labels: Vec<i64>,
}

/// Whether a file holds class names, judged by its name.
pub fn is_class_names(file: &str) -> bool {
    let name = base_name(file).to_ascii_lowercase();
    matches!(name.as_str(), "classes.txt" | "fine_label_names.txt" | "coarse_label_names.txt")
        || [".meta.txt", "mapping.txt", "classmap.csv"].iter().any(|end| name.ends_with(end))
}

impl ClassNames {
    /// Parses names, one a line, or a mapping: lines of a label and the code of its character.
    ///
    /// # Errors
    ///
    /// [`DatasetError::BadClassNames`]: no text, a name twice, or the number or length of the names is out of range.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, DatasetError> {
        let bad = |detail: String| DatasetError::BadClassNames { file: file.to_owned(), detail };
        let text =
            decode(bytes).ok_or_else(|| bad("it is not text in UTF-8 or UTF-16; save it as UTF-8".to_owned()))?;
        let lines: Vec<_> = text.trim_end().lines().map(str::trim).take(MAX_CLASSES + 2).collect();
        let names = match lines.iter().filter_map(mapped).collect::<Vec<_>>() {
            mapped if mapped.len() > 1 && mapped.len() + 1 >= lines.len() => {
                Self::ByLabel(mapped.into_iter().collect())
            }
            _ => Self::List(lines.into_iter().map(str::to_owned).collect()),
        };
        names.check().map_or(Ok(names), |detail| Err(bad(detail)))
    }

    /// What is wrong with the names.
    fn check(&self) -> Option<String> {
        const NAME_LIMIT_CHARS: usize = 100;
        let names: Vec<_> = match self {
            Self::List(names) => names.iter().collect(),
            Self::ByLabel(names) => names.values().collect(),
        };
        if names.is_empty() || names.len() > MAX_CLASSES {
            return Some(format!("1 to {MAX_CLASSES} class names are possible"));
        }
        let is_long = |name: &&String| name.is_empty() || name.chars().count() > NAME_LIMIT_CHARS;
        if let Some(line) = names.iter().position(is_long) {
            return Some(format!("line {}: a class name has 1 to {NAME_LIMIT_CHARS} characters", line + 1));
        }
        let mut seen = BTreeSet::new();
        let twice = names.iter().find(|name| !seen.insert(**name))?;
        Some(format!("the name {twice} is there twice; each class needs a name of its own"))
    }

    /// The classes of some files' labels, and their labels as indices of the classes. Without names, the classes are the labels that occur.
    ///
    /// # Errors
    ///
    /// If a label has no name, or there are too many classes.
    pub fn assign(names: Option<&Self>, files: &[FileLabels]) -> Result<(Vec<String>, Vec<u16>), DatasetError> {
        let found: BTreeSet<i64> = files.iter().flat_map(|file| &file.labels).copied().collect();
        let classes: BTreeMap<i64, String> = match names {
            None => found.iter().map(|label| (*label, label.to_string())).collect(),
            Some(Self::ByLabel(names)) => {
                found.iter().filter_map(|label| Some((*label, names.get(label)?.clone()))).collect()
            }
            // Labels from 1, or with gaps, are named in order, if there is a name for each.
            Some(Self::List(names)) if found.len() == names.len() => {
                found.iter().copied().zip(names.iter().cloned()).collect()
            }
            Some(Self::List(names)) => (0..).zip(names.iter().cloned()).collect(),
        };
        for FileLabels { file, labels } in files {
            if let Some((image, label)) = labels.iter().enumerate().find(|(_, label)| !classes.contains_key(label)) {
                let (image, n_classes) = (image as u64, classes.len());
                return Err(DatasetError::LabelOutOfRange { file: file.clone(), image, label: *label, n_classes });
            }
        }
        if classes.len() > MAX_CLASSES {
            let file = files.first().map(|first| first.file.clone()).unwrap_or_default();
            return Err(DatasetError::TooLarge { file, what: "number of classes", limit: MAX_CLASSES as u64 });
        }
        let places: BTreeMap<i64, u16> = classes.keys().copied().zip(0..).collect();
        let labels =
            files.iter().flat_map(|file| &file.labels).filter_map(|label| places.get(label).copied()).collect();
        Ok((classes.into_values().collect(), labels))
    }
}

/// The text of a file: UTF-8, or UTF-16 with a byte order mark.
fn decode(bytes: &[u8]) -> Option<String> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes.chunks_exact(2).filter_map(|pair| Some(unit(*pair.first_chunk()?))).collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => String::from_utf16(&units(rest, u16::from_le_bytes)).ok(),
        [0xfe, 0xff, rest @ ..] => String::from_utf16(&units(rest, u16::from_be_bytes)).ok(),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => String::from_utf8(rest.to_vec()).ok(),
    }
}

/// A line of a mapping: `1 65 97`, where the first code is that of the class; or `0,U+304A,お`.
fn mapped(line: &&str) -> Option<(i64, String)> {
    let fields: Vec<_> = line.split([' ', '\t', ',']).filter(|field| !field.is_empty()).collect();
    match fields.as_slice() {
        [label, code, name] if code.starts_with("U+") => Some((label.parse().ok()?, (*name).to_owned())),
        [label, codes @ ..] if (1..=2).contains(&codes.len()) => {
            let codes: Vec<_> =
                codes.iter().map(|code| code.parse().ok().and_then(char::from_u32)).collect::<Option<_>>()?;
            let name = codes.first().filter(|name| !name.is_control())?;
            Some((label.parse().ok()?, name.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bytes: &[u8]) -> Vec<String> {
        match ClassNames::parse("f", bytes).unwrap() {
            ClassNames::List(names) => names,
            ClassNames::ByLabel(names) => panic!("{names:?}"),
        }
    }

    #[test]
    fn names_are_read_from_the_usual_encodings() {
        let utf16: Vec<u8> = "\u{feff}cat\r\ndög\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}cat\r\ndög\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [utf16, big, "\u{feff}cat\r\ndög\r\n\r\n".into(), "cat\ndög".into()] {
            assert_eq!(list(&bytes), ["cat", "dög"]);
        }
    }

    #[test]
    fn names_that_cannot_be_told_apart_are_refused() {
        let check = |bytes: &[u8], expected: &str| {
            let error = ClassNames::parse("f", bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(b"cat\ncat\n", "the name cat is there twice");
        check(b"\xef\xbb\xbfcat\ncat", "the name cat is there twice");
        check(b"K\xe4fer\nHund\n", "not text");
        check(b"cat\n\ndog", "line 2");
        check(b"", "1 to 1000");
    }

    #[test]
    fn mappings_name_labels_by_the_codes_of_characters() {
        let names = ClassNames::parse("emnist-letters-mapping.txt", b"1 65 97\n2 66 98\n").unwrap();
        assert_eq!(names, ClassNames::ByLabel([(1, "A".to_owned()), (2, "B".to_owned())].into()));
        let names =
            ClassNames::parse("k49_classmap.csv", "index,codepoint,char\n0,U+3042,あ\n1,U+3044,い\n".as_bytes());
        assert_eq!(names.unwrap(), ClassNames::ByLabel([(0, "あ".to_owned()), (1, "い".to_owned())].into()));
    }

    fn assign(names: Option<&ClassNames>, labels: &[i64]) -> Result<(Vec<String>, Vec<u16>), DatasetError> {
        ClassNames::assign(names, &[FileLabels { file: "f".into(), labels: labels.to_vec() }])
    }

    #[test]
    fn classes_are_the_labels_that_occur() {
        let (classes, labels) = assign(None, &[200, 3, 255, 3]).unwrap();
        assert_eq!(classes, ["3", "200", "255"]);
        assert_eq!(labels, [1, 0, 2, 0]);
    }

    #[test]
    fn a_list_names_labels_from_zero_or_those_that_occur() {
        let names = ClassNames::List(["a", "b"].map(str::to_owned).into());
        assert_eq!(assign(Some(&names), &[1, 2, 1]).unwrap(), (vec!["a".into(), "b".into()], vec![0, 1, 0]));
        assert_eq!(assign(Some(&names), &[1, 1]).unwrap(), (vec!["a".into(), "b".into()], vec![1, 1]));
        let expected = DatasetError::LabelOutOfRange { file: "f".into(), image: 1, label: 2, n_classes: 2 };
        assert_eq!(assign(Some(&names), &[0, 2, 1]).unwrap_err(), expected);
        let mapping = ClassNames::ByLabel([(5, "five".to_owned()), (6, "six".to_owned())].into());
        assert_eq!(assign(Some(&mapping), &[6, 6]).unwrap(), (vec!["six".into()], vec![0, 0]));
        assert!(assign(Some(&mapping), &[6, 7]).is_err());
    }
}
