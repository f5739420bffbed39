//! Resamples images by an affine map, with bilinear interpolation.

use burn::tensor::{Device, Tensor, TensorData};

use crate::device::images::ones_where;
use crate::{blocks, maps};
use kindling_core::protocol::ImageShape;

/// The pixel coordinates of images of one shape.
#[derive(Clone, Debug)]
pub struct Sampler {
    width: usize,
    height: usize,
    /// `[1, pixels]`: the column of each pixel.
    xs: Tensor<2>,
    /// `[1, pixels]`: the row of each pixel.
    ys: Tensor<2>,
}

impl Sampler {
    pub fn new(shape: ImageShape, device: &Device) -> Self {
        let ImageShape { height, width, .. } = shape;
        let n_pixels = height as usize * width as usize;
        let row = |place: &dyn Fn(u32) -> u32| {
            let places: Vec<f32> = (0..height * width).map(|pixel| place(pixel) as f32).collect();
            Tensor::from_data(TensorData::new(places, [1, n_pixels]), device)
        };
        Self {
            width: width as usize,
            height: height as usize,
            xs: row(&|pixel| pixel % width),
            ys: row(&|pixel| pixel / width),
        }
    }

    /// `images` are `[batch, channels, pixels]`. `matrices` are `[batch, 6]`: two rows of three, from a pixel's column and row to those that
    /// its value comes from, all relative to the center. Values between pixels are interpolated; outside the image, the edge is repeated.
    pub fn sample(&self, images: Tensor<3>, matrices: Tensor<2>) -> Tensor<3> {
        let size = [self.height, self.width];
        if maps::has_kernels(&images) {
            maps::resample(images, matrices, size)
        } else {
            blocks::resample(images, matrices, size)
        }
    }

    /// 1 inside a rectangle, 0 outside: `[batch, pixels]`. `edges` are `[batch, 4]`: left, top, right, bottom, the last two
    /// exclusive.
    pub fn inside(&self, edges: Tensor<2>) -> Tensor<2> {
        let edge = |place| edges.clone().narrow(1, place, 1); // [batch, 1]
        let [columns, rows] = [(&self.xs, 0), (&self.ys, 1)].map(|(places, start)| {
            let after = ones_where(places.clone().greater_equal(edge(start)));
            after * ones_where(places.clone().lower(edge(start + 2)))
        });
        columns * rows
    }
}
