//! Checkpoints of a run: when they are made, what goes into them, and how a run resumes from one.

use super::Run;
use crate::device::parameters::Collector;
use crate::training::checkpoint::{Checkpoint, unreadable};
use crate::training::host::Host;
use crate::training::pace::Pace;
use kindling_core::protocol::{Failure, RunUpdate};

/// The fraction of the run's time that checkpoints may take.
const CHECKPOINT_FRACTION: f64 = 0.02;

/// The part of a checkpoint that holds the best network.
const BEST: &str = "best";

impl<H: Host> Run<'_, H> {
    pub(super) fn checkpoint_is_due(&self) -> bool {
        let Some(interval_ms) = self.host.checkpoint_interval_ms() else { return false };
        let since_ms = self.host.now_ms() - self.last_checkpoint_ms;
        // Checkpoints of large networks are made less often.
        self.control.wants_checkpoint() || since_ms >= interval_ms.max(self.checkpoint_cost_ms / CHECKPOINT_FRACTION)
    }

    /// Emits a checkpoint of the current position, unless gradients are pending. Call after a report, when no losses are pending.
    pub(super) async fn keep_checkpoint(&mut self) -> Result<(), Failure> {
        if !self.is_updated {
            return Ok(());
        }
        let since_ms = self.host.now_ms();
        let mut collector = Collector::default();
        let trainer = self.trainer.collect(&mut collector);
        if let Some(best) = &self.best_network {
            collector.network(Some(BEST), best);
        }
        let tensors = collector.read().await?;
        let (position, pace) = (self.position, self.pace.state(since_ms));
        let teacher = self.teacher.clone();
        let bytes = Checkpoint { position, pace, trainer, tensors, teacher }.to_bytes()?;
        self.host.emit(RunUpdate::Checkpoint { step: position.step, bytes: bytes.into() });
        self.control.was_kept();
        self.last_checkpoint_ms = self.host.now_ms();
        self.checkpoint_cost_ms = self.last_checkpoint_ms - since_ms;
        Ok(())
    }

    /// Restores the run that a checkpoint was made of.
    pub(super) fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), Failure> {
        let Checkpoint { position, pace, trainer, tensors, teacher: _ } = checkpoint;
        if !position.is_in(&self.plan, self.config) {
            return Err(unreadable(format!("step {} of epoch {} is not in this run", position.step, position.epoch)));
        }
        self.trainer.restore(trainer, &tensors, [position.step, self.plan.total_steps])?;
        if position.best.is_some() {
            self.best_network = Some(self.trainer.inference_network().restored(BEST, &tensors).map_err(unreadable)?);
        }
        self.position = position;
        self.pace = Pace::restored(pace, self.host.now_ms());
        self.is_updated = true;
        self.published.set(self.trainer.inference_network());
        Ok(())
    }
}
