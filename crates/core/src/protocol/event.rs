//! What the engine says to the page.

use serde::{Deserialize, Serialize};

use super::{
    Adjustment, Answer, AnswerProgress, Bulk, DatasetSummary, EpochReport, Failure, LayersReport, Prediction, Progress,
    RequestId, RunId, RunReport,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Always the first event.
    Ready(EngineInfo),
    Dataset(DatasetUpdate),
    Run {
        run: RunId,
        update: RunUpdate,
    },
    /// How far a long question has come; at most ten times a second.
    AnswerProgress {
        request: RequestId,
        progress: AnswerProgress,
    },
    Answer {
        request: RequestId,
        result: Result<Answer, Failure>,
    },
    /// Something went wrong and work goes on.
    Warning(Failure),
    /// The engine can do no more; the page restarts it.
    Crashed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EngineKind {
    Webgpu,
    Cpu,
    /// By its own interface, outside of a browser.
    Gpu,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineInfo {
    pub kind: EngineKind,
    /// The adapter as the browser names it, or "SIMD" for the CPU.
    pub adapter: String,
    /// Whether the WebGPU adapter computes in software.
    pub is_software: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DatasetUpdate {
    /// At most ten times a second. `total_bytes` is over all files of the dataset.
    Downloading {
        received_bytes: u64,
        total_bytes: Option<u64>,
        bytes_per_second: f64,
    },
    /// A cut or failed download is tried again.
    Retrying {
        attempt: u32,
        attempts: u32,
        failure: Failure,
    },
    Parsing,
    Set(DatasetSummary),
    Canceled,
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RunUpdate {
    /// Building the network, uploading the images, compiling or tuning kernels.
    Preparing(Preparation),
    /// The first step is about to start.
    Started {
        steps_per_epoch: u32,
        total_steps: u32,
        parameters: u64,
    },
    /// At most ten times a second.
    Progress(Progress),
    /// After each epoch.
    Epoch(EpochReport),
    /// Predictions of the current network for the sample images (the first images of the validation split, spread over the
    /// classes); at most once a second.
    Samples(Vec<Prediction>),
    /// A look inside, only while somebody watches; at most once a second.
    Layers(LayersReport),
    Paused {
        step: u32,
    },
    Resumed,
    /// Values were changed while it runs; from now on it is not what its config alone would give.
    Adjusted(Adjustment),
    /// The run as it is after so many steps: enough to go on with it, see [`super::Command::Train`].
    Checkpoint {
        step: u32,
        bytes: Bulk,
    },
    /// The weights that the run ends with, as a safetensors file with PyTorch's names and layouts; right before `Finished`.
    Weights(Bulk),
    /// The network of an earlier run is there.
    Opened,
    Finished(RunReport),
    Failed(Failure),
}

/// What happens before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preparation {
    UploadingImages,
    BuildingNetwork,
    CompilingKernels,
    /// Kernels are timed against each other, once per adapter and network; `done` of `total` warm-up steps are over.
    TuningKernels {
        done: u32,
        total: u32,
    },
}
