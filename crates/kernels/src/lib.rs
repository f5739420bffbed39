//! Layers, losses and updates on CPUs, as fast as one core's vectors allow.
//!
//! All kernels work on **blocks of images** ([`blocks`]): the same value of several images lies side by side in memory, so that each lane of a
//! vector holds an image. A convolution then needs no shuffles, no copies of patches and no special code at edges, whatever its kernel, and
//! neither does pooling, a norm or attention. `C`, `H` and `W` are channels, height and width of a feature
//! map; a *place* is one of its `H · W` pixels.
//!
//! Results do not depend on the number of threads, except for the weight gradients of convolutions and recurrent layers, which are summed thread
//! by thread; for an equal number of threads they are equal bit for bit.

#![allow(
    clippy::indexing_slicing,
    reason = "kernels index by shapes that they check against the lengths of their slices when they are called"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "a loop over registers reads as the formula that it computes, and all its arrays have one length"
)]

/// The memory order: blocks of images, and the way there and back.
pub mod blocks;

/// Convolution: forward, data gradient, weight gradient.
pub mod conv;

/// Max and average pooling.
pub mod pool;

/// Batch norm, group norm, layer norm.
pub mod norm;

/// Activations.
pub mod activation;

/// Dropout.
pub mod dropout;

/// Self-attention.
pub mod attention;

/// LSTM and GRU.
pub mod recurrent;

/// Cross-entropy.
pub mod loss;

/// Images in bytes.
pub mod pixels;

/// Resampling of images.
pub mod sample;

/// Updates of optimizers.
pub mod update;

/// The only place that knows of threads.
pub mod threads;

/// Functions of vectors.
mod functions;

/// Vectors of images.
mod simd;
