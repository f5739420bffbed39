//! Which engine is running, and why.

use kindling_core::protocol::{EngineInfo, EngineKind, Failure};

#[derive(Clone, Debug, Default, PartialEq)]
pub enum EngineState {
    /// The page is looking for a GPU, or deciding what to do after losing an engine.
    #[default]
    Choosing,
    /// The engine's files are loading and its device is being set up.
    Starting(EngineChoice),
    Ready {
        choice: EngineChoice,
        info: EngineInfo,
    },
    /// No engine is running, and none is started again until the visitor asks for it.
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
    /// Whether each run trains on the faster one of two devices, see [`super::RaceState`].
    pub may_race: bool,
}

/// The engine builds that the page can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineProgram {
    Cpu,
    /// The CPU engine with several threads.
    CpuThreads {
        count: u32,
    },
    Gpu,
}

impl EngineProgram {
    pub fn kind(self) -> EngineKind {
        match self {
            Self::Cpu | Self::CpuThreads { .. } => EngineKind::Cpu,
            Self::Gpu => EngineKind::Webgpu,
        }
    }

    /// The base name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "engine_cpu",
            Self::CpuThreads { .. } => "engine_cpu_threads",
            Self::Gpu => "engine_gpu",
        }
    }
}

/// Why an engine was chosen, as data that each language translates.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineReason {
    /// The browser offers a GPU with every required feature.
    GpuFound,
    /// The browser has no WebGPU.
    NoWebGpu,
    /// The browser has WebGPU but found no adapter.
    NoAdapter,
    /// The only adapter is a software renderer, which is slower than the CPU engine.
    SoftwareAdapter,
    /// The GPU lacks `timestamp-query`, which the GPU engine needs.
    NoTimestampQuery,
    /// The visitor chose it in the page.
    Chosen,
    /// The page's URL names it (`?engine=`).
    Address,
    /// The GPU engine is still being built while the page is already served.
    GpuComing,
    /// The GPU engine has been built since, but switching to it would end a run or lose its network.
    GpuCame,
    /// The page was built without the GPU engine.
    GpuNotBuilt,
    /// The GPU engine failed.
    GpuFailed(Failure),
}

impl EngineReason {
    /// The stable name that `window.kindling` exposes.
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
