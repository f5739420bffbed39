//! Why a network cannot be built.

use super::feature::FeatureShape;
use super::{MAX_LAYER_VALUES, MAX_LAYERS, MAX_NESTING, MAX_PARAMETERS, MAX_RECURRENT_STEPS, MAX_VALUES, MAX_WINDOW};
use crate::protocol::{Failure, FailureKind};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// `layer` counts from 0; the message counts from 1.
    #[error("layer {} ({name}): {reason}", layer + 1)]
    Layer { layer: usize, name: &'static str, reason: LayerError },
    #[error("the last layer must be the classifier")]
    NoClassifier,
    #[error("all layers are frozen: at least the classifier must learn")]
    AllFrozen,
    #[error("more than {MAX_LAYERS} layers, those in blocks included")]
    TooManyLayers,
    #[error("blocks are nested more than {MAX_NESTING} deep")]
    TooDeep,
    #[error("{found} parameters, at most {MAX_PARAMETERS} are allowed")]
    TooManyParameters { found: u64 },
    #[error("all layers together hold {found} values for each image, at most {MAX_VALUES} are allowed")]
    TooManyValues { found: u64 },
}

/// Why a layer does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    #[error("needs an image or feature maps, but its input is {input}")]
    NeedsMaps { input: FeatureShape },
    #[error("needs a sequence, but its input is {input}: put rows or a patch embedding before it")]
    NeedsSequence { input: FeatureShape },
    #[error("needs a flat input: put a flatten or a global average pool before it")]
    NeedsVector,
    #[error("needs maps or a flat input, but its input is the sequence {input}")]
    NotForSequences { input: FeatureShape },
    #[error("needs maps or a sequence, but its input is flat")]
    AlreadyFlat,
    #[error("{what} must be at least 1")]
    Zero { what: &'static str },
    #[error("kernel {size} is larger than its input, {input}, padding included")]
    KernelTooLarge { size: u64, input: FeatureShape },
    #[error("its kernel reaches over {found} places, at most {MAX_WINDOW} are allowed")]
    WindowTooWide { found: u64 },
    #[error("pools {size} by {size}, but its input is only {input}")]
    PoolTooLarge { size: u32, input: FeatureShape },
    #[error("cuts patches of {size} by {size}, but its input is only {input}")]
    PatchTooLarge { size: u32, input: FeatureShape },
    #[error("{groups} groups do not divide {count} {what} evenly")]
    UnevenGroups { groups: u64, count: u64, what: &'static str },
    #[error("{heads} heads do not divide {features} features evenly")]
    UnevenHeads { heads: u64, features: u64 },
    #[error("the rate must be at least 0 and less than 1")]
    RateOutOfRange,
    #[error("the classifier must be the last layer")]
    ClassifierNotLast,
    #[error("holds {found} values for each image, at most {MAX_LAYER_VALUES} are allowed")]
    TooManyValues { found: u64 },
    #[error("takes {found} steps, at most {MAX_RECURRENT_STEPS} are allowed")]
    TooManySteps { found: u64 },
    #[error("the dataset has fewer than two classes")]
    TooFewClasses,
    #[error("has no layers")]
    EmptyBlock,
    #[error("turns {input} into {output}, which cannot be added to a projection of its input")]
    NoShortcut { input: FeatureShape, output: FeatureShape },
    #[error("must give one vector, but its layers give {output}: put a flatten or a global average pool behind them")]
    NotAVector { output: FeatureShape },
    /// The error of a layer in a block. `layer` counts from 0.
    #[error("its layer {} ({name}): {reason}", layer + 1)]
    Inside { layer: usize, name: &'static str, reason: Box<LayerError> },
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::new(FailureKind::BadNetwork, error.to_string())
    }
}
