//! Commands: the messages from the page to the engine.

use serde::{Deserialize, Serialize};

use super::{Bulk, Question, RequestId, RunId, SplitName, Watch};
use crate::config::{AugmentConfig, NetworkConfig, RunConfig, SplitConfig};
use crate::dataset::Reading;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Load a dataset and make it the current one. Replaces the previous dataset, and cancels a load in progress.
    SetDataset {
        source: DatasetSource,
        split: SplitConfig,
    },
    /// Stop a load in progress; the previous dataset stays.
    CancelDataset,
    /// Start a run, resume one from a checkpoint, or continue from the weights of an ended one. Stops a run in progress first.
    Train {
        run: RunId,
        config: Box<RunConfig>,
        start: RunStart,
        /// Whether the run emits checkpoints and its final weights.
        is_kept: bool,
    },
    /// Load the network of a finished run, from the weights of its [`super::RunUpdate::Weights`], and answer questions with it. Stops a run
    /// in progress first.
    Open {
        run: RunId,
        config: Box<RunConfig>,
        weights: Bulk,
    },
    Pause,
    Resume,
    /// Train one batch, then pause.
    Step,
    /// End the run and keep its best weights. Before its first step, too, the run ends as stopped.
    Stop,
    /// Change hyperparameters of a run in progress before its next step. Ignored if the run has ended or a value is out of range.
    Adjust {
        run: RunId,
        change: ValueChange,
    },
    /// Have the run stand still before its next step until [`Command::Release`], so that another engine is timed alone. This is no pause: the
    /// run reports [`super::RunUpdate::Held`], and the time counts.
    Hold,
    Release,
    /// Make a checkpoint of the run in progress as soon as possible, see [`super::RunUpdate::Checkpoint`].
    Checkpoint,
    /// Monitor the layers of the network, in this run and later ones; `None` turns it off. Nothing is measured while it is off. Reports
    /// arrive as [`super::RunUpdate::Layers`].
    Watch(Option<Watch>),
    Ask {
        request: RequestId,
        question: Question,
    },
    /// Cancel a question. Its answer is then `Canceled`, unless it was already sent.
    Withdraw {
        request: RequestId,
    },
}

/// What a run begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RunStart {
    /// Initial weights.
    New,
    /// The state of an interrupted run, see [`super::RunUpdate::Checkpoint`].
    Checkpoint(Bulk),
    /// The weights of an ended run, on whose dataset this one has grown.
    Trained(TrainedWeights),
    /// Initial weights, and the teacher for [`crate::config::RunConfig::distillation`].
    Taught(Box<Teacher>),
}

/// A trained network from which another one learns. It knows the same classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Teacher {
    pub network: NetworkConfig,
    /// Those of [`super::RunUpdate::Weights`].
    pub weights: Bulk,
}

/// The weights of an ended run, and the classes that its network knows. A network for other classes takes over all but the output layer, and in it
/// the units of the classes that both have, by name; the others get initial weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedWeights {
    /// Those of [`super::RunUpdate::Weights`].
    pub bytes: Bulk,
    /// In the order of the network's outputs.
    pub classes: Vec<String>,
}

/// New hyperparameters for a run in progress; `None` leaves a value unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueChange {
    /// The base learning rate of the schedule.
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    /// Replaces the whole augmentation: strengths of the previous one do not carry over.
    pub augment: Option<AugmentConfig>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DatasetSource {
    /// A dataset served with the page: the id is its folder under `datasets/`. `base` is the absolute base address of the page, which a
    /// worker does not know.
    Served { id: String, base: String },
    /// Files that the visitor dropped or picked.
    Files { files: Vec<DatasetFile>, reading: Reading },
}

/// A file from the visitor; `url` is a `blob:` address that the page made, so that the engine can stream the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFile {
    pub name: String,
    pub url: String,
    pub size_bytes: u64,
    /// The unit of an image file: those of one unit, such as the frames of a burst, stay together in one split. `None` if the file is a unit of
    /// its own.
    pub unit: Option<u64>,
    /// Whether its label is a model's guess: the image is only learned from, never validated or tested on.
    pub is_pseudo: bool,
    /// The split that the image came in, where its path does not say it. `None` if it is drawn.
    pub split: Option<SplitName>,
}

/// An image to classify, as decoded by the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageInput {
    pub width: u32,
    pub height: u32,
    /// `width * height * 4` bytes: red, green, blue, alpha.
    pub rgba: Bulk,
    pub kind: InputKind,
}

/// The origin of an image, which decides how it is prepared for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputKind {
    /// Drawn in the page: dark or light strokes on a uniform background; cropped, scaled and centered like the dataset's images.
    Drawing,
    /// A photo or a webcam frame: prepared like a drawing if the dataset shows figures and the photo has a uniform border, otherwise
    /// framed like the dataset's images.
    Photo,
}
