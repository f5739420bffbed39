//! What the engine reports: datasets, progress, evaluations, classifications.

use serde::{Deserialize, Serialize};

use super::Bulk;
use crate::config::AugmentConfig;
use crate::dataset::DrawingStyle;

/// `[channels, height, width]`; channels is 1 (gray) or 3 (red, green, blue).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    pub channels: u32,
    pub height: u32,
    pub width: u32,
}

impl ImageShape {
    /// Bytes of one image.
    pub fn n_values(&self) -> usize {
        self.channels as usize * self.height as usize * self.width as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// The folder's name for a served dataset, such as `"files-3f9a1c07"` for the visitor's.
    pub id: String,
    pub name: String,
    pub classes: Vec<String>,
    pub shape: ImageShape,
    pub counts: SplitCounts,
    /// Images per class, per split.
    pub class_counts: Vec<SplitCounts>,
    /// Indices of the sample images whose predictions are reported while training.
    pub samples: Vec<u32>,
    /// Whether the dataset brought its own test set.
    pub has_standard_test: bool,
    /// How it shows what it shows.
    pub style: DrawingStyle,
}

/// Images of the dataset, for looking at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageBatch {
    pub shape: ImageShape,
    /// Their indices in the dataset.
    pub indices: Vec<u32>,
    pub labels: Vec<u16>,
    /// `indices.len() * shape.n_values()` bytes, channel by channel.
    pub pixels: Bulk,
    /// How many images the question could have had.
    pub total: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Steps done.
    pub step: u32,
    /// Epoch under way, from 0.
    pub epoch: u32,
    /// Loss of every step since the last progress, oldest first, ending with that of step `step`.
    pub losses: Vec<f32>,
    /// Share of the images of those steps that were classified right, 0 to 1.
    pub accuracy: f32,
    /// That of step `step`.
    pub learning_rate: f64,
    pub images_per_second: f64,
    /// Time since the first step, pauses left out.
    pub elapsed_ms: f64,
    /// Estimated time to the end, validation included.
    pub remaining_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochReport {
    /// From 0.
    pub epoch: u32,
    /// Steps done at its end.
    pub step: u32,
    /// Mean over the epoch's steps, as the network was at each; of the loss that the run minimizes.
    pub train_loss: f32,
    pub train_accuracy: f32,
    /// Mean cross-entropy, whatever the run minimizes.
    pub validation_loss: f32,
    pub validation_accuracy: f32,
    /// Whether the validation accuracy (at a tie, the loss) is the best so far, so that these weights are kept. Where early
    /// stopping watches the loss, the loss decides.
    pub is_best: bool,
    pub elapsed_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    pub ending: Ending,
    /// Steps done.
    pub steps: u32,
    /// The epoch whose weights are kept; none where no epoch was completed, then the last weights are kept.
    pub best: Option<EpochReport>,
    /// Whether the weights that were evaluated and kept are the moving average (`ema_decay`).
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
    /// The visitor stopped it.
    Stopped,
    /// The validation figure that early stopping watches no longer improved.
    EarlyStopped,
}

/// The values in force from a step on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    /// Steps done before it.
    pub step: u32,
    /// The one that the schedule starts from.
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// None while it is the config's, as in runs from before it could be changed.
    #[serde(default)]
    pub augment: Option<AugmentConfig>,
}

/// What a range test found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateTest {
    /// By rising rate, up to where the loss went up for good.
    pub points: Vec<RatePoint>,
    /// A rate to begin with; none where the loss never fell.
    pub proposed: Option<f64>,
}

/// A step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatePoint {
    pub learning_rate: f64,
    /// Smoothed over the steps before.
    pub loss: f32,
}

/// What the network says of one image of the dataset.
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
    /// One per image of the split, in the split's order. Confusion matrix, per-class figures and mistakes follow from it
    /// (`evaluation::metrics`).
    pub predictions: Vec<Prediction>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// All classes, most probable first.
    pub classes: Vec<ClassProbability>,
    /// What the network saw: one image of the dataset's shape.
    pub seen: Bulk,
    pub shape: ImageShape,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassProbability {
    pub class: u16,
    /// 0 to 1.
    pub probability: f32,
}
