//! Advice: diagnoses drawn from a run's curves, with the numbers that support them. It never changes anything itself.

mod balance;
mod layers;
mod over_fitting;
mod rate;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::rate::RateSign;
use crate::config::RunConfig;
use crate::protocol::EpochReport;
use crate::runs::series::Point;

/// The input of the diagnoses.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub config: &'a RunConfig,
    /// The current base learning rate of the schedule.
    pub learning_rate: f64,
    /// Training loss since that base learning rate took effect.
    pub train_loss: &'a [Point],
    pub epochs: &'a [EpochReport],
    /// Fraction of the planned steps that are done, 0 to 1.
    pub fraction: f64,
    /// Train images per class.
    pub class_counts: &'a [u32],
    /// The monitored layers; empty if monitoring is off.
    pub layers: &'a [LayerHealth],
}

/// Dead and saturated units of one layer, from monitoring.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerHealth {
    /// Index in the network's list of layers.
    pub layer: u32,
    /// Fraction of a ReLU's units that are 0 for every monitored image, 0 to 1.
    pub dead_fraction: Option<f64>,
    /// Fraction of a sigmoid's or tanh's outputs that are at an end of its range, 0 to 1.
    pub saturated_fraction: Option<f64>,
}

/// A probable problem, with the numbers that indicate it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Advice {
    RateTooHigh {
        learning_rate: f64,
        sign: RateSign,
    },
    RateTooLow {
        learning_rate: f64,
        /// The first and the latest training loss.
        first_loss: f64,
        loss: f64,
        /// Steps between the two.
        steps: u32,
    },
    OverFitting {
        /// The first epoch after the one with the lowest validation loss, from 0.
        since_epoch: u32,
        /// The lowest and the latest validation loss.
        lowest_loss: f32,
        loss: f32,
        /// The training loss of the same two epochs.
        train_loss_then: f32,
        train_loss: f32,
    },
    /// The layer with the highest fraction of dead units.
    DeadUnits {
        layer: u32,
        share: f64,
    },
    /// The layer with the highest fraction of saturated outputs.
    SaturatedOutputs {
        layer: u32,
        share: f64,
    },
    UnbalancedClasses {
        largest: u16,
        largest_count: u32,
        smallest: u16,
        smallest_count: u32,
    },
}

/// Diagnoses a run. Returns nothing for a healthy run, or before there is enough evidence.
pub fn advise(evidence: &Evidence) -> Vec<Advice> {
    let dead = layers::dead_units(evidence.layers);
    let rate = rate::too_high(evidence).or_else(|| {
        // A network with dead units learns nothing at any learning rate.
        if dead.is_none() { rate::too_low(evidence) } else { None }
    });
    let all = [
        rate,
        over_fitting::over_fitting(evidence.epochs),
        dead,
        layers::saturated_outputs(evidence.layers),
        balance::unbalanced_classes(evidence),
    ];
    all.into_iter().flatten().collect()
}
