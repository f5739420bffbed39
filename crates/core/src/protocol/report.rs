//! Reports of the engine: datasets, progress, evaluations, classifications.

use serde::{Deserialize, Serialize};

use super::Bulk;
use crate::config::AugmentConfig;
use crate::dataset::{DrawingStyle, Framing, ImageReport, ReadAs};
use crate::label_errors::LabelError;

/// `[channels, height, width]`; channels is 1 (gray) or 3 (red, green, blue).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    pub channels: u32,
    pub height: u32,
    pub width: u32,
}

impl ImageShape {
    /// Values (bytes) of one image.
    pub fn n_values(&self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SplitName {
    Train,
    Validation,
    Test,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    pub train: u32,
    pub validation: u32,
    pub test: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatasetSummary {
    /// A served dataset's folder; for the visitor's files, a hash such as `"files-3f9a1c07"`.
    pub id: String,
    pub name: String,
    pub classes: Vec<String>,
    pub shape: ImageShape,
    pub counts: SplitCounts,
    /// Images per class and split.
    pub class_counts: Vec<SplitCounts>,
    /// Indices of the sample images whose predictions are reported during training.
    pub samples: Vec<u32>,
    /// Whether the dataset has a standard test set.
    pub has_standard_test: bool,
    /// How figures are laid out in the dataset's images; drawings are prepared to match.
    pub style: DrawingStyle,
    /// How the visitor's files were read, where they left a choice.
    pub read_as: ReadAs,
    /// The outcome of an import of image files; `None` for any other dataset.
    pub import: Option<ImageReport>,
}

/// Images of the dataset, for display.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageBatch {
    pub shape: ImageShape,
    /// Their indices in the dataset.
    pub indices: Vec<u32>,
    pub labels: Vec<u16>,
    /// `indices.len() * shape.n_values()` bytes, channel by channel.
    pub pixels: Bulk,
    /// Number of images that match the question, including those beyond the limit of one answer.
    pub total: u32,
}

/// The image files of a dataset, in its order; empty if it was not made of image files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplits {
    /// Hashes of their contents.
    pub files: Vec<u64>,
    /// The split of each; none of an image that is in no split.
    pub splits: Vec<Option<SplitName>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Steps done.
    pub step: u32,
    /// Current epoch, from 0.
    pub epoch: u32,
    /// Loss of every step since the last report, oldest first, up to that of step `step`.
    pub losses: Vec<f32>,
    /// Training accuracy of each of those steps, 0 to 1; empty if nothing is classified.
    pub accuracies: Vec<f32>,
    /// The learning rate of step `step`.
    pub learning_rate: f64,
    pub images_per_second: f64,
    /// Time since the first step, excluding pauses.
    pub elapsed_ms: f64,
    /// Estimated remaining time, including validation.
    pub remaining_ms: f64,
}

impl Progress {
    /// Training accuracy over all of its steps, 0 to 1; none if nothing is classified.
    pub fn accuracy(&self) -> Option<f32> {
        let n_steps = self.accuracies.len();
        (n_steps > 0).then(|| self.accuracies.iter().sum::<f32>() / n_steps as f32)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochReport {
    /// From 0.
    pub epoch: u32,
    /// Steps done at the end of the epoch.
    pub step: u32,
    /// Mean over the epoch's steps of the loss that the run minimizes, each measured before that step's update.
    pub train_loss: f32,
    pub train_accuracy: f32,
    /// Mean cross-entropy, whichever loss the run minimizes. `None` without a validation split, and if it is not finite: JSON has neither
    /// infinity nor NaN.
    pub validation_loss: Option<f32>,
    /// `None` without a validation split.
    pub validation_accuracy: Option<f32>,
    /// Whether the validation accuracy (on ties, the loss) is the best so far, which makes this the best checkpoint. With early stopping on
    /// the loss, the loss decides first.
    pub is_best: bool,
    pub elapsed_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub ending: Ending,
    /// Steps done.
    pub steps: u32,
    /// The best epoch, whose weights are kept; `None` if no epoch was completed, in which case the last weights are kept.
    pub best: Option<EpochReport>,
    /// Whether the evaluated and kept weights are the moving average (`ema_decay`).
    pub is_averaged: bool,
    pub elapsed_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// All epochs were trained.
    Completed,
    /// `max_steps` was reached.
    StepLimit,
    /// Stopped by the visitor.
    Stopped,
    /// Early stopping: the monitored metric no longer improved.
    EarlyStopped,
}

/// The hyperparameters in force after a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    /// Steps done before the change.
    pub step: u32,
    /// The base learning rate of the schedule.
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// `None` while the config's augmentation is in force, also in runs stored before it could be changed.
    #[serde(default)]
    pub augment: Option<AugmentConfig>,
}

/// The result of an LR range test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateTest {
    /// In order of increasing learning rate, up to where the loss diverges.
    pub points: Vec<RatePoint>,
    /// The suggested learning rate; `None` if the loss never fell.
    pub proposed: Option<f64>,
}

/// The images whose labels are probably wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelErrors {
    /// The first of them, the most probable ones first.
    pub errors: Vec<LabelError>,
    /// For each of these errors, the hash of its image file; empty if the dataset was not made of image files.
    pub files: Vec<u64>,
    pub n_errors: u32,
    /// Images that were predicted.
    pub n_images: u32,
    /// How many of them are test images, which no network has learned.
    pub n_test: u32,
    /// Out-of-fold accuracy on the others, 0 to 1.
    pub accuracy: f32,
    pub folds: u32,
}

/// How accurate a linear classifier is that learns from growing numbers of the labels that were asked for, see [`crate::label_curve`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelCurve {
    /// In order of increasing labels; empty if there are too few labels, or no validation images.
    pub points: Vec<LabelPoint>,
    /// Train images whose labels were asked for.
    pub n_asked: u32,
    /// Train images whose labels were not, from which each classifier learns as well.
    pub n_start: u32,
    /// Images that the accuracies were measured on.
    pub n_validation: u32,
}

/// A point of a [`LabelCurve`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPoint {
    /// Labels that were asked for, among those learned from.
    pub n_labels: u32,
    /// Validation accuracy with the first of them, 0 to 1.
    pub asked: f32,
    /// The mean of the accuracies with as many of them drawn at random, the lowest and the highest.
    pub random: f32,
    pub lowest: f32,
    pub highest: f32,
}

/// A step of an LR range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatePoint {
    pub learning_rate: f64,
    /// Loss, smoothed over the previous steps.
    pub loss: f32,
}

/// The network's prediction for one image of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Index in the dataset.
    pub index: u32,
    pub label: u16,
    pub predicted: u16,
    /// Probability of `predicted`, 0 to 1.
    pub confidence: f32,
    /// Cross-entropy of this image.
    pub loss: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub split: SplitName,
    /// Mean cross-entropy.
    pub loss: f32,
    /// 0 to 1.
    pub accuracy: f32,
    /// One per image, in the split's order. The confusion matrix, per-class metrics and highest-loss errors are computed from it
    /// ([`crate::metrics`]).
    pub predictions: Vec<Prediction>,
}

/// How accurate and how fast a network is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// 0 to 1.
    pub accuracy: f32,
    /// Images that the accuracy was measured on.
    pub images: u32,
    /// Time of the forward pass divided by the number of images, in batches of up to 32; on a CPU, on one thread.
    pub ms_per_image: f64,
}

/// Outputs of a network's last hidden layer, image by image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// Of each image.
    pub n_values: u32,
    /// `[images, values]`
    pub values: Vec<f32>,
}

impl Embeddings {
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact((self.n_values as usize).max(1))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// All classes, in descending order of probability.
    pub classes: Vec<ClassProbability>,
    /// The model input: one image of the dataset's shape.
    pub seen: Bulk,
    pub shape: ImageShape,
    /// How the model input was made; None if it came as it is.
    pub treatment: Option<Treatment>,
}

/// How the model input was made from a drawing or a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Treatment {
    /// The figure was separated from its background and from the shade on it, scaled and centered like the dataset's figures.
    Figure {
        /// Whether the figure was dark where the dataset's are light, or the other way around.
        is_inverted: bool,
    },
    /// It was framed as the dataset's images were, and scaled; nothing was removed from what is in the frame.
    Framed(Framing),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassProbability {
    pub class: u16,
    /// 0 to 1.
    pub probability: f32,
}
