//! Advice on the run in view.

pub mod panel;

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::state::{Curves, Run};
use crate::page::store::Store;
use kindling_core::advice::{Advice, Evidence, LayerHealth, advise};
use kindling_core::protocol::{DatasetSummary, LayerReport, LayersReport, UnitCount};

/// Advice on a run at its current progress. `layers` is from the latest snapshot of the network's internals.
fn of_run(run: &Run, curves: &Curves, dataset: Option<&DatasetSummary>, layers: &[LayerHealth]) -> Vec<Advice> {
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
        // A snapshot from before the last adjustment does not show that adjustment's effect.
        let since_step = run.adjustments.last().map_or(0, |adjustment| adjustment.step);
        let layers =
            store.inside.with_untracked(|inside| inside.latest().filter(|it| it.step > since_step).map(layers_of));
        let layers = layers.unwrap_or_default();
        Some(store.curves.with_untracked(|curves| of_run(run, curves, dataset.as_deref(), &layers)))
    });
    advice.unwrap_or_default()
}

/// The health of each layer in a snapshot.
fn layers_of(snapshot: &LayersReport) -> Vec<LayerHealth> {
    let health = |layer: &LayerReport| LayerHealth {
        layer: layer.index,
        dead_fraction: layer.dead_units.map(UnitCount::share),
        saturated_fraction: layer.saturated.map(f64::from),
    };
    snapshot.layers.iter().map(health).collect()
}

/// The advice that the page shows. It is updated only now and then, so that it can be read while the run continues.
pub fn use_advice(store: Store) -> Memo<Vec<Advice>> {
    /// The maximum number of steps between updates.
    const STEPS: u32 = 100;
    let moment = memo(move |_| {
        store.run.with(|state| {
            // No advice on trials: a search tries unusual settings on purpose.
            state.run().filter(|run| !store.is_trial(run.id)).map(|run| {
                let steps = run.plan.map_or(1, |plan| (plan.total_steps / 40).clamp(1, STEPS));
                (run.id, run.progress.step / steps, run.epochs.len(), run.adjustments.len(), state.is_active())
            })
        })
    });
    memo(move |_| {
        // `get`, not `track`: a memo that has never been read has no dependencies.
        match moment.get() {
            Some(_) => advice_now(store),
            None => Vec::new(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::state::RunPlan;
    use kindling_core::config::{NetworkConfig, RunConfig};
    use kindling_core::protocol::{Adjustment, RunId};

    #[test]
    fn after_a_change_of_the_rate_only_what_came_since_counts() {
        let network = NetworkConfig::new("Test", vec![]);
        let config = RunConfig { learning_rate: 5.0, ..RunConfig::new("mnist", network) };
        let mut run = Run::new(RunId(1), config);
        let mut curves = Curves::default();
        for step in 1..=400 {
            curves.train_loss.push(f64::from(step), if step < 200 { 50.0 } else { 1.0 });
        }
        run.plan = Some(RunPlan { steps_per_epoch: 100, total_steps: 400, parameters: 1 });
        run.progress.step = 400;
        run.adjustments.push(Adjustment { step: 200, learning_rate: 0.01, weight_decay: 0.0, augment: None });
        assert_eq!(of_run(&run, &curves, None, &[]), []);
    }
}
