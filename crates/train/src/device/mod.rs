//! The device: how it is opened, where images lie on it, how tensors are laid out, and how they are read back.
//!
//! # Quirks of burn 0.22.1, cubecl 0.11.3 and wgpu 30, and what Kindling does about them
//!
//! Each of these took days to find.
//!
//! | quirk | what Kindling does | checked by |
//! | --- | --- | --- |
//! | cubecl registers its vocabulary in static constructors; wasm-ld re-runs them at every exported call of a module that does not call them itself | the worker's `start` calls `__wasm_call_ctors` once | `xtask/src/wasm.rs`, at every build |
//! | a rejected shader or a validation error is only logged, and its kernel counts as fast | `src/worker/gpu.js` reads the messages of every compilation and `uncapturederror`; an error in either ends the run | the WebGPU journeys, one of which breaks a shader |
//! | without `timestamp-query`, the first kernel panics | the page checks for it first | the page's choice of an engine |
//! | nothing on wasm bounds the GPU's queue | a small read after at most 150 ms of work (`training/pace.rs`) | `tests/training.rs` |
//! | a synchronous read panics on WebGPU, and so does saving a module | asynchronous reads only | clippy's `disallowed_methods` |
//! | fusion searches up to five threads of operations at once, and may leave all of them unfused; element-wise operations next to a sum or a matrix product may also run one by one; casting a bool to a number ends a fusion | `gpu.rs` fuses one thread, element-wise; the objective computes the loss gradient explicitly, in one run of element-wise operations; sums that the host can do are left to it (`training/tally.rs`) | the journey that counts a step's dispatches |
//! | a fused kernel writes its outputs in the order of most of its inputs, or over one of them, and a kernel that reads channels last in memory copies what is not | [`layout`] keeps weights, optimizer state and images channels last in memory on a GPU, under their own shapes | the journey that counts a step's dispatches |
//! | unless burn times kernels, the gradient of a convolution's weights is a convolution by a kernel as large as the map, of few threads | [`crate::maps`] has kernels of Kindling's own | `tests/gpu` |
//! | without timing, a reduction has a thread per result: a batch's statistics, one per channel | [`crate::maps`] has batch norms of Kindling's own | `tests/gpu` |
//! | an axis of one whose stride is not that of burn's usual order makes fused kernels read and write the wrong places | [`layout`], [`crate::maps`] and pooling give whatever has one channel burn's usual order, which is the same memory | the journey that attacks images of one channel |
//! | every buffer is bound for writing, so that the same range must not be bound twice in a dispatch; a barrier under a condition that the browser cannot prove uniform is refused, and natively accepted | [`crate::maps`] binds nothing twice, and has no barrier under a condition | the journey that checks the kernels |
//! | SGD's dampening is 0.1, Adam's epsilon 1e-5; the running variance is biased; clones of a batch norm share their statistics | Kindling has its own optimizers and norms, with PyTorch's definitions | `tests/oracle.rs` |

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

/// Visiting a network's parameters: reading them off the device and restoring them.
pub mod parameters;

pub use images::DeviceDataset;
pub use layout::Layout;

/// An open device with its limits. The layout of tensors follows from the device: [`Layout::of`].
#[derive(Clone, Debug)]
pub struct EngineDevice {
    pub device: Device,
    /// The largest buffer that the device binds.
    pub max_buffer_bytes: u64,
    /// All memory that the device can have; of a GPU it is not known.
    pub memory_bytes: u64,
    /// Whether it compiles kernels, which takes seconds, before the first step that counts.
    pub compiles_kernels: bool,
}
