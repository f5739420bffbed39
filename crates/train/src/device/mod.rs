//! The device: how it is opened, where images lie on it, how tensors are laid out, and how they are read back.

use burn::tensor::Device;

/// The CPU.
pub mod cpu;

/// burn on a GPU.
#[cfg(feature = "gpu")]
pub mod gpu;

/// The memory order of images and weights.
pub mod layout;

/// The dataset on the device; batches.
pub mod images;

/// Tensors on the host, by name.
pub mod tensors;

/// The walk over a network's parameters: off the device and back.
pub mod parameters;

pub use images::DeviceDataset;
pub use layout::Layout;

/// A device that is open, and what to heed on it. How tensors are laid out follows from the device: [`Layout::of`].
#[derive(Clone, Debug)]
pub struct EngineDevice {
    pub device: Device,
    /// The largest buffer that the device binds.
    pub max_buffer_bytes: u64,
    /// Steps that compile and tune its kernels, for seconds, before the first one that counts.
    pub warm_up_steps: u32,
}
