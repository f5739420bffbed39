//! One run, from the first to the last step.

/// Checkpoints of it.
mod keep;

use super::checkpoint::Checkpoint;
use super::control::{Control, Wish};
use super::early_stopping::{Patience, is_better};
use super::host::Host;
use super::monitor::{LookClock, look};
use super::optimizer::Rates;
use super::pace::{Left, Pace};
use super::plan::{Plan, Purpose, check_rates, random};
use super::predict::{mean_loss_and_accuracy, predict};
use super::published::Published;
use super::step::{StepSettings, Trainer};
use super::tally::{EpochTally, Tally};
use super::watched::{Unwatched, Watched};
use crate::device::images::DeviceDataset;
use crate::exchange::tensor_file::Metadata;
use crate::exchange::weight_file;
use crate::module::Network;
use kindling_core::config::schedule::{At, Plateau, learning_rate};
use kindling_core::config::{AugmentConfig, Metric, RunConfig};
use kindling_core::protocol::{
    Adjustment, Ending, EpochReport, Failure, FailureKind, Preparation, Progress, RunReport, RunUpdate, SplitName,
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
    run(host, control, data, config, published, None).await
}

/// Goes on with a run of this config from the bytes of a checkpoint, as [`RunUpdate::Checkpoint`] has them. On a device that computes the
/// same, what follows is bit for bit what would have followed.
pub async fn resume(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
    checkpoint: &[u8],
) -> Result<RunReport, Failure> {
    run(host, control, data, config, published, Some(Checkpoint::from_bytes(checkpoint)?)).await
}

async fn run(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
    checkpoint: Option<Checkpoint>,
) -> Result<RunReport, Failure> {
    let plan = Plan::new(config, data.counts())?;
    host.emit(RunUpdate::Preparing(Preparation::BuildingNetwork));
    let trainer = new_trainer(data, config)?;
    let parameters = trainer.network().n_parameters();
    host.emit(RunUpdate::Started { steps_per_epoch: plan.steps_per_epoch, total_steps: plan.total_steps, parameters });
    let mut run = Run {
        host,
        control,
        data,
        published,
        config,
        plan,
        trainer,
        rates: Rates { learning_rate: config.learning_rate, weight_decay: config.weight_decay },
        augment: None,
        plateau: Plateau::new(),
        patience: Patience::new(),
        step: 0,
        epoch: 0,
        last_learning_rate: config.learning_rate,
        tally: Tally::default(),
        epoch_tally: EpochTally::default(),
        best: None,
        pace: Pace::new(host.now_ms()),
        last_samples_ms: f64::NEG_INFINITY,
        is_updated: false,
        last_checkpoint_ms: host.now_ms(),
        checkpoint_cost_ms: 0.0,
        looks: LookClock::default(),
    };
    if let Some(checkpoint) = checkpoint {
        run.restore(checkpoint)?;
    }
    let ending = run.train_all().await;
    if let Some((_, best)) = &run.best {
        published.set(best.clone());
    }
    let ending = ending?;
    if let Some(network) = published.get().filter(|_| run.step > 0 && host.checkpoint_interval_ms().is_some()) {
        host.emit(RunUpdate::Weights(weight_file::to_bytes(&network.weights().await?, &Metadata::default())?.into()));
    }
    Ok(RunReport {
        ending,
        steps: run.step,
        best: run.best.map(|(report, _)| report),
        is_averaged: config.ema_decay.is_some(),
        elapsed_ms: run.pace.elapsed_ms(host.now_ms()),
    })
}

/// A network with its initial weights, and all that moves it.
pub(super) fn new_trainer(data: &DeviceDataset, config: &RunConfig) -> Result<Trainer, Failure> {
    let mut weights_random = random(config.seed, Purpose::Weights);
    let network = Network::new(&config.network, data.shape(), data.n_classes(), &mut weights_random, &data.device())?;
    Trainer::new(network, config, &data.train_class_counts(), random(config.seed, Purpose::Dropout))
}

/// A run under way.
struct Run<'a, H> {
    host: &'a H,
    control: &'a Control,
    data: &'a DeviceDataset,
    published: &'a Published,
    config: &'a RunConfig,
    plan: Plan,
    trainer: Trainer,
    /// Those that the schedule starts from: the config's, or what they were changed to.
    rates: Rates,
    /// The random changes to the images, where the visitor changed the config's.
    augment: Option<AugmentConfig>,
    plateau: Plateau,
    patience: Patience,
    /// Steps done.
    step: u32,
    /// Epoch under way.
    epoch: u32,
    /// Of the last step.
    last_learning_rate: f64,
    tally: Tally,
    epoch_tally: EpochTally,
    best: Option<(EpochReport, Network)>,
    pace: Pace,
    last_samples_ms: f64,
    /// Whether the weights moved in the last step: no gradients wait.
    is_updated: bool,
    last_checkpoint_ms: f64,
    checkpoint_cost_ms: f64,
    /// When to look inside the network, if somebody wants to.
    looks: LookClock,
}

impl<H: Host> Run<'_, H> {
    async fn train_all(&mut self) -> Result<Ending, Failure> {
        let epochs = self.config.epochs;
        for epoch in self.epoch..epochs {
            self.epoch = epoch;
            let train = self.data.part(SplitName::Train);
            let order = self.data.select(self.plan.order(train, self.config.seed, epoch));
            // More than 0 in the first epoch of a run that goes on from a checkpoint.
            let done = self.step - epoch * self.plan.steps_per_epoch;
            for position in done..self.plan.steps_per_epoch {
                if self.may_go_on().await? == GoOn::Stop {
                    self.report().await?;
                    return Ok(Ending::Stopped);
                }
                self.change_values();
                self.control.take_step();
                let n_batch = self.plan.batch_size;
                let batch = self.data.batch(order.narrow(position as usize * n_batch, n_batch));
                let settings = self.settings(position);
                if self.control.watch().is_some() && self.looks.is_due(self.host.now_ms()) {
                    self.trainer.observe(self.step + 1);
                }
                self.tally.add(self.trainer.step(batch, settings));
                self.is_updated = settings.is_update;
                self.step += 1;
                if self.pace.step_is_due(self.host.now_ms()) || self.step == self.plan.total_steps {
                    self.report().await?;
                    if self.checkpoint_is_due() {
                        self.keep_checkpoint().await?;
                    }
                }
                self.host.breathe().await;
                if self.step == self.plan.total_steps && position + 1 < self.plan.steps_per_epoch {
                    return Ok(Ending::StepLimit);
                }
            }
            if self.finish_epoch().await? == GoOn::Stop {
                return Ok(Ending::Stopped);
            }
            let is_last = epoch + 1 == epochs;
            if self.step == self.plan.total_steps && !is_last {
                return Ok(Ending::StepLimit);
            }
            if self.config.early_stopping.is_some_and(|config| self.patience.is_over(&config)) && !is_last {
                return Ok(Ending::EarlyStopped);
            }
        }
        Ok(Ending::Completed)
    }

    /// Sleeps through a pause.
    async fn may_go_on(&mut self) -> Result<GoOn, Failure> {
        if self.control.wish() == Wish::Pause {
            self.report().await?;
            // Who pauses may leave.
            if self.host.checkpoint_interval_ms().is_some() {
                self.keep_checkpoint().await?;
            }
            self.watched().sleep_through_pause().await;
        }
        Ok(if self.control.wish() == Wish::Stop { GoOn::Stop } else { GoOn::Continue })
    }

    /// Takes over what the visitor changed.
    fn change_values(&mut self) {
        let Some(change) = self.control.take_change() else { return };
        let wanted = Rates {
            learning_rate: change.learning_rate.unwrap_or(self.rates.learning_rate),
            weight_decay: change.weight_decay.unwrap_or(self.rates.weight_decay),
        };
        let Rates { learning_rate, weight_decay } = wanted;
        let checked = check_rates(learning_rate, weight_decay).and_then(|()| self.set_augment(change.augment));
        if let Err(failure) = checked {
            return self.host.warn(failure);
        }
        self.rates = wanted;
        let adjustment = Adjustment { step: self.step, learning_rate, weight_decay, augment: self.augment };
        self.host.emit(RunUpdate::Adjusted(adjustment));
    }

    /// Other random changes to the images from the next step on, if there are any.
    fn set_augment(&mut self, augment: Option<AugmentConfig>) -> Result<(), Failure> {
        if let Some(augment) = augment {
            augment.check()?;
            self.trainer.set_augment(augment);
            self.augment = Some(augment);
        }
        Ok(())
    }

    /// Of the next step, which is at this position of its epoch.
    fn settings(&mut self, position: u32) -> StepSettings {
        let at = At {
            step: self.step,
            total_steps: self.plan.total_steps,
            steps_per_epoch: self.plan.steps_per_epoch,
            reduction: self.plateau.reduction,
        };
        self.last_learning_rate = learning_rate(&self.config.schedule, self.rates.learning_rate, at);
        let is_last = position + 1 == self.plan.steps_per_epoch || self.step + 1 == self.plan.total_steps;
        StepSettings {
            rates: Rates { learning_rate: self.last_learning_rate, ..self.rates },
            // No batch is left without its update when an epoch is evaluated.
            is_update: (position + 1).is_multiple_of(self.config.batches_per_update) || is_last,
        }
    }

    /// Reads the losses since the last report and tells them.
    async fn report(&mut self) -> Result<(), Failure> {
        if self.tally.n_steps() == 0 {
            return Ok(());
        }
        let (losses, n_hits) = std::mem::take(&mut self.tally).read().await?;
        self.pace.was_read(self.host.now_ms(), self.plan.batch_size);
        if let Some((position, loss)) = losses.iter().enumerate().find(|(_, loss)| !loss.is_finite()) {
            let step = self.step as usize - losses.len() + position + 1;
            return Err(Failure::new(FailureKind::LossNotFinite, format!("the loss of step {step} is {loss}")));
        }
        self.epoch_tally.add(&losses, n_hits);
        self.published.set(self.trainer.answering());
        let n_images = losses.len() * self.plan.batch_size;
        let now_ms = self.host.now_ms();
        self.host.emit(RunUpdate::Progress(Progress {
            step: self.step,
            epoch: self.epoch,
            losses,
            accuracy: (n_hits as f64 / n_images as f64) as f32,
            learning_rate: self.last_learning_rate,
            images_per_second: self.pace.images_per_second(),
            elapsed_ms: self.pace.elapsed_ms(now_ms),
            remaining_ms: self.pace.remaining_ms(now_ms, self.left()),
        }));
        if now_ms - self.last_samples_ms >= SAMPLES_INTERVAL_MS {
            self.report_samples().await?;
        }
        self.report_layers().await
    }

    /// Looks inside the network where an update was observed; the device is idle.
    async fn report_layers(&mut self) -> Result<(), Failure> {
        let Some(observation) = self.trainer.take_observation() else { return Ok(()) };
        let Some(watch) = self.control.watch() else { return Ok(()) };
        let since_ms = self.host.now_ms();
        let report = look(observation, self.data, &self.config.network, self.plan.batch_size, watch).await?;
        self.host.emit(RunUpdate::Layers(report));
        self.looks.was_done(since_ms, self.host.now_ms());
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
        let network = self.trainer.answering();
        let (since_ms, paused_ms) = (self.host.now_ms(), self.pace.paused_ms());
        let validation = self.data.part(SplitName::Validation);
        let Some(predictions) = predict(&network, self.data, validation, &mut self.watched()).await? else {
            return Ok(GoOn::Stop);
        };
        let now_ms = self.host.now_ms();
        let validating_ms = now_ms - since_ms - (self.pace.paused_ms() - paused_ms);
        self.pace.was_validated(validating_ms, now_ms);
        let (validation_loss, validation_accuracy) = mean_loss_and_accuracy(&predictions);
        let (train_loss, train_accuracy) = std::mem::take(&mut self.epoch_tally).means(self.plan.batch_size);
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
        let metric = self.config.early_stopping.map_or(Metric::ValidationAccuracy, |config| config.metric);
        report.is_best = self.best.as_ref().is_none_or(|(best, _)| is_better(&report, best, metric));
        if report.is_best {
            self.best = Some((report, network));
        }
        self.plateau = self.plateau.after(&self.config.schedule, validation_loss.into());
        if let Some(config) = &self.config.early_stopping {
            self.patience = self.patience.after(config, &report);
        }
        self.host.emit(RunUpdate::Epoch(report));
        Ok(GoOn::Continue)
    }

    fn watched(&mut self) -> Watched<'_, H> {
        Watched { host: self.host, control: self.control, pace: &mut self.pace, step: self.step }
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoOn {
    Continue,
    Stop,
}
