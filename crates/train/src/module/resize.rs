//! Bilinear interpolation between the centers of pixels, as two matrix products: along the height, then along the width. So it has a gradient, and
//! every device computes the same.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::network::bilinear;

/// Scales maps to a square; PyTorch's `interpolate(mode="bilinear", align_corners=False)`.
#[derive(Module, Debug)]
pub(super) struct Resize {
    #[module(skip)]
    pub side: usize,
}

impl Resize {
    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let [n_images, channels, height, width] = maps.dims();
        let (side, device) = (self.side, maps.device());
        // A vector times a matrix is burn's fastest product of many rows, so the width, the last axis, comes first.
        let rows =
            maps.reshape([n_images * channels * height, width]).matmul(weights(width, side, &device).transpose());
        let columns = rows.reshape([n_images * channels, height, side]).swap_dims(1, 2); // [batch * channels, side, height]
        let columns = columns.reshape([n_images * channels * side, height]);
        let resized = columns.matmul(weights(height, side, &device).transpose());
        resized.reshape([n_images * channels, side, side]).swap_dims(1, 2).reshape([n_images, channels, side, side])
    }
}

/// `[to, from]`
fn weights(from: usize, to: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(bilinear::weights(from, to), [to, from]), device)
}
