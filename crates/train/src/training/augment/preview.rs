//! A preview of a few training images with a run's augmentation.

use super::Augmenter;
use crate::device::images::DeviceDataset;
use crate::device::tensors::device_failure;
use kindling_core::config::AugmentConfig;
use kindling_core::protocol::{Failure, SplitName};
use kindling_core::random::Random;

/// Augmented images, converted back to bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Their indices in the dataset.
    pub indices: Vec<u32>,
    /// `indices.len() * shape.n_values()` bytes, channel by channel.
    pub pixels: Vec<u8>,
}

/// Augments up to `count` training images, spread evenly over the split, as one batch. Equal seeds give equal augmentations; equal
/// counts give the same images.
pub async fn preview(data: &DeviceDataset, config: AugmentConfig, count: usize, seed: u32) -> Result<Preview, Failure> {
    config.check()?;
    let train = data.part(SplitName::Train);
    let count = count.min(train.len());
    let indices: Vec<u32> = (0..count).filter_map(|place| train.get(place * train.len() / count).copied()).collect();
    if indices.is_empty() {
        return Ok(Preview { indices, pixels: Vec::new() });
    }
    let batch = data.batch(data.select(indices.iter().copied()));
    let mut augmenter = Augmenter::new(config, data.shape(), Random::new(seed.into()), &data.device());
    // Waits for the device.
    let values = augmenter.augment(batch).images.into_data_async().await.map_err(device_failure)?;
    // The cast saturates values that are slightly out of range.
    let pixels = values.iter::<f32>().map(|value| ((value + 1.0) * 127.5).round() as u8).collect();
    Ok(Preview { indices, pixels })
}
