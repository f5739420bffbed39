//! Charts of the run's training and validation loss and accuracy, over steps and epochs.

use leptos::prelude::*;

use super::adjustments::{Adjustments, marks, use_changes};
use crate::page::charts::chart::{Chart, Line, LineStyle};
use crate::page::charts::scale::{Bounds, ScaleKind};
use crate::page::reactive::memo;
use crate::page::state::Curves;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::TermLink;
use kindling_core::runs::series::Series;

const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY };
const ACCURACY: Bounds = Bounds { lowest: 0.0, highest: 1.0 };

/// Shown even before the first run, so that the layout does not shift when a run starts.
#[component]
pub fn RunCharts() -> impl IntoView {
    let store = use_store();
    let is_log = RwSignal::new(false);
    let smoothing = RwSignal::new(0.8);
    let kind = Signal::derive(move || if is_log.get() { ScaleKind::Log } else { ScaleKind::Linear });
    let steps_per_epoch =
        memo(move |_| store.run.with(|run| run.run().and_then(|run| run.plan).map(|plan| plan.steps_per_epoch)));
    let stride = memo(move |_| store.curves.with(|curves| curves.train_loss.stride()));
    let lines = move |train: fn(&Curves) -> &Series, validation: fn(&Curves) -> &Series| {
        Signal::derive(move || {
            store.curves.with(|curves| {
                vec![
                    Line { points: train(curves).points().into(), style: LineStyle::Noisy },
                    Line { points: validation(curves).points().into(), style: LineStyle::Marked },
                ]
            })
        })
    };
    let changes = use_changes();
    let marks = Signal::derive(move || marks(&changes.read()));
    let names = Signal::derive(|| vec![tr!(train.on_train), tr!(train.on_validation)]);
    let step_name = move |step: f64| match steps_per_epoch.get() {
        Some(steps) if steps > 0 => {
            tr!(train.at_step, step = count(step as u64), epoch = format!("{:.1}", step / f64::from(steps)))
        }
        _ => String::new(),
    };
    let x_name = Signal::derive(move_tr!(train.x_axis));
    let empty = Signal::derive(move_tr!(train.charts_wait));
    view! {
        <section class="panel charts" aria-label=move_tr!(train.charts)>
            <div class="chart-tools">
                <label class="inline-field">
                    <span>{move_tr!(train.smoothing)}</span>
                    <input
                        type="range"
                        min="0"
                        max="1"
                        step="0.05"
                        prop:value=move || smoothing.get().to_string()
                        on:input:target=move |event| smoothing.set(event.target().value_as_number())
                    />
                </label>
                <label class="inline-field">
                    <input
                        type="checkbox"
                        prop:checked=move || is_log.get()
                        on:change:target=move |event| is_log.set(event.target().checked())
                    />
                    <span>{move_tr!(train.log_scale)}</span>
                </label>
                <TermLink term=key_tr!(train.log_scale) />
            </div>
            <Chart
                name=Signal::derive(move_tr!(train.loss))
                lines=lines(|curves| &curves.train_loss, |curves| &curves.validation_loss)
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
            />
            <Chart
                name=Signal::derive(move_tr!(train.accuracy))
                lines=lines(|curves| &curves.train_accuracy, |curves| &curves.validation_accuracy)
                line_names=names
                format=percent
                bounds=ACCURACY
                kind=ScaleKind::Linear
                smoothing
                step_name
                x_name
                empty
                steps_per_epoch
                marks
            />
            <Adjustments changes />
            <p class="hint">
                {move_tr!(train.charts_help)}" "<TermLink term=key_tr!(train.charts_help) />
                {move || (stride.get() > 1).then(|| format!(" {}", tr!(train.averaged, stride = stride.get())))}
            </p>
        </section>
    }
}
