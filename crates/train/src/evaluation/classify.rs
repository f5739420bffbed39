//! The classes of one prepared image, most probable first.

use super::views::ViewSet;
use crate::device::images::{DeviceDataset, Unpacker};
use crate::device::tensors::device_failure;
use crate::module::Network;
use kindling_core::dataset::prepare::{Prepared, prepare};
use kindling_core::protocol::{Bulk, ClassProbability, Classification, Failure, FailureKind, ImageInput};

/// Prepares an image like the dataset's own images, and classifies it. `network` is in inference mode, trained on `data`.
pub async fn classify(
    network: &Network,
    data: &DeviceDataset,
    image: &ImageInput,
    views: ViewSet,
) -> Result<Classification, Failure> {
    let Prepared { pixels, treatment } = prepare(image, network.input(), data.drawing_style())?;
    let found = classify_prepared(network, Bulk::from(pixels), views).await?;
    Ok(Classification { treatment: Some(treatment), ..found })
}

/// Classifies one image of the network's input shape: bytes, channel by channel.
pub async fn classify_prepared(network: &Network, image: Bulk, views: ViewSet) -> Result<Classification, Failure> {
    let shape = network.input();
    if image.len() != shape.n_values() {
        let detail = format!("{} values for an image of {}", image.len(), shape.n_values());
        return Err(Failure::new(FailureKind::BadImage, detail));
    }
    let device = network.device();
    let unpacker = Unpacker::new(shape, network.n_classes(), &device);
    let images = unpacker.unpack(unpacker.upload(&image, 1, &device));
    let log_probabilities = views.log_probabilities(network, images); // [1, classes]
    // Waits for the device.
    let probabilities = log_probabilities.exp().into_data_async().await.map_err(device_failure)?;
    let mut classes: Vec<ClassProbability> = probabilities
        .iter::<f32>()
        .zip(0..)
        .map(|(probability, class)| ClassProbability { class, probability })
        .collect();
    classes.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    Ok(Classification { classes, seen: image, shape, treatment: None })
}
