//! The learning rate of a step, as a function of the schedule and the position in the run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::ScheduleConfig;

/// A position in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// Steps done.
    pub step: u32,
    pub total_steps: u32,
    pub steps_per_epoch: u32,
    /// The plateau schedule's multiplier: [`Plateau::reduction`].
    pub reduction: f64,
}

/// The learning rate of the next step. `base` is the config's.
pub fn learning_rate(schedule: &ScheduleConfig, base: f64, at: At) -> f64 {
    let epoch = at.step / at.steps_per_epoch.max(1);
    match *schedule {
        ScheduleConfig::Constant => base,
        ScheduleConfig::Step { epochs, factor } => base * factor.powi((epoch / epochs.max(1)) as i32),
        ScheduleConfig::Exponential { factor } => base * factor.powi(epoch as i32),
        ScheduleConfig::Cosine { warm_up_steps, .. } if at.step < warm_up_steps => {
            base * (f64::from(at.step) + 1.0) / (f64::from(warm_up_steps) + 1.0)
        }
        ScheduleConfig::Cosine { warm_up_steps, least_rate } => {
            let fall = span(f64::from(warm_up_steps), f64::from(at.total_steps), at.step);
            anneal(base, least_rate.min(base), fall)
        }
        ScheduleConfig::OneCycle { rise, start_divisor, end_divisor } => {
            let start = base / start_divisor;
            // PyTorch's cycle reaches the base one step before the fraction `rise` of the steps is done, and its end in the last step.
            let top = rise * f64::from(at.total_steps) - 1.0;
            let last = f64::from(at.total_steps) - 1.0;
            match f64::from(at.step) <= top {
                true => anneal(start, base, span(0.0, top, at.step)),
                false => anneal(base, start / end_divisor, span(top, last, at.step)),
            }
        }
        ScheduleConfig::Plateau { least_rate, .. } => (base * at.reduction).max(least_rate.min(base)),
    }
}

/// Cosine annealing from `from` to `to`; `fraction` is 0 to 1.
fn anneal(from: f64, to: f64, fraction: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * fraction).cos())
}

/// The fraction of the way from `start` to `end` that is done, 0 to 1.
fn span(start: f64, end: f64, step: u32) -> f64 {
    if end <= start { 1.0 } else { ((f64::from(step) - start) / (end - start)).clamp(0.0, 1.0) }
}

/// The state of the plateau schedule: how long the validation loss has not improved, and the reductions so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    lowest: f64,
    epochs_without: u32,
    cooldown_left: u32,
    /// The multiplier of the base learning rate: the product of the reductions so far.
    pub reduction: f64,
}

impl Plateau {
    pub fn new() -> Self {
        Self { lowest: f64::INFINITY, epochs_without: 0, cooldown_left: 0, reduction: 1.0 }
    }

    /// The state after an epoch with this validation loss. Unchanged for other schedules.
    pub fn after(mut self, schedule: &ScheduleConfig, loss: f64) -> Self {
        let ScheduleConfig::Plateau { factor, patience, threshold, cooldown, .. } = *schedule else { return self };
        if loss < self.lowest * (1.0 - threshold) {
            self.lowest = loss;
            self.epochs_without = 0;
        } else {
            self.epochs_without += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.epochs_without = 0;
        }
        if self.epochs_without > patience {
            self.reduction *= factor;
            self.cooldown_left = cooldown;
            self.epochs_without = 0;
        }
        self
    }
}

impl Default for Plateau {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u32, total_steps: u32) -> At {
        At { step, total_steps, steps_per_epoch: 10, reduction: 1.0 }
    }

    #[test]
    fn odd_lengths_give_rates_in_range() {
        let cosine = ScheduleConfig::Cosine { warm_up_steps: 5, least_rate: 0.01 };
        let rise_only = ScheduleConfig::OneCycle { rise: 1.0, start_divisor: 25.0, end_divisor: 1e4 };
        for schedule in ScheduleConfig::ALL.into_iter().chain([cosine, rise_only]) {
            for total_steps in 1..8 {
                for step in 0..total_steps {
                    let rate = learning_rate(&schedule, 0.1, at(step, total_steps));
                    assert!(rate > 0.0 && rate <= 0.1, "{schedule:?} {step} of {total_steps}: {rate}");
                }
            }
        }
    }

    #[test]
    fn the_min_rate_does_not_raise_the_base() {
        let schedule =
            ScheduleConfig::Plateau { factor: 0.1, patience: 0, threshold: 0.0, cooldown: 0, least_rate: 0.5 };
        assert_eq!(learning_rate(&schedule, 0.2, at(0, 10)), 0.2);
        assert_eq!(learning_rate(&schedule, 0.2, At { reduction: 0.1, ..at(0, 10) }), 0.2);
    }

    #[test]
    fn a_loss_that_is_no_number_is_no_improvement() {
        let schedule =
            ScheduleConfig::Plateau { factor: 0.5, patience: 1, threshold: 0.0, cooldown: 0, least_rate: 0.0 };
        let plateau =
            [1.0, f64::NAN, f64::NAN].iter().fold(Plateau::new(), |plateau, &loss| plateau.after(&schedule, loss));
        assert_eq!(plateau.reduction, 0.5);
    }
}
