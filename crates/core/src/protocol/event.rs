//! Events: the messages from the engine to the page.

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
    /// The progress of a long question; at most ten times a second.
    AnswerProgress {
        request: RequestId,
        progress: AnswerProgress,
    },
    Answer {
        request: RequestId,
        result: Result<Answer, Failure>,
    },
    /// A recoverable failure; work continues.
    Warning(Failure),
    /// A fatal failure: the engine reports nothing more, so the run and the questions in progress have failed.
    Crashed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EngineKind {
    Webgpu,
    Cpu,
    /// The GPU's native API, outside a browser.
    Gpu,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineInfo {
    pub kind: EngineKind,
    /// The adapter's name as the browser reports it; "SIMD" for the CPU, with the number of threads if there are several.
    pub adapter: String,
    /// Whether the WebGPU adapter is a software implementation.
    pub is_software: bool,
    /// The CPU's threads that compute; 1 on a GPU.
    pub threads: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "there are a few of them for each dataset")]
pub enum DatasetUpdate {
    /// At most ten times a second. `total_bytes` is the sum over all files of the dataset.
    Downloading {
        received_bytes: u64,
        total_bytes: Option<u64>,
        bytes_per_second: f64,
    },
    /// An incomplete or failed download is retried.
    Retrying {
        attempt: u32,
        attempts: u32,
        failure: Failure,
    },
    Parsing,
    /// Image files are decoded; at most ten times a second.
    Decoding {
        done: u32,
        total: u32,
        images_per_second: f64,
    },
    Set(DatasetSummary),
    Canceled,
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RunUpdate {
    /// Before the first step: building the network, compiling kernels.
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
    /// Predictions of the current network for the sample images (validation images spread over the classes); at most once a second.
    Samples(Vec<Prediction>),
    /// Layer statistics, only while [`super::Command::Watch`] is on; at most once a second.
    Layers(LayersReport),
    Paused {
        step: u32,
    },
    Resumed,
    /// The run stands still after `step` steps, see [`super::Command::Hold`]. Nothing is reported when it continues.
    Held {
        step: u32,
    },
    /// Hyperparameters were changed; from here on, the config alone no longer reproduces the run.
    Adjusted(Adjustment),
    /// The state of the run after `step` steps: enough to resume it, see [`super::Command::Train`].
    Checkpoint {
        step: u32,
        bytes: Bulk,
    },
    /// The final weights of the run, as a safetensors file with PyTorch's names and layouts; right before `Finished`. Like checkpoints,
    /// only of a run with `is_kept`, see [`super::Command::Train`].
    Weights(Bulk),
    /// The network of an earlier run was loaded.
    Opened,
    Finished(RunReport),
    Failed(Failure),
}

/// What the engine does before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Preparation {
    BuildingNetwork,
    CompilingKernels,
    /// Pre-trained weights are downloaded; at most ten times a second.
    LoadingWeights {
        received_bytes: u64,
        total_bytes: u64,
    },
    /// The outputs of frozen layers are computed, once for each image; at most ten times a second.
    ComputingFeatures {
        done: u32,
        total: u32,
        images_per_second: f64,
    },
}
