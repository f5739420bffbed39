//! The shape of the data between layers.

use std::fmt;

use super::error::LayerError;
use crate::protocol::ImageShape;

/// Feature maps, a sequence or a vector; the shape for one image, without the batch dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureShape {
    Maps {
        channels: u64,
        height: u64,
        width: u64,
    },
    /// The rows of an image, or its patches.
    Sequence {
        length: u64,
        features: u64,
    },
    Vector {
        length: u64,
    },
}

impl FeatureShape {
    pub fn n_values(self) -> u64 {
        match self {
            Self::Maps { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
            Self::Sequence { length, features } => length.saturating_mul(features),
            Self::Vector { length } => length,
        }
    }

    pub(super) fn maps(self) -> Result<(u64, u64, u64), LayerError> {
        match self {
            Self::Maps { channels, height, width } => Ok((channels, height, width)),
            Self::Sequence { .. } | Self::Vector { .. } => Err(LayerError::NeedsMaps { input: self }),
        }
    }

    pub(super) fn sequence(self) -> Result<(u64, u64), LayerError> {
        match self {
            Self::Sequence { length, features } => Ok((length, features)),
            Self::Maps { .. } | Self::Vector { .. } => Err(LayerError::NeedsSequence { input: self }),
        }
    }
}

impl From<ImageShape> for FeatureShape {
    fn from(ImageShape { channels, height, width }: ImageShape) -> Self {
        Self::Maps { channels: channels.into(), height: height.into(), width: width.into() }
    }
}

/// `6×28×28`, `28×64`, `400`
impl fmt::Display for FeatureShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maps { channels, height, width } => write!(formatter, "{channels}×{height}×{width}"),
            Self::Sequence { length, features } => write!(formatter, "{length}×{features}"),
            Self::Vector { length } => write!(formatter, "{length}"),
        }
    }
}
