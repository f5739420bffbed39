//! Embeddings: the outputs of the last hidden layer, by which images can be compared as the network sees them.

use burn::tensor::Tensor;

use crate::device::images::{DeviceDataset, Unpacker};
use crate::device::tensors::device_failure;
use crate::module::{Features, Network};
use crate::training::predict::Between;
use kindling_core::dataset::prepare::prepare;
use kindling_core::protocol::{Embeddings, Failure, ImageInput, SplitName};

/// Images that pass through the network at a time.
const BATCH_IMAGES: usize = 32;

/// Maximum number of values of an answer: 16 MiB.
const VALUES_LIMIT: usize = 4 << 20;

/// The embedding of an image, prepared as for a classification. `network` is in inference mode, trained on `data`.
///
/// # Errors
///
/// If the image is blank or of a bad size, or the device fails.
pub async fn embed(network: &Network, data: &DeviceDataset, image: &ImageInput) -> Result<Embeddings, Failure> {
    let prepared = prepare(image, network.input(), data.drawing_style())?;
    let device = network.device();
    let unpacker = Unpacker::new(network.input(), network.n_classes(), &device);
    read(hidden(network, unpacker.unpack(unpacker.upload(&prepared.pixels, 1, &device)))).await
}

/// The embeddings of up to `limit` train images, spread over the split.
///
/// # Errors
///
/// If the device fails.
pub async fn embed_train(network: &Network, data: &DeviceDataset, limit: usize) -> Result<Embeddings, Failure> {
    let all = data.part(SplitName::Train);
    let stride = all.len().div_ceil(limit.max(1)).max(1);
    let wanted: Vec<u32> = all.iter().copied().step_by(stride).collect();
    let mut found = Embeddings::default();
    for chunk in wanted.chunks(BATCH_IMAGES.min(network.n_images_at_once()).max(1)) {
        let Embeddings { n_values, values } = embed_batch(network, data, chunk).await?;
        if found.values.len() + values.len() > VALUES_LIMIT {
            break;
        }
        found.n_values = n_values;
        found.values.extend(values);
    }
    Ok(found)
}

/// The embeddings of images of the dataset, by their indices; none if `between` ended it early.
///
/// # Errors
///
/// If the device fails.
pub async fn embed_images(
    network: &Network,
    data: &DeviceDataset,
    indices: &[u32],
    between: &mut impl Between,
) -> Result<Option<Embeddings>, Failure> {
    let mut found = Embeddings::default();
    let n_batch = BATCH_IMAGES.min(network.n_images_at_once()).max(1);
    for (number, chunk) in indices.chunks(n_batch).enumerate() {
        let Embeddings { n_values, values } = embed_batch(network, data, chunk).await?;
        found.n_values = n_values;
        found.values.extend(values);
        let n_done = number * n_batch + chunk.len();
        if !between.between(n_done as f32 / indices.len() as f32).await {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

async fn embed_batch(network: &Network, data: &DeviceDataset, indices: &[u32]) -> Result<Embeddings, Failure> {
    let batch = data.batch(data.select(indices.iter().copied()));
    read(hidden(network, batch.images)).await
}

/// The input of the last layer: `[batch, channels, height, width]` to `[batch, values]`.
fn hidden(network: &Network, images: Tensor<4>) -> Tensor<2> {
    let end = network.n_layers().saturating_sub(1);
    network.forward_through(0..end, Features::Maps(images)).in_rows()
}

async fn read(rows: Tensor<2>) -> Result<Embeddings, Failure> {
    let [_, n_values] = rows.dims();
    // Waits for the device.
    let values = rows.into_data_async().await.map_err(device_failure)?.iter::<f32>().collect();
    Ok(Embeddings { n_values: n_values as u32, values })
}
