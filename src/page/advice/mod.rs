//! Advice drawn from a run's curves, with the figures that it rests on. Pure; it never changes anything by itself.

mod balance;
mod layers;
mod over_fitting;
mod rate;
#[cfg(test)]
mod tests;
pub mod text;

use leptos::prelude::*;
use serde::Serialize;

pub use self::rate::RateSign;
use super::reactive::memo;
use super::state::{Curves, Run};
use super::store::Store;
use kindling_core::config::RunConfig;
use kindling_core::protocol::{DatasetSummary, EpochReport, LayerReport, LayersReport, UnitCount};
use kindling_core::runs::series::Point;

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

/// Where the visitor can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A setting of the run, by the id of its field.
    Setting(&'static str),
    /// The network's layers.
    Network,
}

impl Advice {
    pub fn place(&self) -> Place {
        match self {
            Self::RateTooHigh { .. } | Self::RateTooLow { .. } => Place::Setting("field-learning-rate"),
            Self::OverFitting { .. } => Place::Setting("field-early-stopping"),
            Self::DeadUnits { .. } | Self::SaturatedOutputs { .. } => Place::Network,
            // Class weights belong to one of the losses, and stand below it.
            Self::UnbalancedClasses { .. } => Place::Setting("field-loss"),
        }
    }
}

/// On a run as far as it has come. `layers` is what a look inside found.
pub fn of_run(run: &Run, curves: &Curves, dataset: Option<&DatasetSummary>, layers: &[LayerHealth]) -> Vec<Advice> {
    let last_change = run.adjustments.last();
    let since_step = last_change.map_or(0.0, |adjustment| adjustment.step.into());
    let points = curves.train_loss.points();
    let first = points.partition_point(|point| point.step <= since_step);
    let dataset = dataset.filter(|dataset| dataset.id == run.config.dataset);
    let class_counts: Vec<u32> =
        dataset.map(|dataset| dataset.class_counts.iter().map(|counts| counts.train).collect()).unwrap_or_default();
    advise(&Evidence {
        config: &run.config,
        learning_rate: last_change.map_or(run.config.learning_rate, |adjustment| adjustment.learning_rate),
        train_loss: points.get(first..).unwrap_or_default(),
        epochs: &run.epochs,
        fraction: run.fraction(),
        class_counts: &class_counts,
        layers,
    })
}

/// Advice on the run in view as it is now; not tracked.
pub fn advice_now(store: Store) -> Vec<Advice> {
    let dataset = store.dataset.with_untracked(|dataset| dataset.current.clone());
    let advice = store.run.with_untracked(|state| {
        let run = state.run()?;
        // A look from before the last change of the rates says nothing of what came of it.
        let since_step = run.adjustments.last().map_or(0, |adjustment| adjustment.step);
        let layers =
            store.inside.with_untracked(|inside| inside.latest().filter(|look| look.step > since_step).map(layers_of));
        let layers = layers.unwrap_or_default();
        Some(store.curves.with_untracked(|curves| of_run(run, curves, dataset.as_deref(), &layers)))
    });
    advice.unwrap_or_default()
}

/// What a look found of its layers.
fn layers_of(look: &LayersReport) -> Vec<LayerHealth> {
    let health = |layer: &LayerReport| LayerHealth {
        layer: layer.index,
        dead_share: layer.dead_units.map(UnitCount::share),
        saturated_share: layer.saturated.map(f64::from),
    };
    look.layers.iter().map(health).collect()
}

/// The advice that the page shows: renewed now and then, so that it can be read while the run goes on.
pub fn use_advice(store: Store) -> Memo<Vec<Advice>> {
    /// Steps after which advice is renewed at the latest.
    const STEPS: u32 = 100;
    let moment = memo(move |_| {
        store.run.with(|state| {
            // A search tries odd settings on purpose.
            state.run().filter(|run| !store.is_trial(run.id)).map(|run| {
                let steps = run.plan.map_or(1, |plan| (plan.total_steps / 40).clamp(1, STEPS));
                (run.id, run.progress.step / steps, run.epochs.len(), run.adjustments.len(), state.is_active())
            })
        })
    });
    memo(move |_| {
        // Read, not only tracked: a memo that nobody has read follows nothing.
        match moment.get() {
            Some(_) => advice_now(store),
            None => Vec::new(),
        }
    })
}
