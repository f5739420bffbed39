//! What can go wrong, as the page tells it: a kind that it translates, and the detail as the engine knows it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    pub kind: FailureKind,
    /// A sentence fragment in English, lower case, no full stop: "train-labels-idx1-ubyte.gz: 60000 labels for 59999 images".
    pub detail: String,
}

impl Failure {
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Each kind has one translated sentence that says what to do. The names are stable: they are the `name` of the errors
/// that `window.kindling` rejects with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// A file could not be fetched, after all retries.
    DownloadFailed,
    /// A file's SHA-256 is not the one that its dataset states.
    WrongHash,
    /// A file is malformed: wrong magic, truncated, counts that disagree, a label out of range, absurd dimensions.
    BadFile,
    /// No known dataset format among the files.
    UnknownFormat,
    /// Too few images to split or to train on.
    TooFewImages,
    /// The command needs a dataset and there is none.
    NoDataset,
    /// The question needs a trained network and there is none.
    NoNetwork,
    /// A layer does not fit the shape before it.
    BadNetwork,
    /// A value of the config is out of range.
    BadConfig,
    /// The image to classify cannot be used: no pixels, or blank.
    BadImage,
    /// The loss is no longer a finite number: lower the learning rate.
    LossNotFinite,
    /// Memory or the device's limits are exhausted: a smaller batch or network may fit.
    OutOfMemory,
    /// WebGPU cannot be used: absent, no adapter, or a feature is missing.
    NoWebGpu,
    /// A shader or GPU validation error: its results cannot be trusted, so the run ends.
    GpuError,
    /// The GPU was lost.
    DeviceLost,
    /// The engine panicked or stopped answering.
    EngineCrashed,
    /// Page and engine are of different builds: reload.
    BuildMismatch,
    /// The visitor, or a later command, ended it.
    Canceled,
}

impl FailureKind {
    /// The `name` of the error that a program receives.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}
