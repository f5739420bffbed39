//! Which device trains the current run's network faster, as far as it is known.

use kindling_core::protocol::{EngineKind, Failure};
use serde::{Deserialize, Serialize};

/// The race of the CPU and the GPU in the first seconds of the current run.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RaceState {
    /// There is one device only, or the visitor chose one.
    #[default]
    Off,
    /// The run's network has not been raced, or not yet.
    Open,
    /// The other device gets ready, or trains the same batches as the run.
    UnderWay { challenger: EngineKind },
    /// Both devices computed the same losses, and their times are known.
    Measured { times: StepTimes, has_moved: bool },
    /// The devices computed different losses for the same step.
    Differs { cpu: f32, gpu: f32 },
    /// The other device could not be tried.
    Failed { challenger: EngineKind, failure: Failure },
}

/// The time of a training step of one network and batch size on either device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTimes {
    pub cpu: StepTime,
    pub gpu: StepTime,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepTime {
    Exactly(f64),
    /// The device was no faster than this when its time was up.
    AtLeast(f64),
}

impl StepTimes {
    /// `own` is the time on the device `kind`, and `other` that on the other one.
    pub fn new(kind: EngineKind, own: StepTime, other: StepTime) -> Self {
        match kind {
            EngineKind::Cpu => Self { cpu: own, gpu: other },
            EngineKind::Webgpu | EngineKind::Gpu => Self { cpu: other, gpu: own },
        }
    }

    /// How many times as fast the other device is as the device `kind`.
    pub fn gain_of_leaving(self, kind: EngineKind) -> f64 {
        let ratio = self.cpu.ms() / self.gpu.ms();
        match kind {
            EngineKind::Cpu => ratio,
            EngineKind::Webgpu | EngineKind::Gpu => ratio.recip(),
        }
    }
}

impl StepTime {
    pub fn ms(self) -> f64 {
        match self {
            Self::Exactly(ms) | Self::AtLeast(ms) => ms,
        }
    }
}

/// The other one of the browser's two devices.
pub fn other_device(kind: EngineKind) -> EngineKind {
    match kind {
        EngineKind::Cpu => EngineKind::Webgpu,
        EngineKind::Webgpu | EngineKind::Gpu => EngineKind::Cpu,
    }
}
