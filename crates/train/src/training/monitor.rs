//! Monitors the network while it trains: weights, gradients and activations of its layers, filters, and the feature maps of an image.
//!
//! An update is observed ([`Observer`]): its gradients, and the weights before and after, which costs nothing but their memory. After the
//! next report of losses, when the device is idle, [`snapshot`] computes all statistics and reads them at once. [`SnapshotClock`] spaces the
//! snapshots so that they take a small fraction of the time. Nothing here draws random numbers or changes the network.

/// Records an update of the weights.
mod observer;

/// When the next snapshot is due.
mod clock;

/// Samples of large tensors.
mod sample;

/// Values on the device that are read together.
mod reads;

/// Statistics of single layers.
mod layers;

/// Histograms of values.
mod histogram;

/// Filters and feature maps as pictures.
mod pictures;

pub use clock::SnapshotClock;
pub use observer::{Observation, Observed, Observer};

use self::layers::PendingLayer;
use self::pictures::{PendingFilters, PendingMaps};
use self::reads::Reads;
use crate::device::images::DeviceDataset;
use crate::module::Network;
use kindling_core::protocol::{Failure, LayersReport, SplitName, Watch};

/// Maximum number of images whose activations are computed. Never more than a batch has, so that memory that suffices to train suffices here.
const MAX_IMAGES: usize = 64;

/// The same of a network in inference mode that is not being trained: without gradients and updates, as after step 0.
pub async fn inspect(network: &Network, data: &DeviceDataset, watch: Watch) -> Result<LayersReport, Failure> {
    snapshot(Observation::at_rest(network), data, MAX_IMAGES, watch).await
}

/// Statistics, histograms and pictures of an observed update of a network whose batches have `n_batch` images.
pub async fn snapshot(
    observation: Observation,
    data: &DeviceDataset,
    n_batch: usize,
    watch: Watch,
) -> Result<LayersReport, Failure> {
    let Observation { step, parameters, inference_network } = observation;
    let description = inference_network.description();
    let image = watch.image.filter(|&image| data.has_image(image));
    let n_images = n_batch.min(MAX_IMAGES).min(inference_network.n_images_traced());
    let batch = data.batch(data.select(images(data, image, n_images)));
    let outputs = inference_network.trace(batch.images);

    let mut reads = Reads::default();
    let filters = PendingFilters::new(&parameters, data.shape(), &mut reads);
    let maps = match image {
        Some(_) => PendingMaps::of_all(description, &outputs, &mut reads),
        None => Vec::new(),
    };
    let layers: Vec<PendingLayer> = description
        .iter()
        .zip(outputs)
        .enumerate()
        .filter_map(|(index, (layer, output))| PendingLayer::new(index, layer, output, &parameters, &mut reads))
        .collect();
    let values = reads.read().await?;
    Ok(LayersReport {
        step,
        layers: layers.into_iter().map(|layer| layer.report(&values)).collect(),
        image,
        filters: filters.map(|filters| filters.report(&values)),
        maps: maps.into_iter().map(|maps| maps.report(&values)).collect(),
    })
}

/// Validation images, or training images if there are none, evenly spaced; the watched image replaces the first.
fn images(data: &DeviceDataset, watched: Option<u32>, n_images: usize) -> Vec<u32> {
    let validation = data.part(SplitName::Validation);
    let part = if validation.is_empty() { data.part(SplitName::Train) } else { validation };
    let stride = (part.len() / n_images.max(1)).max(1);
    let mut images: Vec<u32> = part.iter().copied().step_by(stride).take(n_images.max(1)).collect();
    if let (Some(first), Some(watched)) = (images.first_mut(), watched) {
        *first = watched;
    }
    images
}
