//! Questions that can be asked while a run trains, and the type of each answer. The enums exist only on the wire.

use serde::{Deserialize, Serialize};

use super::{
    Bulk, Classification, Embeddings, Evaluation, Failure, FailureKind, FileSplits, ImageBatch, ImageInput, LabelCurve,
    LabelErrors, LayersReport, Measurement, RatePoint, RateTest, SplitName, TrainedWeights, Watch,
};
use crate::config::{AugmentConfig, NetworkConfig, RunConfig};
use crate::dataset::image_checks::ImageChecks;

/// A question, with the types of its answer and of its progress reports.
pub trait Ask: Into<Question> {
    type Answer: TryFrom<Answer, Error = Mismatch>;
    type Progress: TryFrom<AnswerProgress, Error = Mismatch>;
}

/// Images of a split in the split's order, optionally of one class only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Images {
    pub split: SplitName,
    pub class: Option<u16>,
    pub offset: u32,
    pub count: u32,
}

/// Specific images, by index in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImagesAt {
    pub indices: Vec<u32>,
}

/// Which file each image of the dataset was made from, and in which split it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocateFiles;

/// Up to `count` train images, spread over the split and augmented. Equal seeds give equal images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    pub config: AugmentConfig,
    pub count: u32,
    pub seed: u32,
}

/// Loss, accuracy and every prediction of the current network on a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluate {
    pub split: SplitName,
    pub views: Views,
}

/// Like [`Evaluate`], of the network of an ended run, which may know other classes: it never predicts one that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluateTrained {
    pub split: SplitName,
    pub config: Box<RunConfig>,
    pub weights: TrainedWeights,
}

/// The prediction for one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classify {
    pub image: ImageInput,
    pub views: Views,
}

/// The output of the last hidden layer for an image: what the latest network sees in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embed {
    pub image: ImageInput,
}

/// The same for up to `limit` train images, spread over the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedTrain {
    pub limit: u32,
}

/// The LR range test (Smith, 2017) for this config, on weights that are then discarded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindRate {
    pub config: Box<RunConfig>,
}

/// Label errors among the train and validation images, see [`crate::label_errors`]: cross-validation with as many networks of this config as
/// there are folds, which are then discarded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindLabelErrors {
    pub config: Box<RunConfig>,
    /// In [`FOLDS`].
    pub folds: u32,
}

/// Accuracy against labels, in the order in which they were asked for and in random order, see [`crate::label_curve`]: with the latest network's
/// embeddings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLabels {
    /// The hashes of the image files whose labels were asked for, in that order. Those that are no train images do not count.
    pub asked: Vec<u64>,
}

/// Numbers of folds that are accepted.
pub const FOLDS: std::ops::RangeInclusive<u32> = 2..=20;

/// Copies and images without content, see [`crate::dataset::image_checks`], in all splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckImages;

/// The layers of the current network, for one that is not being trained: without gradients, and without a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspect {
    pub watch: Watch,
}

/// Accuracy and speed of a network that is not the current one, on up to `limit` images spread over a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub network: Box<NetworkConfig>,
    /// As in [`super::RunUpdate::Weights`].
    pub weights: Bulk,
    pub split: SplitName,
    pub limit: u32,
}

/// Test-time augmentation: the number of views of an image whose predictions are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Views {
    /// The image as it is.
    #[default]
    One,
    /// The image, slightly translated copies and, except for digits and letters, horizontal flips. The views' probabilities are averaged.
    Several,
}

/// Any question, on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Question {
    Images(Images),
    ImagesAt(ImagesAt),
    LocateFiles(LocateFiles),
    Augment(Augment),
    Evaluate(Evaluate),
    EvaluateTrained(EvaluateTrained),
    Classify(Classify),
    Embed(Embed),
    EmbedTrain(EmbedTrain),
    FindRate(FindRate),
    FindLabelErrors(FindLabelErrors),
    TraceLabels(TraceLabels),
    CheckImages(CheckImages),
    Inspect(Inspect),
    Measure(Measure),
}

/// Any answer, on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Images(ImageBatch),
    Files(FileSplits),
    Evaluation(Evaluation),
    Classification(Classification),
    Embeddings(Embeddings),
    Rates(RateTest),
    LabelErrors(LabelErrors),
    LabelCurve(LabelCurve),
    ImageChecks(ImageChecks),
    Layers(LayersReport),
    Measurement(Measurement),
}

/// Progress of a long question, on the wire; at most ten times a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AnswerProgress {
    /// Fraction of the work that is done, 0 to 1.
    Evaluation(f32),
    Rates(RateProgress),
    Folds(FoldProgress),
}

/// Progress of a cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoldProgress {
    /// 0 to 1, of all folds together.
    pub fraction: f32,
    /// The fold whose network is trained, from 0; `None` while the outputs of frozen layers are computed.
    pub fold: Option<u32>,
    pub folds: u32,
    pub images_per_second: f64,
    /// Estimated; `None` before the first step.
    pub remaining_ms: Option<f64>,
}

/// Progress of an LR range test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateProgress {
    /// 0 to 1.
    pub fraction: f32,
    /// Points since the last report.
    pub points: Vec<RatePoint>,
}

/// The progress type of quick questions, which report none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

/// An answer of the wrong type: a bug in the engine, or corrupt bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl AnswerProgress {
    /// 0 to 1.
    pub fn fraction(&self) -> f32 {
        match self {
            Self::Evaluation(fraction) => *fraction,
            Self::Rates(progress) => progress.fraction,
            Self::Folds(progress) => progress.fraction,
        }
    }
}

impl From<Mismatch> for Failure {
    fn from(_: Mismatch) -> Self {
        Self::new(FailureKind::EngineCrashed, "the answer is not of the question's type")
    }
}

impl TryFrom<AnswerProgress> for Never {
    type Error = Mismatch;

    fn try_from(_: AnswerProgress) -> Result<Self, Mismatch> {
        Err(Mismatch)
    }
}

/// `Question => Answer::Variant(type), progress`.
macro_rules! questions {
    ($($question:ident => $answer:ty, $progress:ty;)*) => {$(
        impl Ask for $question {
            type Answer = $answer;
            type Progress = $progress;
        }

        impl From<$question> for Question {
            fn from(question: $question) -> Self {
                Self::$question(question)
            }
        }
    )*};
}

/// Conversions between a type and the enum variant that carries it.
macro_rules! carried {
    ($($enum:ident::$variant:ident($type:ty);)*) => {$(
        impl From<$type> for $enum {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }

        impl TryFrom<$enum> for $type {
            type Error = Mismatch;

            fn try_from(value: $enum) -> Result<Self, Mismatch> {
                if let $enum::$variant(value) = value { Ok(value) } else { Err(Mismatch) }
            }
        }
    )*};
}

questions! {
    Images => ImageBatch, Never;
    ImagesAt => ImageBatch, Never;
    LocateFiles => FileSplits, Never;
    Augment => ImageBatch, Never;
    Evaluate => Evaluation, f32;
    EvaluateTrained => Evaluation, f32;
    Classify => Classification, Never;
    Embed => Embeddings, Never;
    EmbedTrain => Embeddings, Never;
    FindRate => RateTest, RateProgress;
    FindLabelErrors => LabelErrors, FoldProgress;
    TraceLabels => LabelCurve, f32;
    CheckImages => ImageChecks, Never;
    Inspect => LayersReport, Never;
    Measure => Measurement, f32;
}

carried! {
    Answer::Images(ImageBatch);
    Answer::Files(FileSplits);
    Answer::Evaluation(Evaluation);
    Answer::Classification(Classification);
    Answer::Embeddings(Embeddings);
    Answer::Rates(RateTest);
    Answer::LabelErrors(LabelErrors);
    Answer::LabelCurve(LabelCurve);
    Answer::ImageChecks(ImageChecks);
    Answer::Layers(LayersReport);
    Answer::Measurement(Measurement);
    AnswerProgress::Evaluation(f32);
    AnswerProgress::Rates(RateProgress);
    AnswerProgress::Folds(FoldProgress);
}
