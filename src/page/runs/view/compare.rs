//! One metric of several runs in one chart.

use std::sync::Arc;

use leptos::prelude::*;

use super::View;
use super::row::RunRow;
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::log_scale::{LogScale, scale_of};
use crate::page::charts::scale::Bounds;
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::series::{Point, smooth};

/// Maximum number of runs compared at once: the number of colors that can be told apart.
pub const COMPARED_LIMIT: usize = 6;

/// Smoothing of the metrics measured at every step; metrics per epoch are not smoothed.
const SMOOTHING: f64 = 0.8;

const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };

/// Runs that are compared differ by little.
const ACCURACY: Bounds = Bounds { lowest: 0.0, highest: 1.0, is_whole: false };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    ValidationLoss,
    ValidationAccuracy,
    TrainLoss,
    TrainAccuracy,
}

impl Metric {
    fn name(self) -> String {
        match self {
            Self::ValidationLoss => tr!(runs.validation_loss),
            Self::ValidationAccuracy => tr!(runs.validation_accuracy),
            Self::TrainLoss => tr!(runs.train_loss),
            Self::TrainAccuracy => tr!(runs.train_accuracy),
        }
    }

    fn points(self, curves: &RunCurves) -> Arc<[Point]> {
        match self {
            Self::ValidationLoss => curves.validation_loss.as_slice().into(),
            Self::ValidationAccuracy => curves.validation_accuracy.as_slice().into(),
            Self::TrainLoss => smooth(&curves.train_loss, SMOOTHING).into(),
            Self::TrainAccuracy => smooth(&curves.train_accuracy, SMOOTHING).into(),
        }
    }

    fn is_fraction(self) -> bool {
        matches!(self, Self::ValidationAccuracy | Self::TrainAccuracy)
    }
}

/// The chart of the ticked runs; a hint until a run is ticked.
#[component]
pub fn Compare(rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    let runs = use_runs();
    let shown = RwSignal::new(Metric::ValidationLoss);
    let is_log = RwSignal::new(false);
    let kind = scale_of(is_log);
    let has_ticked = memo(move |_| !view.ticked.read().is_empty());
    let curves = LocalResource::new(move || {
        let ticked = view.ticked.get();
        async move {
            let mut curves = Vec::with_capacity(ticked.len());
            for id in ticked {
                let found = runs.curves_of(&id).await.unwrap_or_default();
                curves.push((id, found));
            }
            curves
        }
    });
    let label =
        move |id: &str| rows.read().iter().find(|row| row.record.id == id).map(RunRow::label).unwrap_or_default();
    let lines = Signal::derive(move || {
        let curves = curves.get().unwrap_or_default();
        let line = |(place, (_, curves)): (usize, &(String, Arc<RunCurves>))| {
            Line::new(shown.get().points(curves), LineStyle::OneOf(place))
        };
        curves.iter().enumerate().map(line).collect()
    });
    // Runs with different batch sizes have epochs of different lengths.
    let no_epochs = Signal::derive(|| None);
    let names = Signal::derive(move || curves.get().unwrap_or_default().iter().map(|(id, _)| label(id)).collect());
    view! {
        <Show when=move || has_ticked.get() fallback=|| view! { <p class="hint">{move_tr!(runs.compare_why, count = COMPARED_LIMIT)}</p> }>
            <div class="runs-compare" id="runs-compare">
                <div class="chart-tools">
                    <MetricChoice shown />
                    <LogScale is_log />
                </div>
                // A new chart for each metric, with its own bounds and number format.
                {move || {
                    let is_fraction = shown.get().is_fraction();
                    view! {
                        <Chart
                            name=Signal::derive(move || shown.get().name())
                            lines
                            line_names=names
                            format=if is_fraction { percent } else { figure }
                            bounds=if is_fraction { ACCURACY } else { LOSS }
                            kind
                            smoothing=0.0
                            step_name=|step: f64| tr!(runs.at_step, step = count(step as u64))
                            x_name=Signal::derive(move_tr!(runs.step_axis))
                            empty=Signal::derive(move_tr!(runs.no_points))
                            steps_per_epoch=no_epochs
                        />
                    }
                }}
                <button type="button" class="button" id="runs-untick" on:click=move |_| view.ticked.set(Vec::new())>
                    {move_tr!(runs.untick)}
                </button>
            </div>
        </Show>
    }
}

#[component]
fn MetricChoice(shown: RwSignal<Metric>) -> impl IntoView {
    let segments = vec![
        Segment { value: Metric::ValidationLoss, id: "compared-validation-loss", name: || tr!(runs.validation_loss) },
        Segment {
            value: Metric::ValidationAccuracy,
            id: "compared-validation-accuracy",
            name: || tr!(runs.validation_accuracy),
        },
        Segment { value: Metric::TrainLoss, id: "compared-train-loss", name: || tr!(runs.train_loss) },
        Segment { value: Metric::TrainAccuracy, id: "compared-train-accuracy", name: || tr!(runs.train_accuracy) },
    ];
    view! {
        <Segments
            name="compared-figure"
            legend=Signal::derive(move_tr!(runs.compared_figure))
            segments
            value=Signal::derive(move || Some(shown.get()))
            on_change=move |metric: Metric| shown.set(metric)
        />
    }
}
