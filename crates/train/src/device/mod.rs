//! What depends on the device: where images lie, how tensors are laid out and read back.

/// The dataset on the device; batches.
pub mod images;

/// The memory order of weights.
pub mod layout;

/// burn on a GPU.
#[cfg(feature = "gpu")]
pub mod gpu;

/// Tensors on the host, by name.
pub mod tensors;

/// The walk over a network's parameters: off the device and back.
pub mod parameters;

pub use images::DeviceDataset;
