//! Adds the pieces of a sum, in a fixed order: the same inputs give the same bits.

use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::product::{grid, group_in_layer};

/// Values of a work group.
const VALUES: usize = 64;
/// Threads that share a value's pieces.
const PARTS: usize = 4;

/// `[pieces, values]` to `[values]`.
pub(super) fn launch(partial: CubeTensor) -> CubeTensor {
    let [n_pieces, n_values] = partial.meta.shape().dims();
    let (client, device, shape) = (partial.client.clone(), partial.device.clone(), Shape::new([n_values]));
    if n_pieces == 1 {
        return CubeTensor::new_contiguous(client, device, shape, partial.handle, partial.dtype);
    }
    let result = empty_device_contiguous_dtype(client.clone(), device, shape, partial.dtype);
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        sum_kernel::launch_unchecked(
            &client,
            grid(n_values.div_ceil(VALUES), 1),
            CubeDim::new_2d(VALUES as u32, PARTS as u32),
            partial.into_buffer_arg(),
            result.clone().into_buffer_arg(),
            n_pieces as u32,
            n_values as u32,
        );
    }
    result
}

#[cube(launch_unchecked)]
fn sum_kernel(partial: &[f32], result: &mut [f32], n_pieces: u32, n_values: u32) {
    let (n_pieces, n_values) = (n_pieces as usize, n_values as usize);
    let (x, part) = (UNIT_POS_X as usize, UNIT_POS_Y as usize);
    let value = group_in_layer() * comptime!(VALUES) + x;
    let mut sums = Shared::<[f32]>::new_slice(comptime!(VALUES * PARTS));
    let share = (n_pieces + comptime!(PARTS - 1)) / comptime!(PARTS);
    let mut sum = 0.0f32;
    if value < n_values {
        for i in 0..share {
            let piece = part * share + i;
            if piece < n_pieces {
                sum += partial[piece * n_values + value];
            }
        }
    }
    sums[part * comptime!(VALUES) + x] = sum;
    sync_cube();
    if (part == 0) & (value < n_values) {
        #[unroll]
        for other in 1..PARTS {
            sum += sums[comptime!(other * VALUES) + x];
        }
        result[value] = sum;
    }
}
