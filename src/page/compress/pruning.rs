//! Pruning: accuracy against the fraction of channels or weights that are removed, from which the visitor picks.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Model, Point};
use crate::page::charts::chart::{Chart, Line, LineStyle, XAxis};
use crate::page::charts::scale::{Bounds, ScaleKind};
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count, figure, percent, short_count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::select_field::{Choice, SelectField};
use crate::page::widgets::show::Show;
use kindling_core::protocol::Failure;
use kindling_core::runs::record::RunRecord;
use kindling_core::runs::series::Point as Figure;
use kindling_exchange::compress::Unit;

const ACCURACY: Bounds = Bounds { lowest: 0.0, highest: 1.0, is_whole: true };

/// The fraction that is picked at first, and the epochs of training after it.
const KEEP: f32 = 0.5;
const EPOCHS: f64 = 1.0;
const EPOCHS_RANGE: (f64, f64) = (1.0, 1_000.0);

#[component]
pub fn Pruning(record: Arc<RunRecord>) -> impl IntoView {
    let (store, runs) = (use_store(), use_runs());
    let points = RwSignal::new(Vec::<Point>::new());
    let failure = RwSignal::new(None::<Failure>);
    let is_busy = RwSignal::new(false);
    let unit = RwSignal::new(Unit::default());
    let keep = RwSignal::new(KEEP);
    let epochs = RwSignal::new(EPOCHS);
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let work = {
        let id = record.id.clone();
        move |does_prune: bool| {
            if is_busy.get_untracked() || is_active.get_untracked() {
                return;
            }
            is_busy.set(true);
            failure.set(None);
            let (id, unit, unit_now) = (id.clone(), unit.get_untracked(), unit);
            let (keep, epochs) = (keep.get_untracked(), epochs.get_untracked() as u32);
            spawn_local(async move {
                let outcome = match Model::of(runs, &id).await {
                    Ok(model) if does_prune => match model.smaller(unit, keep, epochs) {
                        Ok((config, weights)) => {
                            // That place shows the run, and also how it fails.
                            window().location().set_hash("train").ok();
                            drop(runs.train_further(config, &id, weights, |_| {}).await);
                            Ok(())
                        }
                        Err(failure) => Err(failure),
                    },
                    Ok(model) => {
                        points.try_set(Vec::new());
                        let on_point = move |point| {
                            // The visitor may have chosen another one meanwhile.
                            if unit_now.try_get_untracked() == Some(unit) {
                                points.try_update(|points| points.push(point));
                            }
                        };
                        model.curve(store, unit, on_point).await.map(drop)
                    }
                    Err(failure) => Err(failure),
                };
                failure.try_set(outcome.err());
                is_busy.try_set(false);
            });
        }
    };
    let (measure, prune) = (work.clone(), work);
    let lines = Signal::derive(move || {
        let figures: Vec<Figure> = points.with(|points| {
            let figure = |point: &Point| Figure {
                step: f64::from((100.0 * (1.0 - point.keep)).round()),
                value: point.measurement.accuracy.into(),
            };
            points.iter().map(figure).collect()
        });
        vec![Line::new(figures, LineStyle::OneOf(0))]
    });
    let choices = move || {
        let name = |unit| match unit {
            Unit::Channels => tr!(compress.channels),
            Unit::Weights => tr!(compress.weights),
        };
        Unit::ALL.map(|unit| Choice { value: unit.id(), name: name(unit) }).to_vec()
    };
    let choose = move |id: String| {
        if let Some(chosen) = Unit::ALL.into_iter().find(|unit| unit.id() == id) {
            unit.set(chosen);
            // Those of the other unit.
            points.set(Vec::new());
        }
    };
    let why = move || match unit.get() {
        Unit::Channels => tr!(compress.channels_why),
        Unit::Weights => tr!(compress.weights_why),
    };
    let term = move || match unit.get() {
        Unit::Channels => key_tr!(compress.channels),
        Unit::Weights => key_tr!(compress.weights),
    };
    let kept = move || {
        let fraction = percent(keep.get().into());
        match unit.get() {
            Unit::Channels => tr!(compress.keep_channels, fraction = fraction),
            Unit::Weights => tr!(compress.keep_weights, fraction = fraction),
        }
    };
    view! {
        <div class="compress-pruning">
            <h3>{move_tr!(compress.pruning)}</h3>
            <SelectField
                id="compress-unit"
                label=Signal::derive(move_tr!(compress.unit))
                hint=Signal::derive(why)
                term=Signal::derive(term)
                choices=Signal::derive(choices)
                value=Signal::derive(move || Some(unit.get().id()))
                on_change=choose
            />
            // Not disabled while busy, because it would lose the focus.
            <button
                type="button"
                class="button"
                id="compress-curve"
                aria-disabled=move || (is_busy.get() || is_active.get()).to_string()
                on:click=move |_| measure(false)
            >
                {move || if is_busy.get() { tr!(compress.measuring) } else { tr!(compress.curve) }}
            </button>
            {move || failure.get().map(|failure| view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> })}
            <Show when=move || !points.read().is_empty()>
                <div class="compress-curve">
                    <Chart
                        name=Signal::derive(move_tr!(compress.accuracy))
                        lines
                        line_names=Signal::derive(move || vec![tr!(compress.accuracy)])
                        format=percent
                        bounds=ACCURACY
                        kind=ScaleKind::Linear
                        smoothing=0.0
                        step_name=|removed: f64| percent(removed / 100.0)
                        x_name=Signal::derive(move_tr!(compress.removed))
                        empty=String::new()
                        steps_per_epoch=None
                        x_axis=XAxis { kind: ScaleKind::Linear, format: |removed| percent(removed / 100.0) }
                    />
                    <Points points keep />
                </div>
                <div class="compress-choice">
                    <NumberField
                        id="compress-epochs"
                        label=Signal::derive(move_tr!(train.epochs))
                        hint=Signal::derive(move_tr!(compress.epochs_why))
                        value=epochs
                        range=EPOCHS_RANGE
                        is_whole=true
                        on_change=move |number| epochs.set(number)
                    />
                    <button
                        type="button"
                        class="button is-primary"
                        id="compress-prune"
                        aria-disabled=move || (is_busy.get() || is_active.get()).to_string()
                        on:click={let prune = prune.clone(); move |_| prune(true)}
                    >
                        {kept}
                    </button>
                </div>
            </Show>
        </div>
    }
}

/// The points of the curve as a table, of which one is chosen.
#[component]
fn Points(points: RwSignal<Vec<Point>>, keep: RwSignal<f32>) -> impl IntoView {
    let row = move |point: Point| {
        let id = format!("keep-{:.0}", 100.0 * point.keep);
        view! {
            <tr>
                <th scope="row">
                    <input
                        type="radio"
                        name="compress-keep"
                        id=id.clone()
                        prop:checked=move || keep.get() == point.keep
                        on:change=move |_| keep.set(point.keep)
                    />
                    <label for=id>{percent(point.keep.into())}</label>
                </th>
                <td>{count(point.parameters)}</td>
                <td>{bytes(point.bytes)}</td>
                <td>{short_count(point.flops)}</td>
                <td>{figure(point.measurement.ms_per_image)}</td>
                <td>{percent(point.measurement.accuracy.into())}</td>
            </tr>
        }
    };
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-label=move_tr!(compress.pruning)>
            <table class="compress-points" aria-label=move_tr!(compress.pruning)>
                <thead>
                    <tr>
                        <th scope="col">{move_tr!(compress.kept)}</th>
                        <th scope="col">{move_tr!(network.parameters)}</th>
                        <th scope="col">{move_tr!(compress.size)}</th>
                        <th scope="col">{move_tr!(network.flops)}</th>
                        <th scope="col">{move_tr!(compress.ms_per_image)}</th>
                        <th scope="col">{move_tr!(compress.accuracy)}</th>
                    </tr>
                </thead>
                <tbody>{move || points.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
