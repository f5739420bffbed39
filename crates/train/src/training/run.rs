//! One run, from the first to the last step.

/// Reports of losses, predictions and snapshots.
mod report;

/// The end of an epoch.
mod validate;

/// Checkpoints.
mod keep;

use super::checkpoint::Checkpoint;
use super::control::{Control, Wish};
use super::early_stopping::Patience;
use super::host::Host;
use super::kept::{KeptFeatures, keep};
use super::monitor::SnapshotClock;
use super::optimizer::Rates;
use super::pace::Pace;
use super::plan::{Plan, Purpose, check_rates, random};
use super::position::Position;
use super::published::Published;
use super::step::{StepSettings, Trainer};
use super::tally::Tally;
use super::watched::Watched;
use crate::device::images::{Batch, DeviceDataset, Selection};
use crate::exchange::tensor_file::Metadata;
use crate::exchange::weight_file;
use crate::module::Network;
use crate::objective::distillation::Lesson;
use kindling_core::config::RunConfig;
use kindling_core::config::schedule::{At, learning_rate};
use kindling_core::protocol::{Adjustment, Ending, Failure, Preparation, RunReport, RunUpdate, SplitName, Teacher};

/// Trains a network from its initial weights. Emits everything but `Finished` and `Failed`: those are the result, which the caller
/// reports. `published` always holds the network that predictions are made with, at the end the best one.
pub async fn train(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
) -> Result<RunReport, Failure> {
    run(host, control, data, config, published, Start::Anew).await
}

/// Trains a network that has the initial weights of a run, on outputs of its frozen layers that are kept already.
pub(super) async fn train_network(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
    network: (Network, Option<KeptFeatures>),
) -> Result<RunReport, Failure> {
    run(host, control, data, config, published, Start::Network(Box::new(network))).await
}

/// Resumes a run of this config from the bytes of a checkpoint, as [`RunUpdate::Checkpoint`] has them. On a device that computes the
/// same, the rest of the run is bit for bit what it would have been without the interruption.
pub async fn resume(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
    checkpoint: &[u8],
) -> Result<RunReport, Failure> {
    run(host, control, data, config, published, Start::Checkpoint(Box::new(Checkpoint::from_bytes(checkpoint)?))).await
}

/// What a run begins with.
enum Start {
    /// Its initial weights.
    Anew,
    Network(Box<(Network, Option<KeptFeatures>)>),
    Checkpoint(Box<Checkpoint>),
}

async fn run(
    host: &impl Host,
    control: &Control,
    data: &DeviceDataset,
    config: &RunConfig,
    published: &Published,
    start: Start,
) -> Result<RunReport, Failure> {
    let plan = Plan::new(config, data.counts())?;
    host.emit(RunUpdate::Preparing(Preparation::BuildingNetwork));
    let (network, kept, checkpoint) = match start {
        Start::Anew => {
            let mut network = new_network(host, data, config).await?;
            let kept = keep(host, control, data, config, &mut network, true).await?;
            (network, kept, None)
        }
        Start::Network(start) => {
            let (network, kept) = *start;
            (network, kept, None)
        }
        // A checkpoint has the statistics of frozen batch norms.
        Start::Checkpoint(checkpoint) => (new_network(host, data, config).await?, None, Some(*checkpoint)),
    };
    let parameters = network.n_parameters();
    let mut trainer = new_trainer(network, data, config)?;
    let teacher = checkpoint.as_ref().map_or_else(|| host.teacher().cloned(), |checkpoint| checkpoint.teacher.clone());
    trainer.set_lesson(Lesson::new(config.distillation, teacher.as_ref(), data)?);
    host.emit(RunUpdate::Started { steps_per_epoch: plan.steps_per_epoch, total_steps: plan.total_steps, parameters });
    let mut run = Run {
        host,
        control,
        data,
        published,
        config,
        plan,
        trainer,
        teacher: teacher.filter(|_| config.distillation.is_some()),
        kept,
        position: Position::new(config),
        best_network: None,
        tally: Tally::default(),
        pace: Pace::new(host.now_ms()),
        is_updated: false,
        last_samples_ms: f64::NEG_INFINITY,
        last_checkpoint_ms: host.now_ms()
            - (1.0 - FIRST_CHECKPOINT) * host.checkpoint_interval_ms().unwrap_or_default(),
        checkpoint_cost_ms: 0.0,
        snapshot_clock: SnapshotClock::default(),
    };
    if let Some(checkpoint) = checkpoint {
        run.restore(checkpoint)?;
        let since_ms = host.now_ms();
        let mut network = run.trainer.network().clone();
        run.kept = keep(host, control, data, config, &mut network, false).await?;
        run.pace.was_paused(since_ms, host.now_ms());
    }
    let ending = run.train_to_end().await;
    if let Some(best) = &run.best_network {
        published.set(best.clone());
    }
    let ending = ending?;
    if let Some(network) = published.get().filter(|_| run.position.step > 0 && host.checkpoint_interval_ms().is_some())
    {
        let bytes = weight_file::to_bytes(&network.weights().await?, &Metadata::default())?;
        host.emit(RunUpdate::Weights(bytes.into()));
    }
    Ok(RunReport {
        ending,
        steps: run.position.step,
        best: run.position.best,
        is_averaged: config.ema_decay.is_some(),
        elapsed_ms: run.pace.elapsed_ms(host.now_ms()),
    })
}

/// A network with the initial weights of a run.
pub(super) async fn new_network(
    host: &impl Host,
    data: &DeviceDataset,
    config: &RunConfig,
) -> Result<Network, Failure> {
    let mut random = random(config.seed, Purpose::Weights);
    let (shape, n_classes, device) = (data.shape(), data.n_classes(), data.device());
    match config.network.pretrained {
        None => Ok(Network::new(&config.network, shape, n_classes, &mut random, &device)?),
        Some(pretrained) => {
            let file = host.pretrained(pretrained).await?;
            Network::pretrained(&config.network, pretrained, &file, (shape, n_classes), &mut random, &device)
        }
    }
}

/// A trainer of a network that has the initial weights of a run.
pub(super) fn new_trainer(network: Network, data: &DeviceDataset, config: &RunConfig) -> Result<Trainer, Failure> {
    Trainer::new(network, config, &data.train_class_counts(), random(config.seed, Purpose::Dropout))
}

/// The first checkpoint is due after this share of the interval: visitors leave in the first seconds, too.
const FIRST_CHECKPOINT: f64 = 0.2;

/// A run in progress.
struct Run<'a, H> {
    host: &'a H,
    control: &'a Control,
    data: &'a DeviceDataset,
    published: &'a Published,
    config: &'a RunConfig,
    plan: Plan,
    trainer: Trainer,
    /// What the trainer's lesson was made of, for checkpoints.
    teacher: Option<Teacher>,
    /// The outputs of frozen layers, if they are kept.
    kept: Option<KeptFeatures>,
    position: Position,
    /// The network that `position.best` reports on.
    best_network: Option<Network>,
    /// Outcomes since the last report.
    tally: Tally,
    pace: Pace,
    /// Whether the last step updated the weights: then no gradients are pending.
    is_updated: bool,
    last_samples_ms: f64,
    last_checkpoint_ms: f64,
    checkpoint_cost_ms: f64,
    /// When the next snapshot of the network is due, if it is monitored.
    snapshot_clock: SnapshotClock,
}

impl<H: Host> Run<'_, H> {
    async fn train_to_end(&mut self) -> Result<Ending, Failure> {
        loop {
            if let Some(ending) = self.train_epoch().await? {
                return Ok(ending);
            }
            self.position.epoch += 1;
        }
    }

    /// Trains an epoch, or the rest of one after a checkpoint; returns how the run ends, if it does.
    async fn train_epoch(&mut self) -> Result<Option<Ending>, Failure> {
        let train = self.data.part(SplitName::Train);
        let order = self.data.select(self.plan.order(train, self.config.seed, self.position.epoch));
        while self.position.step_in_epoch(&self.plan) < self.plan.steps_per_epoch {
            if self.position.step >= self.plan.total_steps {
                return Ok(Some(Ending::StepLimit));
            }
            if self.is_stopped().await? {
                self.report().await?;
                return Ok(Some(Ending::Stopped));
            }
            self.take_changes();
            self.step(&order);
            self.prune().await?;
            let is_last = self.position.step == self.plan.total_steps;
            let report_is_due = self.pace.step_is_due(self.host.now_ms()) || is_last;
            // With gradient accumulation, reports may never fall on an update, so a checkpoint does not wait for one.
            let checkpoint_is_due = self.is_updated && self.checkpoint_is_due();
            if report_is_due || checkpoint_is_due {
                self.report().await?;
            }
            if checkpoint_is_due {
                self.keep_checkpoint().await?;
            }
            self.host.yield_now().await;
        }
        self.finish_epoch().await
    }

    /// Sleeps while the run is held or paused; returns whether it should stop.
    async fn is_stopped(&mut self) -> Result<bool, Failure> {
        if self.control.is_held() {
            self.report().await?;
            self.watched().sleep_through_hold().await;
        }
        if self.control.wish() == Wish::Pause {
            self.report().await?;
            // A visitor may leave during a pause.
            if self.host.checkpoint_interval_ms().is_some() {
                self.keep_checkpoint().await?;
            }
            self.watched().sleep_through_pause().await;
        }
        Ok(self.control.wish() == Wish::Stop)
    }

    /// Applies the hyperparameters that the visitor changed.
    fn take_changes(&mut self) {
        let Some(change) = self.control.take_change() else { return };
        let rates = self.position.rates;
        let wanted = Rates {
            learning_rate: change.learning_rate.unwrap_or(rates.learning_rate),
            weight_decay: change.weight_decay.unwrap_or(rates.weight_decay),
        };
        let Rates { learning_rate, weight_decay } = wanted;
        let checked = check_rates(learning_rate, weight_decay)
            .and_then(|()| change.augment.map_or(Ok(()), |augment| self.trainer.set_augment(augment)));
        if let Err(failure) = checked {
            return self.host.warn(failure);
        }
        self.position.rates = wanted;
        let (step, augment) = (self.position.step, self.trainer.changed_augment());
        self.host.emit(RunUpdate::Adjusted(Adjustment { step, learning_rate, weight_decay, augment }));
    }

    /// Trains the next batch of an epoch's order.
    fn step(&mut self, order: &Selection) {
        self.control.take_step();
        let n_batch = self.plan.batch_size;
        let start = self.position.step_in_epoch(&self.plan) as usize * n_batch;
        let selection = order.narrow(start, n_batch);
        let features = self.kept.as_ref().and_then(|kept| kept.for_step(&selection, &mut self.trainer));
        let batch = Batch { features, ..self.data.batch(selection) };
        let settings = self.settings();
        if self.control.watch().is_some() && self.snapshot_clock.is_due(self.host.now_ms()) {
            self.trainer.observe(self.position.step + 1);
        }
        self.tally.add(self.trainer.step(batch, settings));
        self.is_updated = settings.is_update;
        self.position.step += 1;
    }

    /// Sets more weights to zero, if that is due. What was best before the last time had more of them.
    async fn prune(&mut self) -> Result<(), Failure> {
        if self.is_updated && self.trainer.prune(self.position.step, self.plan.total_steps).await? {
            self.position.best = None;
            self.position.patience = Patience::new();
            self.best_network = None;
        }
        Ok(())
    }

    /// The settings of the next step.
    fn settings(&mut self) -> StepSettings {
        let Position { step, rates, plateau, .. } = self.position;
        let Plan { total_steps, steps_per_epoch, .. } = self.plan;
        let at = At { step, total_steps, steps_per_epoch, reduction: plateau.reduction };
        let learning_rate = learning_rate(&self.config.schedule, rates.learning_rate, at);
        self.position.last_learning_rate = learning_rate;
        let n_batches = self.position.step_in_epoch(&self.plan) + 1;
        let is_last = n_batches == steps_per_epoch || step + 1 == total_steps;
        StepSettings {
            rates: Rates { learning_rate, ..rates },
            // The last batch always updates, so that no gradients are pending when an epoch is evaluated.
            is_update: n_batches.is_multiple_of(self.config.batches_per_update) || is_last,
        }
    }

    fn watched(&mut self) -> Watched<'_, H> {
        Watched { host: self.host, control: self.control, pace: &mut self.pace, step: self.position.step }
    }
}
