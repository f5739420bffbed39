//! Filters of the first layer and feature maps, as 8-bit pictures.

use burn::tensor::Tensor;

use super::observer::Observed;
use super::reads::{Reads, Slot, Values};
use crate::module::Features;
use kindling_core::config::Layer;
use kindling_core::protocol::{FeatureMaps, Filters, ImageShape, Pictures};

const MAX_FILTERS: usize = 64;

/// Maximum number of maps per layer.
const MAX_MAPS: usize = 32;

/// Larger maps are subsampled.
const MAX_SIDE: usize = 64;

/// Limit for all feature maps together: 2 MB to read. Layers beyond it have no pictures.
const MAX_MAP_VALUES: usize = 1 << 19;

/// Maximum number of values of one filter, that of a linear layer on an image.
const MAX_FILTER_VALUES: usize = 3 * MAX_SIDE * MAX_SIDE;

/// The filters of the first layer with weights.
pub struct PendingFilters {
    layer: usize,
    /// The shape of one picture.
    shape: ImageShape,
    total: usize,
    is_linear: bool,
    slot: Slot,
}

impl PendingFilters {
    /// None if the weights are not pictures: those of a recurrent layer, of a 1 × 1 kernel, or of other than 1 or 3 channels.
    pub fn new(parameters: &[Observed], input: ImageShape, reads: &mut Reads) -> Option<Self> {
        let first = parameters.iter().find(|parameter| parameter.shape.len() > 1)?;
        match first.shape[..] {
            [total, channels @ (1 | 3), height, width] if height * width > 1 => {
                let shape = ImageShape { channels: channels as u32, height: height as u32, width: width as u32 };
                let n_values = total.min(MAX_FILTERS) * shape.n_values();
                let slot = reads.add(first.after.clone().narrow(0, 0, n_values));
                Some(Self { layer: first.layer, shape, total, is_linear: false, slot })
            }
            [n_inputs, total]
                if n_inputs == input.n_values() && n_inputs <= MAX_FILTER_VALUES && matches!(input.channels, 1 | 3) =>
            {
                let weights = first.after.clone().reshape([n_inputs, total]);
                let slot = reads.add(weights.narrow(1, 0, total.min(MAX_FILTERS)));
                Some(Self { layer: first.layer, shape: input, total, is_linear: true, slot })
            }
            _ => None,
        }
    }

    pub fn report(self, values: &Values) -> Filters {
        let read = values.of(self.slot);
        let n_values = self.shape.n_values();
        let n_filters = read.len() / n_values.max(1);
        let filters: Vec<Vec<f32>> = match self.is_linear {
            // [inputs, units]
            true => (0..n_filters).map(|unit| read.iter().skip(unit).step_by(n_filters).copied().collect()).collect(),
            false => read.chunks_exact(n_values.max(1)).map(<[f32]>::to_vec).collect(),
        };
        let pictures = pictures(self.shape, self.total, filters.iter().map(|filter| around_gray(filter)));
        Filters { layer: self.layer as u32, pictures }
    }
}

/// A layer's feature maps for the first image.
pub struct PendingMaps {
    layer: usize,
    shape: ImageShape,
    total: usize,
    slot: Slot,
}

impl PendingMaps {
    /// Takes the layers whose output is worth showing: norms, pools and dropout show what the layers around them show.
    pub fn of_all(layers: &[Layer], outputs: &[Features], reads: &mut Reads) -> Vec<Self> {
        let mut n_left = MAX_MAP_VALUES;
        let mut pending = Vec::new();
        for (index, (layer, output)) in layers.iter().zip(outputs).enumerate() {
            let is_shown = matches!(
                layer,
                Layer::Conv { .. }
                    | Layer::DepthwiseConv { .. }
                    | Layer::Activation(_)
                    | Layer::Residual { .. }
                    | Layer::Resize { .. }
                    | Layer::DepthwiseSeparable { .. }
                    | Layer::SqueezeExcitation { .. }
            );
            let Features::Maps(maps) = output else { continue };
            let [_, total, _, _] = maps.dims();
            let maps = thinned(maps.clone().narrow(0, 0, 1).narrow(1, 0, total.min(MAX_MAPS)));
            let [_, n_maps, height, width] = maps.dims();
            let n_values = n_maps * height * width;
            if is_shown && n_values <= n_left {
                n_left -= n_values;
                let shape = ImageShape { channels: 1, height: height as u32, width: width as u32 };
                pending.push(Self { layer: index, shape, total, slot: reads.add(maps) });
            }
        }
        pending
    }

    pub fn report(self, values: &Values) -> FeatureMaps {
        let maps = values.of(self.slot).chunks_exact(self.shape.n_values().max(1));
        FeatureMaps { layer: self.layer as u32, pictures: pictures(self.shape, self.total, maps.map(stretched)) }
    }
}

fn pictures(shape: ImageShape, total: usize, pictures: impl Iterator<Item = Vec<u8>>) -> Pictures {
    let pixels: Vec<Vec<u8>> = pictures.collect();
    let ImageShape { channels, height, width } = shape;
    let count = pixels.len() as u32;
    Pictures { channels, height, width, count, total: total as u32, pixels: pixels.concat().into() }
}

/// Subsamples maps `[1, channels, height, width]` to sides of at most [`MAX_SIDE`]: every second or third row or column of larger ones.
fn thinned(maps: Tensor<4>) -> Tensor<4> {
    let [n_images, n_channels, height, width] = maps.dims();
    let (down, across) = (height.div_ceil(MAX_SIDE), width.div_ceil(MAX_SIDE));
    if down <= 1 && across <= 1 {
        return maps;
    }
    let (rows, columns) = (height / down, width / across);
    maps.narrow(2, 0, rows * down)
        .narrow(3, 0, columns * across)
        .reshape([n_images * n_channels, rows, down, columns, across])
        .narrow(2, 0, 1)
        .narrow(4, 0, 1)
        .reshape([n_images, n_channels, rows, columns])
}

/// 0 becomes middle gray, and the value farthest from it black or white.
fn around_gray(values: &[f32]) -> Vec<u8> {
    let max = values.iter().copied().map(f32::abs).fold(0.0, f32::max);
    let scale = if max > 0.0 { 127.0 / max } else { 0.0 };
    // Float casts saturate, and NaN becomes black.
    values.iter().map(|value| (128.0 + value * scale) as u8).collect()
}

/// The smallest value becomes black, the largest white; a constant map becomes black.
fn stretched(values: &[f32]) -> Vec<u8> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    values.iter().map(|value| ((value - low) * scale).round() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_gray_where_they_are_zero() {
        assert_eq!(around_gray(&[0.0, 2.0, -2.0, 1.0]), [128, 255, 1, 191]);
        assert_eq!(around_gray(&[0.0; 2]), [128; 2]);
    }

    #[test]
    fn maps_go_from_black_to_white() {
        assert_eq!(stretched(&[-1.0, 0.0, 1.0]), [0, 128, 255]);
        assert_eq!(stretched(&[3.0; 2]), [0; 2]);
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn large_maps_are_thinned_out() {
        use burn::tensor::{Device, TensorData};

        let values: Vec<f32> = (0..2 * 65 * 8).map(|value| value as f32).collect();
        let maps = Tensor::<4>::from_data(TensorData::new(values, [1, 2, 65, 8]), &Device::flex());
        let thin = thinned(maps);
        assert_eq!(thin.dims(), [1, 2, 32, 8]);
        let found: Vec<f32> = thin.into_data().iter::<f32>().collect();
        assert_eq!(&found[..9], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 16.0]);
    }
}
