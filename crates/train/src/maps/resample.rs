//! Resampling of images by affine maps, with bilinear interpolation: how augmentation moves pixels. A thread samples all channels of a
//! pixel.

use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::product::{grid, group_in_layer};

const THREADS: usize = 256;

/// As [`kindling_kernels::sample::affine`]: `images` are `[images, channels, height · width]`, `matrices` `[images, 6]`, both contiguous.
pub(super) fn launch(images: CubeTensor, matrices: CubeTensor, [height, width]: [usize; 2]) -> CubeTensor {
    let [n_images, channels, _] = images.meta.shape().dims();
    let (client, n_pixels) = (images.client.clone(), n_images * height * width);
    let shape = images.meta.shape().clone();
    let sampled = empty_device_contiguous_dtype(client.clone(), images.device.clone(), shape, images.dtype);
    if n_pixels == 0 {
        return sampled;
    }
    // SAFETY: every index is within the buffers of these shapes, and every loop ends.
    unsafe {
        resample_kernel::launch_unchecked(
            &client,
            grid(n_pixels.div_ceil(THREADS), 1),
            CubeDim::new_1d(THREADS as u32),
            images.into_buffer_arg(),
            matrices.into_buffer_arg(),
            sampled.clone().into_buffer_arg(),
            n_pixels as u32,
            channels,
            height,
            width,
        );
    }
    sampled
}

#[cube(launch_unchecked)]
fn resample_kernel(
    images: &[f32],
    matrices: &[f32],
    sampled: &mut [f32],
    n_pixels: u32,
    #[comptime] channels: usize,
    #[comptime] height: usize,
    #[comptime] width: usize,
) {
    let index = group_in_layer() * comptime!(THREADS) + UNIT_POS as usize;
    if index < n_pixels as usize {
        let image = index / comptime!(height * width);
        let pixel = index % comptime!(height * width);
        let from_x = f32::cast_from((pixel % width) as u32) - comptime!((width as f32 - 1.0) / 2.0);
        let from_y = f32::cast_from((pixel / width) as u32) - comptime!((height as f32 - 1.0) / 2.0);
        let x = source(matrices, image * 6, from_x, from_y, comptime!(width as f32 - 1.0));
        let y = source(matrices, image * 6 + 3, from_x, from_y, comptime!(height as f32 - 1.0));
        let (left, top) = (x.floor(), y.floor());
        let (to_right, to_bottom) = (x - left, y - top);
        let left_column = u32::cast_from(left) as usize;
        let top_row = u32::cast_from(top) as usize;
        let right_column = select(left_column + 1 < width, left_column + 1, left_column);
        let bottom_row = select(top_row + 1 < height, top_row + 1, top_row);
        for channel in 0..channels {
            let start = (image * channels + channel) * comptime!(height * width);
            let top_start = start + top_row * width;
            let bottom_start = start + bottom_row * width;
            let upper = between(images[top_start + left_column], images[top_start + right_column], to_right);
            let lower = between(images[bottom_start + left_column], images[bottom_start + right_column], to_right);
            sampled[start + pixel] = between(upper, lower, to_bottom);
        }
    }
}

/// Where a pixel's value comes from along an axis: at least 0 and at most `last`.
#[cube]
fn source(matrices: &[f32], row: usize, from_x: f32, from_y: f32, #[comptime] last: f32) -> f32 {
    let place = from_x * matrices[row] + from_y * matrices[row + 1] + matrices[row + 2] + comptime!(last / 2.0);
    clamp(place, 0.0f32, last)
}

#[cube]
fn between(one: f32, other: f32, fraction: f32) -> f32 {
    one + (other - one) * fraction
}
