//! One figure of several runs in one chart.

use std::sync::Arc;

use leptos::prelude::*;

use super::View;
use super::row::RunRow;
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::scale::{Bounds, ScaleKind};
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::series::{Point, smooth};

/// Runs that are compared at once: as many as there are colors that can be told apart.
pub const COMPARED_LIMIT: usize = 6;

/// Of what is measured at every step; epochs are shown as they are.
const SMOOTHING: f64 = 0.8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    ValidationLoss,
    ValidationAccuracy,
    TrainLoss,
    TrainAccuracy,
}

impl Figure {
    const ALL: [Self; 4] = [Self::ValidationLoss, Self::ValidationAccuracy, Self::TrainLoss, Self::TrainAccuracy];

    fn key(self) -> &'static str {
        match self {
            Self::ValidationLoss => "validation-loss",
            Self::ValidationAccuracy => "validation-accuracy",
            Self::TrainLoss => "train-loss",
            Self::TrainAccuracy => "train-accuracy",
        }
    }

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

    fn is_share(self) -> bool {
        matches!(self, Self::ValidationAccuracy | Self::TrainAccuracy)
    }
}

/// Nothing until a run is ticked.
#[component]
pub fn Compare(rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    let runs = use_runs();
    let shown = RwSignal::new(Figure::ValidationLoss);
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
        let line = |(place, (_, curves)): (usize, &(String, Arc<RunCurves>))| Line {
            points: shown.get().points(curves),
            style: LineStyle::OneOf(place),
        };
        curves.iter().enumerate().map(line).collect()
    });
    // Runs with other batch sizes have other epochs.
    let no_epochs = Signal::derive(|| None);
    let names = Signal::derive(move || curves.get().unwrap_or_default().iter().map(|(id, _)| label(id)).collect());
    view! {
        <Show when=move || has_ticked.get() fallback=|| view! { <p class="hint">{move_tr!(runs.compare_why, count = COMPARED_LIMIT)}</p> }>
            <div class="runs-compare" id="runs-compare">
                <FigureChoice shown />
                // Each figure with its own bounds and form.
                {move || {
                    let is_share = shown.get().is_share();
                    view! {
                        <Chart
                            name=Signal::derive(move || shown.get().name())
                            lines
                            line_names=names
                            format=if is_share { percent } else { figure }
                            bounds=Bounds { lowest: 0.0, highest: if is_share { 1.0 } else { f64::INFINITY } }
                            kind=ScaleKind::Linear
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
fn FigureChoice(shown: RwSignal<Figure>) -> impl IntoView {
    let choice = move |figure: Figure| {
        view! {
            <label>
                <input
                    type="radio"
                    name="compared-figure"
                    value=figure.key()
                    prop:checked=move || shown.get() == figure
                    on:change=move |_| shown.set(figure)
                />
                <span>{move || figure.name()}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segments">
            <legend>{move_tr!(runs.compared_figure)}</legend>
            {Figure::ALL.map(choice).collect_view()}
        </fieldset>
    }
}
