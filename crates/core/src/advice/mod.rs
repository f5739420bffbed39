//! Advice drawn from a run's curves, with the figures that it rests on; it never changes anything by itself.

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

/// What advice is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub config: &'a RunConfig,
    /// In force; the schedule starts from it.
    pub learning_rate: f64,
    /// Since that rate is in force.
    pub train_loss: &'a [Point],
    pub epochs: &'a [EpochReport],
    /// Share of the planned steps that are done, 0 to 1.
    pub fraction: f64,
    /// Train images of each class.
    pub class_counts: &'a [u32],
    /// Those that were looked into; none where nobody looked.
    pub layers: &'a [LayerHealth],
}

/// What a look inside the network found of one layer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerHealth {
    /// Its place in the network's list of layers.
    pub layer: u32,
    /// Share of the units of a ReLU that are 0 for every image looked at, 0 to 1.
    pub dead_share: Option<f64>,
    /// Share of the outputs of a sigmoid or tanh that are at an end of its range, 0 to 1.
    pub saturated_share: Option<f64>,
}

/// What seems to be wrong, with the figures that show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Advice {
    RateTooHigh {
        learning_rate: f64,
        sign: RateSign,
    },
    RateTooLow {
        learning_rate: f64,
        /// The train loss at first and now.
        first_loss: f64,
        loss: f64,
        /// Steps between both.
        steps: u32,
    },
    OverFitting {
        /// The first epoch after the one with the lowest validation loss, from 0.
        since_epoch: u32,
        /// The lowest validation loss, and the newest.
        lowest_loss: f32,
        loss: f32,
        /// The train loss in the same two epochs.
        train_loss_then: f32,
        train_loss: f32,
    },
    /// Of the layer with most of them.
    DeadUnits {
        layer: u32,
        share: f64,
    },
    /// Of the layer with most of them.
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

/// Nothing for a run that is well, or that is too young to tell.
pub fn advise(evidence: &Evidence) -> Vec<Advice> {
    let dead = layers::dead_units(evidence.layers);
    let rate = rate::too_high(evidence).or_else(|| {
        // A network whose units are dead learns nothing at any rate.
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
