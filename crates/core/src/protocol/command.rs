//! What the page says to the engine.

use serde::{Deserialize, Serialize};

use super::{Bulk, Question, RequestId, RunId, Watch};
use crate::config::{AugmentConfig, RunConfig, SplitConfig};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Load a dataset and make it the current one. Replaces the one before, and cancels a load under way.
    SetDataset {
        source: DatasetSource,
        split: SplitConfig,
    },
    /// Stop a load under way; the dataset before stays.
    CancelDataset,
    /// Start a run, or go on with one from a checkpoint of it. A run under way is stopped first.
    Train {
        run: RunId,
        config: Box<RunConfig>,
        checkpoint: Option<Bulk>,
        /// Whether it tells checkpoints and its last weights.
        is_kept: bool,
    },
    /// Take the network of a run that has ended for the one that questions are answered with; its weights as
    /// [`super::RunUpdate::Weights`] had them. A run under way is stopped first.
    Open {
        run: RunId,
        config: Box<RunConfig>,
        weights: Bulk,
    },
    Pause,
    Resume,
    /// Train one batch, then pause.
    Step,
    /// End the run, keeping its best weights.
    Stop,
    /// Change values of a run under way, within one step. A run that is over, or values out of range, change nothing.
    Adjust {
        run: RunId,
        change: ValueChange,
    },
    /// Make a checkpoint of the run under way as soon as that can be done, see [`super::RunUpdate::Checkpoint`].
    Checkpoint,
    /// Look inside the network of the run under way and of those after it, or, with none, no longer. Nothing is measured while nobody
    /// looks. What is measured comes as [`super::RunUpdate::Layers`].
    Watch(Option<Watch>),
    Ask {
        request: RequestId,
        question: Question,
    },
    /// A question's answer is no longer wanted. Its answer is then `Canceled`, unless it was on its way.
    Withdraw {
        request: RequestId,
    },
}

/// Other values for a run under way; those left out stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueChange {
    /// The one that the schedule starts from.
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    /// The whole of it: no strength of before goes on.
    pub augment: Option<AugmentConfig>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DatasetSource {
    /// A dataset served with the page: the id is its folder under `datasets/`. `base` is the page's absolute base address
    /// (a worker does not know it).
    Served { id: String, base: String },
    /// Files that the visitor dropped or picked.
    Files { files: Vec<DatasetFile> },
}

/// A file of the visitor's; `url` is a `blob:` address that the page made, so that the engine can stream it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFile {
    pub name: String,
    pub url: String,
    pub size_bytes: u64,
}

/// An image to classify, as the browser gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageInput {
    pub width: u32,
    pub height: u32,
    /// `width * height * 4` bytes: red, green, blue, alpha.
    pub rgba: Bulk,
    pub kind: InputKind,
}

/// How an image came to be, which decides how it is prepared for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputKind {
    /// Drawn in the page: dark or light strokes on an even ground; cropped, scaled and centered as the dataset's images are.
    Drawing,
    /// A photo or a webcam frame: the largest centered square, scaled.
    Photo,
}
