//! The device: how it is opened, where images lie on it, how tensors are laid out, and how they are read back.
//!
//! # What burn 0.22.1, cubecl 0.11.3 and wgpu 30 do, and what follows
//!
//! Each of these facts cost days to find.
//!
//! | fact | what Kindling does | checked by |
//! | --- | --- | --- |
//! | cubecl registers its vocabulary by static constructors; wasm-ld re-runs them at every exported call of a module that does not call them itself | the worker's `start` calls `__wasm_call_ctors` once | `xtask/src/wasm.rs`, at every build |
//! | a refused shader or a validation error is only logged, and its kernel counts as fast | `src/worker/gpu.js` reads the messages of every compilation and `uncapturederror`; either ends the run | the journeys on WebGPU, and one that breaks a shader |
//! | without `timestamp-query` the first kernel panics | the page looks first | the page's choice of an engine |
//! | nothing on wasm bounds the GPU's queue | a small read at most every 150 ms of work (`training/pace.rs`) | `tests/training.rs` |
//! | a synchronous read panics on WebGPU, saving a module included | asynchronous reads only | clippy's `disallowed_methods` |
//! | fusion searches up to five threads of operations at once, and may leave all of them unfused; without tuning, element-wise operations beside a sum or a matrix product may run one by one, too; a bool that becomes a number ends a fusion | `gpu.rs` fuses one thread, element-wise; the objective writes the gradient of the loss out, in one run of element-wise operations; sums that the host can do are left to it (`training/tally.rs`) | the journey that counts a step's dispatches |
//! | a convolution copies weights and images that are not channels-last in memory, forward and backward; a fused kernel writes its outputs in the order of most of its inputs, or over one of them | [`layout`] keeps weights, optimizer state and images channels-last in memory on a GPU, under their own shapes | the journey that counts a step's dispatches |
//! | SGD's dampening 0.1, Adam's epsilon 1e-5, biased running variance, clones of a batch norm that share their statistics | optimizers and norms of Kindling's own, with PyTorch's definitions | `tests/oracle.rs` |
//!
//! burn decides at compile time whether it autotunes, so there are two GPU engines. Some candidates of the tuned one use subgroups, which wgpu
//! does not request from the browser, and some use them where the browser cannot prove uniform control flow: `src/worker/gpu.js` requests the
//! feature and switches that diagnostic off. Otherwise such a kernel is refused, and a kernel that does nothing looks fastest.

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
