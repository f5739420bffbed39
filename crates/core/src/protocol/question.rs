//! Questions: what may be asked while a run trains, and the type of each answer. Enums exist only on the wire.

use serde::{Deserialize, Serialize};

use super::{Classification, Evaluation, Failure, FailureKind, ImageBatch, ImageInput, RatePoint, RateTest, SplitName};
use crate::config::{AugmentConfig, RunConfig};

/// A question that knows the type of its answer, and of what it reports before it.
pub trait Ask: Into<Question> {
    type Answer: TryFrom<Answer, Error = Mismatch>;
    type Progress: TryFrom<AnswerProgress, Error = Mismatch>;
}

/// Images of a split, in the split's order, optionally only those of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Images {
    pub split: SplitName,
    pub class: Option<u16>,
    pub offset: u32,
    pub count: u32,
}

/// Particular images, by their index in the dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImagesAt {
    pub indices: Vec<u32>,
}

/// Up to `count` training images, spread over the split, augmented; equal seeds give equal images.
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

/// The prediction for one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classify {
    pub image: ImageInput,
    pub views: Views,
}

/// Which learning rate suits this config: Smith's LR range test, on weights that are thrown away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindRate {
    pub config: Box<RunConfig>,
}

/// How many views of an image are averaged: test-time augmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Views {
    /// The image as it is.
    #[default]
    One,
    /// As it is, shifted a little to each side and, but for digits and letters, flipped; their probabilities are averaged.
    Several,
}

/// Any question, on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Question {
    Images(Images),
    ImagesAt(ImagesAt),
    Augment(Augment),
    Evaluate(Evaluate),
    Classify(Classify),
    FindRate(FindRate),
}

/// Any answer, on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Images(ImageBatch),
    Evaluation(Evaluation),
    Classification(Classification),
    Rates(RateTest),
}

/// How far a long question has come, on the wire; at most ten times a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AnswerProgress {
    /// Fraction of the images evaluated, 0 to 1.
    Evaluation(f32),
    Rates(RateProgress),
}

/// How far an LR range test has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateProgress {
    /// 0 to 1.
    pub fraction: f32,
    /// Its points since the last report.
    pub points: Vec<RatePoint>,
}

/// No progress is reported for quick questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

/// What came in answers another kind of question: a defect of the engine, or foreign bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl AnswerProgress {
    /// 0 to 1.
    pub fn fraction(&self) -> f32 {
        match self {
            Self::Evaluation(fraction) => *fraction,
            Self::Rates(progress) => progress.fraction,
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

/// Between a type and the variant of the enum that carries it.
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
    Augment => ImageBatch, Never;
    Evaluate => Evaluation, f32;
    Classify => Classification, Never;
    FindRate => RateTest, RateProgress;
}

carried! {
    Answer::Images(ImageBatch);
    Answer::Evaluation(Evaluation);
    Answer::Classification(Classification);
    Answer::Rates(RateTest);
    AnswerProgress::Evaluation(f32);
    AnswerProgress::Rates(RateProgress);
}
