//! Which engine runs, and why.

use kindling_core::protocol::{EngineInfo, EngineKind, Failure};

#[derive(Clone, Debug, Default, PartialEq)]
pub enum EngineState {
    /// The page looks for a GPU, or for what to do after an engine was lost.
    #[default]
    Choosing,
    /// The engine's file loads and its device is set up.
    Starting(EngineChoice),
    Ready {
        choice: EngineChoice,
        info: EngineInfo,
    },
    /// No engine runs, and none will be started again without the visitor.
    Failed(Failure),
}

impl EngineState {
    pub fn choice(&self) -> Option<&EngineChoice> {
        match self {
            Self::Starting(choice) | Self::Ready { choice, .. } => Some(choice),
            Self::Choosing | Self::Failed(_) => None,
        }
    }

    pub(super) fn choice_mut(&mut self) -> Option<&mut EngineChoice> {
        match self {
            Self::Starting(choice) | Self::Ready { choice, .. } => Some(choice),
            Self::Choosing | Self::Failed(_) => None,
        }
    }

    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EngineChoice {
    pub program: EngineProgram,
    pub reason: EngineReason,
    /// Whether kernels may be tuned beside it, see [`TuningState`].
    pub may_tune: bool,
}

/// Whether kernels are tuned for the run under way, in an engine beside the one that trains.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TuningState {
    /// This GPU is none to tune for, or the visitor does not want it.
    #[default]
    Off,
    /// Not for this run, or not yet.
    Idle,
    /// Of `total` warm-up steps `done` are over; no total before the first.
    Tuning { done: u32, total: u32 },
    /// The run moves to the tuned kernels, and its rate is taken there.
    OnTrial,
    /// How many times as fast the run is with them; below 1 it goes on without.
    Measured { ratio: f64 },
    /// Too little of the run was left to win back what tuning took; it goes on without.
    TookTooLong,
}

/// Which of the engines' files runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineProgram {
    Cpu,
    Gpu,
    /// Times kernels against each other before the first step, on adapters where that pays.
    TunedGpu,
}

impl TuningState {
    /// Whether the run is slower for it just now, or about to become faster.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Tuning { .. } | Self::OnTrial)
    }
}

impl EngineProgram {
    pub fn kind(self) -> EngineKind {
        match self {
            Self::Cpu => EngineKind::Cpu,
            Self::Gpu | Self::TunedGpu => EngineKind::Webgpu,
        }
    }

    /// The name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "engine_cpu",
            Self::Gpu => "engine_gpu",
            Self::TunedGpu => "engine_gpu_tuned",
        }
    }
}

/// Why an engine was chosen, as data so that each language can say it.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineReason {
    /// The browser offers a GPU that has all that is needed.
    GpuFound,
    /// The browser has no WebGPU.
    NoWebGpu,
    /// The browser has WebGPU and found no GPU for it.
    NoAdapter,
    /// The only adapter computes in software, slower than the CPU engine does.
    SoftwareAdapter,
    /// The GPU has no `timestamp-query`, which the GPU engine needs.
    NoTimestampQuery,
    /// The visitor chose it in the page.
    Chosen,
    /// The page's address names it (`?engine=`).
    Address,
    /// The GPU engine is still being built behind the page.
    GpuComing,
    /// The GPU engine has been built since, and taking it would end a run or forget its network.
    GpuCame,
    /// The page was built without the GPU engine.
    GpuNotBuilt,
    /// The GPU engine failed.
    GpuFailed(Failure),
}

impl EngineReason {
    /// The stable name that `window.kindling` gives.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GpuFound => "gpu-found",
            Self::NoWebGpu => "no-webgpu",
            Self::NoAdapter => "no-adapter",
            Self::SoftwareAdapter => "software-adapter",
            Self::NoTimestampQuery => "no-timestamp-query",
            Self::Chosen => "chosen",
            Self::Address => "address",
            Self::GpuComing => "gpu-coming",
            Self::GpuCame => "gpu-came",
            Self::GpuNotBuilt => "gpu-not-built",
            Self::GpuFailed(_) => "gpu-failed",
        }
    }
}
