//! Checkpoints of a run: when they are made, what goes into them, and how a run goes on from one.

use super::Run;
use crate::device::parameters::Collector;
use crate::training::checkpoint::{Checkpoint, Position, unreadable};
use crate::training::host::Host;
use crate::training::pace::Pace;
use crate::training::plan::Plan;
use kindling_core::protocol::{Failure, RunUpdate};

/// Share of the run's time that checkpoints may take.
const CHECKPOINT_SHARE: f64 = 0.02;

/// The best network's part of a checkpoint.
const BEST: &str = "best";

impl<H: Host> Run<'_, H> {
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let Some(interval_ms) = self.host.checkpoint_interval_ms() else { return false };
        let since_ms = self.host.now_ms() - self.last_checkpoint_ms;
        // Large networks are kept less often.
        self.control.wants_checkpoint() || since_ms >= interval_ms.max(self.checkpoint_cost_ms / CHECKPOINT_SHARE)
    }

    /// Tells all that is needed to go on from here, where no gradients wait for their update; after a report.
    pub(super) async fn keep_checkpoint(&mut self) -> Result<(), Failure> {
        if !self.is_updated {
            return Ok(());
        }
        let since_ms = self.host.now_ms();
        let mut collector = Collector::default();
        let trainer = self.trainer.collect(&mut collector);
        if let Some((_, best)) = &self.best {
            collector.network(BEST, best);
        }
        let tensors = collector.read().await?;
        let position = Position {
            step: self.step,
            epoch: self.epoch,
            rates: self.rates,
            last_learning_rate: self.last_learning_rate,
            plateau: self.plateau,
            patience: self.patience,
            epoch_tally: self.epoch_tally,
            best: self.best.as_ref().map(|(report, _)| *report),
            pace: self.pace.state(since_ms),
            trainer,
            augment: self.augment,
        };
        let bytes = Checkpoint { position, tensors }.to_bytes()?;
        self.host.emit(RunUpdate::Checkpoint { step: self.step, bytes: bytes.into() });
        self.control.was_kept();
        self.last_checkpoint_ms = self.host.now_ms();
        self.checkpoint_cost_ms = self.last_checkpoint_ms - since_ms;
        Ok(())
    }

    /// Becomes the run that a checkpoint is of.
    pub(super) fn restore(&mut self, Checkpoint { position, tensors }: Checkpoint) -> Result<(), Failure> {
        let Plan { steps_per_epoch, total_steps, .. } = self.plan;
        let done = u64::from(position.epoch) * u64::from(steps_per_epoch);
        let is_in_epoch = (done..=done + u64::from(steps_per_epoch)).contains(&u64::from(position.step));
        if position.epoch >= self.config.epochs || position.step > total_steps || !is_in_epoch {
            return Err(unreadable(format!("step {} of epoch {} is not in this run", position.step, position.epoch)));
        }
        // Before its generator: it may be of another config than the run began with.
        self.set_augment(position.augment).map_err(unreadable)?;
        self.trainer.restore(position.trainer, &tensors)?;
        if let Some(report) = position.best {
            self.best = Some((report, self.trainer.answering().restored(BEST, &tensors).map_err(unreadable)?));
        }
        self.step = position.step;
        self.epoch = position.epoch;
        self.rates = position.rates;
        self.last_learning_rate = position.last_learning_rate;
        self.plateau = position.plateau;
        self.patience = position.patience;
        self.epoch_tally = position.epoch_tally;
        self.pace = Pace::restored(position.pace, self.host.now_ms());
        self.is_updated = true;
        self.published.set(self.trainer.answering());
        Ok(())
    }
}
