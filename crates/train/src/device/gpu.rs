//! burn on a GPU: what it fuses, how it tunes, and how kernels are submitted. Shared by the browser and the command line.

use burn::tensor::Device;

use super::EngineDevice;
use kindling_core::protocol::{Failure, FailureKind};

/// Kernels that go to the GPU in one submission at most. burn's 32 make twice the submissions; many more would delay the
/// first of them.
const TASKS_MAX: usize = 64;

/// Tuned, the first step times the kernels that it meets, and the choice falls when the browser's event loop turns. The second meets
/// those within the chosen ones. The third runs what was chosen; the fourth shows that nothing is left. Otherwise one compiles all.
const WARM_UP_STEPS: u32 = if cfg!(feature = "tune") { 4 } else { 1 };

/// Opens the GPU that wgpu prefers, which binds buffers of at most `max_buffer_bytes`. Call before any tensor exists, once.
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

/// Has burn fuse what follows each other, and element-wise operations alone. By default it searches up to five threads of operations at
/// once, and may then give up on fusing any of them: the LeNet step took 77 dispatches so, and takes 66. And what it fuses with a
/// sum or a matrix product it runs one by one all the same, unless it tunes.
fn choose_fusions() -> Result<(), Failure> {
    use burn::cubecl::config::RuntimeConfig;

    let failed = |error: String| Failure::new(FailureKind::NoWebGpu, format!("fusion cannot be set up: {error}"));
    // Its fields can be set no other way.
    let config = r#"{ "fusion": { "beam_search": { "max_blocks": 1 } } }"#;
    burn::BurnConfig::try_set(serde_json::from_str(config).map_err(|error| failed(error.to_string()))?);
    if !cfg!(feature = "tune") {
        for name in ["Matmul", "Reduce", "ReduceBroadcasted"] {
            burn_cubecl::fusion::remove(name).map_err(|error| failed(error.to_string()))?;
        }
    }
    Ok(())
}

/// Tuning in seconds: coarse keys, few samples. Browsers' clocks are too coarse for more samples to say more.
#[cfg(feature = "tune")]
fn limit_tuning() {
    use burn::cubecl::config::autotune::{AutotuneConfig, AutotuneLevel, BenchConfig};
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

    let bench = BenchConfig { min_samples: 1, max_samples: 3, ..BenchConfig::default() };
    let autotune = AutotuneConfig { level: AutotuneLevel::Minimal, bench, ..AutotuneConfig::default() };
    // False only where somebody was faster; nothing of cubecl has run yet.
    CubeClRuntimeConfig::try_set(CubeClRuntimeConfig { autotune, ..CubeClRuntimeConfig::default() });
}
