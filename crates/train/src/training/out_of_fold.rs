//! Out-of-fold probabilities: every image is predicted by a network of the same config that was not trained on it, by cross-validation. Test images are
//! predicted, too, and none learns from them.

use burn::tensor::activation::softmax;

use super::control::{Control, Wish};
use super::host::Host;
use super::kept::{KeptFeatures, keep};
use super::predict::n_batch;
use super::published::Published;
use super::run::{new_network, train_network};
use crate::device::images::DeviceDataset;
use crate::device::tensors::device_failure;
use crate::module::Network;
use kindling_core::config::{RunConfig, ScheduleConfig};
use kindling_core::dataset::Split;
use kindling_core::dataset::folds::Fold;
use kindling_core::protocol::{Ending, Failure, FailureKind};

/// Out-of-fold probabilities of a cross-validation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutOfFold {
    /// Of the images that the networks of the other folds have learned.
    pub learned: Predictions,
    /// Of the test images, which none has learned.
    pub test: Predictions,
}

/// Probabilities by networks that were not trained on the images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// Indices in the dataset, fold by fold.
    pub images: Vec<u32>,
    pub labels: Vec<u16>,
    /// `[images, classes]`
    pub probabilities: Vec<f32>,
}

/// Trains one network for each fold, on the images of the other folds but for test images, from initial weights, and predicts the images of the fold
/// with it. There is no validation: early stopping and the plateau schedule, which need one, are left out, and the last network of each training predicts. The
/// outputs of frozen layers are computed once for all folds; so are the statistics of frozen batch norms, which depend on no label. `on_fold`
/// receives the number of each fold before its training; the updates of the trainings go to the host.
///
/// # Errors
///
/// As those of a run; `Canceled` if `control` is stopped.
pub async fn out_of_fold(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    folds: &[Fold],
    on_fold: &dyn Fn(u32),
) -> Result<OutOfFold, Failure> {
    let schedule = match config.schedule {
        ScheduleConfig::Plateau { .. } => ScheduleConfig::Constant,
        schedule => schedule,
    };
    let config = RunConfig { early_stopping: None, schedule, ..config.clone() };
    let learned = |folds: &mut dyn Iterator<Item = &Fold>| folds.flat_map(|fold| &fold.learned).copied().collect();
    // In the place of the validation images, as they are predicted and not learned.
    let test = folds.iter().flat_map(|fold| &fold.test).copied().collect();
    let all = data.with_split(Split { train: learned(&mut folds.iter()), validation: test, ..Split::default() });
    let mut network = new_network(host, &all, &config).await?;
    let kept = keep(host, control, &all, &config, &mut network, true).await?;
    let mut found = OutOfFold::default();
    for (number, fold) in (0..).zip(folds.iter().filter(|fold| !fold.is_empty())) {
        on_fold(number);
        let others = learned(&mut folds.iter().filter(|other| *other != fold));
        let part = data.with_split(Split { train: others, ..Split::default() });
        let published = Published::default();
        let start = (network.clone(), kept.clone());
        let report = train_network(host, control, &part, &config, &published, start).await?;
        let trained = published.get().filter(|_| report.ending != Ending::Stopped).ok_or_else(canceled)?;
        for (part, images) in [(&mut found.learned, &fold.learned), (&mut found.test, &fold.test)] {
            part.predict(host, control, (&trained, kept.as_ref()), data, images).await?;
        }
    }
    Ok(found)
}

impl Predictions {
    /// Adds the probabilities of images of a fold.
    async fn predict(
        &mut self,
        host: &impl Host,
        control: &Control,
        (network, kept): (&Network, Option<&KeptFeatures>),
        data: &DeviceDataset,
        images: &[u32],
    ) -> Result<(), Failure> {
        let kept = kept.filter(|kept| kept.has(images));
        let n_batch = images.len().clamp(1, n_batch(network).max(1));
        for chunk in images.chunks(n_batch) {
            // The last batch is padded with its first image, as another shape needs other kernels on a GPU.
            let filler = chunk.first().copied().unwrap_or_default();
            let selection = data.select(chunk.iter().copied().chain(std::iter::repeat(filler)).take(n_batch));
            let logits = match kept {
                Some(kept) => network.forward_from_frozen(kept.of(&selection)),
                None => network.forward(data.batch(selection).images),
            };
            // Waits for the device.
            let values = softmax(logits, 1).into_data_async().await.map_err(device_failure)?;
            self.probabilities.extend(values.iter::<f32>().take(chunk.len() * data.n_classes()));
            self.images.extend(chunk);
            self.labels.extend(chunk.iter().map(|image| data.label(*image)));
            host.yield_now().await;
            if control.wish() == Wish::Stop {
                return Err(canceled());
            }
        }
        Ok(())
    }
}

fn canceled() -> Failure {
    Failure::new(FailureKind::Canceled, "the cross-validation was stopped")
}
