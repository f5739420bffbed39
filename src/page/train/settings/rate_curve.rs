//! The learning rate over a whole run, from the schedule, the adjustments and the epochs so far. Pure.

use kindling_core::config::schedule::{At, Plateau, learning_rate};
use kindling_core::config::{RunConfig, ScheduleConfig};
use kindling_core::protocol::{Adjustment, EpochReport};
use kindling_core::runs::series::Point;

/// The maximum number of points of the curve.
const POINTS_LIMIT: u32 = 240;

/// What determines a run's learning rates, before or during the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    pub schedule: ScheduleConfig,
    /// The config's learning rate.
    pub base: f64,
    pub steps_per_epoch: u32,
    pub total_steps: u32,
    /// Adjustments made during the run.
    pub adjustments: Vec<Adjustment>,
    /// Reports of the completed epochs, for the plateau schedule.
    pub epochs: Vec<EpochReport>,
}

impl Course {
    /// The course of a run with this config on `n_train` training images.
    pub fn coming(config: &RunConfig, n_train: u32) -> Self {
        let length = config.length(n_train);
        Self {
            schedule: config.schedule,
            base: config.learning_rate,
            steps_per_epoch: length.steps_per_epoch,
            total_steps: u32::try_from(length.total_steps).unwrap_or(u32::MAX),
            adjustments: Vec::new(),
            epochs: Vec::new(),
        }
    }

    /// The learning rate of the next step after `step` completed steps.
    pub fn learning_rate(&self, step: u32) -> f64 {
        let adjustment = self.adjustments.iter().rfind(|adjustment| adjustment.step <= step);
        let base = adjustment.map_or(self.base, |adjustment| adjustment.learning_rate);
        let schedule = &self.schedule;
        let epochs = self.epochs.iter().take_while(|epoch| epoch.step <= step);
        let loss = |epoch: &EpochReport| epoch.validation_loss.map_or(f64::NAN, f64::from);
        let plateau = epochs.fold(Plateau::new(), |plateau, epoch| plateau.after(schedule, loss(epoch)));
        let (total_steps, steps_per_epoch) = (self.total_steps, self.steps_per_epoch);
        learning_rate(schedule, base, At { step, total_steps, steps_per_epoch, reduction: plateau.reduction })
    }

    /// Evenly spaced points from the first step to the last.
    pub fn curve(&self) -> Vec<Point> {
        let Some(last) = self.total_steps.checked_sub(1) else { return Vec::new() };
        let n_points = self.total_steps.min(POINTS_LIMIT);
        let n_intervals = u64::from(n_points - 1).max(1);
        let step = |index: u32| (u64::from(index) * u64::from(last) / n_intervals) as u32;
        (0..n_points).map(step).map(|step| self.point(step)).collect()
    }

    pub fn point(&self, step: u32) -> Point {
        Point { step: step.into(), value: self.learning_rate(step) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{NetworkConfig, ScheduleConfig};

    fn course(schedule: ScheduleConfig) -> Course {
        let network = NetworkConfig::new("Empty", vec![]);
        let config = RunConfig { schedule, learning_rate: 0.1, epochs: 4, ..RunConfig::new("mnist", network) };
        Course::coming(&RunConfig { batch_size: 10, ..config }, 105)
    }

    fn epoch(step: u32, validation_loss: f32) -> EpochReport {
        EpochReport {
            epoch: 0,
            step,
            train_loss: 1.0,
            train_accuracy: 0.5,
            validation_loss: Some(validation_loss),
            validation_accuracy: Some(0.5),
            is_best: false,
            elapsed_ms: 0.0,
        }
    }

    #[test]
    fn the_curve_runs_from_the_first_step_to_the_last() {
        let curve = course(ScheduleConfig::COSINE).curve();
        assert_eq!(curve.len(), 40);
        assert_eq!(curve[0], Point { step: 0.0, value: 0.1 });
        assert_eq!(curve[39].step, 39.0);
        assert!(curve[39].value < 0.001 && curve.windows(2).all(|pair| pair[0].value >= pair[1].value));
    }

    #[test]
    fn long_and_empty_runs_have_bounded_curves() {
        let long = Course { total_steps: u32::MAX, ..course(ScheduleConfig::ONE_CYCLE) }.curve();
        assert_eq!(long.len(), POINTS_LIMIT as usize);
        assert_eq!(long.last().map(|point| point.step), Some(f64::from(u32::MAX - 1)));
        assert_eq!(Course { total_steps: 1, ..course(ScheduleConfig::Constant) }.curve().len(), 1);
        assert_eq!(Course { total_steps: 0, ..course(ScheduleConfig::Constant) }.curve(), []);
    }

    #[test]
    fn a_changed_rate_is_the_base_from_its_step_on() {
        let mut course = course(ScheduleConfig::Constant);
        for (step, learning_rate) in [(7, 0.02), (9, 0.01)] {
            course.adjustments.push(Adjustment { step, learning_rate, weight_decay: 0.0, augment: None });
        }
        assert_eq!([6, 7, 8, 9, 30].map(|step| course.learning_rate(step)), [0.1, 0.02, 0.02, 0.01, 0.01]);
    }

    #[test]
    fn a_plateau_lowers_the_rate_once_the_loss_has_not_fallen() {
        let schedule =
            ScheduleConfig::Plateau { factor: 0.5, patience: 0, threshold: 0.0, cooldown: 0, least_rate: 0.0 };
        let mut course = course(schedule);
        course.epochs = vec![epoch(10, 1.0), epoch(20, 1.5)];
        assert_eq!([0, 19, 20].map(|step| course.learning_rate(step)), [0.1, 0.1, 0.05]);
    }
}
