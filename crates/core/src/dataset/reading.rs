//! What the visitor's files leave open: how their images lie, and which of their labels count.

use serde::{Deserialize, Serialize};

use super::files::base_name;
use super::turn::Turn;

/// How to read files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// None turns EMNIST's images upright, known by their files' names, and leaves others as they are.
    pub turn: Option<Turn>,
    /// Whether the labels of CIFAR-100 are its 20 superclasses, not its 100 classes.
    pub is_coarse: bool,
}

/// How files were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadAs {
    pub turn: Turn,
    /// Whether the labels are superclasses; None if the files have labels of one kind.
    pub is_coarse: Option<bool>,
}

impl Reading {
    /// The turn of a dataset with these files.
    pub fn turn_of<'f>(&self, mut files: impl Iterator<Item = &'f str>) -> Turn {
        let is_emnist = files.any(|file| base_name(file).to_ascii_lowercase().starts_with("emnist-"));
        self.turn.unwrap_or(if is_emnist { Turn::TRANSPOSED } else { Turn::default() })
    }
}
