//! Failures: a kind, for which the page has a translated sentence, and the engine's detail.

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

/// Each kind has one translated sentence that says what to do. The names are stable: each is the `name` of an error that `window.kindling`
/// rejects with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// A file could not be fetched, after all retries.
    DownloadFailed,
    /// A file's SHA-256 differs from the one in its dataset's description.
    WrongHash,
    /// A file is malformed: wrong magic number, truncated, inconsistent counts, a label out of range, implausible dimensions.
    BadFile,
    /// None of the files has a known dataset format.
    UnknownFormat,
    /// All images to learn from are of one class.
    OneClass,
    /// Too few images to split or to train on.
    TooFewImages,
    /// The command needs a dataset, but none is loaded.
    NoDataset,
    /// The question needs a trained network, but there is none.
    NoNetwork,
    /// A layer does not accept its input shape, or the network is malformed or too large.
    BadNetwork,
    /// A value of the config is out of range.
    BadConfig,
    /// The image to classify is unusable: wrong size, or blank.
    BadImage,
    /// A format lacks a layer of the network, or the written file classifies differently.
    CannotExport,
    /// The loss is no longer a finite number: lower the learning rate.
    LossNotFinite,
    /// Memory or the device's limits are exhausted: a smaller batch or network may fit.
    OutOfMemory,
    /// WebGPU is unavailable: unsupported, no adapter, or a missing feature.
    NoWebGpu,
    /// A shader or GPU validation error: results cannot be trusted, so the run ends.
    GpuError,
    /// The GPU was lost.
    DeviceLost,
    /// The engine panicked or stopped answering.
    EngineCrashed,
    /// Page and engine come from different builds; a reload helps.
    BuildMismatch,
    /// Canceled by the visitor or by a later command.
    Canceled,
}

impl FailureKind {
    /// The `name` of the error that a program receives.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}
