//! Accuracy and speed of a network on some images of a split.

use kindling_core::protocol::{Failure, FailureKind, Measurement, SplitName};
use kindling_kernels::threads::on_one_thread;

use super::evaluate::Reporting;
use crate::device::DeviceDataset;
use crate::device::tensors::device_failure;
use crate::module::Network;
use crate::training::Host;
use crate::training::predict::{mean_loss_and_accuracy, predict};

/// Images of a batch that is timed: whole vectors of any machine.
const BATCH_IMAGES: usize = 32;

/// How long batches are timed, in milliseconds, and how many at most.
const TIMED_MS: f64 = 50.0;
const BATCHES_LIMIT: u32 = 100;

/// Measures a network in inference mode on up to `limit` images, spread over a split. `progress` receives the completed fraction.
///
/// # Errors
///
/// An empty split, a device that fails.
pub async fn measure(
    network: &Network,
    data: &DeviceDataset,
    (split, limit): (SplitName, usize),
    host: &impl Host,
    progress: impl Fn(f32),
) -> Result<Measurement, Failure> {
    let part = data.part(split);
    let stride = part.len().div_ceil(limit.max(1)).max(1);
    let indices: Vec<u32> = part.iter().copied().step_by(stride).collect();
    if indices.is_empty() {
        return Err(Failure::new(FailureKind::TooFewImages, "there are no images to measure the network on"));
    }
    let mut reporting = Reporting { host, progress };
    let Some(predictions) = predict(network, data, None, &indices, &mut reporting).await? else {
        unreachable!("only `between` ends it early, and ours never does")
    };
    let (_, accuracy) = mean_loss_and_accuracy(&predictions);
    let ms_per_image = time(network, data, &indices, host).await?;
    Ok(Measurement { accuracy, images: indices.len() as u32, ms_per_image })
}

/// Milliseconds of the forward pass per image, on one thread of a CPU.
async fn time(network: &Network, data: &DeviceDataset, indices: &[u32], host: &impl Host) -> Result<f64, Failure> {
    let n_images = indices.len().min(BATCH_IMAGES).min(network.n_images_at_once());
    let images = data.batch(data.select(indices.iter().copied().take(n_images))).images;
    let pass = || {
        // A CPU computes before this returns, a GPU once its result is read.
        let logits = on_one_thread(|| network.forward(images.clone()));
        async { logits.into_data_async().await.map(drop).map_err(device_failure) }
    };
    // The first may compile kernels.
    pass().await?;
    let began_ms = host.now_ms();
    let mut n_batches = 0;
    loop {
        pass().await?;
        n_batches += 1;
        let elapsed_ms = host.now_ms() - began_ms;
        if elapsed_ms >= TIMED_MS || n_batches == BATCHES_LIMIT {
            return Ok(elapsed_ms / (f64::from(n_batches) * n_images as f64));
        }
    }
}
