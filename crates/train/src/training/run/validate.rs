//! The end of an epoch: its validation, the best network so far, and whether the run ends here.

use super::Run;
use crate::training::early_stopping::is_better;
use crate::training::host::Host;
use crate::training::predict::{mean_loss_and_accuracy, predict};
use kindling_core::config::Metric;
use kindling_core::protocol::{Ending, EpochReport, Failure, RunUpdate, SplitName};

impl<H: Host> Run<'_, H> {
    /// Evaluates on the validation split, and keeps the network if it is the best; returns how the run ends, if it does.
    pub(super) async fn finish_epoch(&mut self) -> Result<Option<Ending>, Failure> {
        self.report().await?;
        let network = self.trainer.inference_network();
        let (since_ms, paused_ms) = (self.host.now_ms(), self.pace.paused_ms());
        let validation = self.data.part(SplitName::Validation);
        let Some(predictions) =
            predict(&network, self.data, self.kept.clone().as_ref(), validation, &mut self.watched()).await?
        else {
            return Ok(Some(Ending::Stopped));
        };
        let now_ms = self.host.now_ms();
        let validating_ms = now_ms - since_ms - (self.pace.paused_ms() - paused_ms);
        self.pace.was_validated(validating_ms, now_ms);
        let (validation_loss, validation_accuracy) = mean_loss_and_accuracy(&predictions);
        let finite = |figure: f32| Some(figure).filter(|figure| figure.is_finite());
        let position = &mut self.position;
        let (train_loss, train_accuracy) = std::mem::take(&mut position.epoch_tally).means(self.plan.batch_size);
        let mut report = EpochReport {
            epoch: position.epoch,
            step: position.step,
            train_loss,
            train_accuracy,
            validation_loss: finite(validation_loss),
            validation_accuracy: finite(validation_accuracy),
            is_best: false,
            elapsed_ms: self.pace.elapsed_ms(now_ms),
        };
        let metric = self.config.early_stopping.map_or(Metric::ValidationAccuracy, |config| config.metric);
        report.is_best = position.best.is_none_or(|best| is_better(&report, &best, metric));
        if report.is_best {
            position.best = Some(report);
            self.best_network = Some(network);
        }
        position.plateau = position.plateau.after(&self.config.schedule, validation_loss.into());
        if let Some(config) = &self.config.early_stopping {
            position.patience = position.patience.after(config, &report);
        }
        self.host.emit(RunUpdate::Epoch(report));
        Ok(self.ending_after_epoch())
    }

    fn ending_after_epoch(&self) -> Option<Ending> {
        if self.position.epoch + 1 == self.config.epochs {
            Some(Ending::Completed)
        } else if self.position.step == self.plan.total_steps {
            Some(Ending::StepLimit)
        } else if self.config.early_stopping.is_some_and(|config| self.position.patience.is_exhausted(&config)) {
            Some(Ending::EarlyStopped)
        } else {
            None
        }
    }
}
