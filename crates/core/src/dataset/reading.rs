//! What the visitor's files leave open: how their images lie, which of their labels count, and what becomes of image files.

use serde::{Deserialize, Serialize};

use super::files::base_name;
use super::framing::Framing;
use super::turn::Turn;
use crate::protocol::ImageShape;

/// How to read files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// None turns EMNIST's images upright, known by their files' names, and leaves others as they are.
    pub turn: Option<Turn>,
    /// Whether the labels of CIFAR-100 are its 20 superclasses, not its 100 classes.
    pub is_coarse: bool,
    pub images: ImageReading,
}

/// What to make of image files; what is `None` is chosen by the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImageReading {
    /// Height and width, see [`IMAGE_SIDES`].
    #[serde(rename = "size")]
    pub side: Option<u32>,
    /// 1 for gray, 3 for RGB.
    pub channels: Option<u32>,
    pub framing: Option<Framing>,
}

/// The heights and widths that image files can be scaled to, in pixels.
pub const IMAGE_SIDES: std::ops::RangeInclusive<u32> = 8..=256;

/// What became of image files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFormat {
    pub side: u32,
    pub channels: u32,
    pub framing: Framing,
}

impl ImageFormat {
    pub fn shape(self) -> ImageShape {
        ImageShape { channels: self.channels, height: self.side, width: self.side }
    }
}

/// How files were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadAs {
    pub turn: Turn,
    /// Whether the labels are superclasses; None if the files have labels of one kind.
    pub is_coarse: Option<bool>,
    /// `None` for files that hold finished images.
    #[serde(default)]
    pub images: Option<ImageFormat>,
}

impl Reading {
    /// The turn of a dataset with these files.
    pub fn turn_of<'f>(&self, mut files: impl Iterator<Item = &'f str>) -> Turn {
        let is_emnist = files.any(|file| base_name(file).to_ascii_lowercase().starts_with("emnist-"));
        self.turn.unwrap_or(if is_emnist { Turn::TRANSPOSED } else { Turn::default() })
    }
}
