//! Reports of a run: the losses since the last one, predictions for the sample images, and snapshots of the network.

use super::Run;
use crate::training::host::Host;
use crate::training::monitor::snapshot;
use crate::training::pace::Left;
use crate::training::predict::predict;
use crate::training::watched::Unwatched;
use kindling_core::protocol::{Failure, FailureKind, Progress, RunUpdate, SplitName};

/// Minimum time between predictions for the sample images.
const SAMPLES_INTERVAL_MS: f64 = 1_000.0;

impl<H: Host> Run<'_, H> {
    /// Reads the losses since the last report, and reports them.
    pub(super) async fn report(&mut self) -> Result<(), Failure> {
        if self.tally.n_steps() == 0 {
            return Ok(());
        }
        let (losses, n_correct) = std::mem::take(&mut self.tally).read().await?;
        self.pace.was_read(self.host.now_ms(), self.plan.batch_size);
        let first_step = self.position.step as usize + 1 - losses.len();
        if let Some((step, loss)) = (first_step..).zip(&losses).find(|(_, loss)| !loss.is_finite()) {
            return Err(Failure::new(FailureKind::LossNotFinite, format!("the loss of step {step} is {loss}")));
        }
        self.position.epoch_tally.add(&losses, &n_correct);
        self.published.set(self.trainer.inference_network());
        let n_batch = self.plan.batch_size as f64;
        let accuracies: Vec<f32> = n_correct.iter().map(|count| (f64::from(*count) / n_batch) as f32).collect();
        let now_ms = self.host.now_ms();
        self.host.emit(RunUpdate::Progress(Progress {
            step: self.position.step,
            epoch: self.position.epoch,
            losses,
            accuracies,
            learning_rate: self.position.last_learning_rate,
            images_per_second: self.pace.images_per_second(),
            elapsed_ms: self.pace.elapsed_ms(now_ms),
            remaining_ms: self.pace.remaining_ms(now_ms, self.left()),
        }));
        if now_ms - self.last_samples_ms >= SAMPLES_INTERVAL_MS {
            self.report_samples().await?;
        }
        self.report_layers().await
    }

    async fn report_samples(&mut self) -> Result<(), Failure> {
        self.last_samples_ms = self.host.now_ms();
        let Some(network) = self.published.get() else { return Ok(()) };
        let samples = self.data.samples();
        // Without a validation split, samples are images of other splits.
        let kept = self.kept.as_ref().filter(|kept| kept.has(samples));
        if let Some(predictions) = predict(&network, self.data, kept, samples, &mut Unwatched(self.host)).await?
            && !predictions.is_empty()
        {
            self.host.emit(RunUpdate::Samples(predictions));
        }
        Ok(())
    }

    /// Reports a snapshot of the network if an update was observed; the device is idle.
    async fn report_layers(&mut self) -> Result<(), Failure> {
        let Some(observation) = self.trainer.take_observation() else { return Ok(()) };
        let Some(watch) = self.control.watch() else { return Ok(()) };
        let since_ms = self.host.now_ms();
        let report = snapshot(observation, self.data, self.plan.batch_size, watch).await?;
        self.host.emit(RunUpdate::Layers(report));
        self.snapshot_clock.was_done(since_ms, self.host.now_ms());
        Ok(())
    }

    fn left(&self) -> Left {
        let steps_per_epoch = self.plan.steps_per_epoch;
        let epochs_in = |steps: u32| steps / steps_per_epoch.max(1);
        let step = self.position.step;
        Left {
            steps: self.plan.total_steps - step,
            validations: epochs_in(self.plan.total_steps) - epochs_in(step.saturating_sub(1)),
            steps_per_validation: self.data.part(SplitName::Validation).len() as f64 / self.plan.batch_size as f64,
        }
    }
}
