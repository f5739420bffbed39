//! burn on a GPU: what it fuses, and how kernels are submitted. Shared by the browser and the command line.

use burn::tensor::Device;

use super::EngineDevice;
use kindling_core::protocol::{Failure, FailureKind};

/// Maximum number of kernels in one submission to the GPU. burn's default of 32 makes twice as many submissions; a much larger
/// value would delay the first kernels.
const TASKS_MAX: usize = 64;

/// Opens the GPU that wgpu prefers. `max_buffer_bytes` is the largest buffer that it binds. Call once, before any tensor exists.
pub async fn open(max_buffer_bytes: u64) -> Result<EngineDevice, Failure> {
    choose_fusions()?;
    let device = Device::wgpu_options().tasks_max(TASKS_MAX).init_async().await;
    let device =
        device.map_err(|error| Failure::new(FailureKind::NoWebGpu, format!("the GPU cannot be opened: {error}")))?;
    Ok(EngineDevice { device, max_buffer_bytes, memory_bytes: u64::MAX, compiles_kernels: true })
}

/// Makes burn fuse only consecutive element-wise operations. By default it searches up to five threads of operations at once, and may
/// then give up on fusing any of them: a LeNet step took 77 dispatches that way, and 66 with a single thread. Operations that it fuses
/// with a sum or a matrix product run one by one anyway.
fn choose_fusions() -> Result<(), Failure> {
    use burn::cubecl::config::RuntimeConfig;

    let failed = |error: String| Failure::new(FailureKind::NoWebGpu, format!("fusion cannot be set up: {error}"));
    // burn's config has no setters, so it is read from JSON.
    let config = r#"{ "fusion": { "beam_search": { "max_blocks": 1 } } }"#;
    burn::BurnConfig::try_set(serde_json::from_str(config).map_err(|error| failed(error.to_string()))?);
    for name in ["Matmul", "Reduce", "ReduceBroadcasted"] {
        burn_cubecl::fusion::remove(name).map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}
