//! The LR range test: it runs on throw-away weights, charts the loss, and suggests a learning rate that a button applies.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::rate_test::Test;
use crate::page::charts::chart::{Chart, Line, LineStyle, XAxis};
use crate::page::charts::log_scale::{LogScale, scale_of};
use crate::page::charts::scale::{Bounds, ScaleKind, nearest};
use crate::page::reactive::{memo, watch};
use crate::page::recipe::use_recipe;
use crate::page::state::{EngineState, RunState};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::show::Show;
use kindling_core::protocol::{FailureKind, RatePoint, RateProgress};
use kindling_core::runs::series::Point;

const LOSS: Bounds = Bounds { lowest: 0.0, highest: f64::INFINITY, is_whole: false };

#[component]
pub fn RateFinder() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let test = RwSignal::new(Test::default());
    let is_active = memo(move |_| store.run.with(RunState::is_active) || recipe.is_starting.get());
    let is_testing = memo(move |_| test.read().is_testing());
    let can_test = memo(move |_| {
        let has_engine = store.engine.with(|engine| !matches!(engine, EngineState::Failed(_)));
        has_engine && !is_active.get() && recipe.config.read().is_some()
    });
    let cancel = move || {
        if test.try_with_untracked(Test::is_testing) == Some(true) {
            store.stop_range_test();
        }
    };
    on_cleanup(cancel);
    // A run starts: the test would compete with it for the device.
    watch(
        move || is_active.get(),
        move |is_active, _| {
            if *is_active {
                cancel()
            }
        },
        false,
    );
    // A result does not apply to another preset or dataset. Loading the dataset in view does not change its id, so it keeps the test.
    let in_view = memo(move |_| {
        let dataset = recipe.dataset.read();
        (recipe.preset.get(), dataset.as_ref().map(|dataset| dataset.id.clone()))
    });
    watch(
        move || in_view.get(),
        move |_, _| {
            cancel();
            test.set(Test::Idle)
        },
        false,
    );
    let stop = move || {
        cancel();
        // The dataset may still be loading before the test.
        if store.dataset.with_untracked(|dataset| dataset.current.is_none() && dataset.load.is_loading()) {
            store.cancel_dataset();
        }
    };
    let find = move || {
        test.set(Test::STARTED);
        let on_progress = move |progress: RateProgress| {
            // Does nothing once the settings have been removed from the page.
            test.try_update(|test| test.advance(progress.fraction, &progress.points));
        };
        spawn_local(async move {
            let ready = recipe.dataset_ready().await;
            if test.try_with_untracked(Test::is_testing) != Some(true) {
                return;
            }
            let result = match ready {
                Ok(()) => recipe.find_rate(on_progress).await,
                Err(failure) => Err(failure),
            };
            test.try_update(|test| {
                // The result of a canceled test is dropped.
                if test.is_testing() {
                    *test = match result {
                        Ok(found) => Test::Found(found),
                        Err(failure) if failure.kind == FailureKind::Canceled => Test::Idle,
                        Err(failure) => Test::Failed(failure),
                    };
                }
            });
        });
    };
    let take = move |_| {
        if let Some(rate) = test.read_untracked().proposed() {
            recipe.change(|config| config.learning_rate = rate);
        }
    };
    view! {
        <Why id="find-rate-why" text=key_tr!(expert.finder_why) />
        // One button for both, so that it keeps keyboard focus.
        <button
            type="button"
            class="button"
            id="find-rate"
            aria-describedby="find-rate-why find-rate-state"
            disabled=move || !is_testing.get() && !can_test.get()
            on:click=move |_| if is_testing.get_untracked() { stop() } else if !recipe.refusals.hold_back() { find() }
        >
            {move || if is_testing.get() { tr!(expert.find_rate_stop) } else { tr!(expert.find_rate) }}
        </button>
        <p class="hint" id="find-rate-state" role="status">
            {move || if is_active.get() { tr!(expert.finder_waits) } else { state_text(&test.read()) }}
        </p>
        <Show when=move || !test.read().points().is_empty()><TestChart test /></Show>
        <Show when=move || test.read().proposed().is_some()>
            <button type="button" class="button is-primary" id="take-rate" on:click=take>
                {move || test.read().proposed().map(|rate| tr!(expert.take_rate, rate = rate))}
            </button>
        </Show>
    }
}

#[component]
fn TestChart(test: RwSignal<Test>) -> impl IntoView {
    let lines = Signal::derive(move || {
        let test = test.read();
        let points: Vec<_> = test.points().iter().map(point).collect();
        let proposed = test.proposed().and_then(|rate| nearest(&points, rate));
        let proposed = proposed.map(|point| Line::new([point], LineStyle::Marked));
        std::iter::once(Line::new(points, LineStyle::Exact)).chain(proposed).collect::<Vec<_>>()
    });
    let names = Signal::derive(move || {
        let proposed = test.read().proposed().map(|_| tr!(expert.proposed));
        std::iter::once(tr!(train.loss)).chain(proposed).collect::<Vec<_>>()
    });
    let is_log = RwSignal::new(false);
    view! {
        <div id="rate-test">
            <LogScale is_log />
            <Chart
                name=Signal::derive(move_tr!(expert.loss_by_rate))
                lines
                line_names=names
                format=figure
                bounds=LOSS
                kind=scale_of(is_log)
                smoothing=0.0
                step_name=|rate: f64| tr!(expert.at_rate, rate = figure(rate))
                x_name=Signal::derive(move_tr!(expert.rate_axis))
                x_axis=XAxis { kind: ScaleKind::Log, format: |rate| format!("{rate:.0e}") }
                empty=Signal::derive(String::new)
                steps_per_epoch=Signal::stored(None)
            />
        </div>
    }
}

fn state_text(test: &Test) -> String {
    match test {
        Test::Idle => String::new(),
        Test::Testing { fraction, .. } => tr!(expert.testing, fraction = percent(f64::from(*fraction))),
        Test::Found(test) if test.proposed.is_none() => tr!(expert.no_proposal),
        Test::Found(_) => tr!(expert.found),
        Test::Failed(failure) => failure_text(failure),
    }
}

/// A point of the chart, whose horizontal axis is the learning rate.
fn point(of: &RatePoint) -> Point {
    Point { step: of.learning_rate, value: of.loss.into() }
}
