//! What depends on the device: where images lie, how tensors are laid out and read back.

/// The dataset on the device; batches.
pub mod images;

/// The memory order of weights.
pub mod layout;

/// burn on a GPU.
#[cfg(feature = "gpu")]
pub mod gpu;

/// Tensors by name.
pub mod tensors;

/// Tensors off the device and back.
pub mod saved_tensors;

pub use images::DeviceDataset;
