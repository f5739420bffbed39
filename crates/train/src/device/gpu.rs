//! burn on a GPU: what it fuses, how it tunes, and how kernels are submitted. Shared by the browser and the command line.

use burn::tensor::Device;

use super::EngineDevice;
use kindling_core::protocol::{Failure, FailureKind};

/// Maximum number of kernels in one submission to the GPU. burn's default of 32 makes twice as many submissions; a much larger
/// value would delay the first kernels.
const TASKS_MAX: usize = 64;

/// With autotuning, the first step times the kernels that it meets, and the choice is made when the browser's event loop turns. The second
/// step meets the kernels within the chosen ones, the third runs the chosen ones, and the fourth verifies that nothing is left to tune. Without
/// autotuning, one step compiles everything.
const WARM_UP_STEPS: u32 = if cfg!(feature = "tune") { 4 } else { 1 };

/// Opens the GPU that wgpu prefers. `max_buffer_bytes` is the largest buffer that it binds. Call once, before any tensor exists.
pub async fn open(max_buffer_bytes: u64) -> Result<EngineDevice, Failure> {
    configure()?;
    let device = Device::wgpu_options().tasks_max(TASKS_MAX).init_async().await;
    let device =
        device.map_err(|error| Failure::new(FailureKind::NoWebGpu, format!("the GPU cannot be opened: {error}")))?;
    Ok(EngineDevice { device, max_buffer_bytes, warm_up_steps: WARM_UP_STEPS })
}

fn configure() -> Result<(), Failure> {
    #[cfg(feature = "tune")]
    limit_tuning();
    choose_fusions()
}

/// Makes burn fuse only consecutive element-wise operations. By default it searches up to five threads of operations at once, and may
/// then give up on fusing any of them: a LeNet step took 77 dispatches that way, and 66 with a single thread. Operations that it fuses
/// with a sum or a matrix product run one by one anyway, unless it tunes.
fn choose_fusions() -> Result<(), Failure> {
    use burn::cubecl::config::RuntimeConfig;

    let failed = |error: String| Failure::new(FailureKind::NoWebGpu, format!("fusion cannot be set up: {error}"));
    // burn's config has no setters, so it is read from JSON.
    let config = r#"{ "fusion": { "beam_search": { "max_blocks": 1 } } }"#;
    burn::BurnConfig::try_set(serde_json::from_str(config).map_err(|error| failed(error.to_string()))?);
    if !cfg!(feature = "tune") {
        for name in ["Matmul", "Reduce", "ReduceBroadcasted"] {
            burn_cubecl::fusion::remove(name).map_err(|error| failed(error.to_string()))?;
        }
    }
    Ok(())
}

/// Limits autotuning to seconds: coarse keys, few samples. Browser clocks are too coarse for more samples to help.
#[cfg(feature = "tune")]
fn limit_tuning() {
    use burn::cubecl::config::autotune::{AutotuneConfig, AutotuneLevel, BenchConfig};
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

    let bench = BenchConfig { min_samples: 1, max_samples: 3, ..BenchConfig::default() };
    let autotune = AutotuneConfig { level: AutotuneLevel::Minimal, bench, ..AutotuneConfig::default() };
    // Returns false only if a config was set before; nothing of cubecl has run yet.
    CubeClRuntimeConfig::try_set(CubeClRuntimeConfig { autotune, ..CubeClRuntimeConfig::default() });
}
