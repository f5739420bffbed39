//! Predictions for many images, in batches of one shape, read back together.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, Transaction};

use super::kept::KeptFeatures;
use crate::device::images::{Batch, DeviceDataset, Selection};
use crate::device::tensors::device_failure;
use crate::module::Network;
use kindling_core::protocol::{Failure, Prediction};

/// Images per batch. All batches have one shape, because another shape needs other kernels on a GPU.
pub(super) const BATCH_IMAGES: usize = 250;

/// Maximum number of batches per read.
const MAX_BATCHES_PER_READ: usize = 32;

const READ_INTERVAL_MS: f64 = 100.0;

/// Called between two batches: receives the completed fraction, yields, and decides whether to continue.
pub trait Between {
    fn between(&mut self, fraction: f32) -> impl Future<Output = bool>;
    fn now_ms(&self) -> f64;
}

/// A prediction for each image, in the order of `indices`; none if `between` ended it early. `network` is in inference mode. `kept` are the outputs
/// of its frozen layers for these images, if they are kept.
pub async fn predict(
    network: &Network,
    data: &DeviceDataset,
    kept: Option<&KeptFeatures>,
    indices: &[u32],
    between: &mut impl Between,
) -> Result<Option<Vec<Prediction>>, Failure> {
    let n_batch = if kept.is_some() { BATCH_IMAGES } else { n_batch(network) };
    let batch = |selection: Selection| {
        let features = kept.map(|kept| kept.of(&selection));
        Batch { features, ..data.batch(selection) }
    };
    let log_probabilities = |batch: &Batch| {
        let logits = match &batch.features {
            Some(features) => network.forward_from_frozen(features.clone()),
            None => network.forward(batch.images.clone()),
        };
        log_softmax(logits, 1)
    };
    predict_batches(batch, log_probabilities, n_batch, (data, indices), between).await
}

/// Like [`predict`], with any function from images to log-probabilities: `[batch, channels, height, width]` to
/// `[batch, classes]`.
pub async fn predict_by(
    log_probabilities: impl Fn(Tensor<4>) -> Tensor<2>,
    network: &Network,
    data: &DeviceDataset,
    indices: &[u32],
    between: &mut impl Between,
) -> Result<Option<Vec<Prediction>>, Failure> {
    let log_probabilities = |batch: &Batch| log_probabilities(batch.images.clone());
    predict_batches(|selection| data.batch(selection), log_probabilities, n_batch(network), (data, indices), between)
        .await
}

/// Images per batch: fewer of a network with large outputs.
pub(super) fn n_batch(network: &Network) -> usize {
    BATCH_IMAGES.min(network.n_images_at_once())
}

async fn predict_batches(
    batch: impl Fn(Selection) -> Batch,
    log_probabilities: impl Fn(&Batch) -> Tensor<2>,
    n_batch: usize,
    (data, indices): (&DeviceDataset, &[u32]),
    between: &mut impl Between,
) -> Result<Option<Vec<Prediction>>, Failure> {
    let mut predictions = Vec::with_capacity(indices.len());
    let mut pending = Pending::default();
    let mut last_read_ms = between.now_ms();
    let n_batch = indices.len().clamp(1, n_batch.max(1));
    for (number, chunk) in indices.chunks(n_batch).enumerate() {
        // The last batch is padded with its first image.
        let filler = chunk.first().copied().unwrap_or_default();
        let padded = chunk.iter().copied().chain(std::iter::repeat(filler)).take(n_batch);
        let batch = batch(data.select(padded));
        pending.push(log_probabilities(&batch), batch, chunk);
        let n_done = number * n_batch + chunk.len();
        let is_due = between.now_ms() - last_read_ms >= READ_INTERVAL_MS;
        if is_due || pending.outputs.len() >= MAX_BATCHES_PER_READ || n_done == indices.len() {
            predictions.extend(std::mem::take(&mut pending).read(data).await?);
            last_read_ms = between.now_ms();
        }
        if !between.between(n_done as f32 / indices.len() as f32).await {
            return Ok(None);
        }
    }
    Ok(Some(predictions))
}

/// Mean loss and accuracy.
pub fn mean_loss_and_accuracy(predictions: &[Prediction]) -> (f32, f32) {
    let n_images = predictions.len() as f64;
    let loss: f64 = predictions.iter().map(|prediction| f64::from(prediction.loss)).sum();
    let n_correct = predictions.iter().filter(|prediction| prediction.predicted == prediction.label).count();
    ((loss / n_images) as f32, (n_correct as f64 / n_images) as f32)
}

/// Outputs that are on the device and not read yet.
#[derive(Default)]
struct Pending {
    outputs: Vec<Outputs>,
    /// The images of each batch, without its padding.
    indices: Vec<Vec<u32>>,
}

/// Each `[batch]`.
struct Outputs {
    predicted: Tensor<1, Int>,
    log_confidence: Tensor<1>,
    loss: Tensor<1>,
}

impl Pending {
    /// `log_probabilities` are `[batch, classes]`, for the images of `chunk` and those that pad the batch.
    fn push(&mut self, log_probabilities: Tensor<2>, batch: Batch, chunk: &[u32]) {
        let (log_confidence, predicted) = log_probabilities.clone().max_dim_with_indices(1); // [batch, 1] each
        self.outputs.push(Outputs {
            predicted: predicted.squeeze_dim(1),
            log_confidence: log_confidence.squeeze_dim(1),
            loss: -(log_probabilities * batch.targets).sum_dim(1).squeeze_dim::<1>(1),
        });
        self.indices.push(chunk.to_vec());
    }

    async fn read(self, data: &DeviceDataset) -> Result<Vec<Prediction>, Failure> {
        let mut transaction = Transaction::default();
        for Outputs { predicted, log_confidence, loss } in self.outputs {
            transaction = transaction.register(predicted).register(log_confidence).register(loss);
        }
        // Waits for the device.
        let read = transaction.execute_async().await.map_err(device_failure)?;
        let mut predictions = Vec::new();
        for (outputs, indices) in read.chunks_exact(3).zip(self.indices) {
            let [predicted, log_confidence, loss] = outputs else { unreachable!("chunks of three") };
            let columns = predicted.iter::<i32>().zip(log_confidence.iter::<f32>()).zip(loss.iter::<f32>());
            predictions.extend(indices.into_iter().zip(columns).map(|(index, ((predicted, log_confidence), loss))| {
                Prediction {
                    index,
                    label: data.label(index),
                    predicted: predicted as u16,
                    confidence: log_confidence.exp(),
                    loss,
                }
            }));
        }
        Ok(predictions)
    }
}
