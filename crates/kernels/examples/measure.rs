//! Convolutions as a module for browsers, to be timed: `cargo xtask bench` sets one and runs its passes.

use std::cell::RefCell;
use std::hint::black_box;

use kindling_kernels::blocks::Blocks;
use kindling_kernels::conv::{Conv, WeightOrder};

/// A convolution with a batch to compute on.
struct Work {
    conv: Conv,
    blocks: Blocks,
    input: Vec<f32>,
    /// At the output.
    gradient: Vec<f32>,
    weights: Vec<f32>,
}

thread_local! {
    static WORK: RefCell<Option<Work>> = const { RefCell::new(None) };
}

/// Sets a convolution of `images` maps `[channels, side, side]`. Returns whether its kernel fits.
#[unsafe(no_mangle)]
pub extern "C" fn set_conv(
    images: usize,
    channels: usize,
    side: usize,
    filters: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> bool {
    let conv = Conv {
        channels,
        size: [side; 2],
        filters,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
        weights: WeightOrder::Conv,
    };
    set(images, conv)
}

/// Sets a linear layer.
#[unsafe(no_mangle)]
pub extern "C" fn set_linear(images: usize, inputs: usize, units: usize) -> bool {
    set(images, Conv::linear(inputs, [1; 2], units))
}

fn set(images: usize, conv: Conv) -> bool {
    let Some([height, width]) = conv.output_size() else { return false };
    let blocks = Blocks::new(images);
    // Small and of both signs, whatever the shape.
    let values = |n: usize| (0..n).map(|place| (place % 17) as f32 / 16.0 - 0.5).collect::<Vec<_>>();
    let work = Work {
        input: values(blocks.n_values(conv.channels * conv.size.iter().product::<usize>())),
        gradient: values(blocks.n_values(conv.filters * height * width)),
        weights: values(conv.filters * conv.channels * conv.kernel.iter().product::<usize>()),
        conv,
        blocks,
    };
    WORK.set(Some(work));
    true
}

/// Runs a pass of the convolution so many times: 0 forward, 1 data gradient, 2 weight gradient.
#[unsafe(no_mangle)]
pub extern "C" fn run(pass: u32, times: u32) {
    WORK.with_borrow(|work| {
        let Some(Work { conv, blocks, input, gradient, weights }) = work else { return };
        for _ in 0..times {
            match pass {
                0 => drop(black_box(conv.forward(*blocks, input, weights, None, false))),
                1 => drop(black_box(conv.data_gradient(*blocks, gradient, weights))),
                _ => drop(black_box(conv.weight_gradient(*blocks, input, gradient))),
            }
        }
    });
}

/// Chains of multiplications and additions, enough to hide how long one takes, and few enough for the processor's vector registers.
#[cfg(target_arch = "wasm32")]
const CHAINS: usize = 12;

/// Multiplies and adds vectors of four, as fast as one thread can, in `CHAINS` pairs for each time. Returns the number of operations.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
pub extern "C" fn peak(times: u32) -> f64 {
    use core::arch::wasm32::{f32x4_add, f32x4_mul, f32x4_splat};

    let (factor, term) = (f32x4_splat(black_box(0.999)), f32x4_splat(black_box(0.001)));
    let mut values = [f32x4_splat(black_box(1.0)); CHAINS];
    for _ in 0..times {
        for value in &mut values {
            *value = f32x4_add(f32x4_mul(*value, factor), term);
        }
    }
    black_box(values);
    f64::from(times) * (CHAINS * 4 * 2) as f64
}
