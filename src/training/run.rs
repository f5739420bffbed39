//! One run, from the first to the last step.

use burn::module::Module;
use burn::tensor::{Int, Tensor, Transaction};

use super::control::{Control, Wish};
use super::data::DeviceDataset;
use super::host::Host;
use super::optimizer::Optimizer;
use super::pace::{Left, Pace};
use super::plan::{Plan, Purpose, random};
use super::predict::{Between, mean_loss_and_accuracy, predict};
use super::published::Published;
use super::step::{StepOutcome, Trainer};
use crate::network::Network;
use crate::network::weights::device_failure;
use crate::protocol::{
    Ending, EpochReport, Failure, FailureKind, Preparation, Progress, RunConfig, RunReport, RunUpdate, SplitName,
};

/// Predictions for the sample images are at least so far apart.
const SAMPLES_INTERVAL_MS: f64 = 1_000.0;

/// Trains a network from its initial weights. Emits everything but `Finished` and `Failed`: those are the result, which the caller
/// tells. `published` always holds the network that questions are answered with, at the end the best one.
pub async fn train(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
) -> Result<RunReport, Failure> {
    let plan = Plan::new(config, data.part(SplitName::Train).len())?;
    host.emit(RunUpdate::Preparing(Preparation::BuildingNetwork));
    let trainer = new_trainer(data, config)?;
    let parameters = trainer.network().n_parameters();
    host.emit(RunUpdate::Started { steps_per_epoch: plan.steps_per_epoch, total_steps: plan.total_steps, parameters });
    let mut run = Run {
        host,
        control,
        data,
        published,
        plan,
        trainer,
        step: 0,
        epoch: 0,
        tally: Tally::default(),
        epoch_tally: EpochTally::default(),
        best: None,
        pace: Pace::new(host.now_ms()),
        last_samples_ms: f64::NEG_INFINITY,
    };
    let ending = run.train_all(config).await;
    if let Some((_, best)) = &run.best {
        published.set(best.clone());
    }
    Ok(RunReport {
        ending: ending?,
        steps: run.step,
        best: run.best.map(|(report, _)| report),
        elapsed_ms: run.pace.elapsed_ms(host.now_ms()),
    })
}

/// A network with its initial weights, and the optimizer.
pub(super) fn new_trainer(data: &DeviceDataset, config: &RunConfig) -> Result<Trainer, Failure> {
    let mut weights_random = random(config.seed, Purpose::Weights);
    let network = Network::new(&config.network, data.shape(), data.n_classes(), &mut weights_random, &data.device())?;
    Ok(Trainer::new(network, Optimizer::new(config), random(config.seed, Purpose::Dropout)))
}

/// A run under way.
struct Run<'a, H> {
    host: &'a H,
    control: &'a Control,
    data: &'a DeviceDataset,
    published: &'a Published,
    plan: Plan,
    trainer: Trainer,
    /// Steps done.
    step: u32,
    /// Epoch under way.
    epoch: u32,
    tally: Tally,
    epoch_tally: EpochTally,
    best: Option<(EpochReport, Network)>,
    pace: Pace,
    last_samples_ms: f64,
}

impl<H: Host> Run<'_, H> {
    async fn train_all(&mut self, config: &RunConfig) -> Result<Ending, Failure> {
        for epoch in 0..config.epochs {
            self.epoch = epoch;
            self.epoch_tally = EpochTally::default();
            let train = self.data.part(SplitName::Train);
            let order = self.data.upload_indices(self.plan.order(train, config.seed, epoch));
            for position in 0..self.plan.steps_per_epoch as usize {
                if self.may_go_on().await? == GoOn::Stop {
                    self.report().await?;
                    return Ok(Ending::Stopped);
                }
                self.control.take_step();
                let n_batch = self.plan.batch_size;
                let batch = self.data.batch(order.clone().narrow(0, position * n_batch, n_batch));
                self.tally.add(self.trainer.step(batch));
                self.step += 1;
                if self.pace.step_is_due(self.host.now_ms()) || self.step == self.plan.total_steps {
                    self.report().await?;
                }
                self.host.breathe().await;
                if self.step == self.plan.total_steps && position + 1 < self.plan.steps_per_epoch as usize {
                    return Ok(Ending::StepLimit);
                }
            }
            if self.finish_epoch().await? == GoOn::Stop {
                return Ok(Ending::Stopped);
            }
            if self.step == self.plan.total_steps && epoch + 1 < config.epochs {
                return Ok(Ending::StepLimit);
            }
        }
        Ok(Ending::Completed)
    }

    /// Sleeps through a pause.
    async fn may_go_on(&mut self) -> Result<GoOn, Failure> {
        if self.control.wish() == Wish::Pause {
            self.report().await?;
            let since_ms = self.host.now_ms();
            self.host.emit(RunUpdate::Paused { step: self.step });
            self.control.unpaused().await;
            self.pace.was_paused(since_ms, self.host.now_ms());
            if self.control.wish() == Wish::Run {
                self.host.emit(RunUpdate::Resumed);
            }
        }
        Ok(if self.control.wish() == Wish::Stop { GoOn::Stop } else { GoOn::Continue })
    }

    /// Reads the losses since the last report and tells them.
    async fn report(&mut self) -> Result<(), Failure> {
        if self.tally.losses.is_empty() {
            return Ok(());
        }
        // Waits for the device.
        let (losses, n_hits) = std::mem::take(&mut self.tally).read().await?;
        self.pace.was_read(self.host.now_ms(), self.plan.batch_size);
        if let Some(position) = losses.iter().position(|loss| !loss.is_finite()) {
            let step = self.step as usize - losses.len() + position + 1;
            return Err(Failure::new(
                FailureKind::LossNotFinite,
                format!("the loss of step {step} is {}", losses[position]),
            ));
        }
        self.epoch_tally.add(&losses, n_hits);
        self.published.set(self.trainer.network().valid());
        let n_images = losses.len() * self.plan.batch_size;
        let now_ms = self.host.now_ms();
        self.host.emit(RunUpdate::Progress(Progress {
            step: self.step,
            epoch: self.epoch,
            losses,
            accuracy: (n_hits as f64 / n_images as f64) as f32,
            images_per_second: self.pace.images_per_second(),
            elapsed_ms: self.pace.elapsed_ms(now_ms),
            remaining_ms: self.pace.remaining_ms(now_ms, self.left()),
        }));
        if now_ms - self.last_samples_ms >= SAMPLES_INTERVAL_MS {
            self.report_samples().await?;
        }
        Ok(())
    }

    async fn report_samples(&mut self) -> Result<(), Failure> {
        self.last_samples_ms = self.host.now_ms();
        let Some(network) = self.published.get() else { return Ok(()) };
        if let Some(predictions) = predict(&network, self.data, self.data.samples(), &mut Unwatched(self.host)).await?
            && !predictions.is_empty()
        {
            self.host.emit(RunUpdate::Samples(predictions));
        }
        Ok(())
    }

    /// Evaluates on the validation split, and keeps the network if it is the best.
    async fn finish_epoch(&mut self) -> Result<GoOn, Failure> {
        self.report().await?;
        let network = self.trainer.network().valid();
        let (since_ms, paused_ms) = (self.host.now_ms(), self.pace.paused_ms());
        let validation = self.data.part(SplitName::Validation);
        let mut watched = Watched { host: self.host, control: self.control, pace: &mut self.pace, step: self.step };
        let Some(predictions) = predict(&network, self.data, validation, &mut watched).await? else {
            return Ok(GoOn::Stop);
        };
        let now_ms = self.host.now_ms();
        let validating_ms = now_ms - since_ms - (self.pace.paused_ms() - paused_ms);
        self.pace.was_validated(validating_ms, now_ms);
        let (validation_loss, validation_accuracy) = mean_loss_and_accuracy(&predictions);
        let (train_loss, train_accuracy) = self.epoch_tally.means(self.plan.batch_size);
        let mut report = EpochReport {
            epoch: self.epoch,
            step: self.step,
            train_loss,
            train_accuracy,
            validation_loss,
            validation_accuracy,
            is_best: false,
            elapsed_ms: self.pace.elapsed_ms(now_ms),
        };
        report.is_best = self.best.as_ref().is_none_or(|(best, _)| is_better(&report, best));
        if report.is_best {
            self.best = Some((report, network));
        }
        self.host.emit(RunUpdate::Epoch(report));
        Ok(GoOn::Continue)
    }

    fn left(&self) -> Left {
        let steps_per_epoch = self.plan.steps_per_epoch;
        let epochs_in = |steps: u32| steps / steps_per_epoch.max(1);
        Left {
            steps: self.plan.total_steps - self.step,
            validations: epochs_in(self.plan.total_steps) - epochs_in(self.step.saturating_sub(1)),
            steps_per_validation: self.data.part(SplitName::Validation).len() as f64 / self.plan.batch_size as f64,
        }
    }
}

/// By accuracy, at a tie by loss. Without a validation split both are not numbers, and then the later network is the better.
fn is_better(report: &EpochReport, best: &EpochReport) -> bool {
    if report.validation_accuracy.is_nan() {
        return true;
    }
    report.validation_accuracy > best.validation_accuracy
        || (report.validation_accuracy == best.validation_accuracy && report.validation_loss < best.validation_loss)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoOn {
    Continue,
    Stop,
}

/// Losses and hits that are on the device and not read yet; [`Pace`] limits how many.
#[derive(Default)]
struct Tally {
    losses: Vec<Tensor<1>>,
    hits: Option<Tensor<1, Int>>,
}

impl Tally {
    fn add(&mut self, outcome: StepOutcome) {
        self.losses.push(outcome.loss);
        self.hits = Some(match self.hits.take() {
            Some(hits) => hits + outcome.hits,
            None => outcome.hits,
        });
    }

    async fn read(self) -> Result<(Vec<f32>, u64), Failure> {
        let Some(hits) = self.hits else { return Ok((Vec::new(), 0)) };
        let read = Transaction::default()
            .register(Tensor::cat(self.losses, 0))
            .register(hits)
            .execute_async()
            .await
            .map_err(device_failure)?;
        let [losses, hits] = &read[..] else { return Err(device_failure("a read came back incomplete")) };
        Ok((losses.iter::<f32>().collect(), hits.iter::<u64>().next().unwrap_or_default()))
    }
}

/// Sums over the epoch under way.
#[derive(Default)]
struct EpochTally {
    loss_sum: f64,
    n_hits: u64,
    steps: u32,
}

impl EpochTally {
    fn add(&mut self, losses: &[f32], n_hits: u64) {
        self.loss_sum += losses.iter().copied().map(f64::from).sum::<f64>();
        self.n_hits += n_hits;
        self.steps += losses.len() as u32;
    }

    fn means(&self, batch_size: usize) -> (f32, f32) {
        let steps = f64::from(self.steps.max(1));
        ((self.loss_sum / steps) as f32, (self.n_hits as f64 / (steps * batch_size as f64)) as f32)
    }
}

/// A validation: pause and stop act between its batches too.
struct Watched<'a, H> {
    host: &'a H,
    control: &'a Control,
    pace: &'a mut Pace,
    step: u32,
}

impl<H: Host> Between for Watched<'_, H> {
    async fn between(&mut self, _fraction: f32) -> bool {
        self.host.breathe().await;
        if self.control.wish() == Wish::Pause {
            let since_ms = self.host.now_ms();
            self.host.emit(RunUpdate::Paused { step: self.step });
            self.control.unpaused().await;
            self.pace.was_paused(since_ms, self.host.now_ms());
            if self.control.wish() == Wish::Run {
                self.host.emit(RunUpdate::Resumed);
            }
        }
        self.control.wish() != Wish::Stop
    }

    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }
}

/// A few batches that nobody waits for.
struct Unwatched<'a, H>(&'a H);

impl<H: Host> Between for Unwatched<'_, H> {
    async fn between(&mut self, _fraction: f32) -> bool {
        true
    }

    fn now_ms(&self) -> f64 {
        self.0.now_ms()
    }
}
