//! A step whose results are discarded, so that a GPU's kernels are compiled before the first real step.

use super::control::{Control, Wish};
use super::host::Host;
use super::optimizer::Rates;
use super::plan::Plan;
use super::predict::{Between, predict};
use super::run::{new_network, new_trainer};
use super::step::StepSettings;
use crate::device::images::DeviceDataset;
use crate::device::tensors::device_failure;
use crate::objective::distillation::Lesson;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Failure, Preparation, RunUpdate, SplitName};

/// Trains a throw-away network for a step and predicts a validation batch and the samples with it, waiting for the device each time. Returns
/// whether all kernels are compiled: it ends early when `control` is stopped.
pub async fn warm_up(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
) -> Result<bool, Failure> {
    let train = data.part(SplitName::Train);
    let plan = Plan::new(config, data.counts())?;
    let rates = Rates { learning_rate: config.learning_rate, weight_decay: config.weight_decay };
    let mut trainer = new_trainer(new_network(host, data, config).await?, data, config)?;
    // A run that resumes has its teacher in its checkpoint, and compiles its kernels when it begins.
    if let Some(teacher) = host.teacher() {
        trainer.set_lesson(Lesson::new(config.distillation, Some(teacher), data)?);
    }
    host.emit(RunUpdate::Preparing(Preparation::CompilingKernels));
    let batch = data.batch(data.select(train.iter().copied().take(plan.batch_size)));
    let outcome = trainer.step(batch, StepSettings { rates, is_update: true });
    // Waits for the device.
    outcome.loss_terms.into_data_async().await.map_err(device_failure)?;
    host.yield_now().await;
    if control.wish() == Wish::Stop {
        return Ok(false);
    }
    let network = trainer.inference_network();
    for part in [data.part(SplitName::Validation), data.samples()] {
        let images = part.get(..super::predict::BATCH_IMAGES).unwrap_or(part);
        predict(&network, data, None, images, &mut Yielding(host)).await?;
    }
    Ok(true)
}

struct Yielding<'a, H>(&'a H);

impl<H: Host> Between for Yielding<'_, H> {
    async fn between(&mut self, _fraction: f32) -> bool {
        self.0.yield_now().await;
        true
    }

    fn now_ms(&self) -> f64 {
        self.0.now_ms()
    }
}
