//! burn on the CPU.

use burn::tensor::Device;

/// A tensor may be as large as an allocation: 2 GiB in wasm, where addresses have 32 bits and reach 4 GiB.
#[cfg(feature = "cpu")]
pub fn open() -> super::EngineDevice {
    super::EngineDevice {
        device: Device::flex(),
        max_buffer_bytes: isize::MAX as u64,
        memory_bytes: usize::MAX as u64,
        compiles_kernels: false,
    }
}

/// Whether a device is the CPU.
#[cfg(feature = "cpu")]
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Always false: this build has no CPU backend.
#[cfg(not(feature = "cpu"))]
pub fn is_cpu(_device: &Device) -> bool {
    false
}
