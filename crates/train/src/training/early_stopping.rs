//! Early stopping, and the choice of a run's best network.

use serde::{Deserialize, Serialize};

use kindling_core::config::{EarlyStopping, Metric};
use kindling_core::protocol::EpochReport;

/// Counts the epochs without an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patience {
    best: Option<f64>,
    epochs_without: u32,
}

impl Patience {
    pub fn new() -> Self {
        Self { best: None, epochs_without: 0 }
    }

    /// The patience after an epoch. As in Keras, only an improvement by more than the min delta counts.
    pub fn after(mut self, config: &EarlyStopping, report: &EpochReport) -> Self {
        // Higher is better.
        let score = match config.metric {
            Metric::ValidationLoss => report.validation_loss.map(|loss| -f64::from(loss)),
            Metric::ValidationAccuracy => report.validation_accuracy.map(f64::from),
        };
        if let Some(score) = score
            && self.best.is_none_or(|best| score > best + config.least_improvement)
        {
            self.best = Some(score);
            self.epochs_without = 0;
        } else {
            self.epochs_without += 1;
        }
        self
    }

    pub fn is_exhausted(&self, config: &EarlyStopping) -> bool {
        self.epochs_without >= config.patience
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether an epoch is better than the best before it: by the metric, and on a tie by the other metric. Without a validation split,
/// there is neither, and the later network is the better.
pub fn is_better(report: &EpochReport, best: &EpochReport, metric: Metric) -> bool {
    if report.validation_accuracy.is_none() {
        return true;
    }
    let (accuracy, best_accuracy) = (report.validation_accuracy, best.validation_accuracy);
    // A loss that is not finite is absent, and worse than any other.
    let [loss, best_loss] = [report, best].map(|report| report.validation_loss.unwrap_or(f32::INFINITY));
    match metric {
        Metric::ValidationAccuracy => accuracy > best_accuracy || (accuracy == best_accuracy && loss < best_loss),
        Metric::ValidationLoss => loss < best_loss || (loss == best_loss && accuracy > best_accuracy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(validation_loss: f32, validation_accuracy: f32) -> EpochReport {
        EpochReport {
            epoch: 0,
            step: 1,
            train_loss: 0.0,
            train_accuracy: 0.0,
            validation_loss: Some(validation_loss).filter(|loss| loss.is_finite()),
            validation_accuracy: Some(validation_accuracy),
            is_best: false,
            elapsed_ms: 0.0,
        }
    }

    /// Checks after how many epochs with these losses a run ends.
    fn check(config: &EarlyStopping, losses: &[f32], expected: Option<usize>) {
        let mut patience = Patience::new();
        let ended = losses.iter().position(|&loss| {
            patience = patience.after(config, &report(loss, 1.0 - loss));
            patience.is_exhausted(config)
        });
        assert_eq!(ended.map(|position| position + 1), expected, "{config:?} {losses:?}");
    }

    #[test]
    fn it_ends_after_so_many_epochs_without_an_improvement() {
        let config = EarlyStopping { metric: Metric::ValidationLoss, patience: 2, least_improvement: 0.0 };
        check(&config, &[0.5, 0.4, 0.5, 0.4], Some(4));
        check(&config, &[0.5, 0.6, 0.4, 0.5, 0.3, 0.2], None);
        check(&config, &[0.5, f32::NAN, f32::NAN], Some(3));
        check(&EarlyStopping { metric: Metric::ValidationAccuracy, ..config }, &[0.5, 0.4, 0.5, 0.4], Some(4));
        check(&EarlyStopping { patience: 1, ..config }, &[0.5, 0.5], Some(2));
    }

    #[test]
    fn small_improvements_add_up_to_one() {
        let config = EarlyStopping { metric: Metric::ValidationLoss, patience: 3, least_improvement: 0.1 };
        // The third is 0.15 below the recorded best, though only 0.07 below the second.
        check(&config, &[1.0, 0.92, 0.85, 0.84, 0.83, 0.82], Some(6));
        check(&config, &[1.0, 0.97, 0.95, 0.93], Some(4));
    }

    #[test]
    fn the_metric_decides_and_the_other_breaks_ties() {
        let (sure, right) = (report(0.2, 0.8), report(0.3, 0.9));
        assert!(is_better(&right, &sure, Metric::ValidationAccuracy));
        assert!(is_better(&sure, &right, Metric::ValidationLoss));
        assert!(is_better(&report(0.1, 0.8), &sure, Metric::ValidationAccuracy));
        assert!(!is_better(&sure, &sure, Metric::ValidationLoss));
        let exploded = report(f32::INFINITY, 0.8);
        assert!(is_better(&sure, &exploded, Metric::ValidationLoss));
        assert!(!is_better(&exploded, &sure, Metric::ValidationLoss));
    }
}
