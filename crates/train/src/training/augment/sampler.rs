//! Resamples images by an affine map, with bilinear interpolation.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::blocks::{has_kernels, resample};
use crate::device::images::ones_where;
use kindling_core::protocol::ImageShape;

/// The pixel coordinates of images of one shape.
#[derive(Clone, Debug)]
pub struct Sampler {
    width: f64,
    height: f64,
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
            width: width.into(),
            height: height.into(),
            xs: row(&|pixel| pixel % width),
            ys: row(&|pixel| pixel / width),
        }
    }

    /// `images` are `[batch, channels, pixels]`. `matrices` are `[batch, 6]`: two rows of three, from a pixel's column and row to those that
    /// its value comes from, all relative to the center. Values between pixels are interpolated; outside the image, the edge is repeated.
    pub fn sample(&self, images: Tensor<3>, matrices: Tensor<2>) -> Tensor<3> {
        if has_kernels(&images) {
            return resample(images, matrices, [self.height as usize, self.width as usize]);
        }
        self.sample_by_tensors(images, matrices)
    }

    /// The same by burn's operations.
    fn sample_by_tensors(&self, images: Tensor<3>, matrices: Tensor<2>) -> Tensor<3> {
        let [_, n_channels, _] = images.dims();
        let (center_x, center_y) = ((self.width - 1.0) / 2.0, (self.height - 1.0) / 2.0);
        let (from_x, from_y) = (self.xs.clone() - center_x, self.ys.clone() - center_y);
        let value = |place| matrices.clone().narrow(1, place, 1); // [batch, 1]
        let row = |start| from_x.clone() * value(start) + from_y.clone() * value(start + 1) + value(start + 2);
        let x = (row(0) + center_x).clamp(0.0, self.width - 1.0); // [batch, pixels]
        let y = (row(3) + center_y).clamp(0.0, self.height - 1.0);

        let (left, top) = (x.clone().floor(), y.clone().floor());
        let right = (left.clone() + 1.0).clamp_max(self.width - 1.0);
        let bottom = (top.clone() + 1.0).clamp_max(self.height - 1.0);
        let (to_right, to_bottom) = ((x - left.clone()).unsqueeze_dim::<3>(1), (y - top.clone()).unsqueeze_dim::<3>(1));

        let at = |x: &Tensor<2>, y: &Tensor<2>| {
            let places: Tensor<2, Int> = (y.clone() * self.width + x.clone()).int();
            let places = places.unsqueeze_dim::<3>(1).repeat_dim(1, n_channels); // [batch, channels, pixels]
            images.clone().gather(2, places)
        };
        let upper = between(at(&left, &top), at(&right, &top), to_right.clone());
        let lower = between(at(&left, &bottom), at(&right, &bottom), to_right);
        between(upper, lower, to_bottom)
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

fn between(one: Tensor<3>, other: Tensor<3>, fraction: Tensor<3>) -> Tensor<3> {
    one.clone() + (other - one) * fraction
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use kindling_core::random::Random;

    #[test]
    fn the_kernel_samples_as_burns_operations_do() {
        let device = Device::flex();
        let shape = ImageShape { channels: 3, height: 7, width: 10 };
        let mut random = Random::new(4);
        let mut draw = |scale: f64, n: usize| -> Vec<f32> {
            (0..n).map(|_| (scale * (2.0 * random.unit() - 1.0)) as f32).collect()
        };
        let images = Tensor::<3>::from_data(TensorData::new(draw(1.0, 5 * 3 * 70), [5, 3, 70]), &device);
        // From small turns to places far outside of the image.
        let matrices = Tensor::<2>::from_data(TensorData::new(draw(3.0, 5 * 6), [5, 6]), &device);
        let sampler = Sampler::new(shape, &device);
        let found = sampler.sample(images.clone(), matrices.clone()).into_data();
        let expected = sampler.sample_by_tensors(images, matrices).into_data();
        for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
    }
}
