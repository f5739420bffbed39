//! What was imported, what was left out, and why.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dataset::image_content::ImageContent;

/// Maximum number of files that a report names; it counts all of them.
pub const LEFT_OUT_LIMIT: usize = 200;

/// Maximum number of copies that a report names; it counts all of them.
pub const COPIES_LIMIT: usize = 200;

/// The outcome of an import of image files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageReport {
    /// Files that are images by their names, imported or not.
    pub n_files: u32,
    pub n_left_out: u32,
    /// The first of those left out.
    pub left_out: Vec<LeftOut>,
    /// Images whose file is a copy of an earlier one's.
    pub n_duplicates: u32,
    /// The first of those.
    pub copies: Vec<Copied>,
    /// Images that look like an earlier one, though their files differ; 0 if there are too many images to compare them all.
    pub n_near_duplicates: u32,
    /// Images whose file is also in another class.
    pub n_contradictions: u32,
    /// Images whose files came in a split, which they keep.
    pub n_given: u32,
    /// Images that came for validation or test, and are copies of, or look like, images that came for another split.
    pub n_leaked: u32,
    /// Images with transparent pixels that were laid on white.
    pub n_on_white: u32,
    /// Images with transparent pixels that were laid on black.
    pub n_on_black: u32,
    /// Whether the files came with a validation set of their own, and no other image is drawn for validation.
    pub has_standard_validation: bool,
}

/// A file with the same content as an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub file: String,
    /// The earlier one.
    pub of: String,
}

/// A file that is not in the dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub file: String,
    pub reason: LeftOutReason,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOutReason {
    /// It is no image that can be opened here.
    Undecodable(ImageContent),
    /// Its pixels are over the limit.
    TooManyPixels { width: u32, height: u32 },
    /// Its bytes are over the limit.
    TooManyBytes,
    /// It is damaged in its archive, or packed in a way that is not read.
    Damaged,
    /// It cannot be fetched or read.
    Unreadable,
    /// It lies in no folder of a class.
    NoClass,
    /// The table of labels does not name it.
    NoLabel,
    /// The table of labels names it, but there is no such file.
    Missing,
    /// Its path leads out of its archive.
    BadPath,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Undecodable(content) => f.write_str(content.detail()),
            Self::TooManyPixels { width, height } => write!(f, "too large: {width} x {height} pixels"),
            Self::TooManyBytes => f.write_str("the file is too large"),
            Self::Damaged => f.write_str("damaged in its archive"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::NoClass => f.write_str("in no folder of a class"),
            Self::NoLabel => f.write_str("not in the table of labels"),
            Self::Missing => f.write_str("in the table of labels only"),
            Self::BadPath => f.write_str("its path leads out of the archive"),
        }
    }
}

impl ImageReport {
    /// The report for programs: reasons are texts.
    pub fn to_json(&self) -> Value {
        let left_out: Vec<Value> = self
            .left_out
            .iter()
            .map(|LeftOut { file, reason }| json!({ "file": file, "reason": reason.to_string() }))
            .collect();
        let copies: Vec<Value> =
            self.copies.iter().map(|Copied { file, of }| json!({ "file": file, "of": of })).collect();
        json!({
            "files": self.n_files, "nLeftOut": self.n_left_out, "leftOut": left_out, "duplicates": self.n_duplicates, "copies": copies,
            "nearDuplicates": self.n_near_duplicates, "contradictions": self.n_contradictions, "given": self.n_given, "leaked": self.n_leaked,
            "onWhite": self.n_on_white, "onBlack": self.n_on_black,
            "hasStandardValidation": self.has_standard_validation,
        })
    }

    /// Counts a file that is left out, and names it if there is room.
    pub fn leave_out(&mut self, file: &str, reason: LeftOutReason) {
        self.n_left_out += 1;
        if self.left_out.len() < LEFT_OUT_LIMIT {
            self.left_out.push(LeftOut { file: file.to_owned(), reason });
        }
    }
}
