//! Charts of the run's training and validation loss and accuracy, over epochs, with earlier runs behind them.

use std::sync::Arc;

use leptos::prelude::*;

use super::adjustments::{Adjustments, marks, use_changes};
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::log_scale::{LogScale, scale_of};
use crate::page::charts::scale::Bounds;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::state::Curves;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::TermLink;
use kindling_core::protocol::EpochReport;
use kindling_core::runs::series::{Point, Series};

const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };
const ACCURACY: Bounds = Bounds { lowest: 0.0, highest: 1.0, is_whole: true };

/// Maximum number of earlier runs behind the curves.
const EARLIER_LIMIT: usize = 3;

/// One of the two charts: where its values are.
#[derive(Clone, Copy)]
struct Source {
    train: fn(&Curves) -> &Series,
    validation: fn(&Curves) -> &Series,
    /// The mean over an epoch's training.
    train_mean: fn(&EpochReport) -> Option<f32>,
    validated: fn(&EpochReport) -> Option<f32>,
}

const OF_LOSS: Source = Source {
    train: |curves| &curves.train_loss,
    validation: |curves| &curves.validation_loss,
    train_mean: |epoch| Some(epoch.train_loss),
    validated: |epoch| epoch.validation_loss,
};

const OF_ACCURACY: Source = Source {
    train: |curves| &curves.train_accuracy,
    validation: |curves| &curves.validation_accuracy,
    train_mean: |epoch| Some(epoch.train_accuracy),
    validated: |epoch| epoch.validation_accuracy,
};

pub const PART: Part = part!(workbench::curves, RunCharts);

/// Shown even before the first run, so that the layout does not shift when a run starts.
#[component]
fn RunCharts() -> impl IntoView {
    let store = use_store();
    let is_log = RwSignal::new(false);
    let is_fitted = RwSignal::new(false);
    // None until the visitor chooses one: it then suits the length of the run.
    let chosen_smoothing = RwSignal::new(None::<f64>);
    let n_points = memo(move |_| store.curves.with(|curves| curves.train_loss.points().len()));
    let smoothing = memo(move |_| chosen_smoothing.get().unwrap_or_else(|| suitable_smoothing(n_points.get())));
    // Losses come step by step, but earlier builds kept an accuracy for several steps: both curves are averaged over as many steps.
    let accuracy_smoothing = memo(move |_| {
        let n_accuracies = store.curves.with(|curves| curves.train_accuracy.points().len());
        spread(smoothing.get(), n_points.get() as f64 / n_accuracies.max(1) as f64)
    });
    let kind = scale_of(is_log);
    let accuracy = Signal::derive(move || Bounds { is_whole: !is_fitted.get(), ..ACCURACY });
    let steps_per_epoch =
        memo(move |_| store.run.with(|run| run.run().and_then(|run| run.plan).map(|plan| plan.steps_per_epoch)));
    let stride = memo(move |_| store.curves.with(|curves| curves.train_loss.stride()));
    let epochs = memo(move |_| store.run.with(|state| state.run().map(|run| run.epochs.clone()).unwrap_or_default()));
    let earlier = use_earlier_runs(epochs);
    let lines = move |source: Source| {
        Signal::derive(move || {
            let epochs = epochs.read();
            let mut lines = store.curves.with(|curves| {
                let train = (source.train)(curves).points();
                let figures = Some(epoch_means(&epochs, train, source.train_mean));
                vec![
                    Line { figures, ..Line::new(train, LineStyle::Noisy) },
                    Line::new((source.validation)(curves).points(), LineStyle::Marked),
                ]
            });
            let steps = steps_per_epoch.get().unwrap_or_default();
            lines.extend(earlier.read().iter().map(|epochs| ghost(epochs, steps, source.validated)));
            lines
        })
    };
    let changes = use_changes();
    let marks = Signal::derive(move || marks(&changes.read()));
    let names = Signal::derive(move || {
        let earlier = (!earlier.read().is_empty()).then(|| tr!(train.earlier_runs));
        [tr!(train.on_train), tr!(train.on_validation)].into_iter().chain(earlier).collect::<Vec<_>>()
    });
    let step_name = move |step: f64| match steps_per_epoch.get() {
        Some(steps) if steps > 0 => {
            tr!(train.at_step, step = count(step as u64), epoch = format!("{:.1}", step / f64::from(steps)))
        }
        _ => String::new(),
    };
    let x_name = Signal::derive(move || match steps_per_epoch.get() {
        Some(_) => tr!(train.epochs_axis),
        None => tr!(runs.step_axis),
    });
    let empty = Signal::derive(move_tr!(train.charts_wait));
    // The pointer on one chart shows the same step in the other.
    let cursor = RwSignal::new(None::<f64>);
    view! {
        <div class="chart-tools">
            <label class="inline-field">
                <span>{move_tr!(train.smoothing)}</span>
                <input
                    type="range"
                    min="0"
                    max="1"
                    step="0.05"
                    prop:value=move || smoothing.get().to_string()
                    on:input:target=move |event| chosen_smoothing.set(Some(event.target().value_as_number()))
                />
            </label>
            <LogScale is_log />
            <label class="inline-field">
                <input
                    type="checkbox"
                    prop:checked=move || is_fitted.get()
                    on:change:target=move |event| is_fitted.set(event.target().checked())
                />
                <span>{move_tr!(train.fit_axis)}</span>
            </label>
            <details class="charts-help">
                <summary>{move_tr!(train.charts_read)}</summary>
                <p class="hint">
                    {move_tr!(train.charts_help)}" "<TermLink term=key_tr!(train.charts_help) />
                    {move || (stride.get() > 1).then(|| format!(" {}", tr!(train.averaged, stride = stride.get())))}
                </p>
            </details>
        </div>
        <div class="chart-pair">
            <Chart
                name=Signal::derive(move_tr!(train.loss))
                lines=lines(OF_LOSS)
                line_names=names
                format=figure
                bounds=LOSS
                kind
                smoothing
                step_name
                x_name
                empty
                steps_per_epoch
                marks
                cursor
            />
            <Chart
                name=Signal::derive(move_tr!(train.accuracy))
                lines=lines(OF_ACCURACY)
                line_names=names
                format=percent
                bounds=accuracy
                kind
                smoothing=accuracy_smoothing
                step_name
                x_name
                empty
                steps_per_epoch
                marks
                cursor
            />
        </div>
        <Adjustments changes />
    }
}

/// The reports of the latest earlier runs on the dataset of the run in view, newest first. The epochs of the run in view tell it from the
/// others once it is among them.
fn use_earlier_runs(epochs: Memo<Vec<EpochReport>>) -> Memo<Vec<Vec<EpochReport>>> {
    let store = use_store();
    let runs = use_runs();
    let dataset = memo(move |_| store.run.with(|state| state.run().map(|run| run.config.dataset.clone())));
    memo(move |_| {
        let Some(dataset) = dataset.get() else { return Vec::new() };
        let (list, epochs) = (runs.list.read(), epochs.read());
        let is_earlier = |of: &[EpochReport]| !of.is_empty() && *of != **epochs;
        let earlier = list.iter().rev().filter(|it| it.config.dataset == dataset && is_earlier(&it.epochs));
        earlier.take(EARLIER_LIMIT).map(|record| record.epochs.clone()).collect()
    })
}

/// The validation of an earlier run, epoch by epoch: its epochs may have had another number of steps.
fn ghost(epochs: &[EpochReport], steps_per_epoch: u32, validated: fn(&EpochReport) -> Option<f32>) -> Line {
    let point = |epoch: &EpochReport| {
        let step = f64::from(epoch.epoch + 1) * f64::from(steps_per_epoch);
        Some(Point { step, value: validated(epoch)?.into() })
    };
    Line::new(epochs.iter().filter_map(point).collect::<Vec<_>>(), LineStyle::Ghost)
}

/// The mean of each complete epoch; before the end of the first one, the mean of all steps so far.
fn epoch_means(epochs: &[EpochReport], steps: &[Point], mean: fn(&EpochReport) -> Option<f32>) -> Arc<[Point]> {
    let point = |epoch: &EpochReport| Some(Point { step: epoch.step.into(), value: mean(epoch)?.into() });
    match (epochs, steps.last()) {
        ([], Some(last)) => {
            let sum = steps.iter().map(|step| step.value).sum::<f64>();
            [Point { step: last.step, value: sum / steps.len() as f64 }].into()
        }
        _ => epochs.iter().filter_map(point).collect(),
    }
}

/// Averages over about the fortieth part of a long run; a short run is hardly smoothed, so that its curve is where its values are.
fn suitable_smoothing(n_points: usize) -> f64 {
    const SHORT: usize = 200;
    let limit = if n_points < SHORT { 0.6 } else { 0.9 };
    (1.0 - 40.0 / n_points.max(1) as f64).clamp(0.0, limit)
}

/// The smoothing of points that each stand for so many points of another curve, over the same stretch as there.
fn spread(smoothing: f64, n_points: f64) -> f64 {
    smoothing.powf(n_points.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u32, train_loss: f32) -> EpochReport {
        EpochReport {
            epoch,
            step: (epoch + 1) * 10,
            train_loss,
            train_accuracy: 0.5,
            validation_loss: Some(0.25),
            validation_accuracy: None,
            is_best: false,
            elapsed_ms: 1.0,
        }
    }

    #[test]
    fn short_runs_are_hardly_smoothed() {
        assert_eq!(suitable_smoothing(0), 0.0);
        assert_eq!(suitable_smoothing(14), 0.0);
        assert_eq!(suitable_smoothing(199), 0.6);
        assert_eq!(suitable_smoothing(2_000), 0.9);
    }

    #[test]
    fn points_that_stand_for_several_are_smoothed_less() {
        assert_eq!(spread(0.9, 1.0), 0.9);
        assert!((spread(0.9, 2.0) - 0.81).abs() < 1e-9);
        assert!(spread(0.9, 10.0) < 0.4);
        // No points yet.
        assert_eq!(spread(0.0, 0.0), 0.0);
    }

    #[test]
    fn the_legend_gives_the_means_of_epochs() {
        let steps = [(5.0, 2.0), (6.0, 1.0)].map(|(step, value)| Point { step, value });
        assert_eq!(*epoch_means(&[], &steps, OF_LOSS.train_mean), [Point { step: 6.0, value: 1.5 }]);
        let means = epoch_means(&[epoch(0, 0.75), epoch(1, 0.5)], &steps, OF_LOSS.train_mean);
        assert_eq!(*means, [Point { step: 10.0, value: 0.75 }, Point { step: 20.0, value: 0.5 }]);
        assert!(epoch_means(&[], &[], OF_LOSS.train_mean).is_empty());
    }

    #[test]
    fn an_earlier_run_is_drawn_by_its_epochs() {
        let line = ghost(&[epoch(0, 1.0), epoch(1, 1.0)], 30, OF_LOSS.validated);
        assert_eq!(line.points.iter().map(|point| point.step).collect::<Vec<_>>(), [30.0, 60.0]);
        assert!(ghost(&[epoch(0, 1.0)], 30, OF_ACCURACY.validated).points.is_empty());
    }
}
